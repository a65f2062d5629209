//! A client that asks servers for an address of the newer protocol, or only for what else they know (RFC 8415): pure, it is told the time and what came, and says what to send and what it got.
//!
//! It asks at once, not after a random second, and takes the first server that has an address, without waiting for others that might be preferred: programs are waiting. Nobody who answers is asked ever more
//! seldom, up to once an hour. With an address it asks its server for more time, later everybody, and begins again when the time is over. What makes no sense is ignored. It does not do: several addresses of one
//! server, prefixes.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use packet::dhcp6::{Answer, Association, Given, Question, find, is_refused, kind, option};
use packet::ethernet::Mac;
use packet::names::search_list;
use packet::u32_at;

const SECOND: u64 = 1_000_000_000;
/// The first and the longest pause between two questions, and between two for more time.
const PAUSES: (u64, u64) = (SECOND, 3600 * SECOND);
const RENEWAL_PAUSES: (u64, u64) = (10 * SECOND, 600 * SECOND);
/// Requests of one offer before another is looked for, and the longest pause between them.
const REQUESTS: u32 = 10;
const REQUEST_PAUSE: u64 = 30 * SECOND;
/// How long it waits after somebody else had what it got.
const DECLINED: u64 = 10 * SECOND;
/// Nothing is good for less, or nobody would do anything but ask.
const LEAST: u32 = 60;
/// After how many seconds it is asked again what else servers know: if they do not say, and at least (RFC 8415 section 21.23).
const REFRESH: u32 = 86_400;
const LEAST_REFRESH: u32 = 600;
/// Name servers that are taken of one answer.
const MOST_SERVERS: usize = 3;

/// What a client has got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Its address, if it is after one.
    pub(crate) ip: Option<Ipv6Addr>,
    pub(crate) nameservers: Vec<IpAddr>,
    /// Domains with a space between two.
    pub(crate) search: Vec<u8>,
}

/// When something has to be done about an address.
#[derive(Clone, Copy, Debug)]
struct Times {
    renew_at: u64,
    rebind_at: u64,
    ends_at: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Asks what servers know; or knows it.
    Informing,
    Informed,
    /// No server has offered an address.
    Looking,
    /// An offer was taken, and is to be confirmed.
    Requesting(Ipv6Addr),
    /// There is an address.
    Bound(Ipv6Addr, Times),
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Nothing,
    /// There is something, the same as before or other things.
    Got(Lease),
    /// It is gone.
    Lost,
}

/// A client.
pub(crate) struct Client {
    mac: Mac,
    state: State,
    /// Who gave the address, or has offered it.
    server: Vec<u8>,
    /// The kind of the last question, and its number.
    asked: u8,
    number: u32,
    began: u64,
    tries: u32,
    next: u64,
}

impl Client {
    /// One that is after an address, or only after what else there is to know.
    pub(crate) const fn new(now: u64, mac: Mac, stateful: bool) -> Self {
        Self {
            mac,
            state: if stateful { State::Looking } else { State::Informing },
            server: Vec::new(),
            asked: 0,
            number: 0,
            began: now,
            tries: 0,
            next: now,
        }
    }

    /// Whether it is after an address.
    pub(crate) const fn is_stateful(&self) -> bool {
        !matches!(self.state, State::Informing | State::Informed)
    }

    /// Whether it is after an address that it has not got.
    pub(crate) const fn is_looking(&self) -> bool {
        matches!(self.state, State::Looking | State::Requesting(_))
    }

    /// Whether a server may be about to give it one.
    pub(crate) const fn is_promised(&self) -> bool {
        matches!(self.state, State::Requesting(_))
    }

    /// When it has something to do.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Does what is due; `random` is different each time.
    pub(crate) fn tick(&mut self, now: u64, random: u32) -> (Event, Option<Vec<u8>>) {
        if now < self.next {
            return (Event::Nothing, None);
        }
        let mut event = Event::Nothing;
        match self.state {
            State::Bound(_, times) if now >= times.ends_at => {
                event = Event::Lost;
                self.begin_again(now);
            }
            State::Requesting(_) if self.tries >= REQUESTS => self.begin_again(now),
            State::Informed => (self.state, self.tries) = (State::Informing, 0),
            _ => {}
        }
        let (kind, (first, longest), until) = match self.state {
            State::Informing | State::Informed => (kind::INFORMATION, PAUSES, u64::MAX),
            State::Looking => (kind::SOLICIT, PAUSES, u64::MAX),
            State::Requesting(_) => (kind::REQUEST, (SECOND, REQUEST_PAUSE), u64::MAX),
            State::Bound(_, times) if now >= times.rebind_at => (kind::REBIND, RENEWAL_PAUSES, times.ends_at),
            State::Bound(_, times) => (kind::RENEW, RENEWAL_PAUSES, times.rebind_at),
        };
        if kind != self.asked || self.tries == 0 {
            (self.asked, self.tries, self.number, self.began) = (kind, 0, random & 0xff_ffff, now);
        }
        let pause = (first << self.tries.min(12)).min(longest);
        self.tries += 1;
        let pause = pause - pause / 8 + u64::from(random) % (pause / 4);
        self.next = (now + pause).min(until.max(now + 1));
        (event, Some(self.letter(now, kind)))
    }

    fn begin_again(&mut self, now: u64) {
        self.state = State::Looking;
        (self.tries, self.next) = (0, now);
    }

    fn letter(&self, now: u64, kind: u8) -> Vec<u8> {
        let ip = match self.state {
            State::Requesting(ip) | State::Bound(ip, _) => Some(ip),
            _ => None,
        };
        let to_one = matches!(kind, kind::REQUEST | kind::RENEW | kind::RELEASE | kind::DECLINE);
        let question = Question {
            kind,
            number: self.number,
            mac: self.mac,
            elapsed: (now.saturating_sub(self.began) / (SECOND / 100)).min(65535) as u16,
            server: if to_one { &self.server } else { &[] },
            association: (kind != kind::INFORMATION).then_some((self.association(), ip)),
        };
        question.to_bytes()
    }

    /// The number of its association of addresses: the same each time for the same card.
    const fn association(&self) -> u32 {
        let [.., a, b, c, d] = self.mac;
        u32::from_be_bytes([a, b, c, d])
    }

    /// A message of a server came; nothing if it answers somebody else's question.
    pub(crate) fn receive(&mut self, now: u64, bytes: &[u8]) -> Option<Event> {
        let answer = Answer::parse(bytes, self.mac)?;
        if answer.number != self.number || self.tries == 0 {
            return None;
        }
        Some(match (self.state, answer.kind) {
            (State::Looking, kind::ADVERTISE) => {
                if let Some((given, _)) = self.given(&answer, None) {
                    self.state = State::Requesting(given.ip);
                    self.server = answer.server.to_vec();
                    (self.tries, self.next) = (0, now);
                }
                Event::Nothing
            }
            (State::Looking, kind::REPLY) if find(answer.options, option::RAPID).is_some() => {
                self.bind(now, &answer, None).unwrap_or(Event::Nothing)
            }
            (State::Requesting(ip), kind::REPLY) if answer.server == self.server => {
                self.bind(now, &answer, Some(ip)).unwrap_or_else(|| {
                    self.begin_again(now);
                    // Not at once: a server that says no to everything is not to be asked without end.
                    self.next = now + SECOND;
                    Event::Nothing
                })
            }
            (State::Bound(ip, _), kind::REPLY) => self.renewed(now, &answer, ip),
            (State::Informing, kind::REPLY) if !is_refused(answer.options) => {
                let refresh = find(answer.options, option::REFRESH).and_then(|value| u32_at(value, 0));
                let refresh = refresh.unwrap_or(REFRESH).max(LEAST_REFRESH);
                self.state = State::Informed;
                (self.tries, self.next) = (0, after(now, refresh));
                Event::Got(lease(&answer, None))
            }
            _ => Event::Nothing,
        })
    }

    /// A server says what becomes of an address: it goes on, another one comes, or it ends.
    fn renewed(&mut self, now: u64, answer: &Answer<'_>, ip: Ipv6Addr) -> Event {
        let is_other = self.asked == kind::RENEW && answer.server != self.server;
        if is_other || is_refused(answer.options) {
            return Event::Nothing;
        }
        if let Some(event) = self.bind(now, answer, Some(ip)) {
            return event;
        }
        let ends = |found: Association<'_>| {
            is_refused(found.options) || found.addresses().any(|given| given.ip == ip && given.valid == 0)
        };
        if !Association::find(answer.options, self.association()).is_some_and(ends) {
            return Event::Nothing;
        }
        self.begin_again(now);
        self.next = now + SECOND;
        Event::Lost
    }

    /// Takes an address that an answer gives, the wanted one if it is there.
    fn bind(&mut self, now: u64, answer: &Answer<'_>, wanted: Option<Ipv6Addr>) -> Option<Event> {
        let (given, found) = self.given(answer, wanted)?;
        let span = |seconds: u32, otherwise: u64| match seconds {
            0 => otherwise,
            u32::MAX => u64::MAX,
            seconds => u64::from(seconds) * SECOND,
        };
        let valid = span(given.valid.max(LEAST), 0);
        let preferred = span(given.preferred.max(LEAST), 0);
        let rebind = span(found.rebind, preferred / 5 * 4).clamp(10 * SECOND, valid);
        let renew = span(found.renew, preferred / 2).clamp(10 * SECOND, rebind);
        let times = Times {
            renew_at: now.saturating_add(renew),
            rebind_at: now.saturating_add(rebind),
            ends_at: now.saturating_add(valid),
        };
        self.state = State::Bound(given.ip, times);
        self.server = answer.server.to_vec();
        (self.tries, self.next) = (0, times.renew_at);
        Some(Event::Got(lease(answer, Some(given.ip))))
    }

    /// The address in an answer that is to be taken, if there is one that makes sense.
    fn given<'a>(&self, answer: &Answer<'a>, wanted: Option<Ipv6Addr>) -> Option<(Given, Association<'a>)> {
        let found = Association::find(answer.options, self.association())?;
        if is_refused(answer.options) || is_refused(found.options) || found.renew > found.rebind && found.rebind > 0 {
            return None;
        }
        let fine = |given: &Given| is_host(given.ip) && given.valid > 0 && given.preferred <= given.valid;
        let mut same = found.addresses().filter(fine).filter(|given| Some(given.ip) == wanted);
        let given = same.next().or_else(|| found.addresses().find(fine))?;
        Some((given, found))
    }

    /// Gives its address back, for a reason.
    fn give_back(&mut self, now: u64, kind: u8) -> Vec<u8> {
        self.number = self.number.wrapping_add(1) & 0xff_ffff;
        self.began = now;
        self.letter(now, kind)
    }

    /// The machine ends, and others may have its address.
    pub(crate) fn release(&mut self, now: u64) -> Option<Vec<u8>> {
        matches!(self.state, State::Bound(..)).then(|| self.give_back(now, kind::RELEASE))
    }

    /// Somebody else has an address: if it was got just now, its server is told, and another is looked for after a while.
    pub(crate) fn is_taken(&mut self, now: u64, ip: Ipv6Addr) -> Option<Vec<u8>> {
        if !matches!(self.state, State::Bound(own, _) if own == ip) {
            return None;
        }
        let letter = self.give_back(now, kind::DECLINE);
        self.begin_again(now);
        self.next = now + DECLINED;
        Some(letter)
    }
}

/// What an answer says, with an address.
fn lease(answer: &Answer<'_>, ip: Option<Ipv6Addr>) -> Lease {
    let servers = find(answer.options, option::NAMESERVERS).unwrap_or_default();
    let servers = servers.chunks_exact(16).filter_map(|ip| ip.first_chunk::<16>());
    let servers = servers.map(|ip| Ipv6Addr::from(*ip)).filter(|ip| {
        // One on the local network may well know names.
        is_host(*ip) || ip.is_unicast_link_local()
    });
    Lease {
        ip,
        nameservers: servers.take(MOST_SERVERS).map(IpAddr::V6).collect(),
        search: search_list(find(answer.options, option::DOMAINS).unwrap_or_default()),
    }
}

/// Whether an address can be one host's beyond the local network.
const fn is_host(ip: Ipv6Addr) -> bool {
    !(ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() || ip.is_unicast_link_local())
        && ip.to_ipv4_mapped().is_none()
}

/// The end of a lifetime in seconds, of which the longest never ends.
fn after(now: u64, seconds: u32) -> u64 {
    match seconds {
        u32::MAX => u64::MAX,
        seconds => now + u64::from(seconds) * SECOND,
    }
}

#[cfg(test)]
mod tests;
