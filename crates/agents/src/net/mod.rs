//! The way out: every connection of this crate is made here, and every byte that comes back is limited here.

mod address;
mod channel;
mod connect;
mod endpoint;
mod outbound;
mod reply;
mod retry_after;
mod transport;

pub use self::{
    address::{AddressPolicy, AddressRefused, InvalidRange},
    outbound::{Outbound, TlsError},
};
pub(crate) use self::{
    channel::{Channel, MAX_REPLY_BYTES},
    endpoint::Endpoint,
    transport::TransportError,
};
