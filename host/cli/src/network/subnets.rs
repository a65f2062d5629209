//! The subnets of a new network: what the user says of them, checked, and what is free of the rest.

use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};

use super::address::{Interface, unusable};
use super::shared::{LEAST_PREFIX, Shared};
use super::tools;
use crate::failure::Failure;

/// Prefixes that leave room for machines, and for a bridge that can be named.
const PREFIXES: std::ops::RangeInclusive<u8> = LEAST_PREFIX..=29;
const PREFIX_NEWER: u8 = 64;

/// What was said, each with the bridge's address in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    older: Option<Interface>,
    newer: Option<Interface>,
    /// Whether there is to be IPv6, if that was said.
    has_newer: Option<bool>,
}

impl Said {
    /// Reads the options.
    ///
    /// # Errors
    /// They contradict each other, or are no subnets for machines.
    pub(super) fn new(subnets: &[String], gateways: &[IpAddr], has_newer: Option<bool>) -> Result<Said, Failure> {
        let is_newer = |text: &&str| text.matches(':').count() > 1;
        let texts = subnets.iter().map(String::as_str);
        let (newer, older): (Vec<&str>, Vec<&str>) = texts.partition(is_newer);
        let more = if newer.len() > 1 { &newer } else { &older };
        if let [_, second, ..] = more[..] {
            let cause = format!("a network has one subnet of each protocol, and {second} is the second");
            return Err(Failure::other(cause, "Make another network for it"));
        }
        let said = Said {
            older: older.first().map(|text| subnet(text, gateways)).transpose()?,
            newer: newer.first().map(|text| subnet_newer(text, gateways)).transpose()?,
            has_newer,
        };
        if let (Some(text), Some(false)) = (newer.first(), has_newer) {
            let cause = format!("--ipv6=false takes back the subnet {text}");
            return Err(Failure::other(cause, "Leave one of the two out"));
        }
        let own = [said.older, said.newer].map(|subnet| subnet.map(|subnet| subnet.address));
        if let Some(gateway) = gateways.iter().find(|gateway| !own.contains(&Some(**gateway))) {
            let is_known = own.iter().flatten().any(|own| own.is_ipv4() == gateway.is_ipv4());
            return Err(if is_known {
                let cause = format!("a network has one gateway of each protocol, and {gateway} is the second");
                Failure::other(cause, "Leave one of the two out")
            } else {
                let cause = format!("the gateway {gateway} is in no subnet that was given");
                Failure::other(cause, "Give that with --subnet too")
            });
        }
        Ok(said)
    }

    /// The bridge's addresses: what was said if that is free, or else something that is. The host may have IPv6.
    ///
    /// # Errors
    /// It is in use, or all is.
    pub(super) fn choose(&self, host_has_newer: bool) -> Result<(Interface, Option<Interface>), Failure> {
        let newer = match (self.newer, self.has_newer) {
            (Some(newer), _) => Some(free_newer(newer)?),
            (None, Some(true)) if !host_has_newer => {
                let cause = "this host has no IPv6 on new interfaces";
                let cure = "Set net.ipv6.conf.default.disable_ipv6 to 0, or leave --ipv6 out";
                return Err(Failure::other(cause, cure));
            }
            (None, wanted) if wanted.unwrap_or(host_has_newer) => Some(random()?),
            (None, _) => None,
        };
        Ok((free(self.older)?, newer))
    }
}

/// A subnet of IPv4, with the bridge's address.
fn subnet(text: &str, gateways: &[IpAddr]) -> Result<Interface, Failure> {
    let subnet = Interface::parse(text)
        .filter(|subnet| subnet.address.is_ipv4() && text.contains('/') && PREFIXES.contains(&subnet.prefix));
    let Some(subnet) = subnet else {
        let cause = format!("{text} is no subnet for machines");
        return Err(Failure::other(
            cause,
            "Write it as 10.1.0.0/16, with a prefix from 8 to 29",
        ));
    };
    with_gateway(subnet, gateways)
}

/// The same of IPv6.
fn subnet_newer(text: &str, gateways: &[IpAddr]) -> Result<Interface, Failure> {
    let subnet = Interface::parse(text).filter(|subnet| {
        let fine = matches!(subnet.address, IpAddr::V6(ip) if !ip.is_multicast() && !ip.is_unicast_link_local() && !ip.is_loopback());
        fine && subnet.prefix == PREFIX_NEWER
    });
    let Some(subnet) = subnet else {
        let cause = format!("{text} is no IPv6 subnet for machines");
        return Err(Failure::other(cause, "Write it as fd00:87::/64, with that prefix"));
    };
    with_gateway(subnet, gateways)
}

/// A subnet with the bridge's address, which is its first unless another is said.
fn with_gateway(subnet: Interface, gateways: &[IpAddr]) -> Result<Interface, Failure> {
    let first = subnet.numbered(1);
    let said = gateways.iter().find(|gateway| gateway.is_ipv4() == first.is_ipv4());
    let own = Interface {
        address: said.copied().unwrap_or(first),
        ..subnet
    };
    if !subnet.holds(own.address) || own.address == subnet.network() || unusable(own).is_some() {
        let cause = format!(
            "{} is no address for a gateway of {}/{}",
            own.address,
            subnet.network(),
            subnet.prefix
        );
        return Err(Failure::other(
            cause,
            format!("Give one of that subnet, such as {first}"),
        ));
    }
    Ok(own)
}

/// The subnet that was asked for, or one, if it is free.
fn free(wanted: Option<Interface>) -> Result<Interface, Failure> {
    let mut used = tools::routes()?;
    used.extend(Shared::all().iter().map(|network| network.gateway));
    let is_free = |subnet: &Interface| {
        !used
            .iter()
            .any(|other| other.holds(subnet.network()) || subnet.holds(other.network()))
    };
    let Some(subnet) = wanted else {
        let mut subnets = (0..=255).filter_map(|number: u8| Interface::parse(&format!("10.87.{number}.1/24")));
        return subnets.find(is_free).ok_or_else(|| {
            Failure::other(
                "all of 10.87.0.0/16 is in use on this machine",
                "Give another subnet with --subnet",
            )
        });
    };
    if !is_free(&subnet) {
        let cause = format!(
            "{}/{} is in use on this machine already",
            subnet.network(),
            subnet.prefix
        );
        return Err(Failure::other(cause, "See what is with ip route and chiton network ls"));
    }
    Ok(subnet)
}

fn free_newer(subnet: Interface) -> Result<Interface, Failure> {
    let is_used = |other: &Shared| other.newer.is_some_and(|newer| newer.holds(subnet.network()));
    if Shared::all().iter().any(is_used) {
        let cause = format!(
            "{}/{} is in use on this machine already",
            subnet.network(),
            subnet.prefix
        );
        return Err(Failure::other(
            cause,
            "See what is with ip -6 route and chiton network ls",
        ));
    }
    Ok(subnet)
}

/// A random subnet of IPv6 (RFC 4193).
fn random() -> Result<Interface, Failure> {
    let mut random = [0; 5];
    let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random));
    read.map_err(|error| {
        let cause = format!("there is no random number to be had: {}", image::in_words(&error));
        Failure::other(cause, "Give a subnet with --subnet fd00:87::/64")
    })?;
    let [a, b, c, d, e] = random.map(u16::from);
    Ok(Interface {
        address: Ipv6Addr::new(0xfd00 | a, b << 8 | c, d << 8 | e, 0, 0, 0, 0, 1).into(),
        prefix: PREFIX_NEWER,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(subnets: &str, gateways: &str, has_newer: Option<bool>) -> Result<Said, String> {
        let subnets: Vec<String> = subnets.split_whitespace().map(str::to_string).collect();
        let gateways: Vec<IpAddr> = gateways.split_whitespace().map(|text| text.parse().unwrap()).collect();
        Said::new(&subnets, &gateways, has_newer).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_bridge_has_the_first_address_or_the_one_that_is_said() {
        let own = |subnets: &str, gateways: &str| {
            let said = said(subnets, gateways, None).unwrap();
            [said.older, said.newer].map(|own| own.map_or(String::new(), |own| own.to_string()))
        };
        assert_eq!(own("", ""), ["", ""]);
        assert_eq!(own("10.9.3.4/16", ""), ["10.9.0.1/16", ""]);
        assert_eq!(own("fd00:9::/64", ""), ["", "fd00:9::1/64"]);
        assert_eq!(
            own("fd00:9::/64 10.9.0.0/16", "10.9.255.254 fd00:9::fe"),
            ["10.9.255.254/16", "fd00:9::fe/64"]
        );
        assert_eq!(own("10.9.0.0/16 fd00:9::/64", "fd00:9::fe")[0], "10.9.0.1/16");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (subnets, gateways, has_newer, part) in [
            ("10.9.0.0/30", "", None, "10.9.0.0/30 is no subnet"),
            ("fd00:9::/48", "", None, "fd00:9::/48 is no IPv6 subnet"),
            ("10.1.0.0/16 10.2.0.0/16", "", None, "10.2.0.0/16 is the second"),
            ("fd00:9::/64", "", Some(false), "takes back the subnet fd00:9::/64"),
            ("", "10.9.0.1", None, "10.9.0.1 is in no subnet that was given"),
            (
                "10.9.0.0/16",
                "fd00:9::1",
                None,
                "fd00:9::1 is in no subnet that was given",
            ),
            ("10.9.0.0/16", "10.9.0.2 10.9.0.3", None, "10.9.0.3 is the second"),
            (
                "10.9.0.0/16",
                "10.8.0.1",
                None,
                "10.8.0.1 is no address for a gateway of 10.9.0.0/16",
            ),
            ("10.9.0.0/16", "10.9.0.0", None, "no address for a gateway"),
            ("10.9.0.0/16", "10.9.255.255", None, "no address for a gateway"),
            (
                "fd00:9::/64",
                "fd00:9::",
                None,
                "Give one of that subnet, such as fd00:9::1",
            ),
        ] {
            let failure = said(subnets, gateways, has_newer).unwrap_err();
            assert!(failure.contains(part), "{subnets} {gateways}: {failure}");
        }
    }

    #[test]
    fn random_subnets_differ() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert!(one != other && one.numbered(1) == one.address && one.to_string().starts_with("fd"));
    }
}
