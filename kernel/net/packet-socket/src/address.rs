//! Addresses of packet sockets (`struct sockaddr_ll`): an interface, a protocol, and a station there.

use abi::socket::AF_PACKET;
use abi::{Errno, Error, Result};
use link::Interface;

/// Bytes of `struct sockaddr_ll`, and of the part before the station's address.
pub(crate) const LEN: usize = 20;
pub(crate) const HEAD: usize = 12;

/// Kinds of stations: Ethernet's, and that of loopback.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;

const SHORT: Error = Error::new(Errno::EINVAL, "the address is too short");

/// What an address says.
pub(crate) struct Address {
    pub(crate) index: i32,
    /// In host order.
    pub(crate) protocol: u16,
    pub(crate) station: [u8; 6],
}

/// The kind of stations that an interface has.
pub(crate) fn kind_of(interface: &Interface) -> u16 {
    if interface.is_loopback() {
        ARPHRD_LOOPBACK
    } else {
        ARPHRD_ETHER
    }
}

/// An address as programs are told it; without a station on no interface.
pub(crate) fn show(interface: Option<&Interface>, protocol: u16, whose: u8, station: [u8; 6]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..2].copy_from_slice(&AF_PACKET.to_ne_bytes());
    bytes[2..4].copy_from_slice(&protocol.to_be_bytes());
    bytes[10] = whose;
    if let Some(interface) = interface {
        bytes[4..8].copy_from_slice(&interface.index.to_ne_bytes());
        bytes[8..10].copy_from_slice(&kind_of(interface).to_ne_bytes());
        bytes[11] = 6;
        bytes[HEAD..HEAD + 6].copy_from_slice(&station);
    }
    bytes
}

/// What an address of a program says.
pub(crate) fn parse(bytes: &[u8]) -> Result<Address> {
    let [_, _, a, b, index @ .., _, _, _, len] = bytes.first_chunk::<HEAD>().ok_or(SHORT)?;
    if bytes.len() < LEN.max(HEAD + usize::from(*len)) {
        return Err(SHORT);
    }
    Ok(Address {
        index: i32::from_ne_bytes(*index),
        protocol: u16::from_be_bytes([*a, *b]),
        station: bytes[HEAD..].first_chunk().copied().unwrap_or_default(),
    })
}

/// The same of an address to be bound to, which must say of which family it is.
pub(crate) fn parse_own(bytes: &[u8]) -> Result<Address> {
    if bytes.first_chunk() != Some(&AF_PACKET.to_ne_bytes()) {
        return Err(Error::new(Errno::EINVAL, "the address is of another family"));
    }
    parse(bytes)
}
