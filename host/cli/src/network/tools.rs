//! The programs of the host that make a network: `ip`, `iptables` or `nft`, `dnsmasq`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use machine::Mac;
use rustix::process::{Pid, Signal};

use super::address::Interface;
use super::shared::{Nat, Shared};
use crate::failure::Failure;

/// Runs a program, with this text as its input, and returns its output.
///
/// # Errors
/// What it says, or that it is not there.
fn run(program: &str, words: &str, input: &str) -> Result<String, Failure> {
    let started = Command::new(program)
        .args(words.split_whitespace())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let ended = started.and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // Who does not read it says why.
            stdin.write_all(input.as_bytes()).ok();
        }
        child.wait_with_output()
    });
    let output = ended.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::other(format!("there is no {program} on this machine"), install(program)),
        _ => Failure::other(
            format!("{program} cannot be started: {}", image::in_words(&error)),
            "Check that it works by itself",
        ),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it does not say why");
    Err(Failure::other(
        format!("{program} {words} fails: {}", said.trim().trim_end_matches('.')),
        "Check that this user may change networks here",
    ))
}

fn install(program: &str) -> String {
    let package = match program {
        "ip" => "iproute2",
        "nft" => "nftables",
        "dnsmasq" => "dnsmasq-base",
        other => other,
    };
    format!("Install the package {package}")
}

/// Whether a program can be started.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Makes sure that interfaces can be seen and made.
///
/// # Errors
/// `ip` is not there.
pub(super) fn needs_ip() -> Result<(), Failure> {
    run("ip", "-V", "").map(drop)
}

/// Whether there is a network interface of this name.
pub(super) fn interface_exists(name: &str) -> bool {
    run("ip", &format!("link show dev {name}"), "").is_ok()
}

/// Whether an interface was made for a network: it says so itself.
pub(super) fn is_ours(bridge: &str, network: &str) -> bool {
    run("ip", &format!("-o link show dev {bridge}"), "").is_ok_and(|text| text.contains(&alias(network)))
}

fn alias(network: &str) -> String {
    format!("chiton-network-{network}")
}

/// The subnets that this machine has ways to.
///
/// # Errors
/// `ip` is not there.
pub(super) fn routes() -> Result<Vec<Interface>, Failure> {
    let text = run("ip", "-4 -o route show", "")?;
    let first = |line: &str| {
        let word = line.split_whitespace().next()?;
        word.contains('/').then(|| Interface::parse(word)).flatten()
    };
    Ok(text.lines().filter_map(first).collect())
}

/// Whether this host has IPv6, and whether it already passes packets of it on.
///
/// It is not made to do so: a host that passes packets on believes no routers any more, and might lose its own addresses by that.
pub(super) fn newer() -> (bool, bool) {
    let is = |name: &str, value: &str| {
        let text = fs::read_to_string(Path::new("/proc/sys/net/ipv6/conf").join(name));
        text.is_ok_and(|text| text.trim() == value)
    };
    (is("default/disable_ipv6", "0"), is("all/forwarding", "1"))
}

/// The interfaces on a bridge.
pub(super) fn members(bridge: &str) -> Vec<String> {
    let text = run("ip", &format!("-o link show master {bridge}"), "").unwrap_or_default();
    let name = |line: &str| Some(line.split(": ").nth(1)?.split('@').next()?.to_string());
    text.lines().filter_map(name).collect()
}

/// Makes the bridge with its address.
///
/// # Errors
/// As `ip` says.
pub(super) fn make_bridge(network: &Shared) -> Result<(), Failure> {
    let bridge = network.bridge();
    let gateway = network.gateway;
    // One that is given stays: by itself a bridge has that of one of its interfaces, another one whenever machines come and go, and those that know the old one talk to nobody.
    let mac = Mac::of_name(&bridge);
    run("ip", &format!("link add {bridge} address {mac} type bridge"), "")?;
    run("ip", &format!("link set {bridge} alias {}", alias(&network.name)), "")?;
    if let Some(mtu) = network.mtu {
        run("ip", &format!("link set {bridge} mtu {mtu}"), "")?;
    }
    run("ip", &format!("addr add {gateway} dev {bridge}"), "")?;
    if let Some(newer) = network.newer {
        // Nobody else can have it on a bridge that is new, so nobody is asked; for its own local address too, without which no machine would hear of the network for a second.
        fs::write(format!("/proc/sys/net/ipv6/conf/{bridge}/accept_dad"), "0\n").ok();
        run("ip", &format!("-6 addr add {newer} dev {bridge} nodad"), "")?;
    }
    run("ip", &format!("link set {bridge} up"), "").map(drop)
}

/// Takes the bridge away.
///
/// # Errors
/// As `ip` says.
pub(super) fn remove_bridge(bridge: &str) -> Result<(), Failure> {
    run("ip", &format!("link delete {bridge} type bridge"), "").map(drop)
}

/// Lets the network reach the world.
///
/// # Errors
/// As the program says.
pub(super) fn make_nat(network: &Shared) -> Result<(), Failure> {
    const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
    let forwards = fs::read_to_string(FORWARDING).is_ok_and(|text| text.trim() == "1");
    if network.nat != Nat::None && !forwards {
        fs::write(FORWARDING, "1\n").map_err(|error| {
            let cause = format!("packets cannot be forwarded: {FORWARDING}: {}", image::in_words(&error));
            Failure::other(cause, "Allow it, or give --internal")
        })?;
    }
    match network.nat {
        Nat::None => Ok(()),
        Nat::Nft => run("nft", "-f -", &nft_tables(network)).map(drop),
        Nat::Iptables => iptables_rules(network)
            .iter()
            .try_for_each(|(program, rule)| run(program, &rule.replacen("{}", "-I", 1), "").map(drop)),
    }
}

/// Takes back what lets it. What is gone already is gone.
pub(super) fn remove_nat(network: &Shared) {
    match network.nat {
        Nat::None => {}
        Nat::Nft => {
            for family in families(network) {
                drop(run("nft", &format!("delete table {} {}", family.0, table(network)), ""));
            }
        }
        Nat::Iptables => {
            for (program, rule) in iptables_rules(network) {
                drop(run(program, &rule.replacen("{}", "-D", 1), ""));
            }
        }
    }
}

fn table(network: &Shared) -> String {
    format!("chiton_{}", network.name.replace('-', "_"))
}

/// The protocols that leave the network: how `nft` calls each, the program of iptables for it, and the subnet.
fn families(network: &Shared) -> Vec<(&'static str, &'static str, String)> {
    let older = ("ip", "iptables", network.subnet());
    let newer = network.subnet_newer().filter(|_| network.newer_leaves);
    let newer = newer.map(|subnet| ("ip6", "ip6tables", subnet));
    [older].into_iter().chain(newer).collect()
}

fn nft_tables(network: &Shared) -> String {
    let bridge = network.bridge();
    let table = |(family, _, subnet): (&str, &str, String)| {
        format!(
            "table {family} {} {{\n chain forward {{\n  type filter hook forward priority 0; policy accept;\n  iifname \"{bridge}\" accept\n  \
             oifname \"{bridge}\" ct state established,related accept\n  oifname \"{bridge}\" drop\n }}\n chain out {{\n  \
             type nat hook postrouting priority 100;\n  {family} saddr {subnet} oifname != \"{bridge}\" masquerade\n }}\n}}\n",
            table(network)
        )
    };
    families(network).into_iter().map(table).collect()
}

/// The rules, with `{}` where the verb goes, and for which program each is.
fn iptables_rules(network: &Shared) -> Vec<(&'static str, String)> {
    let bridge = network.bridge();
    let rules = |(_, program, subnet): (&str, &'static str, String)| {
        [
            format!("-w -t nat {{}} POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"),
            format!("-w {{}} FORWARD -i {bridge} -j ACCEPT"),
            format!("-w {{}} FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        ]
        .map(|rule| (program, rule))
    };
    families(network).into_iter().flat_map(rules).collect()
}

/// Starts dnsmasq, which gives the machines addresses and tells their names to each other.
///
/// # Errors
/// As it says.
pub(super) fn start_dnsmasq(network: &Shared) -> Result<(), Failure> {
    let place = network.place().display().to_string();
    let (first, last) = range(network.gateway);
    let outside = if network.nat == Nat::None { "--no-resolv" } else { "" };
    let bridge = network.bridge();
    // Machines make their addresses of IPv6 themselves, and dnsmasq knows by that which name has which. It is a way out only where there is one.
    let lifetime = if network.newer_leaves { "" } else { ",0,0" };
    let newer = network.newer.map_or(String::new(), |newer| {
        format!(
            "--enable-ra --dhcp-range={},ra-stateless,ra-names,{} --ra-param={bridge}{lifetime} --dhcp-option=option6:dns-server,[{}]",
            newer.network(),
            newer.prefix,
            newer.address
        )
    });
    // It would ask for three seconds whether somebody has an address before it gives it out: machines ask that themselves, and turn it down.
    let words = format!(
        "--no-ping --conf-file=/dev/null --interface={bridge} --except-interface=lo --bind-dynamic --no-hosts --bogus-priv --domain-needed {outside} \
         --dhcp-authoritative --dhcp-range={first},{last},1h --dhcp-leasefile={place}/leases --pid-file={place}/dnsmasq.pid {newer}"
    );
    run("dnsmasq", &words, "").map(drop)
}

/// Ends dnsmasq, if it is ours that runs.
pub(super) fn stop_dnsmasq(place: &Path) {
    if let Some(pid) = dnsmasq(place) {
        rustix::process::kill_process(pid, Signal::TERM).ok();
    }
}

/// The dnsmasq of a network, if it runs.
pub(super) fn dnsmasq(place: &Path) -> Option<Pid> {
    let file = place.join("dnsmasq.pid");
    let pid: i32 = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let is_ours = String::from_utf8_lossy(&command).contains(&*file.to_string_lossy());
    Pid::from_raw(pid).filter(|_| is_ours)
}

/// The addresses that machines get: all but the bridge's own, which dnsmasq leaves out by itself if it is not the first.
fn range(gateway: Interface) -> (std::net::IpAddr, std::net::IpAddr) {
    let last = match gateway.network() {
        std::net::IpAddr::V4(network) => {
            let size = 1_u32.checked_shl(32 - u32::from(gateway.prefix)).unwrap_or(0);
            std::net::IpAddr::V4((network.to_bits().wrapping_add(size).wrapping_sub(2)).into())
        }
        v6 @ std::net::IpAddr::V6(_) => v6,
    };
    let first = if gateway.number() == Some(1) { 2 } else { 1 };
    (gateway.numbered(first), last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_the_programs() {
        let network = Shared {
            name: "a-b".into(),
            gateway: Interface::parse("10.87.0.1/24").unwrap(),
            newer: Interface::parse("fd00:87::1/64"),
            nat: Nat::Nft,
            newer_leaves: false,
            dhcp: true,
            mtu: None,
        };
        let table = nft_tables(&network);
        assert!(!table.contains("ip6"), "it does not leave");
        assert!(
            table.starts_with("table ip chiton_a_b {")
                && table.contains("ip saddr 10.87.0.0/24 oifname != \"ct-a-b\" masquerade")
        );
        let rules = iptables_rules(&network);
        assert_eq!(
            (rules[0].0, rules[0].1.replacen("{}", "-D", 1).as_str(), rules.len()),
            (
                "iptables",
                "-w -t nat -D POSTROUTING -s 10.87.0.0/24 ! -o ct-a-b -j MASQUERADE",
                3
            )
        );
        let both = Shared {
            newer_leaves: true,
            ..network.clone()
        };
        assert!(nft_tables(&both).contains("ip6 saddr fd00:87::/64 oifname != \"ct-a-b\" masquerade"));
        let rules = iptables_rules(&both);
        assert!(rules.len() == 6 && rules[3].0 == "ip6tables" && rules[3].1.contains("fd00:87::/64"));
        let (first, last) = range(network.gateway);
        assert_eq!(
            (first.to_string(), last.to_string()),
            ("10.87.0.2".into(), "10.87.0.254".into())
        );
        let (first, _) = range(Interface::parse("10.87.0.254/24").unwrap());
        assert_eq!(first.to_string(), "10.87.0.1");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = run("no-such-program", "x", "").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "there is no no-such-program on this machine. Install the package no-such-program."
        );
        assert!(!is_there("no-such-program") && is_there("sh"));
    }
}
