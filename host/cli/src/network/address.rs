//! Addresses with prefixes, and the rules of `--allow` and `--deny`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and how many of its bits are the network's: `10.0.2.20/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// What a network has if nothing is said.
const USUAL_PREFIX: (u8, u8) = (24, 64);

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Interface {
    /// Reads `ADDRESS[/PREFIX]`, an IPv6 address also in brackets.
    pub(crate) fn parse(text: &str) -> Option<Interface> {
        let (address, prefix) = split_prefix(text)?;
        let usual = if address.is_ipv4() {
            USUAL_PREFIX.0
        } else {
            USUAL_PREFIX.1
        };
        Some(Interface {
            address,
            prefix: prefix.unwrap_or(usual),
        })
    }

    /// The network's own address.
    pub(crate) fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => IpAddr::V4(masked_v4(address, self.prefix)),
            IpAddr::V6(address) => IpAddr::V6(masked_v6(address, self.prefix)),
        }
    }

    /// The network's address with this number, counted from its beginning.
    pub(crate) fn numbered(self, number: u32) -> IpAddr {
        match self.network() {
            IpAddr::V4(network) => IpAddr::V4((network.to_bits() | number).into()),
            IpAddr::V6(network) => IpAddr::V6((network.to_bits() | u128::from(number)).into()),
        }
    }

    /// The number of the address in its network, if it is a small one.
    pub(crate) fn number(self) -> Option<u32> {
        match (self.address, self.network()) {
            (IpAddr::V4(own), IpAddr::V4(network)) => Some(own.to_bits() - network.to_bits()),
            (IpAddr::V6(own), IpAddr::V6(network)) => u32::try_from(own.to_bits() - network.to_bits()).ok(),
            _ => None,
        }
    }

    /// Whether the address is one of this network.
    pub(crate) fn holds(self, address: IpAddr) -> bool {
        let same = Interface { address, ..self };
        address.is_ipv4() == self.address.is_ipv4() && same.network() == self.network()
    }
}

/// Reads a rule, `ADDRESS[/PREFIX][:PORT]` with an IPv6 network in brackets if a port follows, or `:PORT` for every address, the port
/// also as `FIRST-LAST`, and writes it as the kernel wants it.
pub(crate) fn rules(text: &str) -> Option<Vec<String>> {
    if let Some(port) = text.strip_prefix(":").or_else(|| text.strip_prefix("*:")) {
        let ports = port_range(port)?;
        return Some(vec![format!("0.0.0.0/0:{ports}"), format!("[::/0]:{ports}")]);
    }
    let (network, port) = match text.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
        Some((network, "")) => (network, None),
        Some((network, port)) => (network, Some(port.strip_prefix(':')?)),
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((network, port)) => (network, Some(port)),
            None => (text, None),
        },
    };
    let (address, prefix) = split_prefix(network)?;
    if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        // The kernel sees such connections as those of IPv4 that they are.
        return None;
    }
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let network = Interface {
        address,
        prefix: prefix.unwrap_or(whole),
    };
    let shown = format!("{}/{}", network.network(), network.prefix);
    Some(vec![match port {
        None => shown,
        Some(port) => {
            let ports = port_range(port)?;
            if address.is_ipv4() {
                format!("{shown}:{ports}")
            } else {
                format!("[{shown}]:{ports}")
            }
        }
    }])
}

/// `80` or `80-89`, as the kernel wants it.
fn port_range(text: &str) -> Option<String> {
    let Some((first, last)) = text.split_once('-') else {
        return port_number(text).map(|port| port.to_string());
    };
    let (first, last) = (port_number(first)?, port_number(last)?);
    (first <= last).then(|| format!("{first}-{last}"))
}

/// Why an address can be no card's.
pub(crate) fn unusable(card: Interface) -> Option<&'static str> {
    let own = card.address;
    let last = |network: Ipv4Addr, rest: u32| Ipv4Addr::from(network.to_bits() | rest);
    match (own, card.network()) {
        _ if own.is_unspecified() => Some("stands for no address"),
        _ if own.is_multicast() => Some("is a group's address"),
        _ if own.is_loopback() => Some("is every machine's own"),
        (IpAddr::V6(address), _) if address.to_ipv4_mapped().is_some() => {
            Some("is an IPv4 address that is written as IPv6")
        }
        (IpAddr::V4(address), _) if address.is_broadcast() => Some("is everybody's address"),
        (IpAddr::V4(address), IpAddr::V4(network)) if card.prefix < 31 => {
            let rest = u32::MAX.checked_shr(card.prefix.into()).unwrap_or(0);
            if address == network {
                Some("is the address of its network itself")
            } else if address == last(network, rest) {
                Some("is the address of everybody in its network")
            } else {
                None
            }
        }
        _ => None,
    }
}

/// A port that a connection can have.
pub(crate) fn port_number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

fn split_prefix(text: &str) -> Option<(IpAddr, Option<u8>)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse().ok()?)),
        None => (text, None),
    };
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(address).parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix <= most).then_some((address, prefix))
}

fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let rest = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    (address.to_bits() & !rest).into()
}

fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let rest = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
    (address.to_bits() & !rest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_their_networks() {
        let card = Interface::parse("10.1.2.3/16").unwrap();
        assert_eq!(card.network().to_string(), "10.1.0.0");
        assert_eq!(card.numbered(2).to_string(), "10.1.0.2");
        assert!(card.holds("10.1.255.1".parse().unwrap()) && !card.holds("10.2.0.1".parse().unwrap()));
        assert!(!card.holds("::1".parse().unwrap()));
        assert_eq!(Interface::parse("192.168.0.9").unwrap().prefix, 24);
        let card = Interface::parse("[fd00::1:2]").unwrap();
        assert_eq!((card.prefix, card.numbered(3).to_string()), (64, "fd00::3".into()));
        assert_eq!(Interface::parse("1.2.3.4/0").unwrap().network().to_string(), "0.0.0.0");
        for bad in ["", "10.0.0", "10.0.0.1/33", "fd00::/129", "10.0.0.1/", "[10.0.0.1"] {
            assert_eq!(Interface::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rules_as_the_kernel_wants_them() {
        let one = |text: &str| rules(text).map(|list| list.join(" "));
        assert_eq!(one("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(one("10.1.2.3").as_deref(), Some("10.1.2.3/32"));
        assert_eq!(one("10.1.2.3:443").as_deref(), Some("10.1.2.3/32:443"));
        assert_eq!(one("fd00::1/8").as_deref(), Some("fd00::/8"));
        assert_eq!(one("[fd00::/8]:53").as_deref(), Some("[fd00::/8]:53"));
        assert_eq!(one("[::1]").as_deref(), Some("::1/128"));
        assert_eq!(one(":25").as_deref(), Some("0.0.0.0/0:25 [::/0]:25"));
        assert_eq!(one(":1-25").as_deref(), Some("0.0.0.0/0:1-25 [::/0]:1-25"));
        assert_eq!(one("10.1.2.3:80-90").as_deref(), Some("10.1.2.3/32:80-90"));
        assert_eq!(one("[fd00::1/8]:80-90").as_deref(), Some("[fd00::/8]:80-90"));
        assert_eq!(one("0.0.0.0/0").as_deref(), Some("0.0.0.0/0"));
        for bad in [
            "",
            "example.org",
            "10.0.0.0/8:0",
            "10.0.0.0/8:65536",
            "[fd00::/8]53",
            "10.0.0.0/40",
            ":",
            ":x",
            ":9-8",
            ":0-9",
            "10.0.0.1:80-",
            "::ffff:10.0.0.1",
            "[::ffff:10.0.0.0/104]:80",
        ] {
            assert_eq!(rules(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_that_no_card_has() {
        for bad in [
            "0.0.0.0",
            "10.0.0.0/24",
            "10.0.0.255/24",
            "255.255.255.255",
            "127.0.0.1",
            "224.0.0.1",
            "::",
            "::1",
            "ff02::1",
            "::ffff:1.2.3.4",
        ] {
            assert!(unusable(Interface::parse(bad).unwrap()).is_some(), "{bad}");
        }
        for good in [
            "10.0.0.0/31",
            "10.0.0.1/32",
            "10.0.0.255/16",
            "fd00::/64",
            "fe80::1",
            "fd00::1/128",
        ] {
            assert_eq!(unusable(Interface::parse(good).unwrap()), None, "{good}");
        }
    }
}
