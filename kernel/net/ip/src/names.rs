//! Whom to ask for names, and in which domains they are looked for: what the plan, servers and routers said, as one file. Servers that the user chose take the place of all others.

use crate::autoconf::Thing;
use crate::clock::{look, with};
use crate::configure::{PATIENCE, PATIENCE_NEWER, wait};
use crate::stack::Stack;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;

/// Domains that are searched at most.
const MOST_DOMAINS: usize = 6;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Plan,
    /// A server that gave an address.
    Server,
    /// The same of the newer protocol.
    ServerNewer,
}

/// Whom to ask for names, as one interface was told. What routers say is kept with its end, as a [`Thing`].
pub(crate) struct Names {
    pub(crate) interface: u32,
    /// Who said so.
    pub(crate) origin: Origin,
    pub(crate) servers: Vec<IpAddr>,
    /// Domains with a space between two.
    pub(crate) search: Vec<u8>,
}

/// Whom to ask for names, as `resolv.conf(5)` has it; who asks while the machine is being configured waits for that.
#[must_use]
pub fn resolver() -> String {
    // A signal ends the waiting, no more.
    let _ = wait(Stack::naming_until);
    look(Stack::resolver)
}

/// Has these asked for names, whatever servers and routers say; none of them, and those are asked.
pub fn choose_servers(servers: &[IpAddr]) {
    with(|stack, _, _| stack.chosen_servers = servers.to_vec());
}

impl Stack {
    /// Until when programs wait to learn whom to ask for names: not for long for the older protocol if a router has said so already.
    fn naming_until(&self, now: u64) -> Option<u64> {
        let is_named = self.servers().next().is_some();
        let patience = if is_named { PATIENCE_NEWER } else { PATIENCE };
        self.asking_until(now, patience)
    }

    /// Everybody who may be asked, with the interface that leads to him.
    fn servers(&self) -> impl Iterator<Item = (u32, IpAddr)> {
        let told = self.names.iter();
        let told = told.flat_map(|names| names.servers.iter().map(|server| (names.interface, *server)));
        let told = told.chain(self.timed.iter().filter_map(|(thing, _)| match thing {
            Thing::Server(interface, ip) => Some((*interface, *ip)),
            _ => None,
        }));
        let is_free = self.chosen_servers.is_empty();
        let chosen = self.chosen_servers.iter().map(|ip| (0, *ip));
        chosen.chain(told.filter(move |_| is_free))
    }

    /// The domains that are searched, as lists.
    fn domains(&self) -> impl Iterator<Item = &[u8]> {
        let told = self.names.iter().map(|names| names.search.as_slice());
        let told = told.chain(self.timed.iter().filter_map(|(thing, _)| match thing {
            Thing::Search(_, list) => Some(list.as_slice()),
            _ => None,
        }));
        told.flat_map(|list| list.split(|byte| *byte == b' '))
            .filter(|domain| !domain.is_empty())
    }

    /// The file. Of several lines with domains only the last counts, so there is one; who is named twice stands there once.
    fn resolver(&self) -> String {
        let mut text = String::new();
        let mut domains: Vec<&[u8]> = Vec::new();
        for domain in self.domains() {
            if domains.len() < MOST_DOMAINS && !domains.contains(&domain) {
                text += if domains.is_empty() { "search " } else { " " };
                text += &String::from_utf8_lossy(domain);
                domains.push(domain);
            }
        }
        if !domains.is_empty() {
            text.push('\n');
        }
        let mut known: Vec<(u32, IpAddr)> = Vec::new();
        // Those of the first card first, whoever answered sooner.
        let mut cards: Vec<u32> = self.servers().map(|(interface, _)| interface).collect();
        sortedmap::sort(&mut cards);
        cards.dedup();
        let of_card = |card: u32| self.servers().filter(move |(interface, _)| *interface == card);
        for (interface, ip) in cards.into_iter().flat_map(of_card) {
            let is_near = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
            // An address of a local network says something only together with the interface.
            if known.iter().any(|one| one.1 == ip && (!is_near || one.0 == interface)) {
                continue;
            }
            known.push((interface, ip));
            let _ = write!(text, "nameserver {ip}");
            if let Some(link) = self.link(interface).filter(|_| is_near) {
                let _ = write!(text, "%{}", link.interface.name);
            }
            text.push('\n');
        }
        text
    }
}
