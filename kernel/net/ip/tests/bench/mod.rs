//! A card on a cable, with somebody at the other end.

#[path = "../../../link/tests/cable/mod.rs"]
mod cable;

use cable::Cable;
pub(crate) use cable::MAC;
use ip::Plan;
use link::{Interface, interface};
use packet::checksum::Sum;
use packet::{arp, ethernet, icmp, ipv4, ipv6, udp};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};

pub(crate) const PEER: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
pub(crate) const PEER_IP: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
pub(crate) const OWN_NEWER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 9);
pub(crate) const PEER_NEWER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);

pub(crate) struct Bench {
    interface: Arc<Interface>,
    cable: Arc<Cable>,
    _turn: MutexGuard<'static, ()>,
}

/// There is one stack, with one card that is configured by hand and asks routers, too; tests take turns.
pub(crate) fn bench() -> Bench {
    static TURN: Mutex<()> = Mutex::new(());
    static BOOT: Once = Once::new();
    static CARD: OnceLock<(Arc<Interface>, Arc<Cable>)> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let cable = Arc::new(Cable::new(1500));
        let interface = interface::add(cable.clone());
        ip::start(&interface, &Plan::parse(b"dhcp;ip=10.0.2.15/24;gw=10.0.2.2"), b"me");
        ip::register(
            udp::PROTOCOL,
            ip::Handler {
                receive: |packet| {
                    if packet.has_right_checksum() {
                        ip::port_unreachable(packet);
                    }
                },
                fail: |_| {},
            },
        );
        let _ = CARD.set((interface, cable));
    });
    let (interface, cable) = CARD.get().expect("started").clone();
    cable.take();
    Bench {
        interface,
        cable,
        _turn: turn,
    }
}

impl Bench {
    /// A frame comes; what goes thereupon.
    pub(crate) fn comes(&self, kind: u16, to: [u8; 6], body: &[u8]) -> Vec<Vec<u8>> {
        let header = ethernet::Header { to, from: PEER, kind };
        self.comes_whole([&header.to_bytes()[..], body].concat())
    }

    pub(crate) fn comes_whole(&self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        self.cable.put(bytes);
        self.interface.poll();
        self.cable.take()
    }

    /// The peer says where it is.
    pub(crate) fn introduce(&self) {
        let message = arp::Message {
            is_reply: false,
            sender: PEER,
            sender_ip: PEER_IP,
            target: [0; 6],
            target_ip: OWN,
        };
        let answers = self.comes(ethernet::ARP, ethernet::BROADCAST, &message.to_bytes());
        let answer = answers.iter().find_map(|frame| arp::Message::parse(&frame[14..]));
        let answer = answer.expect("an answer");
        assert_eq!(
            (answer.is_reply, answer.sender, answer.sender_ip, answer.target),
            (true, MAC, OWN, PEER)
        );
    }
}

pub(crate) fn v4(protocol: u8, destination: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        traffic_class: 0,
        identification: 1,
        dont_fragment: false,
        more_fragments: false,
        offset: 0,
        hop_limit: 64,
        protocol,
        source: PEER_IP,
        destination,
        options: &[],
    };
    let mut bytes = [0; ipv4::LONGEST];
    let len = header.write(payload.len(), &mut bytes);
    [&bytes[..len], payload].concat()
}

pub(crate) fn v6(next: u8, hop_limit: u8, destination: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
    let header = ipv6::Header {
        traffic_class: 0,
        flow: 0,
        next,
        hop_limit,
        source: PEER_NEWER,
        destination,
    };
    [&header.to_bytes(payload.len())[..], payload].concat()
}

pub(crate) fn message_v6(kind: u8, rest: u32, destination: Ipv6Addr, body: &[u8]) -> Vec<u8> {
    let message = icmp::Message {
        kind,
        code: 0,
        rest,
        body,
    };
    let sum = Sum::pseudo(PEER_NEWER.into(), destination.into(), 58, 8 + body.len());
    v6(58, 255, destination, &[&message.header(sum)[..], body].concat())
}
