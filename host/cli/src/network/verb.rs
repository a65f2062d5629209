//! `chiton network`: makes, lists, shows and removes networks that several machines share.

use std::fs;
use std::io::{self, Write};

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
        /// Its addresses; without it the first of 10.87.0.0/24, 10.87.1.0/24, … that is free.
        #[arg(long, value_name = "ADDRESS/PREFIX")]
        subnet: Option<String>,
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
            internal,
            is_static,
        } => create(name, subnet.as_deref(), *internal, *is_static),
        NetworkVerb::Ls => list(),
        NetworkVerb::Rm { force, names } => {
            needs_root("removing a network")?;
            names.iter().try_for_each(|name| remove(name, *force))?;
            Ok(0)
        }
        NetworkVerb::Inspect { name } => inspect(name),
    }
}

fn create(name: &str, subnet: Option<&str>, internal: bool, is_static: bool) -> Outcome {
    Shared::check_name(name)?;
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
    let network = Shared {
        name: name.to_string(),
        gateway: choose(subnet)?,
        nat,
        dhcp: !is_static,
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
    print(&format!("{name} {}\n", network.subnet()))
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
    let mut text = format!("{:<14}{:<20}{:<17}{}\n", "NAME", "SUBNET", "BRIDGE", "STATE");
    for network in Shared::all() {
        let state = match state(&network) {
            "up" => match tools::members(&network.bridge()).len() {
                0 => "up".to_string(),
                machines => format!("up, machines: {machines}"),
            },
            other => other.to_string(),
        };
        text += &format!(
            "{:<14}{:<20}{:<17}{state}\n",
            network.name,
            network.subnet(),
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
        "bridge": network.bridge(),
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
