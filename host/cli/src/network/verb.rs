//! `chiton network`: makes, lists, shows and removes networks that several machines share.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr};

use clap::Subcommand;
use serde_json::json;

use super::address::Interface;
use super::shared::{Nat, Shared, bridge, place};
use super::tools;
use crate::failure::{Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkVerb {
    /// Make a network: a bridge with addresses, names, and a way out for its machines. Needs root.
    Create {
        /// Its name, for chiton run --network NAME.
        name: String,
        /// Its addresses, once for IPv4 and for IPv6; without it the first of 10.87.0.0/24, 10.87.1.0/24, … that is free, and a
        /// random network of fd00::/8.
        #[arg(long, value_name = "ADDRESS/PREFIX")]
        subnet: Vec<String>,
        /// Bytes of the longest packet, for all machines on it.
        #[arg(long, value_name = "BYTES")]
        mtu: Option<String>,
        /// No way out: the machines reach each other and this host.
        #[arg(long)]
        internal: bool,
        /// No DHCP and no names: each machine has an address that follows from its host name.
        #[arg(long = "static")]
        is_static: bool,
    },
    /// List the networks.
    Ls,
    /// Remove networks, and what is left of them. Needs root.
    Rm {
        /// Also those with machines on them.
        #[arg(long)]
        force: bool,
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Print a network as JSON.
    Inspect {
        /// Its name.
        name: String,
    },
}

/// Prefixes that leave room for machines, and for a bridge that can be named.
const PREFIXES: std::ops::RangeInclusive<u8> = 8..=29;

pub(crate) fn network(verb: &NetworkVerb) -> Outcome {
    match verb {
        NetworkVerb::Create {
            name,
            subnet,
            mtu,
            internal,
            is_static,
        } => create(name, subnet, mtu.as_deref(), *internal, *is_static),
        NetworkVerb::Ls => list(),
        NetworkVerb::Rm { force, names } => {
            needs_root("removing a network")?;
            names.iter().try_for_each(|name| remove(name, *force))?;
            Ok(0)
        }
        NetworkVerb::Inspect { name } => inspect(name),
    }
}

fn create(name: &str, subnets: &[String], mtu: Option<&str>, internal: bool, is_static: bool) -> Outcome {
    Shared::check_name(name)?;
    let mtu = mtu.map(super::card::mtu).transpose()?;
    needs_root("making a network")?;
    if let Some(old) = Shared::find(name) {
        if tools::interface_exists(&old.bridge()) {
            let cause = format!("there is a network {name} already, with {}", old.subnet());
            return Err(Failure::other(cause, "Use it, or remove it with chiton network rm"));
        }
        // Its bridge is gone, with whoever took it; what else is left goes too.
        clear(name);
    } else if tools::interface_exists(&bridge(name)) {
        let bridge = bridge(name);
        let (cause, cure) = if tools::is_ours(&bridge, name) {
            let cause = format!("the bridge {bridge} is left over from a network that is not written down any more");
            (cause, format!("Remove it with chiton network rm {name}"))
        } else {
            let cause = format!("there is an interface {bridge} already, which is no network's");
            (cause, "Give the network another name".to_string())
        };
        return Err(Failure::other(cause, cure));
    }
    let nat = match (internal, tools::is_there("iptables"), tools::is_there("nft")) {
        (true, ..) => Nat::None,
        (false, true, _) => Nat::Iptables,
        (false, false, true) => Nat::Nft,
        (false, false, false) => {
            let cause = "there is neither iptables nor nft here, which a network needs to reach the world";
            return Err(Failure::other(
                cause,
                "Install the package nftables, or give --internal",
            ));
        }
    };
    if !is_static && !tools::is_there("dnsmasq") {
        let cause = "there is no dnsmasq here, which gives machines addresses and names";
        return Err(Failure::other(
            cause,
            "Install the package dnsmasq-base, or give --static",
        ));
    }
    let (older, newer) = families(subnets)?;
    let (has_newer, passes_on) = tools::newer();
    let newer = if has_newer || newer.is_some() {
        Some(choose_newer(newer)?)
    } else {
        None
    };
    let network = Shared {
        name: name.to_string(),
        gateway: choose(older)?,
        newer,
        nat,
        newer_leaves: newer.is_some()
            && passes_on
            && (nat == Nat::Nft || nat == Nat::Iptables && tools::is_there("ip6tables")),
        dhcp: !is_static,
        mtu,
    };
    let made = network
        .store()
        .and_then(|()| tools::make_bridge(&network))
        .and_then(|()| tools::make_nat(&network))
        .and_then(|()| {
            if network.dhcp {
                tools::start_dnsmasq(&network)
            } else {
                Ok(())
            }
        });
    if let Err(failure) = made {
        clear(name);
        return Err(failure);
    }
    if newer.is_some() && nat != Nat::None && !network.newer_leaves {
        eprintln!(
            "chiton: IPv6 on the network {name} ends at this host, which does not pass packets of IPv6 on. For more, set net.ipv6.conf.all.forwarding first."
        );
    }
    let newer = network.subnet_newer().map(|subnet| format!(" {subnet}"));
    print(&format!("{name} {}{}\n", network.subnet(), newer.unwrap_or_default()))
}

/// What was said of each protocol, at most once.
fn families(subnets: &[String]) -> Result<(Option<&str>, Option<&str>), Failure> {
    let (newer, older): (Vec<&str>, Vec<&str>) = subnets
        .iter()
        .map(String::as_str)
        .partition(|text| text.matches(':').count() > 1);
    let more = if newer.len() > 1 { &newer } else { &older };
    if let [_, second, ..] = more[..] {
        let cause = format!("a network has one subnet of each protocol, and {second} is the second");
        return Err(Failure::other(cause, "Make another network for it"));
    }
    Ok((older.first().copied(), newer.first().copied()))
}

/// The subnet of IPv6 that was asked for, or one at random (RFC 4193), with the bridge's address.
fn choose_newer(wanted: Option<&str>) -> Result<Interface, Failure> {
    let Some(text) = wanted else {
        let mut random = [0; 5];
        let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random));
        read.map_err(|error| {
            let cause = format!("there is no random number to be had: {}", image::in_words(&error));
            Failure::other(cause, "Give a subnet with --subnet fd00:87::/64")
        })?;
        let [a, b, c, d, e] = random.map(u16::from);
        return Ok(Interface {
            address: Ipv6Addr::new(0xfd00 | a, b << 8 | c, d << 8 | e, 0, 0, 0, 0, 1).into(),
            prefix: 64,
        });
    };
    let subnet = Interface::parse(text).filter(|subnet| {
        let fine = matches!(subnet.address, IpAddr::V6(ip) if !ip.is_multicast() && !ip.is_unicast_link_local() && !ip.is_loopback());
        fine && subnet.prefix == 64
    });
    let Some(subnet) = subnet else {
        let cause = format!("{text} is no IPv6 subnet for machines");
        return Err(Failure::other(cause, "Write it as fd00:87::/64, with that prefix"));
    };
    if Shared::all()
        .iter()
        .any(|other| other.newer.is_some_and(|newer| newer.holds(subnet.network())))
    {
        let cause = format!("{text} is in use on this machine already");
        return Err(Failure::other(
            cause,
            "See what is with ip -6 route and chiton network ls",
        ));
    }
    Ok(Interface {
        address: subnet.numbered(1),
        ..subnet
    })
}

/// The subnet that was asked for, or one that is free, with the bridge's address.
fn choose(wanted: Option<&str>) -> Result<Interface, Failure> {
    let mut used = tools::routes()?;
    used.extend(Shared::all().iter().map(|network| network.gateway));
    let is_free = |subnet: &Interface| {
        !used
            .iter()
            .any(|other| other.holds(subnet.network()) || subnet.holds(other.network()))
    };
    let Some(text) = wanted else {
        let mut subnets = (0..=255).filter_map(|number: u8| Interface::parse(&format!("10.87.{number}.1/24")));
        return subnets.find(is_free).ok_or_else(|| {
            Failure::other(
                "all of 10.87.0.0/16 is in use on this machine",
                "Give another subnet with --subnet",
            )
        });
    };
    let subnet = Interface::parse(text)
        .filter(|subnet| subnet.address.is_ipv4() && text.contains('/') && PREFIXES.contains(&subnet.prefix));
    let Some(subnet) = subnet else {
        let cause = format!("{text} is no subnet for machines");
        return Err(Failure::other(
            cause,
            "Write it as 10.1.0.0/16, with a prefix from 8 to 29",
        ));
    };
    if !is_free(&subnet) {
        let cause = format!("{text} is in use on this machine already");
        return Err(Failure::other(cause, "See what is with ip route and chiton network ls"));
    }
    Ok(Interface {
        address: subnet.numbered(1),
        ..subnet
    })
}

fn remove(name: &str, force: bool) -> Result<(), Failure> {
    Shared::check_name(name)?;
    let known = Shared::find(name);
    if known.is_none() && !place(name).exists() && !tools::is_ours(&bridge(name), name) {
        eprintln!("chiton: there is no network {name}, so nothing is removed.");
        return Ok(());
    }
    let members = tools::members(&bridge(name));
    if !members.is_empty() && !force {
        let cause = format!("{} on the network {name}: {}", count(members.len()), members.join(", "));
        return Err(Failure::other(cause, "End them first, or give --force"));
    }
    clear(name);
    if tools::is_ours(&bridge(name), name) {
        return tools::remove_bridge(&bridge(name));
    }
    Ok(())
}

fn count(machines: usize) -> String {
    match machines {
        1 => "one machine is".into(),
        more => format!("{more} machines are"),
    }
}

/// Takes back whatever there is of a network, in the order opposite to making it.
fn clear(name: &str) {
    tools::stop_dnsmasq(&place(name));
    if let Some(network) = Shared::find(name) {
        tools::remove_nat(&network);
    }
    if tools::is_ours(&bridge(name), name) {
        // What cannot be removed is told when somebody makes the network again.
        tools::remove_bridge(&bridge(name)).ok();
    }
    fs::remove_dir_all(place(name)).ok();
}

fn list() -> Outcome {
    let mut text = format!(
        "{:<14}{:<20}{:<24}{:<17}{}\n",
        "NAME", "SUBNET", "IPV6", "BRIDGE", "STATE"
    );
    for network in Shared::all() {
        let state = match state(&network) {
            "up" => match tools::members(&network.bridge()).len() {
                0 => "up".to_string(),
                machines => format!("up, machines: {machines}"),
            },
            other => other.to_string(),
        };
        text += &format!(
            "{:<14}{:<20}{:<24}{:<17}{state}\n",
            network.name,
            network.subnet(),
            network.subnet_newer().as_deref().unwrap_or("-"),
            network.bridge()
        );
    }
    print(&text)
}

fn state(network: &Shared) -> &'static str {
    if !tools::interface_exists(&network.bridge()) {
        "the bridge is gone"
    } else if network.dhcp && tools::dnsmasq(&network.place()).is_none() {
        "dnsmasq is gone"
    } else {
        "up"
    }
}

fn inspect(name: &str) -> Outcome {
    let Some(network) = Shared::find(name) else {
        let cause = format!("there is no network {name}");
        return Err(Failure::other(
            cause,
            format!("Make it with chiton network create {name}"),
        ));
    };
    // dnsmasq writes `EXPIRY MAC ADDRESS NAME ID`.
    let leases = fs::read_to_string(network.place().join("leases")).unwrap_or_default();
    let lease = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, mac, address, name, ..] = words.as_slice() else {
            return None;
        };
        let name = Some(*name).filter(|name| *name != "*");
        Some(json!({ "address": address, "mac": mac, "name": name }))
    };
    let value = json!({
        "name": network.name,
        "subnet": network.subnet(),
        "gateway": network.gateway.address.to_string(),
        "subnet6": network.subnet_newer(),
        "gateway6": network.newer.map(|newer| newer.address.to_string()),
        "nat6": network.newer_leaves,
        "bridge": network.bridge(),
        "mtu": network.mtu.unwrap_or(1500),
        "state": state(&network),
        "nat": network.nat.word(),
        "dhcp": network.dhcp,
        "interfaces": tools::members(&network.bridge()),
        "leases": leases.lines().filter_map(lease).collect::<Vec<_>>(),
    });
    print(&format!("{value:#}\n"))
}

fn needs_root(what: &str) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::other(
        format!("{what} needs root"),
        "Run the command with sudo, or use --network user, which needs no rights",
    ))
}

fn print(text: &str) -> Outcome {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(0),
        Err(error) => Err(Failure::other(
            format!("the answer cannot be printed: {}", image::in_words(&error)),
            "Check where the output goes",
        )),
    }
}
