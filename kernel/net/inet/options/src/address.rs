//! Addresses as programs write them (`struct sockaddr_in`, `struct sockaddr_in6`), and which of them are the machine's own.
//!
//! Inside, an address of the older protocol is itself even where a socket of the newer family names it (`::ffff:127.0.0.1`).

use abi::socket::{AF_INET, AF_INET6, AF_UNSPEC};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

const SHORT: Error = Error::new(Errno::EINVAL, "the address is too short");
const FAMILY: Error = Error::new(Errno::EAFNOSUPPORT, "the address is of another family");
/// Bytes of `struct sockaddr_in`, and of the oldest `struct sockaddr_in6`.
const V4_LEN: usize = 16;
const V6_LEN: usize = 24;

/// The family that an address says it is of.
pub fn family_of(bytes: &[u8]) -> Result<u16> {
    Ok(u16::from_ne_bytes(*bytes.first_chunk().ok_or(SHORT)?))
}

/// Whether an address is of no family: who is connected wants to be no more.
pub fn is_unspecified(bytes: &[u8]) -> Result<bool> {
    Ok(family_of(bytes)? == AF_UNSPEC)
}

/// An address given to a socket of a family.
pub fn parse(family: u16, bytes: &[u8]) -> Result<SocketAddr> {
    let given = family_of(bytes)?;
    let least = if family == AF_INET { V4_LEN } else { V6_LEN };
    if bytes.len() < least {
        return Err(SHORT);
    }
    if given != family {
        return Err(FAMILY);
    }
    let port = u16::from_be_bytes(*bytes.get(2..).and_then(<[u8]>::first_chunk).ok_or(SHORT)?);
    let ip = if family == AF_INET {
        let octets: [u8; 4] = *bytes.get(4..).and_then(<[u8]>::first_chunk).ok_or(SHORT)?;
        IpAddr::from(octets)
    } else {
        let octets: [u8; 16] = *bytes.get(8..).and_then(<[u8]>::first_chunk).ok_or(SHORT)?;
        IpAddr::from(octets).to_canonical()
    };
    let scope = bytes.get(24..).and_then(<[u8]>::first_chunk);
    Ok(scoped(ip, port, scope.map_or(0, |scope| u32::from_ne_bytes(*scope))))
}

/// An address on the network of an interface, where that makes a difference.
pub const fn scoped(ip: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match ip {
        IpAddr::V6(ip) if is_local_to_link(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, interface)),
        _ => SocketAddr::new(ip, port),
    }
}

/// Whether an address means something on one network only.
pub const fn is_local_to_link(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || ip.is_multicast() && ip.octets()[1] & 0xf == 2
}

/// The interface whose network an address is on, if it says so.
pub const fn interface_of(address: SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    }
}

/// An address as a socket of a family shows it.
pub fn show(family: u16, address: SocketAddr) -> Vec<u8> {
    let mut bytes = family.to_ne_bytes().to_vec();
    bytes.extend(address.port().to_be_bytes());
    if family == AF_INET6 {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        bytes.extend([0; 4]);
        bytes.extend(ip.octets());
        bytes.extend(interface_of(address).unwrap_or(0).to_ne_bytes());
    } else {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        bytes.extend(ip.octets());
        bytes.extend([0; 8]);
    }
    bytes
}

/// The address of a family that stands for all.
pub const fn any(family: u16) -> IpAddr {
    if family == AF_INET {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    }
}

/// Whether an address is one of the machine's own.
pub fn is_own(ip: IpAddr) -> bool {
    ip::is_own(ip)
}

/// Who sends to no address in particular sends to the machine itself.
pub fn or_own(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(source(ip), address.port()),
        _ => address,
    }
}

/// The own address that is used towards one of the own.
pub const fn source(destination: IpAddr) -> IpAddr {
    match destination {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_parsed() {
        for text in ["127.0.0.1:80", "[::1]:443", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().expect("an address");
            let family = if address.is_ipv4() { AF_INET } else { AF_INET6 };
            assert_eq!(parse(family, &show(family, address)), Ok(address));
        }
    }

    #[test]
    fn a_mapped_address_is_the_older_one() {
        let old: SocketAddr = "127.0.0.2:7".parse().expect("an address");
        let shown = show(AF_INET6, old);
        assert_eq!((shown.len(), parse(AF_INET6, &shown)), (28, Ok(old)));
    }

    #[test]
    fn short_and_foreign_addresses_are_refused() {
        let address = show(AF_INET, "127.0.0.1:80".parse().expect("an address"));
        assert_eq!(
            parse(AF_INET, &address[..15]).map_err(|error| error.errno),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            parse(AF_INET6, &[&address[..], &[0; 12]].concat()).map_err(|error| error.errno),
            Err(Errno::EAFNOSUPPORT)
        );
        assert_eq!(
            or_own("0.0.0.0:53".parse().expect("an address")).ip(),
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        );
    }
}
