//! Networks that several machines share: a bridge of this host, and what is written down about it.
//!
//! Each network has a directory below `/run/chiton/networks`, which is gone when the bridges are gone too: `state` (`KEY=VALUE` lines), `up` (the
//! script with which QEMU puts a machine's TAP interface on the bridge), and the files of dnsmasq. The bridge is called `ct-NAME`.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::address::Interface;
use super::tools;
use crate::failure::Failure;

/// Where networks are written down, if not in the place that this variable names.
const DIRECTORY: &str = "/run/chiton/networks";
const DIRECTORY_VARIABLE: &str = "CHITON_NETWORKS";
/// An interface's name has 15 letters, and three are taken.
const LONGEST_NAME: usize = 12;

/// What lets a network reach the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nat {
    /// Nothing: the network ends here.
    None,
    Iptables,
    Nft,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(super) name: String,
    /// The subnet, with the bridge's own address, its first.
    pub(super) gateway: Interface,
    /// The same of IPv6, if this host has that.
    pub(super) newer: Option<Interface>,
    pub(super) nat: Nat,
    /// Whether IPv6 reaches the world too.
    pub(super) newer_leaves: bool,
    /// Whether dnsmasq gives out addresses and names.
    pub(super) dhcp: bool,
    /// Bytes of the longest packet, if that is not as usual.
    pub(crate) mtu: Option<u16>,
}

impl Nat {
    pub(super) fn word(self) -> &'static str {
        match self {
            Nat::None => "none",
            Nat::Iptables => "iptables",
            Nat::Nft => "nft",
        }
    }
}

impl Shared {
    /// Checks the name of a network.
    ///
    /// # Errors
    /// It cannot be one.
    pub(super) fn check_name(name: &str) -> Result<(), Failure> {
        let letters = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let reserved = ["user", "tap", "none", "passt", "socket"].contains(&name);
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if letters && begins && !reserved && name.len() <= LONGEST_NAME {
            return Ok(());
        }
        let cause = format!("{name:?} cannot be the name of a network");
        let cure = format!("Give up to {LONGEST_NAME} small letters, digits and dashes, a letter first");
        Err(Failure::other(cause, cure))
    }

    /// The network of this name, if it is written down.
    pub(crate) fn find(name: &str) -> Option<Shared> {
        Shared::check_name(name).ok()?;
        let text = fs::read_to_string(place(name).join("state")).ok()?;
        Shared::parse(name, &text)
    }

    /// Every network that is written down.
    pub(super) fn all() -> Vec<Shared> {
        let entries = fs::read_dir(directory()).into_iter().flatten().flatten();
        let mut all: Vec<Shared> = entries
            .filter_map(|entry| Shared::find(&entry.file_name().to_string_lossy()))
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn parse(name: &str, text: &str) -> Option<Shared> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        Some(Shared {
            name: name.to_string(),
            gateway: Interface::parse(value("gateway")?)?,
            newer: value("gateway6").and_then(Interface::parse),
            newer_leaves: value("nat6") == Some("yes"),
            nat: match value("nat")? {
                "iptables" => Nat::Iptables,
                "nft" => Nat::Nft,
                _ => Nat::None,
            },
            dhcp: value("dhcp")? == "dnsmasq",
            mtu: value("mtu").and_then(|mtu| mtu.parse().ok()),
        })
    }

    fn text(&self) -> String {
        let mut text = format!(
            "gateway={}\nnat={}\ndhcp={}\n",
            self.gateway,
            self.nat.word(),
            if self.dhcp { "dnsmasq" } else { "none" }
        );
        if let Some(mtu) = self.mtu {
            text += &format!("mtu={mtu}\n");
        }
        if let Some(newer) = self.newer {
            let leaves = if self.newer_leaves { "yes" } else { "no" };
            text += &format!("gateway6={newer}\nnat6={leaves}\n");
        }
        text
    }

    /// Writes it down.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(super) fn store(&self) -> Result<(), Failure> {
        let place = place(&self.name);
        let write = || {
            fs::create_dir_all(&place)?;
            let script = place.join("up");
            let mtu = self.mtu.map_or(String::new(), |mtu| format!("mtu {mtu} "));
            fs::write(
                &script,
                format!(
                    "#!/bin/sh\nexec ip link set dev \"$1\" {mtu}master {} up\n",
                    self.bridge()
                ),
            )?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
            fs::write(place.join("state"), self.text())
        };
        write().map_err(|error: std::io::Error| {
            let cause = format!(
                "the network cannot be written down in {}: {}",
                place.display(),
                image::in_words(&error)
            );
            Failure::other(cause, "Check that directory")
        })
    }

    /// Whether IPv6 of its machines reaches the world.
    pub(crate) fn newer_leaves(&self) -> bool {
        self.newer_leaves
    }

    /// Its directory.
    pub(super) fn place(&self) -> PathBuf {
        place(&self.name)
    }

    /// Its bridge.
    pub(super) fn bridge(&self) -> String {
        bridge(&self.name)
    }

    /// Its subnet, as `10.87.0.0/24`.
    pub(super) fn subnet(&self) -> String {
        format!("{}/{}", self.gateway.network(), self.gateway.prefix)
    }

    /// Its subnet of IPv6, if it has one.
    pub(super) fn subnet_newer(&self) -> Option<String> {
        let newer = self.newer?;
        Some(format!("{}/{}", newer.network(), newer.prefix))
    }

    /// The script that puts an interface on the bridge, if a machine can be connected now.
    ///
    /// # Errors
    /// The bridge is gone, or this user may not use it.
    pub(crate) fn connect(&self) -> Result<PathBuf, Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::other(
                format!(
                    "a machine on the network {} needs root, for its TAP interface",
                    self.name
                ),
                "Run the command as root, or use --network user",
            ));
        }
        if !tools::interface_exists(&self.bridge()) {
            let cause = format!("the bridge of the network {} is gone", self.name);
            let cure = format!("Make it again with chiton network create {}", self.name);
            return Err(Failure::other(cause, cure));
        }
        Ok(self.place().join("up"))
    }

    /// Addresses of the subnets that a machine takes when there is no DHCP, each with its gateway: the same each time for the same name.
    pub(crate) fn addresses(&self, machine: &str) -> Vec<(Interface, IpAddr)> {
        let Some((own, gateway)) = self.address(machine).filter(|_| !self.dhcp) else {
            return Vec::new();
        };
        let newer = self.newer.zip(own.number()).map(|(newer, number)| {
            let address = Interface {
                address: newer.numbered(number),
                ..newer
            };
            (address, newer.address)
        });
        [(own, gateway)].into_iter().chain(newer).collect()
    }

    fn address(&self, machine: &str) -> Option<(Interface, IpAddr)> {
        let machine::Mac([.., high, low]) = machine::Mac::of_name(machine);
        let IpAddr::V4(network) = self.gateway.network() else {
            return None;
        };
        let room = (1_u32 << (32 - self.gateway.prefix)) - 3;
        let number = 2 + u32::from(u16::from_be_bytes([high, low])) % room;
        let address = IpAddr::V4((network.to_bits() + number).into());
        Some((
            Interface {
                address,
                ..self.gateway
            },
            self.gateway.address,
        ))
    }
}

/// The directory of all networks.
fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY_VARIABLE).map_or(DIRECTORY.into(), PathBuf::from)
}

/// The directory of one network.
pub(super) fn place(name: &str) -> PathBuf {
    directory().join(Path::new(name))
}

/// The bridge of a network.
pub(super) fn bridge(name: &str) -> String {
    format!("ct-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_back() {
        let network = Shared {
            name: "web".into(),
            gateway: Interface::parse("10.87.3.1/24").unwrap(),
            newer: None,
            nat: Nat::Nft,
            newer_leaves: false,
            dhcp: false,
            mtu: None,
        };
        let both = Shared {
            newer: Interface::parse("fd00:87::1/64"),
            newer_leaves: true,
            mtu: Some(9000),
            ..network.clone()
        };
        assert_eq!(Shared::parse("web", &both.text()), Some(both.clone()));
        assert_eq!(both.subnet_newer().as_deref(), Some("fd00:87::/64"));
        let [(one, _), (newer, gateway)] = both.addresses("a")[..] else {
            panic!("{:?}", both.addresses("a"))
        };
        assert_eq!(gateway.to_string(), "fd00:87::1");
        assert_eq!(one.number(), newer.number());
        assert_eq!(Shared::parse("web", &network.text()), Some(network.clone()));
        assert_eq!(Shared::parse("web", "nat=nft\n"), None);
        assert_eq!(
            (network.subnet(), network.bridge()),
            ("10.87.3.0/24".into(), "ct-web".into())
        );
        let (one, gateway) = network.addresses("a")[0];
        assert!(network.gateway.holds(one.address) && gateway.to_string() == "10.87.3.1");
        assert_eq!(network.addresses("a"), network.addresses("a"));
        assert_ne!(network.addresses("a"), network.addresses("b"));
    }

    #[test]
    fn names_of_networks() {
        assert!(Shared::check_name("web-2").is_ok());
        for bad in ["", "Web", "2web", "a/b", "..", "user", "thirteen-long", "a b"] {
            assert!(Shared::check_name(bad).is_err(), "{bad}");
        }
    }
}
