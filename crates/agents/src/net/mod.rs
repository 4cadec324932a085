//! The way out: every connection of this crate is made here, and every byte that comes back is limited here.

mod address;
mod channel;
mod connect;
mod endpoint;
mod json;
mod limits;
mod outbound;
mod reply;
mod resolve;
mod retry_after;
mod tls;
mod transport;
mod trust;

pub use self::{
    address::{AddressPolicy, AddressRefused, InvalidRange},
    outbound::Outbound,
    resolve::Resolve,
    tls::{TlsError, TlsSettings},
};
pub(crate) use self::{
    channel::Channel,
    endpoint::Endpoint,
    json::unreadable,
    limits::MAX_REPLY_BYTES,
    reply::{OpenReply, Reply},
    transport::TransportError,
};
