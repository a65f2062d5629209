//! QEMU's own network (`--network user`): its subnet follows the card's address, and published ports lead to that.
//!
//! The subnet is 10.0.2.0/24 unless the card has an address in another one. The gateway is number 2 in it and the name server number 3,
//! for IPv6 likewise; the gateway of IPv4 can be moved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use machine::{Backend, Forward};

use super::address::Interface;
use super::card::CardPlan;
use super::publish::Lead;
use crate::failure::Failure;

const GATEWAY: u32 = 2;
const NAMESERVER: u32 = 3;
const USUAL_V4: Interface = Interface {
    address: IpAddr::V4(Ipv4Addr::new(10, 0, 2, 0)),
    prefix: 24,
};
const USUAL_V6: Interface = Interface {
    address: IpAddr::V6(Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0)),
    prefix: 64,
};
/// A smaller network has no room for QEMU's own addresses.
const LONGEST_PREFIX: u8 = 28;

/// The kernel's token and the backend. `own_names` says that nobody named a name server.
///
/// # Errors
/// QEMU cannot make the network.
pub(super) fn plan(plan: &CardPlan, leads: &[Lead], own_names: bool) -> Result<(String, Backend), Failure> {
    let find = |v4: bool| plan.addresses.iter().find(|card| card.address.is_ipv4() == v4);
    let (mut options, mut gateways, mut nameservers) = (String::new(), Vec::new(), Vec::new());
    if let Some(card) = find(true) {
        let gateway = plan.gateways.iter().find(|gateway| gateway.is_ipv4());
        let gateway = gateway.copied().unwrap_or(card.numbered(GATEWAY));
        let nameserver = card.numbered(NAMESERVER);
        if card.prefix > LONGEST_PREFIX {
            let cause = format!("{}/{} is too small for QEMU's own network", card.network(), card.prefix);
            return Err(Failure::other(
                cause,
                format!("Give a prefix of {LONGEST_PREFIX} or less"),
            ));
        }
        if [gateway, nameserver, card.network()].contains(&card.address) {
            let cause = format!("{} belongs to QEMU's own network itself", card.address);
            return Err(Failure::other(
                cause,
                format!("Give another one, such as {}", card.numbered(9)),
            ));
        }
        if *card
            != (Interface {
                address: card.address,
                ..USUAL_V4
            })
            || !USUAL_V4.holds(card.address)
        {
            options += &format!(",net={}/{}", card.network(), card.prefix);
        }
        if gateway != card.numbered(GATEWAY) {
            options += &format!(",host={gateway}");
        }
        // What DHCP would give out, so that nobody else gets it and forwarded ports know it.
        options += &format!(",dhcpstart={}", card.address);
        gateways.push(gateway);
        nameservers.push(nameserver);
    }
    if let Some(card) = find(false) {
        if !USUAL_V6.holds(card.address) || card.prefix != USUAL_V6.prefix {
            options += &format!(",ipv6-net={}/{}", card.network(), card.prefix);
        }
        gateways.push(card.numbered(GATEWAY));
        nameservers.push(card.numbered(NAMESERVER));
    }
    if !own_names {
        nameservers.clear();
    }
    let guest = find(true).and_then(|card| match card.address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    let forwards = leads
        .iter()
        .map(|lead| forward(lead, guest))
        .collect::<Result<_, _>>()?;
    let token = plan.token(&gateways, &nameservers)?;
    Ok((token, Backend::User { options, forwards }))
}

fn forward(lead: &Lead, guest: Option<Ipv4Addr>) -> Result<Forward, Failure> {
    let SocketAddr::V4(host) = lead.host else {
        let cause = format!(
            "{} cannot be published: QEMU's own network listens on IPv4 addresses only",
            lead.host
        );
        return Err(Failure::other(
            cause,
            "Publish on an IPv4 address such as 127.0.0.1, or use --network passt",
        ));
    };
    Ok(Forward {
        protocol: lead.protocol,
        host,
        guest,
        port: lead.guest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<(String, String), String> {
        let card = CardPlan::parse(text).unwrap().unwrap();
        match plan(&card, &[], true) {
            Ok((token, Backend::User { options, .. })) => Ok((token, options)),
            Ok((_, other)) => Err(format!("{other:?}")),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn the_subnet_follows_the_address() {
        let is = |text: &str, token: &str, options: &str| {
            assert_eq!(made(text), Ok((token.to_string(), options.to_string())), "{text}");
        };
        is("user", "dhcp", "");
        is(
            "user,ip=10.0.2.20",
            "ip=10.0.2.20/24;gw=10.0.2.2;dns=10.0.2.3",
            ",dhcpstart=10.0.2.20",
        );
        is(
            "user,ip=10.7.0.20/16,gateway=10.7.0.1",
            "ip=10.7.0.20/16;gw=10.7.0.1;dns=10.7.0.3",
            ",net=10.7.0.0/16,host=10.7.0.1,dhcpstart=10.7.0.20",
        );
        is("user,ip=fec0::9", "ip=fec0::9/64;gw=fec0::2;dns=fec0::3", "");
        is(
            "user,ip=fd00::9",
            "ip=fd00::9/64;gw=fd00::2;dns=fd00::3",
            ",ipv6-net=fd00::/64",
        );
        assert!(made("user,ip=10.0.2.2").unwrap_err().contains("belongs to QEMU"));
        assert!(made("user,ip=10.0.2.21/30").unwrap_err().contains("too small"));
    }
}
