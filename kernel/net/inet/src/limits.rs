//! What of the protocols is set below `/proc/sys/net`: which ports are free and which need a privilege, and how many may wait to be accepted.

use crate::memory;
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::string::String;
use core::ops::RangeInclusive;
use lock::atomic::{AtomicU32, Ordering};

/// Ports that are given to who does not ask for one (`net.ipv4.ip_local_port_range`): the first and the last.
static PORTS: [AtomicU32; 2] = [AtomicU32::new(32768), AtomicU32::new(60999)];
/// The first port that needs no privilege (`net.ipv4.ip_unprivileged_port_start`).
static UNPRIVILEGED: AtomicU32 = AtomicU32::new(1024);
/// The groups whose members may send echoes (`net.ipv4.ping_group_range`): the first and the last. All, as Debian has it.
static PINGERS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(i32::MAX as u32)];
/// Most that wait to be accepted (`net.core.somaxconn`).
static WAITING: AtomicU32 = AtomicU32::new(4096);

/// The ports that are given to who does not ask for one.
pub(crate) fn free_ports() -> RangeInclusive<u16> {
    let [first, last] = PORTS.each_ref().map(|port| port.load(Ordering::Relaxed) as u16);
    first..=last.max(first)
}

/// The first port that needs no privilege.
pub(crate) fn first_unprivileged() -> u32 {
    UNPRIVILEGED.load(Ordering::Relaxed)
}

/// The groups whose members may send echoes.
pub(crate) fn pingers() -> RangeInclusive<u32> {
    let [first, last] = PINGERS.each_ref().map(|group| group.load(Ordering::Relaxed));
    first..=last
}

/// Most that wait to be accepted.
pub(crate) fn most_waiting() -> u32 {
    WAITING.load(Ordering::Relaxed)
}

/// Of connections over the network: those that no program has any more, those that are over, and bytes that all of them keep. Of datagrams: bytes that wait.
#[must_use]
pub fn usage() -> [usize; 4] {
    [
        memory::ORPHANS.load(Ordering::Relaxed),
        crate::table::over(),
        memory::kept(),
        crate::inbox::kept(),
    ]
}

/// Three limits in pages: when nothing is done, when little is kept, and most.
fn three(pressure: usize) -> String {
    let pages = pressure / 4096;
    format!("{}\t{}\t{}", pages / 4 * 3, pages, pages * 2)
}

/// What a setting of that name is; nothing if there is none.
#[must_use]
pub fn setting(name: &str) -> String {
    match name {
        "somaxconn" => format!("{}", most_waiting()),
        "ip_unprivileged_port_start" => format!("{}", first_unprivileged()),
        "ip_local_port_range" => format!("{}\t{}", free_ports().start(), free_ports().end()),
        "ping_group_range" => format!("{}\t{}", pingers().start(), pingers().end()),
        "tcp_max_orphans" => format!("{}", memory::most_orphans()),
        "tcp_max_tw_buckets" => format!("{}", memory::most_over()),
        "tcp_mem" => three(memory::pressure()),
        "udp_mem" => three(2 * memory::pressure()),
        _ => String::new(),
    }
}

/// Changes a setting.
///
/// # Errors
/// `EINVAL` for what it cannot be.
pub fn set(name: &str, text: &[u8]) -> Result<()> {
    const NONSENSE: Error = Error::new(Errno::EINVAL, "the setting cannot be that");
    let text = core::str::from_utf8(text).map_err(|_| NONSENSE)?;
    let mut numbers = text.split_whitespace().map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(core::result::Result::ok).ok_or(NONSENSE);
    let first = next()?;
    match name {
        "somaxconn" if first <= 0x7fff_ffff => WAITING.store(first, Ordering::Relaxed),
        "ip_unprivileged_port_start" if first <= 65535 => UNPRIVILEGED.store(first, Ordering::Relaxed),
        "ip_local_port_range" => {
            let last = next()?;
            if first == 0 || first > last || last > 65535 {
                return Err(NONSENSE);
            }
            PORTS[0].store(first, Ordering::Relaxed);
            PORTS[1].store(last, Ordering::Relaxed);
        }
        "ping_group_range" => {
            // As on Linux: a range that has nobody in it is the empty one.
            let last = next()?;
            let (first, last) = if first > last { (1, 0) } else { (first, last) };
            PINGERS[0].store(first, Ordering::Relaxed);
            PINGERS[1].store(last, Ordering::Relaxed);
        }
        _ => return Err(NONSENSE),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_what_was_set_if_it_makes_sense() {
        assert_eq!(setting("ip_local_port_range"), "32768\t60999");
        for bad in ["", "x", "5", "7 6", "0 9", "1 70000"] {
            assert!(set("ip_local_port_range", bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(set("nothing", b"1").is_err() && set("somaxconn", b"-1").is_err());
        assert!(set("somaxconn", b" 128\n").is_ok());
        assert_eq!((setting("somaxconn").as_str(), most_waiting()), ("128", 128));
        WAITING.store(4096, Ordering::Relaxed);
    }
}
