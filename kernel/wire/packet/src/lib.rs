//! Packets of the internet protocols as checked views and valid values.
//!
//! Each format has a structure with what its header says, a `parse` that takes bytes apart (nothing if they cannot be what they claim) and a way back to bytes. Whatever the bytes, nothing here panics; what was built
//! is parsed to the same values. Numbers are in host order, addresses are `core::net`'s.
//!
//! | module | format |
//! |---|---|
//! | [`checksum`] | the internet checksum (RFC 1071), in pieces |
//! | [`ethernet`], [`arp`] | what is on the wire of a local network (RFC 894, RFC 826) |
//! | [`ipv4`], [`icmp`] | the older protocol and its messages (RFC 791, RFC 792) |
//! | [`udp`] | datagrams (RFC 768) |
//! | [`ipv6`], [`discovery`] | the newer protocol, its extension headers, and who is on the local network (RFC 8200, RFC 4861) |
//! | [`names`] | lists of domain names (RFC 1035) |
//! | [`dhcp`] | how hosts get addresses of the older protocol (RFC 2131) |
//! | [`dhcp6`] | the same for the newer protocol (RFC 8415) |
//!
//! Invariant: a `parse` that gives a payload gives one that lies in the bytes and is as long as the header says; padding of a frame is cut off.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arp;
pub mod checksum;
pub mod dhcp;
pub mod dhcp6;
pub mod discovery;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod names;
pub mod udp;

/// The number at an offset, if it is there.
#[must_use]
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number at an offset, if it is there.
#[must_use]
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
