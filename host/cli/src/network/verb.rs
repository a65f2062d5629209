//! `chiton network`: makes, lists, shows and removes networks that several machines share.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;

use clap::{Args, Subcommand};
use serde_json::json;

use super::shared::{Nat, Shared, bridge, place};
use super::{subnets, tools};
use crate::failure::{Failure, Outcome};

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkVerb {
    /// Make a network: a bridge with addresses, names, and a way out for its machines. Needs root.
    Create(CreateArgs),
    /// List the networks.
    #[command(visible_alias = "list")]
    Ls {
        /// Only their names.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Remove networks, and what is left of them. Needs root.
    #[command(visible_alias = "remove")]
    Rm {
        /// Also those with machines on them.
        #[arg(short, long)]
        force: bool,
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Remove all networks without machines, and print their names. Needs root.
    Prune {
        /// Do not ask.
        #[arg(short, long)]
        force: bool,
    },
    /// Print networks as JSON, with their machines' addresses and names.
    Inspect {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// A network that is to be made.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name, for chiton run --network NAME.
    name: String,
    /// Its addresses, once for IPv4 and for IPv6; without it the first of 10.87.0.0/24, 10.87.1.0/24, … that is free, and a
    /// random network of fd00::/8.
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    subnet: Vec<String>,
    /// The address that the bridge has of a subnet, the machines' way out; without it the first.
    #[arg(long, value_name = "ADDRESS")]
    gateway: Vec<IpAddr>,
    /// Whether it has IPv6; without this option it does if this host has it.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ipv6: Option<bool>,
    /// Bytes of the longest packet, for all machines on it.
    #[arg(long, value_name = "BYTES")]
    mtu: Option<String>,
    /// No way out: the machines reach each other and this host.
    #[arg(long)]
    internal: bool,
    /// No DHCP and no names: each machine has an address that follows from its host name.
    #[arg(long = "static")]
    is_static: bool,
}

pub(crate) fn network(verb: &NetworkVerb) -> Outcome {
    match verb {
        NetworkVerb::Create(wanted) => create(wanted),
        NetworkVerb::Ls { quiet } => list(*quiet),
        NetworkVerb::Rm { force, names } => {
            needs_root("removing a network", "Run the command with sudo")?;
            names.iter().try_for_each(|name| remove(name, *force))?;
            Ok(0)
        }
        NetworkVerb::Prune { force } => prune(*force),
        NetworkVerb::Inspect { names } => inspect(names),
    }
}

fn create(wanted: &CreateArgs) -> Outcome {
    let name = wanted.name.as_str();
    Shared::check_name(name)?;
    let mtu = wanted.mtu.as_deref().map(super::card::mtu).transpose()?;
    let said = subnets::Said::new(&wanted.subnet, &wanted.gateway, wanted.ipv6)?;
    needs_root(
        "making a network",
        "Run the command with sudo, or use --network user, which needs no rights",
    )?;
    make_room(name)?;
    let nat = nat(wanted)?;
    let (has_newer, passes_on) = tools::newer();
    let (gateway, newer) = said.choose(has_newer)?;
    let network = Shared {
        name: name.to_string(),
        gateway,
        newer,
        nat,
        newer_leaves: newer.is_some()
            && passes_on
            && (nat == Nat::Nft || nat == Nat::Iptables && tools::is_there("ip6tables")),
        dhcp: !wanted.is_static,
        mtu,
    };
    make(&network)?;
    if newer.is_some() && nat != Nat::None && !network.newer_leaves {
        eprintln!(
            "chiton: IPv6 on the network {name} ends at this host, which does not pass packets of IPv6 on. For more, set net.ipv6.conf.all.forwarding first."
        );
    }
    let newer = network.subnet_newer().map(|subnet| format!(" {subnet}"));
    print(&format!("{name} {}{}\n", network.subnet(), newer.unwrap_or_default()))
}

/// Makes sure that there is no network of this name, and nothing left of one.
fn make_room(name: &str) -> Result<(), Failure> {
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
    Ok(())
}

/// What can translate the addresses of its machines, and whether all else that it needs is here.
fn nat(wanted: &CreateArgs) -> Result<Nat, Failure> {
    let nat = match (wanted.internal, tools::is_there("iptables"), tools::is_there("nft")) {
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
    if !wanted.is_static && !tools::is_there("dnsmasq") {
        let cause = "there is no dnsmasq here, which gives machines addresses and names";
        return Err(Failure::other(
            cause,
            "Install the package dnsmasq-base, or give --static",
        ));
    }
    Ok(nat)
}

/// Makes all of it, or nothing.
fn make(network: &Shared) -> Result<(), Failure> {
    let made = network
        .store()
        .and_then(|()| tools::make_bridge(network))
        .and_then(|()| tools::make_nat(network))
        .and_then(|()| {
            if network.dhcp {
                tools::start_dnsmasq(network)
            } else {
                Ok(())
            }
        });
    if made.is_err() {
        clear(&network.name);
    }
    made
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

/// Removes the networks that nobody uses, after a question unless the user wants none.
fn prune(force: bool) -> Outcome {
    needs_root("removing networks", "Run the command with sudo")?;
    let all = Shared::all();
    let unused: Vec<&str> = all
        .iter()
        .filter(|network| tools::members(&network.bridge()).is_empty())
        .map(|network| network.name.as_str())
        .collect();
    if unused.is_empty() {
        eprintln!("chiton: there is no network without machines, so nothing is removed.");
        return Ok(0);
    }
    if !force && !agreed(&format!("Remove {}? [y/N] ", unused.join(", "))) {
        eprintln!("chiton: nothing is removed.");
        return Ok(0);
    }
    for name in unused {
        remove(name, false)?;
        print(&format!("{name}\n"))?;
    }
    Ok(0)
}

/// Asks a question. Who says nothing says no.
fn agreed(question: &str) -> bool {
    let mut answer = String::new();
    eprint!("{question}");
    io::stdin().read_line(&mut answer).is_ok() && ["y", "Y", "yes"].contains(&answer.trim())
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

fn list(quiet: bool) -> Outcome {
    if quiet {
        let names = Shared::all().into_iter().map(|network| network.name + "\n");
        return print(&names.collect::<String>());
    }
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

fn inspect(names: &[String]) -> Outcome {
    let texts = names
        .iter()
        .map(|name| described(name))
        .collect::<Result<String, _>>()?;
    print(&texts)
}

/// A network as JSON, if there is one of this name.
fn described(name: &str) -> Result<String, Failure> {
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
    Ok(format!("{value:#}\n"))
}

fn needs_root(what: &str, cure: &str) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::other(format!("{what} needs root"), cure))
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
