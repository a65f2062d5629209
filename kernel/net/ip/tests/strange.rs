//! The whole way of frames, with somebody at the other end who says anything. `CHITON_SEED=n` repeats a run, `CHITON_ROUNDS=n` makes it longer.
#![forbid(unsafe_code)]

mod bench;

use bench::{MAC, OWN, OWN_NEWER, PEER_IP, PEER_NEWER, bench, message_v6, v4, v6};
use packet::checksum::{self, Sum};
use packet::{ethernet, icmp, udp};

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let len = self.next(most);
        (0..len).map(|_| self.next(256) as u8).collect()
    }
}

/// A packet that is nearly right, with its checksums mended so that it gets as far as it can.
fn nearly_right(random: &mut Random) -> (u16, Vec<u8>) {
    let payload = random.bytes(200);
    match random.next(7) {
        0 => (
            ethernet::ARP,
            [&[0, 1, 8, 0, 6, 4, 0, random.next(4) as u8][..], &payload].concat(),
        ),
        1 => {
            let kinds = [0, 3, 5, 8, 11, 12, 13];
            let message = icmp::Message {
                kind: kinds[random.next(kinds.len())],
                code: random.next(6) as u8,
                rest: random.next(1 << 31) as u32,
                body: &payload,
            };
            let quoted = v4(17, PEER_IP, &payload);
            let message = icmp::Message {
                body: if random.next(2) == 0 { &quoted } else { &payload },
                ..message
            };
            (
                ethernet::IPV4,
                v4(1, OWN, &[&message.header(Sum::new())[..], message.body].concat()),
            )
        }
        2 => {
            let mut packet = v4([6, 17, 2, 99][random.next(4)], OWN, &payload);
            packet[4..8].copy_from_slice(&[0, random.next(3) as u8, random.next(64) as u8, random.next(256) as u8]);
            packet[10..12].fill(0);
            let sum = checksum::of(&packet[..20]);
            packet[10..12].copy_from_slice(&sum);
            (ethernet::IPV4, packet)
        }
        3 => {
            let kind = [1, 2, 3, 4, 128, 130, 133, 134, 135, 136, 137][random.next(11)];
            let targets = [OWN_NEWER, PEER_NEWER, "fd00:2::".parse().expect("an address")];
            let body = [&targets[random.next(3)].octets()[..], &payload[..payload.len() / 8 * 8]].concat();
            (
                ethernet::IPV6,
                message_v6(kind, random.next(1 << 31) as u32, OWN_NEWER, &body),
            )
        }
        4 => (
            ethernet::IPV6,
            v6([0, 43, 44, 60, 59, 17, 6][random.next(7)], 255, OWN_NEWER, &payload),
        ),
        5 => {
            let mut answer = vec![
                [2, 7][random.next(2)],
                0,
                0,
                random.next(4) as u8,
                0,
                1,
                0,
                10,
                0,
                3,
                0,
                1,
            ];
            answer.extend(MAC);
            answer.extend([0, 2, 0, 1, 5, 0, 3]);
            answer.extend(random.bytes(300));
            let header = udp::Header {
                source: 547,
                destination: 546,
                has_checksum: true,
            };
            let sums = header.summed(PEER_NEWER.into(), OWN_NEWER.into(), &answer);
            (ethernet::IPV6, v6(17, 64, OWN_NEWER, &[&sums[..], &answer].concat()))
        }
        _ => {
            let mut reply = vec![2, 1, 6, 0];
            reply.extend(random.bytes(500));
            let header = udp::Header {
                source: 67,
                destination: 68,
                has_checksum: true,
            };
            let datagram = [&header.summed(PEER_IP.into(), OWN.into(), &reply)[..], &reply].concat();
            (ethernet::IPV4, v4(17, OWN, &datagram))
        }
    }
}

#[test]
fn no_frame_is_too_strange() {
    let bench = bench();
    bench.introduce();
    let seed = std::env::var("CHITON_SEED").ok().and_then(|seed| seed.parse().ok());
    let rounds = std::env::var("CHITON_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let mut random = Random(seed.unwrap_or(1));
    for round in 0..rounds.unwrap_or(30_000) {
        let (kind, mut body) = nearly_right(&mut random);
        if random.next(3) == 0 && !body.is_empty() {
            for _ in 0..random.next(4) {
                let at = random.next(body.len());
                body[at] = random.next(256) as u8;
            }
            body.truncate(random.next(body.len() * 2));
        }
        let to = if random.next(8) == 0 { ethernet::BROADCAST } else { MAC };
        bench.comes(kind, to, &body);
        if round % 100 == 0 {
            hal::clock::advance(200_000_000);
            time::run_expired();
            bench.comes_whole(random.bytes(60));
        }
    }
    assert!(ip::neighbours().len() <= 1024 && ip::routes().len() < 300 && ip::addresses().len() < 100);
}
