//! Networks that several machines share: a bridge of this host, and what is written down about it.
//!
//! Each network has a directory below `/run/chiton/networks`, which is gone when the bridges are gone too: `state` (`KEY=VALUE` lines), `up` (the
//! script with which QEMU puts a machine's TAP interface on the bridge), and the files of dnsmasq. The bridge is called `ct-NAME`.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::address::{Interface, unusable};
use super::tools;
use crate::failure::Failure;

/// Where networks are written down, if not in the place that this variable names.
const DIRECTORY: &str = "/run/chiton/networks";
const DIRECTORY_VARIABLE: &str = "CHITON_NETWORKS";
/// No subnet of IPv4 is larger.
pub(super) const LEAST_PREFIX: u8 = 8;
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
    /// The subnet, with the bridge's own address.
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
        tools::needs_ip()?;
        if !tools::interface_exists(&self.bridge()) {
            let cause = format!("the bridge of the network {} is gone", self.name);
            let cure = format!("Make it again with chiton network create {}", self.name);
            return Err(Failure::other(cause, cure));
        }
        Ok(self.place().join("up"))
    }

    /// Addresses of the subnets that a machine takes when there is no DHCP: the same each time for the same name.
    pub(crate) fn addresses(&self, machine: &str) -> Vec<Interface> {
        let Some(number) = self.number(machine).filter(|_| !self.dhcp) else {
            return Vec::new();
        };
        let newer = self.newer.map(|newer| {
            let same = newer.numbered(number);
            // The bridge has it already, and no number of IPv4 is as large as this.
            let other = newer.numbered(number | 1 << (32 - LEAST_PREFIX));
            let address = if same == newer.address { other } else { same };
            Interface { address, ..newer }
        });
        let own = Interface {
            address: self.gateway.numbered(number),
            ..self.gateway
        };
        [own].into_iter().chain(newer).collect()
    }

    /// The number of a machine in its subnet, which is not the bridge's.
    fn number(&self, machine: &str) -> Option<u32> {
        let machine::Mac([.., high, low]) = machine::Mac::of_name(machine);
        let bridge = self.gateway.number()?;
        let room = 1_u32.checked_shl(32 - u32::from(self.gateway.prefix))?.checked_sub(3)?;
        let number = 1 + u32::from(u16::from_be_bytes([high, low])).checked_rem(room)?;
        Some(if number < bridge { number } else { number + 1 })
    }

    /// An address that a machine is to have, with the prefix of the network.
    ///
    /// # Errors
    /// It is not an address of the network, or the bridge's.
    pub(crate) fn own(&self, wanted: Interface) -> Result<Interface, Failure> {
        let subnets = [Some(self.gateway), self.newer];
        let subnet = subnets
            .into_iter()
            .flatten()
            .find(|subnet| subnet.holds(wanted.address));
        let own = subnet.map(|subnet| Interface {
            address: wanted.address,
            ..subnet
        });
        let is_free = |own: &Interface| {
            !subnets.contains(&Some(*own)) && own.address != own.network() && unusable(*own).is_none()
        };
        match own.filter(is_free) {
            Some(own) => Ok(own),
            None => {
                let cause = format!(
                    "no machine on the network {} can have the address {}",
                    self.name, wanted.address
                );
                let newer = self
                    .subnet_newer()
                    .map_or(String::new(), |subnet| format!(" or {subnet}"));
                let cure = format!("Give another one of {}{newer}, or none", self.subnet());
                Err(Failure::other(cause, cure))
            }
        }
    }

    /// Who leads machines of this protocol on, if anybody does.
    pub(crate) fn way_out(&self, of: IpAddr) -> Option<IpAddr> {
        if of.is_ipv4() {
            return Some(self.gateway.address);
        }
        // Where IPv6 ends at the bridge, nobody leads further.
        self.newer.filter(|_| self.newer_leaves).map(|newer| newer.address)
    }

    /// Who knows the names of the machines, if anybody does.
    pub(crate) fn knows_names(&self) -> Option<IpAddr> {
        self.dhcp.then_some(self.gateway.address)
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
        let [one, newer] = both.addresses("a")[..] else {
            panic!("{:?}", both.addresses("a"))
        };
        assert_eq!(one.number(), newer.number());
        assert_eq!(Shared::parse("web", &network.text()), Some(network.clone()));
        assert_eq!(Shared::parse("web", "nat=nft\n"), None);
        assert_eq!(
            (network.subnet(), network.bridge()),
            ("10.87.3.0/24".into(), "ct-web".into())
        );
        assert!(network.gateway.holds(network.addresses("a")[0].address));
        assert_eq!(network.addresses("a"), network.addresses("a"));
        assert_ne!(network.addresses("a"), network.addresses("b"));
    }

    fn shared(gateway: &str, newer: &str, dhcp: bool) -> Shared {
        Shared {
            name: "web".into(),
            gateway: Interface::parse(gateway).unwrap(),
            newer: Interface::parse(newer),
            nat: Nat::Nft,
            newer_leaves: false,
            dhcp,
            mtu: None,
        }
    }

    #[test]
    fn no_machine_has_the_bridges_address() {
        for own in 1..=6 {
            let network = shared(&format!("10.9.0.{own}/29"), &format!("fd00:9::{own}/64"), false);
            let mut older: Vec<u32> = Vec::new();
            for machine in 0..200 {
                let [one, newer] = network.addresses(&machine.to_string())[..] else {
                    panic!("two addresses")
                };
                assert_eq!((network.own(one).unwrap(), network.own(newer).unwrap()), (one, newer));
                older.extend(one.number());
            }
            older.sort_unstable();
            older.dedup();
            assert_eq!(older, (1..=6).filter(|number| *number != own).collect::<Vec<_>>());
        }
        let network = shared("10.9.0.1/16", "fd00:9::50/64", false);
        assert!((0..=u16::MAX).all(|number| {
            let addresses = network.addresses(&number.to_string());
            addresses.iter().all(|own| network.own(*own).is_ok())
        }));
        assert!(shared("10.9.0.1/16", "", true).addresses("a").is_empty());
    }

    #[test]
    fn an_address_is_one_of_the_network() {
        let network = shared("10.9.0.1/16", "fd00:9::1/64", true);
        let own = |text: &str| {
            let own = network.own(Interface::parse(text).unwrap());
            own.map(|own| own.to_string()).map_err(|failure| failure.to_string())
        };
        assert_eq!(own("10.9.3.4").as_deref(), Ok("10.9.3.4/16"));
        assert_eq!(own("fd00:9::7").as_deref(), Ok("fd00:9::7/64"));
        for bad in [
            "10.9.0.1",
            "10.9.0.0",
            "10.9.255.255",
            "10.8.0.7",
            "fd00:9::1",
            "fd00:9::",
            "fd00:8::7",
        ] {
            let (bare, failure) = (bad, own(bad).unwrap_err());
            assert_eq!(
                failure,
                format!(
                    "no machine on the network web can have the address {bare}. Give another one of 10.9.0.0/16 or fd00:9::/64, or none."
                )
            );
        }
        let out = |text: &str| network.way_out(text.parse().unwrap()).map(|own| own.to_string());
        assert_eq!((out("10.9.3.4").as_deref(), out("fd00:9::7")), (Some("10.9.0.1"), None));
        assert!(network.knows_names().is_some() && shared("10.9.0.1/16", "", false).knows_names().is_none());
    }

    #[test]
    fn names_of_networks() {
        assert!(Shared::check_name("web-2").is_ok());
        for bad in ["", "Web", "2web", "a/b", "..", "user", "thirteen-long", "a b"] {
            assert!(Shared::check_name(bad).is_err(), "{bad}");
        }
    }
}
