//! What is set of the network below `/proc/sys/net`: the paths, the values, and what they may be.
//!
//! All settings stand in one text ([`rows`]), which is read when a file is opened; their numbers stand in one array, and a [`Setting`] finds its place there by its path when it is compiled. So a setting costs a line, and
//! who asks for one on each packet loads a word. Tables of functions for each file, as elsewhere in `/proc`, would be five times as large.
//!
//! A card has values of its own only for what was set for it, or was there before `default` became something else ([`keep`]); for all else it has those of `default`.
//! Lock order: both locks are leaves.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod rows;
mod table;
mod write;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicI32, Ordering};
use lock::{Once, SpinLock};
pub use table::{LINES, Setting, path};
pub use write::{Wrong, set};

/// Interfaces that a line with a star is read and written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of them.
    All,
    /// Those to come.
    Default,
    /// The one of a number.
    Interface(u32),
}

/// The number of the interface that leads to the machine itself.
const LOOPBACK: u32 = 1;

static VALUES: [AtomicI32; table::NUMBERS] = table::first_values();
/// What was set for cards: the place of the line's numbers, the card, the value.
static OF_CARDS: SpinLock<Vec<(u16, u32, i32)>> = SpinLock::new(Vec::new());
/// Ports that nobody gets who does not ask for them (`ip_local_reserved_ports`): the first and the last of each range, in order.
static RESERVED: SpinLock<Vec<(u16, u16)>> = SpinLock::new(Vec::new());
/// What else is done when a number has changed.
static CHANGED: Once<fn(Setting, Whose, i32)> = Once::new();

macro_rules! settings {
    ($($name:ident $path:literal)*) => {
        $(
            #[doc = concat!("`net/", $path, "`.")]
            pub const $name: Setting = Setting::named($path);
        )*
    };
}

// Each becomes `pub const NAME: Setting`; a path that no line has does not compile.
settings! {
    RMEM_DEFAULT "core/rmem_default"
    RMEM_MAX "core/rmem_max"
    SOMAXCONN "core/somaxconn"
    WMEM_DEFAULT "core/wmem_default"
    WMEM_MAX "core/wmem_max"
    ACCEPT_REDIRECTS "ipv4/conf/*/accept_redirects"
    ECHO_IGNORE_ALL "ipv4/icmp_echo_ignore_all"
    ECHO_IGNORE_BROADCASTS "ipv4/icmp_echo_ignore_broadcasts"
    MSGS_BURST "ipv4/icmp_msgs_burst"
    MSGS_PER_SEC "ipv4/icmp_msgs_per_sec"
    RATELIMIT "ipv4/icmp_ratelimit"
    RATEMASK "ipv4/icmp_ratemask"
    DEFAULT_TTL "ipv4/ip_default_ttl"
    PORT_RANGE "ipv4/ip_local_port_range"
    NONLOCAL_BIND "ipv4/ip_nonlocal_bind"
    UNPRIVILEGED_PORT_START "ipv4/ip_unprivileged_port_start"
    PING_GROUP_RANGE "ipv4/ping_group_range"
    ABORT_ON_OVERFLOW "ipv4/tcp_abort_on_overflow"
    ALLOWED_CONGESTION_CONTROL "ipv4/tcp_allowed_congestion_control"
    CONGESTION_CONTROL "ipv4/tcp_congestion_control"
    DSACK "ipv4/tcp_dsack"
    ECN "ipv4/tcp_ecn"
    FIN_TIMEOUT "ipv4/tcp_fin_timeout"
    KEEPALIVE_INTVL "ipv4/tcp_keepalive_intvl"
    KEEPALIVE_PROBES "ipv4/tcp_keepalive_probes"
    KEEPALIVE_TIME "ipv4/tcp_keepalive_time"
    MAX_ORPHANS "ipv4/tcp_max_orphans"
    MAX_SYN_BACKLOG "ipv4/tcp_max_syn_backlog"
    MAX_TW_BUCKETS "ipv4/tcp_max_tw_buckets"
    TCP_MEM "ipv4/tcp_mem"
    MODERATE_RCVBUF "ipv4/tcp_moderate_rcvbuf"
    NOTSENT_LOWAT "ipv4/tcp_notsent_lowat"
    ORPHAN_RETRIES "ipv4/tcp_orphan_retries"
    RETRIES2 "ipv4/tcp_retries2"
    RFC1337 "ipv4/tcp_rfc1337"
    TCP_RMEM "ipv4/tcp_rmem"
    SACK "ipv4/tcp_sack"
    SLOW_START_AFTER_IDLE "ipv4/tcp_slow_start_after_idle"
    SYN_RETRIES "ipv4/tcp_syn_retries"
    SYNACK_RETRIES "ipv4/tcp_synack_retries"
    SYNCOOKIES "ipv4/tcp_syncookies"
    TIMESTAMPS "ipv4/tcp_timestamps"
    TW_REUSE "ipv4/tcp_tw_reuse"
    WINDOW_SCALING "ipv4/tcp_window_scaling"
    TCP_WMEM "ipv4/tcp_wmem"
    UDP_MEM "ipv4/udp_mem"
    UDP_RMEM_MIN "ipv4/udp_rmem_min"
    BINDV6ONLY "ipv6/bindv6only"
    ACCEPT_RA "ipv6/conf/*/accept_ra"
    ACCEPT_RA_DEFRTR "ipv6/conf/*/accept_ra_defrtr"
    ACCEPT_RA_MTU "ipv6/conf/*/accept_ra_mtu"
    ACCEPT_RA_PINFO "ipv6/conf/*/accept_ra_pinfo"
    ACCEPT_REDIRECTS_NEWER "ipv6/conf/*/accept_redirects"
    AUTOCONF "ipv6/conf/*/autoconf"
    DISABLE_IPV6 "ipv6/conf/*/disable_ipv6"
    HOP_LIMIT "ipv6/conf/*/hop_limit"
    ECHO_IGNORE_ALL_NEWER "ipv6/icmp/echo_ignore_all"
    ECHO_IGNORE_MULTICAST "ipv6/icmp/echo_ignore_multicast"
    RATELIMIT_NEWER "ipv6/icmp/ratelimit"
    NONLOCAL_BIND_NEWER "ipv6/ip_nonlocal_bind"
    MAX_DGRAM_QLEN "unix/max_dgram_qlen"
}

impl Setting {
    /// Its number; the first if it has several.
    #[inline]
    #[must_use]
    pub fn get(self) -> i32 {
        self.number(0)
    }

    /// One of its numbers.
    #[inline]
    #[must_use]
    pub fn number(self, which: usize) -> i32 {
        let value = VALUES.get(self.place() + which);
        value.map_or(0, |value| value.load(Ordering::Relaxed))
    }

    /// Whether it is on.
    #[inline]
    #[must_use]
    pub fn is_on(self) -> bool {
        self.get() != 0
    }

    /// Its number for some interfaces.
    #[must_use]
    pub fn of(self, whose: Whose) -> i32 {
        match whose {
            Whose::All => self.number(0),
            Whose::Default => self.number(1),
            Whose::Interface(LOOPBACK) => self.number(2),
            Whose::Interface(card) => {
                let of_cards = OF_CARDS.lock();
                let own = of_cards.iter().find(|own| (own.0, own.1) == (self.0, card));
                own.map_or_else(|| self.number(1), |own| own.2)
            }
        }
    }

    fn store(self, which: usize, number: i32) {
        if let Some(value) = VALUES.get(self.place() + which) {
            value.store(number, Ordering::Relaxed);
        }
    }

    fn store_of(self, whose: Whose, number: i32) {
        self.store_for(whose, number);
        if let Some(changed) = CHANGED.get() {
            changed(self, whose, number);
        }
    }

    /// Stores a number for some interfaces, and does nothing else.
    pub fn store_for(self, whose: Whose, number: i32) {
        match whose {
            Whose::All => self.store(0, number),
            Whose::Default => self.store(1, number),
            Whose::Interface(LOOPBACK) => self.store(2, number),
            Whose::Interface(card) => {
                let mut of_cards = OF_CARDS.lock();
                match of_cards.iter_mut().find(|own| (own.0, own.1) == (self.0, card)) {
                    Some(own) => own.2 = number,
                    None => of_cards.push((self.0, card, number)),
                }
            }
        }
    }
}

/// Whether an interface may do what has to be allowed for it or for all.
#[must_use]
pub fn either(setting: Setting, interface: u32) -> bool {
    setting.is_on() || setting.of(Whose::Interface(interface)) != 0
}

/// Sees to it that a card keeps its value of a line for when `default` becomes something else.
pub fn keep(line: usize, card: u32) {
    if let Some(setting) = table::row(line).and_then(|row| row.setting()) {
        let whose = Whose::Interface(card);
        setting.store_for(whose, setting.of(whose));
    }
}

/// Says what else is done when a setting of interfaces has changed.
pub fn on_change(changed: fn(Setting, Whose, i32)) {
    let _ = CHANGED.set(changed);
}

/// Whether a port is for those only who ask for it.
#[must_use]
pub fn is_reserved(port: u16) -> bool {
    let reserved = RESERVED.lock();
    reserved.iter().any(|(first, last)| (*first..=*last).contains(&port))
}

/// What a line's file says, without the end of the line; nothing for numbers that depend on the memory and were not set.
#[must_use]
pub fn text(line: usize, whose: Whose) -> Option<Vec<u8>> {
    let row = table::row(line)?;
    let mut text = Text::default();
    let Some(setting) = row.setting() else {
        if !row.kind.is_empty() {
            return Some(row.rest.to_vec());
        }
        for (first, last) in RESERVED.lock().iter() {
            text.add(b',', *first as i32);
            if first != last {
                text.add(b'-', *last as i32);
            }
        }
        return Some(text.0);
    };
    if setting == CONGESTION_CONTROL {
        return Some(write::KINDS[usize::from(setting.is_on())].to_vec());
    }
    if setting == ALLOWED_CONGESTION_CONTROL {
        let names: &[u8] = match setting.get() {
            1 => write::KINDS[0],
            2 => write::KINDS[1],
            _ => b"reno cubic",
        };
        return Some(names.to_vec());
    }
    if setting == NOTSENT_LOWAT && !setting.is_on() {
        return Some(write::NO_LIMIT.to_vec());
    }
    if row.is_of_interfaces() {
        text.add(b' ', setting.of(whose));
        return Some(text.0);
    }
    let depends = matches!(setting, TCP_MEM | UDP_MEM | MAX_ORPHANS | MAX_TW_BUCKETS);
    for which in 0..row.count() {
        let number = setting.number(which);
        if depends && number == 0 {
            return None;
        }
        text.add(b'\t', number);
    }
    Some(text.0)
}

/// Numbers with something between them.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    #[inline(never)]
    fn add(&mut self, between: u8, number: i32) {
        if !self.0.is_empty() {
            self.0.push(between);
        }
        if number < 0 {
            self.0.push(b'-');
        }
        let (mut digits, mut rest, mut at) = ([0; 10], number.unsigned_abs(), 10);
        while rest > 0 || at == 10 {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.0.extend_from_slice(&digits[at..]);
    }
}

/// Whether a line's file cannot be written at all.
#[must_use]
pub fn is_read_only(line: usize) -> bool {
    table::row(line).is_none_or(|row| row.kind == b"!")
}

#[cfg(test)]
mod tests;
