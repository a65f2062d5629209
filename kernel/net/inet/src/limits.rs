//! What of the settings below `/proc/sys/net` the sockets of the internet protocols go by, and how much they use.

use crate::memory;
use alloc::format;
use alloc::string::String;
use core::ops::RangeInclusive;
use lock::atomic::Ordering;
use room::Account;

/// The ports that are given to who does not ask for one.
pub(crate) fn free_ports() -> RangeInclusive<u16> {
    let [first, last] = [0, 1].map(|which| sysctl::PORT_RANGE.number(which) as u16);
    first..=last.max(first)
}

/// The groups whose members may send echoes.
pub(crate) fn pingers() -> RangeInclusive<u32> {
    let [first, last] = [0, 1].map(|which| sysctl::PING_GROUP_RANGE.number(which) as u32);
    first..=last
}

/// Most that wait to be accepted.
pub(crate) fn most_waiting() -> u32 {
    sysctl::SOMAXCONN.get() as u32
}

/// Of connections over the network: those that no program has any more; those that are over; and bytes that all of them keep. Of datagrams: bytes that wait.
#[must_use]
pub fn usage() -> [usize; 4] {
    [
        memory::ORPHANS.load(Ordering::Relaxed),
        crate::table::over() + inet_options::left::count(),
        room::STREAMS.kept(),
        room::DATAGRAMS.kept(),
    ]
}

/// The three limits of an account, in pages: when nothing is done, when little is kept, and most.
fn three(account: &Account) -> String {
    let [low, pressure, most] = [0, 1, 2].map(|which| account.limit(which) / 4096);
    format!("{low}\t{pressure}\t{most}")
}

/// A setting that depends on the memory, by its path below `/proc/sys/net`; nothing if there is none.
#[must_use]
pub fn setting(path: &[u8]) -> String {
    match path {
        b"ipv4/tcp_max_orphans" => format!("{}", memory::most_orphans()),
        b"ipv4/tcp_max_tw_buckets" => format!("{}", memory::most_over()),
        b"ipv4/tcp_mem" => three(&room::STREAMS),
        b"ipv4/udp_mem" => three(&room::DATAGRAMS),
        _ => String::new(),
    }
}
