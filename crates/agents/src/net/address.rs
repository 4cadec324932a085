//! Which addresses may be connected to: every public one, and the ranges that the operator adds.
//!
//! Agents' addresses come from users and from remote cards, so each is judged here before a connection is made,
//! in the form in which it would be used. The metadata services of clouds are refused whatever is allowed.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// The ranges that may be connected to besides public addresses. The default is none.
///
/// ```
/// use agentchains_agents::AddressPolicy;
///
/// let policy: AddressPolicy = "loopback,10.1.0.0/16".parse()?;
/// assert!(policy.vet("127.0.0.1".parse()?).is_ok());
/// assert!(policy.vet("::ffff:10.1.2.3".parse()?).is_ok());
/// assert!(policy.vet("192.168.0.1".parse()?).is_err());
/// assert!(policy.vet("93.184.216.34".parse()?).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allowed: Vec<Range>,
}

/// An address that must not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressRefused {
    /// It is not public, and in none of the allowed ranges.
    #[error(
        "the address {0} is not public and not in the allowed ranges; correct it, or allow it with \
         --allow-agent-addresses"
    )]
    NotAllowed(IpAddr),
    /// It is that of a cloud's metadata service.
    #[error("the address {0} is that of a cloud's metadata service, which is never allowed")]
    Metadata(IpAddr),
}

/// A text that is no list of ranges.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no range of addresses: use loopback, private, none, an address, or one such as 10.0.0.0/8")]
pub struct InvalidRange(String);

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    network: IpAddr,
    prefix: u32,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u32) -> Range {
    Range {
        network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        prefix,
    }
}

const fn v6(first: [u16; 4], last: u16, prefix: u32) -> Range {
    let [a, b, c, d] = first;
    Range {
        network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, last)),
        prefix,
    }
}

/// IANA's special-purpose addresses (RFC 6890 and its registries) that are not reachable from everywhere.
const NOT_PUBLIC: [Range; 19] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v6([0x2001, 0, 0, 0], 0, 23),
    v6([0x2001, 0xdb8, 0, 0], 0, 32),
    v6([0x2002, 0, 0, 0], 0, 16),
    v6([0x3fff, 0, 0, 0], 0, 20),
];

/// The global unicast addresses of IPv6 (RFC 4291); everything outside is special.
const GLOBAL_V6: Range = v6([0x2000, 0, 0, 0], 0, 3);

/// Where clouds serve credentials to whoever asks from inside: AWS (and those who copied it), its containers,
/// Azure, Alibaba, Oracle, Google.
const METADATA: [Range; 7] = [
    v4(169, 254, 169, 0, 24),
    v4(169, 254, 170, 0, 24),
    v4(168, 63, 129, 16, 32),
    v4(100, 100, 100, 200, 32),
    v4(192, 0, 0, 192, 32),
    v6([0xfd00, 0xec2, 0, 0], 0, 32),
    v6([0xfd20, 0xce, 0, 0], 0x254, 128),
];

const LOOPBACK: [Range; 2] = [v4(127, 0, 0, 0, 8), v6([0, 0, 0, 0], 1, 128)];

/// RFC 1918 and RFC 4193.
const PRIVATE: [Range; 4] = [
    v4(10, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v6([0xfc00, 0, 0, 0], 0, 7),
];

/// Prefixes of IPv6 addresses that only carry one of IPv4: translators on the local network (RFC 8215) …
const LOCAL_NAT64: Range = v6([0x64, 0xff9b, 1, 0], 0, 48);
/// … and everywhere (RFC 6052).
const NAT64: Range = v6([0x64, 0xff9b, 0, 0], 0, 96);
/// IPv4-compatible addresses (RFC 4291, section 2.5.5.1).
const COMPATIBLE: Range = v6([0, 0, 0, 0], 0, 96);
/// 6to4 (RFC 3056).
const SIX_TO_FOUR: Range = v6([0x2002, 0, 0, 0], 0, 16);

impl AddressPolicy {
    /// Judges an address, in any spelling that IPv6 has for one of IPv4.
    ///
    /// # Errors
    /// [`AddressRefused`] when it must not be connected to.
    pub fn vet(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let plain = plain(address);
        let carried = match plain {
            IpAddr::V6(v6) if LOCAL_NAT64.contains(plain) => Some(IpAddr::V4(last_32_bits(v6))),
            _ => None,
        };
        let is_metadata = |address: IpAddr| METADATA.iter().any(|range| range.contains(address));
        if is_metadata(plain) || carried.is_some_and(is_metadata) {
            return Err(AddressRefused::Metadata(address));
        }
        if is_public(plain) || self.allowed.iter().any(|range| range.contains(plain)) {
            return Ok(());
        }
        Err(AddressRefused::NotAllowed(address))
    }
}

/// Reads a list such as `loopback,private,10.0.0.0/8`. `none` and the empty text add nothing.
impl FromStr for AddressPolicy {
    type Err = InvalidRange;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut allowed = Vec::new();
        for word in list.split(',').map(str::trim) {
            match word {
                "" | "none" => {}
                "loopback" => allowed.extend(LOOPBACK),
                "private" => allowed.extend(PRIVATE),
                range => allowed.push(Range::parse(range).ok_or_else(|| InvalidRange(range.to_owned()))?),
            }
        }
        Ok(Self { allowed })
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (network, prefix) = text
            .split_once('/')
            .map_or((text, None), |(network, prefix)| (network, Some(prefix)));
        let network: IpAddr = network.parse().ok()?;
        let bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
        (prefix <= bits).then_some(Self { network, prefix })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let shared = match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros()
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        shared >= self.prefix
    }
}

fn is_public(address: IpAddr) -> bool {
    (address.is_ipv4() || GLOBAL_V6.contains(address))
        && !NOT_PUBLIC.iter().any(|range| range.contains(address))
}

/// The address that is really reached: an IPv6 address that only carries one of IPv4 becomes that.
fn plain(address: IpAddr) -> IpAddr {
    let canonical = address.to_canonical();
    let IpAddr::V6(v6) = canonical else {
        return canonical;
    };
    if v6.is_loopback() || v6.is_unspecified() {
        canonical
    } else if NAT64.contains(canonical) || COMPATIBLE.contains(canonical) {
        IpAddr::V4(last_32_bits(v6))
    } else if SIX_TO_FOUR.contains(canonical) {
        let [_, _, a, b, c, d, ..] = v6.octets();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    } else {
        canonical
    }
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(allow: &str, address: &str) -> Result<(), AddressRefused> {
        allow
            .parse::<AddressPolicy>()
            .unwrap()
            .vet(address.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_allowed_by_default() {
        for address in [
            "93.184.216.34",
            "172.32.0.1",
            "2606:4700::1111",
            "64:ff9b::5db8:d822",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(verdict("none", address), Ok(()), "{address}");
        }
        for address in [
            "127.8.8.8",
            "0.0.0.0",
            "10.0.0.1",
            "172.31.255.254",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "3fff::1",
        ] {
            let refused = AddressRefused::NotAllowed(address.parse().unwrap());
            assert!(refused.to_string().contains("--allow-agent-addresses"));
            assert_eq!(verdict("none", address), Err(refused), "{address}");
        }
    }

    #[test]
    fn metadata_services_are_refused_whatever_is_allowed() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "::a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "169.254.170.2",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            let refused = AddressRefused::Metadata(address.parse().unwrap());
            assert!(!refused.to_string().contains("--allow-agent-addresses"));
            assert_eq!(verdict("0.0.0.0/0,::/0", address), Err(refused), "{address}");
        }
    }

    #[test]
    fn ranges_are_allowed_by_name_by_prefix_and_one_by_one() {
        for (allow, address, allowed) in [
            ("loopback", "127.0.0.1", true),
            ("loopback", "::1", true),
            ("loopback", "::ffff:127.0.0.1", true),
            ("loopback", "10.0.0.1", false),
            ("private", "fd12::1", true),
            (" private , none ", "172.16.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("0.0.0.0/0", "10.255.0.1", true),
            ("0.0.0.0/0", "::1", false),
            ("", "127.0.0.1", false),
        ] {
            assert_eq!(verdict(allow, address).is_ok(), allowed, "{allow}: {address}");
        }
    }

    #[test]
    fn a_list_that_is_no_list_of_ranges_is_refused_with_the_word() {
        for word in [
            "lan",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "127.0.0.1/",
            "127.0.0.1/-1",
        ] {
            let error = format!("loopback,{word}").parse::<AddressPolicy>().unwrap_err();
            assert_eq!(error, InvalidRange(word.to_owned()));
        }
    }
}
