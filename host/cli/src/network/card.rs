//! One `--network`: what the card leads to, and what was said about its addresses.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use machine::{Backend, Mac};

use super::address::{Interface, unusable};
use super::shared::Shared;
use crate::failure::Failure;

/// What a card leads to, as the user says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// QEMU's own network.
    User,
    /// passt's.
    Passt,
    /// A TAP interface, by its name or a new one.
    Tap(Option<String>),
    /// QEMU's sockets, with their options.
    Socket(String),
    /// A network that several machines share.
    Shared(Shared),
}

/// One card on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CardPlan {
    pub(crate) way: Way,
    pub(crate) mac: Option<Mac>,
    /// Addresses; DHCP and router advertisements if there are none.
    pub(crate) addresses: Vec<Interface>,
    pub(crate) gateways: Vec<IpAddr>,
    /// Bytes of its longest packet; what the network has if nobody says.
    pub(crate) mtu: Option<u16>,
}

/// Options of QEMU's socket network.
const SOCKET_OPTIONS: [&str; 5] = ["listen", "connect", "mcast", "udp", "localaddr"];
/// As long as Linux lets the name of an interface be.
const LONGEST_NAME: usize = 15;

impl CardPlan {
    pub(crate) fn new(way: Way) -> CardPlan {
        CardPlan {
            way,
            mac: None,
            addresses: Vec::new(),
            gateways: Vec::new(),
            mtu: None,
        }
    }

    /// Reads `KIND[:NAME][,ip=…][,gateway=…][,mac=…]`; `None` is `none`.
    ///
    /// # Errors
    /// There is no such kind or option.
    pub(crate) fn parse(text: &str) -> Result<Option<CardPlan>, Failure> {
        let mut parts = text.split(',');
        let kind = parts.next().unwrap_or_default();
        let (kind, name) = kind
            .split_once(':')
            .map_or((kind, None), |(kind, name)| (kind, Some(name)));
        let unknown = || {
            let cause = format!("--network {text}: there is no such network");
            let cure = "Give user, tap, tap:NAME, passt, socket:listen=ADDRESS:PORT, socket:connect=ADDRESS:PORT, none, or a name from chiton network ls";
            Failure::other(cause, cure)
        };
        let way = match (kind, name) {
            ("none", None) => return none_alone(text).map(|()| None),
            ("user", None) => Way::User,
            ("passt", None) => Way::Passt,
            ("tap", None) => Way::Tap(None),
            ("tap", Some(name)) if is_interface_name(name) => Way::Tap(Some(name.to_string())),
            ("socket", Some(options)) => Way::Socket(socket_option(options, text)?),
            (name, None) => Way::Shared(Shared::find(name).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        };
        let mut plan = CardPlan::new(way);
        for option in parts {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            match (key, &mut plan.way) {
                ("ip", _) => plan.address(value)?,
                ("gateway", _) => plan.gateway(value)?,
                ("mac", _) => plan.mac(value)?,
                ("mtu", _) => plan.mtu = Some(mtu(value)?),
                (_, Way::Socket(options)) => *options = format!("{options},{}", socket_option(option, text)?),
                _ => {
                    let cause = format!("--network {text}: there is no option {key}");
                    return Err(Failure::other(
                        cause,
                        "Give ip=ADDRESS/PREFIX, gateway=ADDRESS, mac=ADDRESS or mtu=BYTES",
                    ));
                }
            }
        }
        Ok(Some(plan))
    }

    /// Adds an address.
    pub(crate) fn address(&mut self, text: &str) -> Result<(), Failure> {
        let Some(address) = Interface::parse(text) else {
            let cause = format!("{text} is not an address for a card");
            return Err(Failure::other(cause, "Write it as 10.0.2.20/24 or fd00::20/64"));
        };
        // A network of several machines says what its addresses are.
        let is_shared = matches!(self.way, Way::Shared(_));
        if let Some(why) = unusable(address).filter(|_| !is_shared) {
            return Err(Failure::other(
                format!("{text} is not an address for a card: it {why}"),
                "Give one of its network, as 10.0.2.20/24 or fd00::20/64",
            ));
        }
        let another = |old: &Interface| old.address.is_ipv4() && address.address.is_ipv4();
        if self.addresses.iter().any(another) {
            return Err(Failure::other(
                format!("a card has one IPv4 address, and {text} would be the second"),
                "Give it to another card, with --network user,ip=ADDRESS",
            ));
        }
        self.addresses.push(address);
        Ok(())
    }

    /// Adds a gateway.
    pub(crate) fn gateway(&mut self, text: &str) -> Result<(), Failure> {
        let usable = |gateway: &IpAddr| {
            let alone = Interface {
                address: *gateway,
                prefix: 32,
            };
            unusable(alone).is_none()
        };
        let Some(gateway) = text.parse::<IpAddr>().ok().filter(usable) else {
            let cause = format!("{text} is not the address of a gateway");
            return Err(Failure::other(cause, "Write it as 10.0.2.2 or fd00::2"));
        };
        if self.gateways.iter().any(|other| other.is_ipv4() == gateway.is_ipv4()) {
            return Err(Failure::other(
                format!("a card has one gateway of each protocol, and {text} would be another"),
                "Give it to another card, with --network user,gateway=ADDRESS",
            ));
        }
        self.gateways.push(gateway);
        Ok(())
    }

    /// Sets the Ethernet address.
    pub(crate) fn mac(&mut self, text: &str) -> Result<(), Failure> {
        let Some(mac) = Mac::parse(text) else {
            let cause = format!("{text} is not the Ethernet address of a card");
            return Err(Failure::other(
                cause,
                "Write six pairs of digits like 52:54:00:12:34:56, the first pair even",
            ));
        };
        self.mac = Some(mac);
        Ok(())
    }

    /// The value of the kernel's token `chiton.net`. `gateways` and `nameservers` are those that the network has by itself.
    ///
    /// # Errors
    /// A gateway is not in any network of the card.
    pub(crate) fn token(&self, gateways: &[IpAddr], nameservers: &[IpAddr]) -> Result<String, Failure> {
        if self.addresses.is_empty() {
            return match self.gateways.first() {
                None => Ok("dhcp".into()),
                Some(gateway) => Err(Failure::other(
                    format!("the gateway {gateway} belongs to a card without an address"),
                    "Give the address as well, with --ip",
                )),
            };
        }
        let lost = |gateway: &&IpAddr| {
            let link_local = matches!(gateway, IpAddr::V6(address) if address.is_unicast_link_local());
            !link_local && !self.addresses.iter().any(|card| card.holds(**gateway))
        };
        if let Some(gateway) = self.gateways.iter().find(lost) {
            let cause = format!("the gateway {gateway} is not in the network of the card");
            return Err(Failure::other(
                cause,
                "Give the address with its prefix, as in --ip 10.0.2.20/24",
            ));
        }
        if let Some(gateway) = self
            .gateways
            .iter()
            .find(|gateway| self.addresses.iter().any(|card| card.address == **gateway))
        {
            let cause = format!("{gateway} cannot be the card's own address and its gateway");
            return Err(Failure::other(cause, "Give another --gateway, or another --ip"));
        }
        let given = |v4: bool| self.gateways.iter().any(|gateway| gateway.is_ipv4() == v4);
        let own = gateways.iter().filter(|gateway| !given(gateway.is_ipv4()));
        let words = self
            .addresses
            .iter()
            .map(|card| format!("ip={}/{}", card.address, card.prefix))
            .chain(self.gateways.iter().chain(own).map(|gateway| format!("gw={gateway}")))
            .chain(nameservers.iter().map(|server| format!("dns={server}")));
        Ok(words.collect::<Vec<_>>().join(";"))
    }
}

/// Bytes of a longest packet: what IPv6 needs at least, and what a TAP interface takes at most.
pub(super) fn mtu(text: &str) -> Result<u16, Failure> {
    let number = text.parse().ok().filter(|mtu| (1280..=65521).contains(mtu));
    number.ok_or_else(|| {
        let cause = format!("no card has packets of {text} bytes");
        Failure::other(cause, "Give a number from 1280 to 65521, such as 9000")
    })
}

/// Whether the interface that a card is connected to takes its packets.
///
/// # Errors
/// It takes only shorter ones.
pub(super) fn takes(interface: &str, mtu: u16) -> Result<(), Failure> {
    let file = Path::new("/sys/class/net").join(interface).join("mtu");
    let known = fs::read_to_string(file)
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    match known {
        Some(least) if least < u32::from(mtu) => Err(Failure::other(
            format!("the interface {interface} takes packets of {least} bytes, and {mtu} are asked for"),
            format!("Set it first with ip link set {interface} mtu {mtu}"),
        )),
        _ => Ok(()),
    }
}

/// The TAP interface, if this user may have it.
///
/// # Errors
/// It is not there, is something else, or belongs to somebody else.
pub(crate) fn tap(name: Option<&str>, script: Option<PathBuf>, kvm: bool) -> Result<Backend, Failure> {
    const TUN: &str = "/dev/net/tun";
    let is_root = rustix::process::geteuid().is_root();
    if name.is_none() && !is_root {
        return Err(Failure::other(
            "a new TAP interface needs root",
            "Name one that is yours with tap:NAME, or use --network user",
        ));
    }
    if let Err(error) = OpenOptions::new().read(true).write(true).open(TUN) {
        let cause = format!("TAP interfaces cannot be had: {TUN}: {}", image::in_words(&error));
        let cure = match error.kind() {
            io::ErrorKind::PermissionDenied => "Run the command as root, or use --network user",
            _ => "Load the module tun as root, or use --network user",
        };
        return Err(Failure::other(cause, cure));
    }
    match name {
        None => {}
        Some(name) => {
            let place = Path::new("/sys/class/net").join(name);
            let read = |file: &str| {
                fs::read_to_string(place.join(file))
                    .ok()
                    .map(|text| text.trim().to_string())
            };
            let me = rustix::process::geteuid().as_raw();
            let create = format!("Make it as root with ip tuntap add {name} mode tap user {me}");
            let another =
                format!("Name another one, such as one that root makes with ip tuntap add NAME mode tap user {me}");
            let flags = read("tun_flags").and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
            let owner = read("owner").and_then(|text| text.parse::<i64>().ok());
            match (flags, owner) {
                (None, _) if !place.exists() => {
                    return Err(Failure::other(format!("there is no TAP interface {name}"), create));
                }
                // IFF_TAP
                (flags, _) if flags.is_none_or(|flags| flags & 2 == 0) => {
                    return Err(Failure::other(
                        format!("the interface {name} is not a TAP interface"),
                        another,
                    ));
                }
                (_, owner) if !is_root && owner != Some(me.into()) => {
                    return Err(Failure::other(
                        format!("the TAP interface {name} is not this user's"),
                        another,
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(Backend::Tap {
        name: name.map(str::to_string),
        script,
        vhost: uses_vhost(kvm, Path::new("/dev/vhost-net")),
    })
}

/// Whether the host's kernel moves the packets of a card: it rings the machine's bell through KVM, and this user must be allowed to ask for it.
fn uses_vhost(kvm: bool, device: &Path) -> bool {
    kvm && OpenOptions::new().read(true).write(true).open(device).is_ok()
}

fn none_alone(text: &str) -> Result<(), Failure> {
    if text == "none" {
        return Ok(());
    }
    Err(Failure::other(
        format!("--network {text} is no card and has options"),
        "Leave one of them out",
    ))
}

fn socket_option(option: &str, text: &str) -> Result<String, Failure> {
    let is_known = option
        .split_once('=')
        .is_some_and(|(key, value)| SOCKET_OPTIONS.contains(&key) && !value.is_empty());
    if is_known {
        return Ok(option.to_string());
    }
    let cause = format!("--network {text}: {option} is no option of a socket network");
    Err(Failure::other(
        cause,
        "Give listen, connect, mcast, udp or localaddr, each as OPTION=ADDRESS:PORT",
    ))
}

pub(crate) fn is_interface_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain) && name != "." && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> CardPlan {
        CardPlan::parse(text).unwrap().unwrap()
    }

    #[test]
    fn kinds_and_options() {
        assert_eq!(card("user").way, Way::User);
        assert_eq!(card("tap:tap0").way, Way::Tap(Some("tap0".into())));
        assert_eq!(
            card("socket:mcast=230.0.0.1:1234,localaddr=127.0.0.1").way,
            Way::Socket("mcast=230.0.0.1:1234,localaddr=127.0.0.1".into())
        );
        let full = card("tap,ip=10.1.1.2/16,gateway=10.1.0.1,ip=fd00::2,mac=52:54:00:00:00:01");
        assert_eq!(
            full.token(&[], &[]).unwrap(),
            "ip=10.1.1.2/16;ip=fd00::2/64;gw=10.1.0.1"
        );
        assert_eq!(full.mac, Mac::parse("52:54:00:00:00:01"));
        assert_eq!((full.mtu, card("tap,mtu=9000").mtu), (None, Some(9000)));
        assert_eq!(CardPlan::parse("none").unwrap(), None);
        for bad in [
            "",
            "usr",
            "user:x",
            "none,ip=1.2.3.4",
            "user,ip",
            "user,x=y",
            "tap:",
            "tap:a/b",
            "socket",
            "socket:x=y",
            "user,mac=1",
            "tap,mtu=1279",
            "tap,mtu=65522",
            "tap,mtu=x",
            "user,ip=1.2.3.4,ip=1.2.3.5",
            "user,ip=10.0.2.0/24",
            "user,gateway=0.0.0.0",
            "user,gateway=10.0.2.2,gateway=10.0.2.3",
            "tap,ip=ff02::1",
        ] {
            assert!(CardPlan::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_hosts_kernel_moves_packets_where_it_can() {
        let device = tempfile();
        assert!(uses_vhost(true, &device) && !uses_vhost(false, &device));
        fs::remove_file(&device).unwrap();
        assert!(!uses_vhost(true, &device), "it is not there");
    }

    fn tempfile() -> PathBuf {
        let path = std::env::temp_dir().join(format!("chiton-vhost-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        path
    }

    #[test]
    fn gateways_belong_to_networks() {
        assert_eq!(card("user").token(&[], &[]).unwrap(), "dhcp");
        assert!(card("user,gateway=10.0.0.1").token(&[], &[]).is_err());
        assert!(card("tap,ip=10.0.0.1,gateway=10.0.0.1").token(&[], &[]).is_err());
        assert_eq!(
            card("tap,ip=fd00::9,gateway=fe80::1").token(&[], &[]).unwrap(),
            "ip=fd00::9/64;gw=fe80::1"
        );
        assert!(card("user,ip=10.0.1.2,gateway=10.0.0.1").token(&[], &[]).is_err());
        let own = ["10.0.1.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        assert_eq!(
            card("user,ip=10.0.1.9,gateway=10.0.1.1,ip=fd00::9")
                .token(&own, &own[..1])
                .unwrap(),
            "ip=10.0.1.9/24;ip=fd00::9/64;gw=10.0.1.1;gw=fd00::2;dns=10.0.1.2"
        );
    }
}
