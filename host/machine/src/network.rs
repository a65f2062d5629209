//! Network cards: what is behind each one on the host, and QEMU's words for it.
//!
//! A card is a `virtio-net-device` on a slot of the board. The microvm tells the kernel on its command line which slots are taken, in the
//! order of the arguments, so that the first card is `eth0`.

use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

/// How many cards a machine may have: the microvm has eight slots, and other devices want some.
pub const MOST_CARDS: usize = 6;

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What it leads to.
    pub backend: Backend,
    /// Its address.
    pub mac: Mac,
    /// Bytes of its longest packet, if they are not 1500.
    pub mtu: Option<u16>,
}

/// What a card leads to on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// QEMU's own network: outgoing connections as this user, incoming ones through forwarded ports.
    User {
        /// More options of QEMU's `-netdev user`, each with its comma.
        options: String,
        /// Ports of the host that lead into the guest.
        forwards: Vec<Forward>,
    },
    /// A TAP interface.
    Tap {
        /// Its name; QEMU makes one if there is none.
        name: Option<String>,
        /// A program that gets the name of the interface when QEMU has opened it.
        script: Option<PathBuf>,
        /// Whether the host's kernel moves the packets.
        vhost: bool,
    },
    /// A program that listens on a Unix socket and speaks QEMU's stream protocol, such as passt.
    Stream(PathBuf),
    /// QEMU's `-netdev socket` with these options.
    Socket(String),
}

/// A port of the host that leads into the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Where the host listens.
    pub host: SocketAddrV4,
    /// The guest's address, if it is not the one that QEMU's DHCP gives out.
    pub guest: Option<Ipv4Addr>,
    /// The port of the guest.
    pub port: u16,
}

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        })
    }
}

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Reads `52:54:00:12:34:56`, also with `-`. `None` for anything else, and for an address that no single card can have.
    pub fn parse(text: &str) -> Option<Mac> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2)?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        let is_one_card = bytes[0] & 1 == 0 && bytes != [0; 6];
        (is_one_card && parts.next().is_none()).then_some(Mac(bytes))
    }

    /// The address that stands for `name`: the same each time, and hardly that of another name.
    pub fn of_name(name: &str) -> Mac {
        // FNV-1a, folded into what is left beside QEMU's prefix.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let [.., a, b, c] = (hash ^ hash >> 24 ^ hash >> 48).to_be_bytes();
        Mac([0x52, 0x54, 0, a, b, c])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// QEMU's arguments for the cards; none if there are no cards.
pub(crate) fn arguments(cards: &[Card]) -> Vec<OsString> {
    let mut list = Vec::new();
    for (index, card) in cards.iter().enumerate() {
        let mtu = card.mtu.map_or(String::new(), |mtu| format!(",host_mtu={mtu}"));
        list.extend(["-netdev".into(), netdev(&card.backend, index)]);
        list.extend([
            "-device".into(),
            format!("virtio-net-device,netdev=n{index},mac={}{mtu}", card.mac),
        ]);
    }
    list.into_iter().map(OsString::from).collect()
}

fn netdev(backend: &Backend, index: usize) -> String {
    match backend {
        Backend::User { options, forwards } => {
            let forwards: String = forwards.iter().map(hostfwd).collect();
            format!("user,id=n{index}{options}{forwards}")
        }
        Backend::Tap { name, script, vhost } => {
            let name = name.iter().map(|name| format!(",ifname={}", quoted(name)));
            let script = script
                .as_ref()
                .map_or("no".to_string(), |path| quoted(&path.to_string_lossy()));
            let vhost = if *vhost { ",vhost=on" } else { "" };
            let name: String = name.collect();
            format!("tap,id=n{index}{name},script={script},downscript=no{vhost}")
        }
        Backend::Stream(path) => {
            let path = quoted(&path.to_string_lossy());
            format!("stream,id=n{index},server=off,addr.type=unix,addr.path={path}")
        }
        Backend::Socket(options) => format!("socket,id=n{index},{options}"),
    }
}

fn hostfwd(forward: &Forward) -> String {
    let guest = forward.guest.map(|address| address.to_string()).unwrap_or_default();
    let (host, port) = (forward.host, forward.port);
    format!(
        ",hostfwd={}:{}:{}-{guest}:{port}",
        forward.protocol,
        host.ip(),
        host.port()
    )
}

/// A value in a list of options, where a comma would begin the next one.
pub(crate) fn quoted(text: &str) -> String {
    text.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_cards() {
        let mac = Mac::parse("52:54:00:AB:cd:01").unwrap();
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:01");
        assert_eq!(Mac::parse("52-54-00-ab-cd-01"), Some(mac));
        for bad in [
            "",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:01:02",
            "53:54:00:ab:cd:01",
            "00:00:00:00:00:00",
            "5:54:00:ab:cd:011",
        ] {
            assert_eq!(Mac::parse(bad), None, "{bad}");
        }
        assert_eq!(Mac::of_name("tap0"), Mac::of_name("tap0"));
        assert_ne!(Mac::of_name("tap0"), Mac::of_name("tap1"));
        assert!(Mac::parse(&Mac::of_name("x").to_string()).is_some());
    }

    #[test]
    fn the_words_for_each_backend() {
        let forward = Forward {
            protocol: Protocol::Tcp,
            host: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080),
            guest: Some(Ipv4Addr::new(10, 0, 2, 20)),
            port: 80,
        };
        let user = Backend::User {
            options: ",net=10.0.2.0/24".into(),
            forwards: vec![
                forward,
                Forward {
                    protocol: Protocol::Udp,
                    guest: None,
                    ..forward
                },
            ],
        };
        assert_eq!(
            netdev(&user, 0),
            "user,id=n0,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:8080-10.0.2.20:80,hostfwd=udp:127.0.0.1:8080-:80"
        );
        let tap = Backend::Tap {
            name: Some("a,b".into()),
            script: None,
            vhost: true,
        };
        assert_eq!(
            netdev(&tap, 2),
            "tap,id=n2,ifname=a,,b,script=no,downscript=no,vhost=on"
        );
        let plain = Backend::Tap {
            name: None,
            script: Some("/run/up".into()),
            vhost: false,
        };
        assert_eq!(netdev(&plain, 0), "tap,id=n0,script=/run/up,downscript=no");
        assert!(arguments(&[]).is_empty());
        let two = [
            Card {
                backend: user,
                mac: Mac::of_name("a"),
                mtu: None,
            },
            Card {
                backend: Backend::Socket("listen=127.0.0.1:1".into()),
                mac: Mac::of_name("b"),
                mtu: Some(9000),
            },
        ];
        let words = arguments(&two);
        assert!(
            words[3]
                .to_string_lossy()
                .starts_with("virtio-net-device,netdev=n0,mac=52:54:00:")
        );
        assert_eq!(words[5], "socket,id=n1,listen=127.0.0.1:1");
        assert!(words[7].to_string_lossy().ends_with(",host_mtu=9000"));
    }
}
