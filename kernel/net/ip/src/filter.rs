//! What the machine may connect to, if it was told (`chiton.net-allow=`, `chiton.net-deny=`).
//!
//! Only what the machine begins is looked at: a TCP connection ([`may_connect`], and its first segment, which a raw socket may send as well), a datagram to somebody who has not sent one before, an
//! echo. What answers goes its way. Who is denied gets `EPERM`, as from Linux's own filters, and at once, which a connection does not there. What comes in needs no rules: it is answered by whoever listens for it, or refused.
//!
//! Each rule counts what it decided (`/proc/net/rules`), and tells of the first that it denied.

use crate::network::Network;
use crate::transport::{Outgoing, Received};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use packet::{icmp, u16_at, udp};

const DENIED: Error = Error::new(Errno::EPERM, "the rules of the machine's network deny it");
const TCP: u8 = 6;
/// Who has sent datagrams, at most.
const MOST_HEARD: usize = 1024;

/// Some addresses, and perhaps some ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    network: Network,
    /// The first and the last; all if none.
    ports: Option<(u16, u16)>,
}

impl Rule {
    /// One that covers nothing: what stands for a rule that nobody can read, so that it does not let everything through.
    pub const NOTHING: Self = Self {
        network: Network::host(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        ports: Some((1, 0)),
    };
    /// Those that cover everything, for the same where something is denied.
    pub const EVERYTHING: [Self; 2] = [
        Self::whole(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        Self::whole(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    ];

    const fn whole(like: IpAddr) -> Self {
        Self {
            network: Network::all(like),
            ports: None,
        }
    }

    /// Reads `NETWORK`, `NETWORK:PORT`, or `[NETWORK]:PORT`, the port also as `FIRST-LAST`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let (network, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((network, "")) => (network, None),
            Some((network, rest)) => (network, Some(rest.strip_prefix(':')?)),
            None => match text.split_once(':') {
                Some((network, port)) if !port.contains(':') => (network, Some(port)),
                _ => (text, None),
            },
        };
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let ports = match port {
            None => None,
            Some(text) => Some(range(text)?),
        };
        Some(Self {
            network: Network::parse(network)?,
            ports,
        })
    }

    fn covers(&self, to: IpAddr, port: Option<u16>) -> bool {
        let within = |(first, last)| port.is_some_and(|port| (first..=last).contains(&port));
        self.network.contains(to) && self.ports.is_none_or(within)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Network { ip, prefix } = self.network;
        let Some((first, last)) = self.ports else {
            return write!(f, "{ip}/{prefix}");
        };
        if ip.is_ipv6() {
            write!(f, "[{ip}/{prefix}]:{first}")?;
        } else {
            write!(f, "{ip}/{prefix}:{first}")?;
        }
        if first == last { Ok(()) } else { write!(f, "-{last}") }
    }
}

/// A rule, and how often it decided.
#[derive(Clone, Copy, Debug)]
struct Counted {
    rule: Rule,
    packets: u64,
}

impl Counted {
    fn all(rules: Vec<Rule>) -> Vec<Self> {
        let counted = |rule| Self { rule, packets: 0 };
        rules.into_iter().map(counted).collect()
    }
}

struct Rules {
    allow: Vec<Counted>,
    deny: Vec<Counted>,
    /// How often no rule decided.
    rest: u64,
    /// Who has sent datagrams, which may be answered.
    heard: Vec<(IpAddr, u16)>,
}

static RULES: SpinLock<Rules> = SpinLock::new(Rules {
    allow: Vec::new(),
    deny: Vec::new(),
    rest: 0,
    heard: Vec::new(),
});
/// Whether there are any.
static ANY: AtomicBool = AtomicBool::new(false);

/// Sets the rules: what is denied is not allowed, and if something is allowed, nothing else is.
pub fn set_rules(allow: Vec<Rule>, deny: Vec<Rule>) {
    ANY.store(!allow.is_empty() || !deny.is_empty(), Ordering::Relaxed);
    let mut rules = RULES.lock();
    (rules.allow, rules.deny, rules.rest) = (Counted::all(allow), Counted::all(deny), 0);
}

/// The rules in the order in which they are looked at, with how often each decided: a line each, and one for what no rule is about.
///
/// # Errors
/// What the writer says.
pub fn write_rules(text: &mut dyn fmt::Write) -> fmt::Result {
    let rules = RULES.lock();
    for Counted { rule, packets } in &rules.deny {
        writeln!(text, "deny {rule} {packets}")?;
    }
    for Counted { rule, packets } in &rules.allow {
        writeln!(text, "allow {rule} {packets}")?;
    }
    let rest = if rules.allow.is_empty() { "allow" } else { "deny" };
    writeln!(text, "{rest} all {}", rules.rest)
}

/// Whether a TCP connection may begin.
///
/// # Errors
/// `EPERM`.
pub fn may_connect(to: IpAddr, port: u16) -> Result<()> {
    if !ANY.load(Ordering::Relaxed) {
        return Ok(());
    }
    RULES.lock().judge(to, Some(port), true)
}

/// Whether a packet may go.
pub(crate) fn check(packet: &Outgoing<'_>) -> Result<()> {
    if !ANY.load(Ordering::Relaxed) || packet.destination.is_multicast() {
        return Ok(());
    }
    let mut rules = RULES.lock();
    let start = |at: usize| {
        let pieces = core::iter::once(packet.header).chain(packet.payload.iter().copied());
        pieces.flatten().copied().nth(at)
    };
    let port = || u16_at(&[start(2)?, start(3)?], 0);
    let port = match packet.protocol {
        // The first segment of a connection alone has SYN and no ACK.
        TCP if start(13).is_some_and(|flags| flags & 0x12 != 2) => return Ok(()),
        udp::PROTOCOL if port().is_some_and(|port| rules.heard.contains(&(packet.destination, port))) => return Ok(()),
        TCP | udp::PROTOCOL => port(),
        1 if start(0) != Some(icmp::ECHO) => return Ok(()),
        58 if start(0) != Some(packet::discovery::kind::ECHO) => return Ok(()),
        _ => None,
    };
    // A connection that may begin has been counted.
    rules.judge(packet.destination, port, packet.protocol != TCP)
}

impl Rules {
    /// Whether something may be sent there. `counts` says whether it is counted if it may.
    fn judge(&mut self, to: IpAddr, port: Option<u16>, counts: bool) -> Result<()> {
        let covers = |counted: &&mut Counted| counted.rule.covers(to, port);
        let (denied, packets) = if let Some(counted) = self.deny.iter_mut().find(covers) {
            (true, &mut counted.packets)
        } else if let Some(counted) = self.allow.iter_mut().find(covers) {
            (false, &mut counted.packets)
        } else {
            (!self.allow.is_empty(), &mut self.rest)
        };
        *packets += u64::from(denied || counts);
        if !denied {
            return Ok(());
        }
        if *packets == 1 {
            match port {
                Some(port) => trace::info!("the rules deny {to} port {port}"),
                None => trace::info!("the rules deny {to}"),
            }
        }
        Err(DENIED)
    }
}

/// Somebody has sent a datagram: it may be answered.
pub(crate) fn hear(packet: &Received<'_>) {
    if !ANY.load(Ordering::Relaxed) || packet.protocol != udp::PROTOCOL {
        return;
    }
    let Some(port) = u16_at(packet.payload, 0) else { return };
    let mut rules = RULES.lock();
    if !rules.heard.contains(&(packet.source, port)) {
        if rules.heard.len() >= MOST_HEARD {
            rules.heard.remove(0);
        }
        rules.heard.push((packet.source, port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_refused_and_what_answers_is_not() {
        let rule = |text: &str| Rule::parse(text.as_bytes()).expect("a rule");
        assert_eq!(rule("10.0.0.0/8:80").ports, Some((80, 80)));
        assert_eq!(rule("[fd00::/8]:443-445").ports, Some((443, 445)));
        assert_eq!((rule("fd00::/8").ports, rule("1.2.3.4").network.prefix), (None, 32));
        assert_eq!(rule("[fd00::1]").network.prefix, 128);
        for bad in ["[fd00::/8]443", "10.0.0.0/8:1-x", "10.0.0.0/8:", "fd00::/129"] {
            assert_eq!(Rule::parse(bad.as_bytes()), None, "{bad}");
        }
        assert!(Rule::parse(b"10.0.0.0/8:x").is_none() && Rule::parse(b"all").is_none());
        let to: IpAddr = "10.1.2.3".parse().expect("an address");
        let segment = |port: u16, flags: u8| {
            let mut bytes = [0; 20];
            bytes[2..4].copy_from_slice(&port.to_be_bytes());
            bytes[13] = flags;
            bytes
        };
        let may = |protocol, bytes: &[u8]| check(&Outgoing::new(to, protocol, bytes, &[])).is_ok();
        assert!(may(TCP, &segment(22, 2)));
        set_rules(alloc::vec![rule("10.0.0.0/8:80")], alloc::vec![rule("10.1.2.4")]);
        assert!(may(TCP, &segment(80, 2)) && !may(TCP, &segment(22, 2)) && may(TCP, &segment(22, 0x12)));
        assert!(!may(udp::PROTOCOL, &segment(53, 0)) && !may(1, &[icmp::ECHO]) && may(1, &[0]));
        assert!(may_connect(to, 80).is_ok() && may_connect(to, 22).is_err());
        let mut text = alloc::string::String::new();
        write_rules(&mut text).expect("strings take everything");
        assert_eq!(text, "deny 10.1.2.4/32 0\nallow 10.0.0.0/8:80 1\ndeny all 4\n");
        for text in ["[fd00::/8]:443", "10.0.0.0/8:8000-8010", "::/0"] {
            assert_eq!(alloc::format!("{}", rule(text)), text);
        }
        let newer: IpAddr = "fd00::7".parse().expect("an address");
        let outcomes = |allow: &[Rule], deny: &[Rule]| {
            set_rules(allow.to_vec(), deny.to_vec());
            [(to, 79), (to, 80), (to, 90), (to, 91), (newer, 80)].map(|(to, port)| may_connect(to, port).is_ok())
        };
        let (range, all_newer) = (rule("10.0.0.0/8:80-90"), rule("fd00::/8"));
        assert_eq!(outcomes(&[range], &[]), [false, true, true, false, false]);
        assert_eq!(outcomes(&[], &[range]), [true, false, false, true, true]);
        assert_eq!(outcomes(&[], &[all_newer]), [true, true, true, true, false]);
        // What is denied is not allowed, whichever is said first or is more special.
        assert_eq!(
            outcomes(&[rule("10.1.2.3:90"), all_newer], &[rule("10.0.0.0/8")]),
            [false, false, false, false, true]
        );
        assert_eq!(outcomes(&[Rule::NOTHING], &[]), [false; 5]);
        assert_eq!(outcomes(&[], &Rule::EVERYTHING), [false; 5]);
        set_rules(alloc::vec![rule("10.0.0.0/8:80")], alloc::vec![rule("10.1.2.4")]);
        let datagram = [0, 53, 0, 9];
        hear(&Received {
            source: to,
            destination: to,
            interface: 2,
            protocol: udp::PROTOCOL,
            traffic_class: 0,
            hop_limit: 1,
            is_unicast: true,
            is_local: false,
            header: &[],
            payload: &datagram,
            checksum: crate::Checked::Verified,
            piece: 0,
        });
        assert!(may(udp::PROTOCOL, &segment(53, 0)));
        set_rules(Vec::new(), alloc::vec![rule("10.1.2.3")]);
        assert!(!may(TCP, &segment(80, 2)));
        set_rules(Vec::new(), Vec::new());
    }
}
