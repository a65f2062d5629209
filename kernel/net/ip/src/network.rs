//! Addresses with the length of their prefix.

use core::net::IpAddr;

/// An address and how much of it is its network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the prefix.
    pub prefix: u8,
}

impl Network {
    /// Every address of the family of one.
    #[must_use]
    pub const fn all(like: IpAddr) -> Self {
        let ip = match like {
            IpAddr::V4(_) => IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED),
        };
        Self { ip, prefix: 0 }
    }

    /// One address alone.
    #[must_use]
    pub const fn host(ip: IpAddr) -> Self {
        let prefix = if ip.is_ipv4() { 32 } else { 128 };
        Self { ip, prefix }
    }

    /// Reads `10.0.2.15/24`, or an address alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((ip, prefix)) = text.split_once('/') else {
            return Some(Self::host(text.parse().ok()?));
        };
        let ip: IpAddr = ip.parse().ok()?;
        let prefix = prefix.parse().ok()?;
        (prefix <= Self::host(ip).prefix).then_some(Self { ip, prefix })
    }

    /// Whether an address is in the network.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.ip.is_ipv4() == ip.is_ipv4() && common_bits(self.ip, ip) >= self.prefix
    }

    /// The network itself, without what is its member's.
    #[must_use]
    pub fn masked(&self) -> Self {
        let ip = match self.ip {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4((ip.to_bits() & mask).into())
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6((ip.to_bits() & mask).into())
            }
        };
        Self { ip, ..*self }
    }

    /// The address of everybody in a network of the older protocol, if it has one.
    #[must_use]
    pub fn broadcast(&self) -> Option<IpAddr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 => {
                let host = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Some(IpAddr::V4((ip.to_bits() | host).into()))
            }
            _ => None,
        }
    }
}

/// How many bits two addresses of one family have in common at their beginning.
pub(crate) fn common_bits(one: IpAddr, other: IpAddr) -> u8 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() as u8,
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() as u8,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect("a network")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_have_their_members() {
        assert!(network("10.0.2.15/24").contains(ip("10.0.2.2")) && !network("10.0.2.15/24").contains(ip("10.0.3.2")));
        assert!(network("0.0.0.0/0").contains(ip("8.8.8.8")) && !network("0.0.0.0/0").contains(ip("::1")));
        assert!(network("fe80::/10").contains(ip("fe81::1")) && !network("fe80::/10").contains(ip("fec0::1")));
        assert_eq!(network("10.0.2.15"), Network::host(ip("10.0.2.15")));
        assert_eq!(network("10.0.2.15/24").broadcast(), Some(ip("10.0.2.255")));
        assert_eq!(network("0.0.0.0/0").broadcast(), Some(ip("255.255.255.255")));
        assert_eq!(network("10.0.2.15/31").broadcast(), None);
        assert_eq!(network("10.0.2.15/24").masked(), network("10.0.2.0/24"));
        assert_eq!(network("fd00::7/0").masked(), network("::/0"));
        for bad in ["", "10.0.2.15/33", "::/129", "10.0.2/24", "a/1", "10.0.0.1/-1"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
