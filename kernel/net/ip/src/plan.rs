//! What the kernel was told about a card's configuration (`chiton.net=`).

use crate::network::Network;
use alloc::vec::Vec;
use core::net::IpAddr;

/// How a card gets its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// It asks for them.
    pub automatic: bool,
    /// It was told.
    pub addresses: Vec<Network>,
    /// Where what is not on the local network goes.
    pub gateways: Vec<IpAddr>,
    /// Whom to ask for names.
    pub nameservers: Vec<IpAddr>,
}

impl Plan {
    /// Reads `dhcp`, `none`, or `ip=ADDR/PREFIX[;gw=ADDR][;dns=ADDR]…`; what makes no sense is left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut plan = Self::default();
        let Ok(text) = core::str::from_utf8(text) else {
            return plan;
        };
        for part in text.split(';') {
            match part.split_once('=') {
                None => plan.automatic |= part == "dhcp" || part.is_empty(),
                Some(("ip", value)) => plan.addresses.extend(Network::parse(value)),
                Some(("gw", value)) => plan.gateways.extend(value.parse::<IpAddr>().ok()),
                Some(("dns", value)) => plan.nameservers.extend(value.parse::<IpAddr>().ok()),
                Some(_) => {}
            }
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_what_was_said() {
        assert!(Plan::parse(b"dhcp").automatic && Plan::parse(b"").automatic);
        assert_eq!(Plan::parse(b"none"), Plan::default());
        let plan = Plan::parse(b"ip=10.0.2.15/24;gw=10.0.2.2;ip=fd00::5/64;dns=10.0.2.3;ip=x;nonsense=1");
        assert_eq!(plan.addresses.len(), 2);
        assert_eq!(
            (plan.gateways.len(), plan.nameservers.len(), plan.automatic),
            (1, 1, false)
        );
        assert_eq!(Plan::parse(b"\xff\xfe"), Plan::default());
    }
}
