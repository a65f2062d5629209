//! The rows of the table, and what each must come to.
//!
//! Budgets are upper limits. A row without one is shown because it explains another.

use std::collections::BTreeMap;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Instructions,
    Mebibytes,
    Megabytes,
    Seconds,
}

impl Unit {
    /// As it is printed behind a heading and in the JSON file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Mebibytes => "MiB",
            Self::Megabytes => "MB",
            Self::Seconds => "s",
        }
    }
}

/// One row.
pub(crate) struct Figure {
    /// Its key in `Values`, in the output of the benchmark program and in the JSON file.
    pub(crate) id: &'static str,
    /// What the table calls it.
    pub(crate) title: &'static str,
    /// What it counts.
    pub(crate) unit: Unit,
    /// What it must stay below.
    pub(crate) budget: Option<f64>,
    /// What part of Linux's figure it must stay below.
    pub(crate) share: Option<f64>,
}

impl Figure {
    /// Whether what was measured is more than it may be.
    pub(crate) fn is_over(&self, ours: Option<f64>, theirs: Option<f64>) -> bool {
        let Some(ours) = ours else { return false };
        let part = self.share.zip(theirs).map(|(share, theirs)| share * theirs);
        [self.budget, part].into_iter().flatten().any(|limit| ours > limit)
    }
}

const fn boot(id: &'static str, title: &'static str, unit: Unit, budget: f64) -> Figure {
    Figure {
        id,
        title,
        unit,
        budget: Some(budget),
        share: None,
    }
}

const fn call(id: &'static str, title: &'static str, budget: f64) -> Figure {
    Figure {
        id,
        title,
        unit: Unit::Instructions,
        budget: Some(budget),
        share: None,
    }
}

const fn shown(id: &'static str, title: &'static str) -> Figure {
    Figure {
        id,
        title,
        unit: Unit::Instructions,
        budget: None,
        share: None,
    }
}

/// A row that is to come to half of Linux's.
const fn half(id: &'static str, title: &'static str) -> Figure {
    Figure {
        id,
        title,
        unit: Unit::Instructions,
        budget: None,
        share: Some(0.5),
    }
}

const fn no_more(id: &'static str, title: &'static str) -> Figure {
    Figure {
        id,
        title,
        unit: Unit::Instructions,
        budget: None,
        share: Some(1.0),
    }
}

/// Boot, size and memory.
pub(crate) const BOOT: [Figure; 5] = [
    boot(
        "boot_dynamic",
        "reset to main, dynamic hello",
        Unit::Instructions,
        900_000.0,
    ),
    boot(
        "boot_static",
        "reset to main, static hello",
        Unit::Instructions,
        600_000.0,
    ),
    boot("smallest_memory", "smallest -m, dynamic hello", Unit::Mebibytes, 6.0),
    boot("kernel_size", "kernel file, stripped", Unit::Megabytes, 1.5),
    boot("wall", "hello, start to exit of the command", Unit::Seconds, 0.4),
];

/// Single operations; the ids are those that the benchmark program prints.
pub(crate) const CALLS: [Figure; 26] = [
    call("getpid", "getpid", 110.0),
    call("clock_gettime", "clock_gettime(MONOTONIC)", 60.0),
    call("read_zero_1", "read /dev/zero, 1 byte", 300.0),
    shown("read_zero_4096", "read /dev/zero, 4096 bytes"),
    call("pread_1", "pread of a cached file, 1 byte", 500.0),
    shown("pread_4096", "pread of a cached file, 4096 bytes"),
    shown("lseek", "lseek"),
    call("fstat", "fstat", 300.0),
    call("write_null_1", "write /dev/null, 1 byte", 250.0),
    call("open_close_null", "open + close /dev/null", 1800.0),
    call("stat_root", "stat(\"/\")", 800.0),
    shown("malloc_free_64", "malloc + free, 64 bytes"),
    shown("memcpy_64k", "memcpy, 64 KiB"),
    shown("mutex", "mutex lock + unlock"),
    call("pipe_write_read", "pipe write + read, one thread", 800.0),
    call("pipe_ping_pong", "pipe ping-pong, round trip", 3000.0),
    call("socketpair_ping_pong", "socketpair ping-pong", 3500.0),
    call("condition_ping_pong", "condition variable ping-pong", 5000.0),
    call("sched_yield", "sched_yield, two threads", 900.0),
    call("thread_create_join", "pthread create + join", 15_000.0),
    shown("mmap_munmap", "mmap + munmap 4 KiB, untouched"),
    call("mmap_touch_munmap", "mmap + touch + munmap 4 KiB", 3500.0),
    call("touch_64m_page", "64 MiB touch, per page", 560.0),
    shown("touch_64m_page_again", "64 MiB touch again, per page"),
    call("munmap_64m", "munmap 64 MiB", 20_000.0),
    shown("munmap_64m_again", "munmap 64 MiB again"),
];

/// More than one process; the ids are those that the benchmark program prints.
pub(crate) const PROCESSES: [Figure; 14] = [
    half("fork_exit_wait", "fork + exit + wait"),
    half("fork_exec_static", "fork + exec of a static program"),
    half("fork_exec_dynamic", "fork + exec of a dynamic program"),
    half("vfork_exec_static", "vfork + exec of a static program"),
    half("shell_pipeline", "sh -c 'echo … | cat | wc -c'"),
    half("process_ping_pong", "pipe ping-pong between processes"),
    half("process_socketpair", "socketpair ping-pong between processes"),
    half("process_pty", "pty ping-pong between processes"),
    half("signal_round_trip", "kill of oneself, with a handler"),
    half("epoll_1000", "write, epoll_wait, read; 1,000 watched"),
    half("fork_1g", "fork + exit + wait with 1 GiB"),
    half("vfork_exec_1g", "vfork + exec with 1 GiB"),
    half("write_after_fork_1g", "the same fork, and 16 writes"),
    half("fork_64m_small", "fork + exit + wait, 64 MiB in 4 KiB pages"),
];

/// The machine's own network; the ids are those that the benchmark program prints.
pub(crate) const NETWORK: [Figure; 6] = [
    no_more("tcp_connect", "TCP connect + accept + close"),
    no_more("tcp_round_trip", "TCP ping-pong between processes"),
    no_more("tcp_stream_kib", "TCP stream between processes, per KiB"),
    no_more("udp_round_trip", "UDP ping-pong between processes"),
    no_more("tcp_connect_idle", "TCP connect, 10,000 connections idle"),
    no_more("tcp_round_trip_idle", "TCP write, epoll_wait, read; 10,000 idle"),
];

/// Servers under load from outside; how each is measured is in `net`.
pub(crate) const NET: [Figure; 13] = [
    no_more("nginx_small", "nginx, 612 bytes, per request"),
    no_more("nginx_large", "nginx, 1 MiB, per request"),
    no_more("nginx_connect", "nginx, a connection for each request"),
    no_more("redis_get", "redis GET"),
    no_more("redis_set", "redis SET"),
    no_more("redis_get_batch", "redis GET, 16 at once"),
    no_more("redis_set_batch", "redis SET, 16 at once"),
    no_more("stream_in", "iperf3 to the guest, per KiB"),
    no_more("stream_out", "iperf3 from the guest, per KiB"),
    no_more("stream_loopback", "iperf3 inside of the guest, per KiB"),
    no_more("udp_echo", "UDP request and answer"),
    no_more("nginx_small_idle", "nginx, 612 bytes; 10,000 idle"),
    no_more("redis_get_idle", "redis GET; 10,000 idle"),
];

/// The same loads over a TAP interface, whose card takes checksums and cutting off the guest; each is one of [`NET`] with `tap_` before its name.
pub(crate) const TAP: [Figure; 7] = [
    no_more("tap_nginx_large", "nginx, 1 MiB, per request"),
    no_more("tap_nginx_connect", "nginx, a connection for each request"),
    no_more("tap_redis_get_batch", "redis GET, 16 at once"),
    no_more("tap_redis_set_batch", "redis SET, 16 at once"),
    no_more("tap_stream_in", "iperf3 to the guest, per KiB"),
    no_more("tap_stream_out", "iperf3 from the guest, per KiB"),
    no_more("tap_udp_echo", "UDP request and answer"),
];

/// The same work by packets, both ways together. One that a card cuts or has put together counts once.
pub(crate) const PACKETS: [Figure; 16] = [
    shown("nginx_small_packet", "nginx, 612 bytes"),
    shown("nginx_large_packet", "nginx, 1 MiB"),
    shown("nginx_connect_packet", "nginx, a connection for each request"),
    shown("redis_get_packet", "redis GET"),
    shown("redis_set_packet", "redis SET"),
    shown("redis_get_batch_packet", "redis GET, 16 at once"),
    shown("redis_set_batch_packet", "redis SET, 16 at once"),
    shown("stream_in_packet", "iperf3 to the guest"),
    shown("stream_out_packet", "iperf3 from the guest"),
    shown("udp_echo_packet", "UDP request and answer"),
    shown("nginx_small_idle_packet", "nginx, 612 bytes; 10,000 idle"),
    shown("tap_nginx_large_packet", "TAP: nginx, 1 MiB"),
    shown("tap_nginx_connect_packet", "TAP: nginx, a connection each"),
    shown("tap_redis_get_batch_packet", "TAP: redis GET, 16 at once"),
    shown("tap_stream_in_packet", "TAP: iperf3 to the guest"),
    shown("tap_stream_out_packet", "TAP: iperf3 from the guest"),
];

/// What was measured on one kernel, by the rows' ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// What the kernel calls itself, for the heading.
    pub(crate) name: String,
    /// The figures.
    pub(crate) figures: BTreeMap<String, f64>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) ours: Measured,
    pub(crate) linux: Measured,
    /// What could not be measured, and why.
    pub(crate) notes: Vec<String>,
}

/// Reads what the benchmark program printed: the rows, and whether it came to its end.
pub(crate) fn read_rows(output: &str) -> (BTreeMap<String, f64>, bool) {
    let mut rows = BTreeMap::new();
    let mut is_done = false;
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["row", name, _, ticks] => {
                if let Ok(ticks) = ticks.parse() {
                    rows.insert((*name).to_owned(), ticks);
                }
            }
            ["done"] => is_done = true,
            _ => {}
        }
    }
    (rows, is_done)
}

#[cfg(test)]
mod tests {
    use super::{BOOT, CALLS, NET, NETWORK, PACKETS, PROCESSES, TAP, read_rows};

    #[test]
    fn rows_are_read_and_other_lines_are_not() {
        let (rows, is_done) = read_rows("[    0.1] x\nrow getpid 100000 302.4\nmissing fstat 38\ndone\n");
        assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("getpid".to_owned(), 302.4)]);
        assert!(is_done);
        assert!(!read_rows("row getpid 1 1.0\n").1);
    }

    #[test]
    fn every_call_is_a_row_of_the_program() {
        let percall = CALLS.iter().map(|figure| (figure, crate::programs::PERCALL));
        let processes = PROCESSES.iter().map(|figure| (figure, crate::programs::PROCESSES));
        let network = NETWORK.iter().map(|figure| (figure, crate::programs::NETWORK));
        for (figure, program) in percall.chain(processes).chain(network) {
            assert!(program.contains(&format!("\"{}\"", figure.id)), "{}", figure.id);
        }
    }

    #[test]
    fn no_two_rows_have_one_id() {
        let mut ids: Vec<&str> = BOOT
            .iter()
            .chain(&CALLS)
            .chain(&PROCESSES)
            .chain(&NETWORK)
            .chain(&NET)
            .chain(&TAP)
            .chain(&PACKETS)
            .map(|figure| figure.id)
            .collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
