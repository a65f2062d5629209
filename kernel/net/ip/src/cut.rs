//! Large TCP packets for cards that do not cut them.
//!
//! The stack is asked once for the way of all segments, and the connection makes them as one, which costs a fraction of what each alone would. Here they come apart, with their headers as a card would
//! make them: places in the stream go on, what ends the stream or asks for delivery is said by the last, and what answers a mark by the first.

use crate::build::Builder;
use crate::output::{TOO_LONG, Way, dispatch, ip_header};
use crate::transport::Outgoing;
use abi::Result;
use link::{Checksum, ETHERNET};
use packet::checksum::Sum;

/// TCP's number.
pub(crate) const TCP: u8 = 6;
/// Where in TCP's header the place in the stream is, and the flags.
const SEQUENCE: usize = 4;
const FLAGS: usize = 13;
const LONGEST: usize = 60;
/// `FIN` and `PSH`.
const OF_LAST: u8 = 1 | 8;
/// `CWR`.
const OF_FIRST: u8 = 128;

/// Sends a large packet as segments with so many bytes each.
///
/// # Errors
/// `ENOBUFS` if not even the first could go: those that are lost behind it come again as if the wire had lost them; `EMSGSIZE` for what is not TCP.
pub(crate) fn send(packet: &Outgoing<'_>, way: &Way, size: usize) -> Result<()> {
    let checksum_at = packet.offload.map_or(0, |offload| usize::from(offload.checksum_at));
    let mut bytes = [0; LONGEST];
    let Some(header) = bytes.get_mut(..packet.header.len()) else {
        return Err(TOO_LONG);
    };
    header.copy_from_slice(packet.header);
    let shape = (packet.protocol, header.len(), checksum_at + 2);
    if size == 0 || shape.0 != TCP || shape.1 < 20 || shape.2 > shape.1 {
        return Err(TOO_LONG);
    }
    let flags = header[FLAGS];
    let total = packet.len() - header.len();
    let mut left = Pieces(packet.payload, 0);
    let mut done = 0;
    while done < total {
        let len = size.min(total - done);
        header[FLAGS] =
            flags & !(if done > 0 { OF_FIRST } else { 0 }) & !(if done + len < total { OF_LAST } else { 0 });
        match send_one(packet, way, header, checksum_at, &mut left, len) {
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
            Ok(()) => {}
        }
        done += len;
        let next = place(packet.header).wrapping_add(done as u32);
        header[SEQUENCE..SEQUENCE + 4].copy_from_slice(&next.to_be_bytes());
    }
    Ok(())
}

fn place(header: &[u8]) -> u32 {
    let bytes = header.get(SEQUENCE..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn send_one(
    packet: &Outgoing<'_>,
    way: &Way,
    header: &mut [u8],
    checksum_at: usize,
    left: &mut Pieces<'_>,
    len: usize,
) -> Result<()> {
    let whole = header.len() + len;
    let head = ip_header(packet, &way.route, whole, None);
    let ip = head.bytes();
    let start = ETHERNET as usize + ip.len();
    let pseudo = Sum::pseudo(way.route.source, packet.destination, TCP, whole);
    header[checksum_at..checksum_at + 2].copy_from_slice(&pseudo.partial());
    let mut sum = Sum::new();
    sum.add(header);
    let mut frame = Builder::begin(way, packet)?;
    frame.add(ip)?;
    frame.add(header)?;
    let mut wanted = len;
    while wanted > 0 {
        let piece = left.next(wanted);
        if piece.is_empty() {
            break;
        }
        wanted -= piece.len();
        frame.lend(piece, wanted)?;
        if !way.route.can_sum {
            sum.add(piece);
        }
    }
    let mut frame = frame.frame;
    if way.route.can_sum {
        frame.checksum = Checksum::Partial {
            start: start as u16,
            offset: checksum_at as u16,
        };
    } else if let Some(first) = frame.parts.first() {
        first.page.write(start + checksum_at, &sum.finish());
    }
    dispatch(way, frame)
}

/// What is left of some pieces: those, without so many bytes of the first.
struct Pieces<'a>(&'a [&'a [u8]], usize);

impl<'a> Pieces<'a> {
    /// The next bytes that lie together, at most so many: there are some.
    fn next(&mut self, most: usize) -> &'a [u8] {
        while let Some((first, rest)) = self.0.split_first() {
            let piece = first.get(self.1..).unwrap_or_default();
            if piece.is_empty() {
                *self = Self(rest, 0);
                continue;
            }
            let piece = &piece[..piece.len().min(most)];
            self.1 += piece.len();
            return piece;
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::Pieces;

    #[test]
    fn pieces_are_cut_where_segments_end() {
        let all: [&[u8]; 4] = [b"abc", b"", b"defgh", b"i"];
        let mut left = Pieces(&all, 0);
        let mut cut = |most| left.next(most);
        assert_eq!(
            [cut(2), cut(5), cut(4), cut(9), cut(1)],
            [&b"ab"[..], b"c", b"defg", b"h", b"i"]
        );
        assert_eq!(cut(1), b"");
    }
}
