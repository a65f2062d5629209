//! Segments on their way out, each as a packet.

use crate::table::Name;
use abi::Result;
use core::net::IpAddr;
use ip::{Offload, Outgoing, Via};
use packet::checksum::Sum;
use tcp::{Output, segment};

/// TCP's number.
pub(crate) const PROTOCOL: u8 = 6;

/// How a packet goes.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) hops: u8,
    pub(crate) service: u8,
    pub(crate) via: Via,
}

/// Sends a segment from one address to another.
pub(crate) fn send(own: IpAddr, peer: IpAddr, output: Output<'_>, manner: &Manner) -> Result<()> {
    let len = output
        .payload
        .iter()
        .fold(output.header.len(), |len, piece| len + piece.len());
    counters::tcp::OUT_SEGS.add(match output.cut {
        Some(cut) => (len - output.header.len()).div_ceil(usize::from(cut.max(1))) as u64,
        None => 1,
    });
    if output.header.get(13).is_some_and(|flags| flags & tcp::flags::RST != 0) {
        counters::tcp::OUT_RSTS.count();
    }
    let sum = Sum::pseudo(own, peer, PROTOCOL, len).partial();
    if let Some(field) = output.header.get_mut(segment::CHECKSUM_AT..segment::CHECKSUM_AT + 2) {
        field.copy_from_slice(&sum);
    }
    let packet = Outgoing {
        source: Some(own),
        hop_limit: manner.hops,
        traffic_class: manner.service,
        via: manner.via,
        dont_fragment: true,
        offload: Some(Offload {
            checksum_at: segment::CHECKSUM_AT as u16,
            segment: output.cut,
            header_len: output.header.len() as u16,
        }),
        ..Outgoing::new(peer, PROTOCOL, output.header, output.payload)
    };
    ip::send(&packet)
}

/// Sends a segment without bytes.
pub(crate) fn send_header(name: &Name, via: Via, header: &tcp::Header, options: &tcp::Options) {
    let mut bytes = [0; segment::LONGEST];
    let len = header.write(options, &mut bytes);
    let output = Output {
        header: &mut bytes[..len],
        payload: &[],
        cut: None,
        may_mark: false,
    };
    let manner = Manner {
        hops: ip::usual_hops(name.1.ip()),
        service: 0,
        via,
    };
    // What does not go is as good as lost, and comes again.
    let _ = send(name.0.ip(), name.1.ip(), output, &manner);
}
