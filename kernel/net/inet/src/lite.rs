//! UDP-Lite (RFC 3828): datagrams whose checksum covers their beginning only, as far as the sender says, so that what is damaged behind that arrives all the same. Everything else is UDP's, with ports of its own.

use crate::datagram::UdpSocket;
use crate::ports::Ports;
use abi::Result;
use core::net::IpAddr;
use ip::Received;
use ipc::options::{Options, number_of};
use packet::checksum::Sum;
use packet::{u16_at, udp};

/// Its number, which is also the level of its options.
pub(crate) const PROTOCOL: u8 = 136;
/// `UDPLITE_SEND_CSCOV` and `UDPLITE_RECV_CSCOV`: how many bytes of a datagram its checksum covers, and how many it has to.
pub(crate) const SEND_COVERAGE: u32 = 10;
pub(crate) const RECEIVE_COVERAGE: u32 = 11;

pub(crate) static PORTS: Ports<UdpSocket> = Ports::new();

/// Sets what is to be covered: nothing said is everything, and the header always is.
pub(crate) fn set_coverage(options: &Options, level: u32, name: u32, value: &[u8]) -> Result<()> {
    let kept = match number_of(value)? {
        0 => 0,
        given => given.clamp(udp::LEN as i32, 0xffff),
    };
    options.keep(level, name, kept);
    Ok(())
}

/// How many bytes of a datagram of so many, with its header, a sender's checksum covers; nothing if all of them.
pub(crate) fn covered(options: &Options, len: usize) -> Option<u16> {
    let asked = options.kept(u32::from(PROTOCOL), SEND_COVERAGE).unwrap_or(0);
    u16::try_from(asked)
        .ok()
        .filter(|asked| (1..len).contains(&usize::from(*asked)))
}

/// Whether so much is enough for a receiver that said how much has to be covered.
pub(crate) fn is_enough(options: &Options, covered: Option<u16>) -> bool {
    match (covered, options.kept(u32::from(PROTOCOL), RECEIVE_COVERAGE)) {
        (Some(covered), Some(least)) => least > 0 && i32::from(covered) >= least,
        _ => true,
    }
}

/// The header of a datagram, its checksum included.
pub(crate) fn header(
    ports: [u16; 2],
    [source, destination]: [IpAddr; 2],
    payload: &[u8],
    covered: Option<u16>,
) -> [u8; udp::LEN] {
    let len = udp::LEN + payload.len();
    let part = covered.map_or(len, usize::from);
    let mut header = [0; udp::LEN];
    let words = [ports[0], ports[1], covered.unwrap_or(0)];
    for (to, word) in header.chunks_exact_mut(2).zip(words) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    let mut sum = Sum::pseudo(source, destination, PROTOCOL, len);
    sum.add(&header);
    sum.add(payload.get(..part.saturating_sub(udp::LEN)).unwrap_or(payload));
    header[udp::CHECKSUM_AT as usize..].copy_from_slice(&match sum.finish() {
        [0, 0] => [0xff; 2],
        sum => sum,
    });
    header
}

/// What a packet holds, if it is right as far as it has to be: ports, bytes, and how many are covered.
pub(crate) fn parse<'a>(packet: &Received<'a>) -> Option<([u16; 2], &'a [u8], Option<u16>)> {
    let whole = packet.payload;
    let covered = u16_at(whole, 4)?;
    let part = match usize::from(covered) {
        0 => whole,
        part if part < udp::LEN => return None,
        part => whole.get(..part)?,
    };
    let mut sum = Sum::pseudo(packet.source, packet.destination, PROTOCOL, whole.len());
    sum.add(part);
    let covered = Some(covered).filter(|_| part.len() < whole.len());
    sum.is_right()
        .then_some(([u16_at(whole, 0)?, u16_at(whole, 2)?], whole.get(udp::LEN..)?, covered))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn what_is_covered_is_checked_and_the_rest_is_not() {
        let [own, peer] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        for (covered, damaged, is_right) in [
            (Some(10), 12, true),
            (Some(10), 9, false),
            (None, 15, false),
            (None, 99, true),
        ] {
            let mut bytes = header([1, 2], [own, peer], b"abcdefgh", covered).to_vec();
            bytes.extend(b"abcdefgh");
            if let Some(byte) = bytes.get_mut(damaged) {
                *byte ^= 1;
            }
            let mut sum = Sum::pseudo(own, peer, PROTOCOL, bytes.len());
            sum.add(&bytes[..covered.map_or(bytes.len(), usize::from)]);
            assert_eq!(sum.is_right(), is_right, "{covered:?} {damaged}");
        }
    }
}
