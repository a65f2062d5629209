//! What a machine learns its addresses, neighbours, routers and groups from, as somebody sends it who means no good.

use super::{Attack, Attacker, EVERYBODY};
use crate::craft::{self, ICMPV6, Manner, OWN, OWN_NEWER, PEER, message, packet, to_machine};
use crate::witness::Witness;
use crate::{PEERS, PEERS_NEWER};
use packet::{arp, discovery, ethernet, udp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

impl Attacker {
    /// An answer to the question for an address, or to none.
    pub(super) fn answers_for_address(&mut self, witness: &Witness) -> Attack {
        let mut reply = vec![2, 1, 6, 0];
        let number = if self.dice.one_in(4) {
            self.dice.word()
        } else {
            witness.question
        };
        reply.extend(number.to_be_bytes());
        reply.extend([0; 8]);
        reply.extend([10, 0, 2, self.dice.pick(&[77, 78, 15, 255, 2])]);
        reply.extend([0; 8]);
        reply.extend(to_machine());
        reply.extend([0; 202]);
        reply.extend([0x63, 0x82, 0x53, 0x63]);
        reply.extend([53, 1, self.dice.pick(&[2, 5, 6, 5, 2, 1])]);
        reply.extend([54, 4, 10, 0, 2, 2]);
        for _ in 0..self.dice.below(8) {
            let name = self.dice.pick(&[1, 3, 6, 12, 15, 26, 51, 58, 59, 121, 0]);
            let body = self.dice.bytes(24);
            reply.extend([name, body.len() as u8]);
            reply.extend(body);
        }
        reply.push(if self.dice.one_in(4) { 1 } else { 255 });
        let own = SocketAddr::new(Ipv4Addr::BROADCAST.into(), 68);
        let peer = SocketAddr::new(PEERS[0].into(), 67);
        let bytes = craft::datagram(own, peer, &reply);
        let (kind, body) = packet(peer.ip(), own.ip(), udp::PROTOCOL, &bytes, &Manner::WHOLE);
        Attack::of(vec![self.now_and_then_changed(kind, &body)])
    }

    pub(super) fn says_who_is_where(&mut self) -> Attack {
        let ips = [
            PEERS[0],
            PEERS[1],
            OWN,
            Ipv4Addr::new(10, 0, 2, 77),
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
        ];
        let any = Ipv4Addr::new(10, 0, self.dice.byte(), self.dice.byte());
        let message = arp::Message {
            is_reply: self.dice.one_in(2),
            sender: self
                .dice
                .pick(&[PEER, PEER, [2, 0, 0, 0, 0, 3], to_machine(), ethernet::BROADCAST]),
            sender_ip: if self.dice.one_in(3) { any } else { self.dice.pick(&ips) },
            target: self.dice.pick(&[[0; 6], to_machine()]),
            target_ip: self.dice.pick(&ips),
        };
        Attack::of(vec![self.now_and_then_changed(ethernet::ARP, &message.to_bytes())])
    }

    /// Neighbours and routers of the newer protocol.
    pub(super) fn discovers(&mut self) -> Attack {
        let from = self.dice.pick(&PEERS_NEWER);
        let kind = self.dice.pick(&[133, 134, 134, 134, 135, 135, 136, 136, 137, 128, 129]);
        let targets = [
            OWN_NEWER,
            PEERS_NEWER[0],
            PEERS_NEWER[1],
            "fd00:2::7".parse().expect("an address"),
        ];
        let mut body = Vec::new();
        match kind {
            134 => {
                body.extend([0; 8]);
                for _ in 0..self.dice.below(6) {
                    body.extend(self.router_option());
                }
            }
            135 | 136 => body.extend(self.dice.pick(&targets).octets()),
            137 => {
                body.extend(self.dice.pick(&targets).octets());
                body.extend(self.dice.pick(&targets).octets());
            }
            _ => {}
        }
        if self.dice.one_in(2) {
            let mac = self.dice.pick(&[PEER, PEER, [2, 0, 0, 0, 0, 3], ethernet::BROADCAST]);
            body.extend(discovery::mac_option(self.dice.one_in(2), mac));
        }
        if self.dice.one_in(6) {
            body.extend(self.dice.bytes(40));
        }
        let to = self.dice.pick(&[OWN_NEWER, OWN_NEWER, EVERYBODY]);
        let rest = if kind == 134 {
            0x4000_0000 | self.dice.word() & 0x00ff_ffff
        } else {
            self.dice.word()
        };
        let bytes = message(from.into(), to.into(), (kind, 0), rest, &body);
        let manner = Manner {
            hops: if self.dice.one_in(10) { 64 } else { 255 },
            ..Manner::WHOLE
        };
        let (kind, body) = packet(from.into(), to.into(), ICMPV6, &bytes, &manner);
        let frame = self.now_and_then_changed(kind, &body);
        self.keep(&frame);
        Attack::of(vec![frame])
    }

    fn router_option(&mut self) -> Vec<u8> {
        let lifetime = self.dice.pick(&[0, 1, 60, 3600, u32::MAX]).to_be_bytes();
        let prefix = Ipv6Addr::new(0xfd00, self.dice.byte().into(), 0, 0, 0, 0, 0, 0).octets();
        match self.dice.below(5) {
            0 => {
                let len = self.dice.pick(&[64, 64, 0, 128, 200]);
                let mut option = vec![3, 4, len, self.dice.byte()];
                option.extend(lifetime);
                option.extend(self.dice.pick(&[0u32, 60, u32::MAX]).to_be_bytes());
                option.extend([0; 4]);
                option.extend(prefix);
                option
            }
            1 => [
                &[5, 1, 0, 0][..],
                &self.dice.pick(&[0u32, 1280, 1499, 70_000]).to_be_bytes(),
            ]
            .concat(),
            2 => {
                let len = self.dice.byte();
                [&[24, 3, len, self.dice.byte()][..], &lifetime, &prefix].concat()
            }
            3 => [&[25, 3, 0, 0][..], &lifetime, &prefix].concat(),
            _ => {
                let units = self.dice.below(4);
                let mut option = vec![self.dice.byte(), units as u8];
                option.extend((0..(units * 8).saturating_sub(2)).map(|_| self.dice.byte()));
                option
            }
        }
    }

    pub(super) fn asks_for_groups(&mut self) -> Attack {
        let (from, to) = self.peer();
        let group = if to.is_ipv4() {
            IpAddr::from([224, 0, 0, 1])
        } else {
            EVERYBODY.into()
        };
        let (protocol, kind) = if to.is_ipv4() {
            (2, 0x11)
        } else {
            (ICMPV6, self.dice.pick(&[130, 131, 132, 143]))
        };
        let body = self.dice.bytes(60);
        let bytes = message(from, group, (kind, 0), self.dice.word(), &body);
        let (kind, body) = packet(
            from,
            group,
            protocol,
            &bytes,
            &Manner {
                hops: 1,
                ..Manner::WHOLE
            },
        );
        Attack::of(vec![self.now_and_then_changed(kind, &body)])
    }
}
