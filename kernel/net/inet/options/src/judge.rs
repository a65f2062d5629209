//! What filters (`SO_ATTACH_FILTER`) want of packets. A program sees what it would see on Linux: the transport protocol's header first, and the network's by its own name.

use crate::letter::Letter;
use core::net::IpAddr;
use ip::Received;
use ipc::filter::{About, Filter};
use packet::{ipv4, ipv6};

/// What is known of a packet that a filter is to judge.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// From whom.
    pub from: IpAddr,
    /// To whom.
    pub to: IpAddr,
    /// Of which transport protocol.
    pub protocol: u8,
    /// By which interface.
    pub interface: u32,
    /// The transport protocol's header and what follows, in pieces.
    pub pieces: [&'a [u8]; 2],
}

/// How many bytes of a packet a filter wants, from the transport protocol's header on.
#[cold]
#[inline(never)]
#[must_use]
pub fn judge(filter: &Filter, packet: &Judged<'_>) -> usize {
    let len = packet.pieces.iter().map(|piece| piece.len()).sum();
    let mut bytes = [0; ipv4::LONGEST];
    let header = match (packet.from, packet.to) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => ipv4::Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            offset: 0,
            hop_limit: 64,
            protocol: packet.protocol,
            source,
            destination,
            options: &[],
        }
        .write(len, &mut bytes),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = ipv6::Header {
                traffic_class: 0,
                flow: 0,
                next: packet.protocol,
                hop_limit: 64,
                source,
                destination,
            };
            bytes[..ipv6::LEN].copy_from_slice(&header.to_bytes(len));
            ipv6::LEN
        }
        _ => 0,
    };
    let [first, second] = packet.pieces;
    let whole = [&bytes[..header], first, second].concat();
    run(filter, &whole, header, packet.to.is_ipv4(), packet.interface)
}

/// The same for a packet whose network header is there, of so many bytes.
fn run(filter: &Filter, whole: &[u8], header: usize, is_older: bool, interface: u32) -> usize {
    const IPV4: u16 = 0x0800;
    const IPV6: u16 = 0x86dd;
    let about = About {
        protocol: if is_older { IPV4 } else { IPV6 },
        interface,
        start: header as u32,
        ..About::default()
    };
    filter.run(whole, &about) as usize
}

/// Whether a filter wants a datagram: of what it does not want, the rest is cut off. `header` comes before its bytes; of no protocol are those that begin with the network's header.
#[cold]
#[inline(never)]
pub fn wants(filter: &Filter, letter: &mut Letter, header: &[u8], protocol: u8) -> bool {
    let wanted = if protocol == 0 {
        run(filter, &letter.bytes, 0, letter.to.is_ipv4(), letter.interface)
    } else {
        let packet = Judged {
            from: letter.from.ip(),
            to: letter.to,
            protocol,
            interface: letter.interface,
            pieces: [header, &letter.bytes],
        };
        judge(filter, &packet)
    };
    letter.bytes.truncate(wanted.max(header.len()) - header.len());
    wanted > 0
}

/// The same of a packet that came by the network.
#[cold]
#[inline(never)]
#[must_use]
pub fn judge_packet(filter: &Filter, packet: &Received<'_>) -> usize {
    let whole = [packet.header, packet.payload].concat();
    run(
        filter,
        &whole,
        packet.header.len(),
        packet.source.is_ipv4(),
        packet.interface,
    )
}
