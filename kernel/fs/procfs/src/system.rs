//! Files about the machine as a whole.

use crate::source::{Activity, source};
use crate::tree::Scope;
use abi::Result;
use abi::time::NANOS_PER_SEC;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use lock::Once;

/// Nanoseconds of one tick, as times are counted here.
const TICK: u64 = 10_000_000;
/// KiB of a thread's stack in the kernel.
const STACK: u64 = 16;

fn activity() -> Activity {
    source().map(|source| source.activity()).unwrap_or_default()
}

fn hundredths(nanos: u64) -> String {
    format!("{}.{:02}", nanos / NANOS_PER_SEC, nanos % NANOS_PER_SEC / TICK)
}

pub(crate) fn uptime(_scope: &Scope) -> Result<Vec<u8>> {
    let idle: u64 = activity().cpu_times.iter().map(|[_, _, idle]| idle).sum();
    Ok(format!("{} {}\n", hundredths(time::now()), hundredths(idle)).into_bytes())
}

pub(crate) fn load(_scope: &Scope) -> Result<Vec<u8>> {
    let activity = activity();
    let mut text = String::new();
    for load in activity.loads {
        // Rounded to hundredths.
        let load = load + 2048 / 200;
        text += &format!("{}.{:02} ", load / 2048, load % 2048 * 100 / 2048);
    }
    text += &format!("{}/{} {}\n", activity.running, activity.threads, activity.last_number);
    Ok(text.into_bytes())
}

pub(crate) fn version(_scope: &Scope) -> Result<Vec<u8>> {
    Ok(format!(
        "Linux version {} (chiton@chiton) {}\n",
        abi::uts::RELEASE,
        abi::uts::VERSION
    )
    .into_bytes())
}

static COMMAND_LINE: Once<Vec<u8>> = Once::new();

/// Says what `/proc/cmdline` shows: the loader's own bytes are gone once the machine has booted. The first call counts.
pub fn set_command_line(line: &[u8]) {
    let _first = COMMAND_LINE.set(line.to_vec());
}

pub(crate) fn command_line(_scope: &Scope) -> Result<Vec<u8>> {
    let mut text = COMMAND_LINE.get().cloned().unwrap_or_default();
    text.push(b'\n');
    Ok(text)
}

pub(crate) fn devices(_scope: &Scope) -> Result<Vec<u8>> {
    Ok(b"Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n128 ptm\n136 pts\n\nBlock devices:\n".to_vec())
}

pub(crate) fn interrupts(_scope: &Scope) -> Result<Vec<u8>> {
    let mut text = String::from("    ");
    for cpu in 0..hal::cpu::count() {
        text += &format!("       CPU{cpu}");
    }
    text.push('\n');
    Ok(text.into_bytes())
}

/// What memory is used for, in KiB.
struct Memory {
    total: u64,
    free: u64,
    slab: u64,
    stacks: u64,
    others: u64,
}

fn in_use() -> Memory {
    let usage = frames::usage();
    let (total, free) = (usage.total * 4, usage.free * 4);
    let slab = frames::heap::held() * 4;
    let stacks = u64::from(activity().threads) * STACK;
    let waiting = room::pages() as u64 * 4;
    Memory {
        total,
        free,
        slab,
        stacks,
        others: (total - free).saturating_sub(slab + stacks + waiting),
    }
}

pub(crate) fn memory(_scope: &Scope) -> Result<Vec<u8>> {
    let Memory {
        total,
        free,
        slab,
        stacks,
        others,
    } = in_use();
    let lines = [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", others),
        ("Inactive", 0),
        ("Active(anon)", others),
        ("Inactive(anon)", 0),
        ("Active(file)", 0),
        ("Inactive(file)", 0),
        ("Unevictable", 0),
        ("Mlocked", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", others),
        ("Mapped", 0),
        ("Shmem", 0),
        ("KReclaimable", 0),
        ("Slab", slab),
        ("SReclaimable", 0),
        ("SUnreclaim", slab),
        ("KernelStack", stacks),
        ("PageTables", 0),
        ("CommitLimit", total / 2),
        ("Committed_AS", total - free),
        ("VmallocTotal", 34_359_738_367),
        ("VmallocUsed", 0),
        ("VmallocChunk", 0),
        ("AnonHugePages", 0),
    ];
    let mut text = String::new();
    for (name, kib) in lines {
        let label = format!("{name}:");
        text += &format!("{label:<15} {kib:>8} kB\n");
    }
    text += "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n";
    text += "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n";
    Ok(text.into_bytes())
}

pub(crate) fn memory_counts(_scope: &Scope) -> Result<Vec<u8>> {
    let memory = in_use();
    let faults = source().map_or(0, |source| source.faults());
    let lines = [
        ("nr_free_pages", memory.free / 4),
        ("nr_active_anon", memory.others / 4),
        ("nr_anon_pages", memory.others / 4),
        ("nr_mapped", 0),
        ("nr_file_pages", 0),
        ("nr_dirty", 0),
        ("nr_writeback", 0),
        ("nr_shmem", 0),
        ("nr_slab_reclaimable", 0),
        ("nr_slab_unreclaimable", memory.slab / 4),
        ("nr_kernel_stack", memory.stacks),
        ("pgpgin", 0),
        ("pgpgout", 0),
        ("pswpin", 0),
        ("pswpout", 0),
        ("pgfault", faults),
        ("pgmajfault", 0),
        ("oom_kill", 0),
    ];
    let lines = lines.iter().map(|(name, count)| format!("{name} {count}\n"));
    Ok(lines.collect::<String>().into_bytes())
}

pub(crate) fn stat(_scope: &Scope) -> Result<Vec<u8>> {
    let activity = activity();
    let line = |name: String, [user, system, idle]: [u64; 3]| {
        format!(
            "{name} {} 0 {} {} 0 0 0 0 0 0\n",
            user / TICK,
            system / TICK,
            idle / TICK
        )
    };
    let mut sum = [0; 3];
    let mut cpus = String::new();
    for cpu in 0..hal::cpu::count() {
        let times = activity.cpu_times.get(cpu).copied().unwrap_or_default();
        sum.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        cpus += &line(format!("cpu{cpu}"), times);
    }
    let mut text = line("cpu ".into(), sum) + &cpus;
    text += &format!(
        "intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
        activity.switches,
        time::wall_at_boot() / NANOS_PER_SEC,
        activity.forks,
        activity.running.max(1)
    );
    Ok(text.into_bytes())
}
