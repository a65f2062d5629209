//! A client that asks for an address of the older protocol (RFC 2131): pure, it is told the time and what came, and says what to send and what it got.
//!
//! It asks at once and then ever more seldom, a second to a minute apart, for as long as nobody answers. With an address it asks its server for more time after half of the time, everybody after seven eighths, and begins
//! again when the time is over. Answers that make no sense (to somebody else, to another question, with an address that cannot be a host's) are ignored.

use crate::network::Network;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use packet::dhcp::{ACK, Answer, DECLINE, DISCOVER, NAK, OFFER, Question, RELEASE, REQUEST, option};
use packet::ethernet::Mac;

const SECOND: u64 = 1_000_000_000;
/// The longest pause between two questions.
const LONGEST_PAUSE: u64 = 64 * SECOND;
/// The shortest pause between two questions for more time (RFC 2131 section 4.4.5).
const LEAST_PAUSE: u64 = 60 * SECOND;
/// How long after it got an address somebody may say that he has it, and how long it waits then (RFC 2131 sections 3.1 and 4.4.4).
const DOUBT: u64 = 3 * SECOND;
const DECLINED: u64 = 10 * SECOND;
/// Requests of one offer before another is looked for.
const REQUESTS: u32 = 4;

/// What a client has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) network: Network,
    /// Destinations and by whom they are reached; itself for those on the local network.
    pub(crate) routes: Vec<(Network, IpAddr)>,
    pub(crate) nameservers: Vec<IpAddr>,
    pub(crate) domain: Vec<u8>,
    pub(crate) host_name: Vec<u8>,
    pub(crate) mtu: Option<u32>,
    server: Ipv4Addr,
    doubted_until: u64,
    renew_at: u64,
    rebind_at: u64,
    ends_at: u64,
}

#[derive(Clone, Debug)]
enum State {
    /// Nobody has offered anything.
    Looking,
    /// An offer was taken, and is to be confirmed: the address and its server.
    Requesting(Ipv4Addr, Ipv4Addr),
    /// There is an address.
    Bound(Lease),
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Nothing,
    /// There is an address, the same as before or another.
    Got(Lease),
    /// It is gone.
    Lost,
}

/// A question to be sent.
pub(crate) struct Letter {
    pub(crate) bytes: Vec<u8>,
    /// From an own address to the server; from nobody to all if there is none.
    pub(crate) ends: Option<(Ipv4Addr, Ipv4Addr)>,
}

/// A client.
pub(crate) struct Client {
    mac: Mac,
    host_name: Vec<u8>,
    state: State,
    number: u32,
    began: u64,
    tries: u32,
    next: u64,
}

impl Client {
    pub(crate) fn new(now: u64, mac: Mac, host_name: Vec<u8>) -> Self {
        Self {
            mac,
            host_name,
            state: State::Looking,
            number: 0,
            began: now,
            tries: 0,
            next: now,
        }
    }

    /// Whether it has an address.
    pub(crate) const fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound(_))
    }

    /// Whether a server may be about to give it an address.
    pub(crate) const fn is_promised(&self) -> bool {
        matches!(self.state, State::Requesting(..))
    }

    /// When it has something to do.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Does what is due; `random` is different each time.
    pub(crate) fn tick(&mut self, now: u64, random: u32) -> (Event, Option<Letter>) {
        if now < self.next {
            return (Event::Nothing, None);
        }
        let mut event = Event::Nothing;
        if let State::Bound(lease) = &self.state
            && now >= lease.ends_at
        {
            event = Event::Lost;
            self.begin_again(now);
        }
        if matches!(self.state, State::Requesting(..)) && self.tries >= REQUESTS {
            self.begin_again(now);
        }
        let letter = match self.state.clone() {
            State::Bound(lease) => self.ask_for_more(now, random, &lease),
            State::Looking => {
                self.number = random;
                self.pause(now, random);
                self.letter(now, DISCOVER, None)
            }
            State::Requesting(ip, server) => {
                self.pause(now, random);
                self.letter(now, REQUEST, Some((ip, server)))
            }
        };
        (event, Some(letter))
    }

    fn begin_again(&mut self, now: u64) {
        self.state = State::Looking;
        (self.began, self.tries, self.next) = (now, 0, now);
    }

    /// Sets when the next question is due if this one is not answered: after twice the time, and a little more or less.
    fn pause(&mut self, now: u64, random: u32) {
        let pause = (SECOND << self.tries.min(6)).min(LONGEST_PAUSE);
        self.tries += 1;
        self.next = now + pause - pause / 8 + u64::from(random) % (pause / 4);
    }

    fn letter(&self, now: u64, kind: u8, offer: Option<(Ipv4Addr, Ipv4Addr)>) -> Letter {
        let question = Question {
            wanted: offer.map(|(ip, _)| ip),
            server: offer.map(|(_, server)| server),
            ..self.question(now, kind)
        };
        Letter {
            bytes: question.to_bytes(),
            ends: None,
        }
    }

    fn question(&self, now: u64, kind: u8) -> Question<'_> {
        Question {
            number: self.number,
            seconds: (now.saturating_sub(self.began) / SECOND).min(65535) as u16,
            mac: self.mac,
            ip: Ipv4Addr::UNSPECIFIED,
            broadcast: true,
            kind,
            wanted: None,
            server: None,
            host_name: &self.host_name,
        }
    }

    /// Asks the server, later everybody, for more time.
    fn ask_for_more(&mut self, now: u64, random: u32, lease: &Lease) -> Letter {
        let rebinding = now >= lease.rebind_at;
        let until = if rebinding { lease.ends_at } else { lease.rebind_at };
        if self.tries == 0 {
            (self.number, self.began) = (random, now);
        }
        self.tries += 1;
        let pause = (until.saturating_sub(now) / 2).max(LEAST_PAUSE);
        self.next = (now + pause).min(until.max(now + 1));
        let IpAddr::V4(ip) = lease.network.ip else {
            return self.letter(now, DISCOVER, None);
        };
        let question = Question {
            ip,
            broadcast: false,
            ..self.question(now, REQUEST)
        };
        let to = if rebinding { Ipv4Addr::BROADCAST } else { lease.server };
        Letter {
            bytes: question.to_bytes(),
            ends: Some((ip, to)),
        }
    }

    /// An answer came.
    pub(crate) fn receive(&mut self, now: u64, bytes: &[u8]) -> Event {
        let Some(answer) = Answer::parse(bytes) else {
            return Event::Nothing;
        };
        if answer.number != self.number || answer.mac != self.mac || self.tries == 0 {
            return Event::Nothing;
        }
        match (&self.state, answer.kind) {
            (State::Looking, OFFER) => {
                let server = answer.address(option::SERVER).filter(|ip| is_host(*ip));
                if let (Some(server), true) = (server, is_host(answer.ip)) {
                    self.state = State::Requesting(answer.ip, server);
                    (self.tries, self.next) = (0, now);
                }
                Event::Nothing
            }
            (State::Requesting(..) | State::Bound(_), ACK) => {
                let Some(lease) = self.lease(now, &answer) else {
                    return Event::Nothing;
                };
                self.next = lease.renew_at;
                self.tries = 0;
                self.state = State::Bound(lease.clone());
                Event::Got(lease)
            }
            (State::Requesting(..), NAK) => {
                self.begin_again(now);
                // Not at once: a server that says no to everything is not to be asked without end.
                self.next = now + SECOND;
                Event::Nothing
            }
            (State::Bound(_), NAK) => {
                self.begin_again(now);
                Event::Lost
            }
            _ => Event::Nothing,
        }
    }

    /// Somebody says that he has an address. If it was got just now, its server is told, and another is looked for after a while; later it may be anybody who wants the machine to lose its address.
    pub(crate) fn is_taken(&mut self, now: u64, ip: Ipv4Addr) -> Option<Letter> {
        let State::Bound(lease) = &self.state else { return None };
        if lease.network.ip != IpAddr::V4(ip) || now >= lease.doubted_until {
            return None;
        }
        let letter = self.letter(now, DECLINE, Some((ip, lease.server)));
        self.begin_again(now);
        self.next = now + DECLINED;
        Some(letter)
    }

    /// The machine ends, and others may have its address.
    pub(crate) fn release(&mut self, now: u64, random: u32) -> Option<Letter> {
        let State::Bound(lease) = &self.state else { return None };
        let IpAddr::V4(ip) = lease.network.ip else { return None };
        self.number = random;
        let question = Question {
            ip,
            broadcast: false,
            server: Some(lease.server),
            ..self.question(now, RELEASE)
        };
        Some(Letter {
            bytes: question.to_bytes(),
            ends: Some((ip, lease.server)),
        })
    }

    /// What an answer gives, if it makes sense.
    fn lease(&self, now: u64, answer: &Answer<'_>) -> Option<Lease> {
        let (server, doubted_until) = match &self.state {
            State::Requesting(ip, server) if *ip == answer.ip => (*server, now + DOUBT),
            State::Bound(lease) if lease.network.ip == answer.ip => {
                (answer.address(option::SERVER).unwrap_or(lease.server), 0)
            }
            _ => return None,
        };
        let prefix = match answer.number_of(option::MASK) {
            Some(mask) if mask.leading_ones() + mask.trailing_zeros() == 32 => mask.leading_ones() as u8,
            _ => 24,
        };
        let seconds = u64::from(answer.number_of(option::LEASE)?.max(60));
        let span = seconds * SECOND;
        let within = |name, otherwise: u64, most: u64| {
            let said = answer.number_of(name).map(|seconds| u64::from(seconds) * SECOND);
            said.filter(|said| (SECOND..=most).contains(said)).unwrap_or(otherwise)
        };
        let rebind = within(option::REBIND, span / 8 * 7, span);
        let renew = within(option::RENEW, (span / 2).min(rebind), rebind);
        Some(Lease {
            network: Network {
                ip: IpAddr::V4(answer.ip),
                prefix,
            },
            routes: routes(answer),
            nameservers: addresses(answer, option::NAMESERVERS),
            domain: name(answer, option::DOMAIN),
            host_name: name(answer, option::HOST_NAME),
            mtu: answer
                .option(option::MTU)
                .and_then(|value| packet::u16_at(value, 0))
                .map(u32::from)
                .filter(|mtu| *mtu >= 576),
            server,
            doubted_until,
            renew_at: now + renew,
            rebind_at: now + rebind,
            ends_at: now + span,
        })
    }
}

/// Whether an address can be one host's.
const fn is_host(ip: Ipv4Addr) -> bool {
    !(ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || ip.is_loopback())
}

fn addresses(answer: &Answer<'_>, name: u8) -> Vec<IpAddr> {
    let value = answer.option(name).unwrap_or_default();
    let all = value.chunks_exact(4).filter_map(|four| four.first_chunk::<4>());
    let all = all.map(|octets| Ipv4Addr::from(*octets)).filter(|ip| is_host(*ip));
    all.take(3).map(IpAddr::V4).collect()
}

/// A name with nothing in it that does not belong into a file of configuration.
fn name(answer: &Answer<'_>, name: u8) -> Vec<u8> {
    let value = answer.option(name).unwrap_or_default();
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    if value.iter().all(fine) {
        value.to_vec()
    } else {
        Vec::new()
    }
}

/// The routes: those that are listed (RFC 3442), or the one by the router.
fn routes(answer: &Answer<'_>) -> Vec<(Network, IpAddr)> {
    let mut all = Vec::new();
    let mut rest = answer.option(option::ROUTES).unwrap_or_default();
    while let Some((&prefix, after)) = rest.split_first() {
        let len = usize::from(prefix.min(32)).div_ceil(8);
        let Some((significant, after)) = after.split_at_checked(len) else {
            break;
        };
        let Some((router, after)) = after.split_first_chunk::<4>() else {
            break;
        };
        rest = after;
        let mut octets = [0; 4];
        octets[..len].copy_from_slice(significant);
        let network = Network {
            ip: IpAddr::from(octets),
            prefix: prefix.min(32),
        };
        all.push((network.masked(), IpAddr::from(*router)));
    }
    if all.is_empty()
        && let Some(router) = answer.address(option::ROUTER).filter(|ip| is_host(*ip))
    {
        let router = IpAddr::V4(router);
        all.push((Network::all(router), router));
    }
    all.truncate(64);
    all
}

#[cfg(test)]
mod tests;
