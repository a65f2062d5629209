//! What a process is doing: `stat`, `statm`, `status` and their kin.

use crate::process::map_line;
use crate::source::Status;
use crate::tree::Scope;
use abi::Result;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Nanoseconds of one tick, as times are counted here.
const TICK: u64 = 10_000_000;
/// KiB in a page.
const PAGE_KIB: u64 = 4;
/// Nobody's priority: 20 more than the nice value.
const PRIORITY: i32 = 20;

pub(crate) fn stat(scope: &Scope) -> Result<Vec<u8>> {
    let status = scope.process()?.status();
    let s = &status;
    let mut text = format!("{} (", scope.number).into_bytes();
    text.extend_from_slice(&s.name);
    let state = char::from(s.state);
    let ids = format!(
        ") {state} {} {} {} {} {} 0 ",
        s.parent,
        s.group,
        s.session,
        (s.terminal & 0xffff) | (s.terminal >> 16 << 20),
        s.terminal_group
    );
    let times = format!(
        "{} {} {} 0 {} {} {} {} {} {} {} 0 {} {} {} {} ",
        s.minor_faults,
        s.children_minor_faults,
        s.major_faults,
        s.user_time / TICK,
        s.system_time / TICK,
        s.children_user_time / TICK,
        s.children_system_time / TICK,
        PRIORITY + s.nice,
        s.nice,
        s.thread_count,
        s.start_time / TICK,
        s.vm_size * 4096,
        s.vm_resident,
        u64::MAX
    );
    let memory = format!(
        "{} {} {} 0 0 {} {} {} {} 0 0 0 {} {} 0 0 0 0 0 ",
        s.code.0,
        s.code.1,
        s.stack_start,
        s.pending & 0x7fff_ffff,
        s.blocked & 0x7fff_ffff,
        s.ignored & 0x7fff_ffff,
        s.caught & 0x7fff_ffff,
        s.exit_signal,
        s.cpu
    );
    let ends = format!(
        "0 0 {} {} {} {} {} 0\n",
        s.program_break, s.arguments.0, s.arguments.1, s.environment.0, s.environment.1
    );
    for part in [ids, times, memory, ends] {
        text.extend_from_slice(part.as_bytes());
    }
    Ok(text)
}

pub(crate) fn memory(scope: &Scope) -> Result<Vec<u8>> {
    let s = scope.process()?.status();
    let shared = s.vm_file + s.vm_shared;
    let text = format!(
        "{} {} {shared} {} 0 {} 0\n",
        s.vm_size,
        s.vm_resident,
        s.vm_text,
        s.vm_data + s.vm_stack
    );
    Ok(text.into_bytes())
}

pub(crate) fn schedule(scope: &Scope) -> Result<Vec<u8>> {
    let s = scope.process()?.status();
    let text = format!(
        "{} 0 {}\n",
        s.user_time + s.system_time,
        s.voluntary_switches + s.involuntary_switches
    );
    Ok(text.into_bytes())
}

fn state_word(state: u8) -> &'static str {
    match state {
        b'R' => "R (running)",
        b'D' => "D (disk sleep)",
        b'T' => "T (stopped)",
        b't' => "t (tracing stop)",
        b'Z' => "Z (zombie)",
        b'X' => "X (dead)",
        _ => "S (sleeping)",
    }
}

/// A name with what would break a line escaped.
fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for byte in name {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            byte => text.push(char::from(*byte)),
        }
    }
    text
}

pub(crate) fn status(scope: &Scope) -> Result<Vec<u8>> {
    let process = scope.process()?;
    let s = process.status();
    let credentials = process.credentials();
    let c = &*credentials;
    let groups: String = c.groups.iter().map(|group| format!("{group} ")).collect();
    let mut text = format!(
        "Name:\t{}\nUmask:\t{:04o}\nState:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n",
        escaped(&s.name),
        s.umask,
        state_word(s.state),
        s.process,
        scope.number,
        s.parent
    );
    text += &format!(
        "Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}\nFDSize:\t{}\nGroups:\t{groups}\n",
        c.uid, c.euid, c.suid, c.fsuid, c.gid, c.egid, c.sgid, c.fsgid, s.descriptor_slots
    );
    text += &format!(
        "NStgid:\t{}\nNSpid:\t{}\nNSpgid:\t{}\nNSsid:\t{}\nKthread:\t0\n",
        s.process, scope.number, s.group, s.session
    );
    text += &memory_lines(&s);
    text += &signal_lines(&s);
    text += &format!(
        "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\nNoNewPrivs:\t{}\n",
        c.inheritable,
        c.permitted,
        c.effective,
        c.bounding,
        c.ambient,
        u8::from(s.no_new_privileges)
    );
    text += "Seccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tnot vulnerable\n";
    text += "SpeculationIndirectBranch:\tunknown\n";
    text += &format!(
        "Cpus_allowed:\t{:x}\nCpus_allowed_list:\t{}\nMems_allowed:\t1\nMems_allowed_list:\t0\n",
        s.affinity,
        ranges(s.affinity)
    );
    text += &format!(
        "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
        s.voluntary_switches, s.involuntary_switches
    );
    Ok(text.into_bytes())
}

fn memory_lines(s: &Status) -> String {
    let anonymous = s.vm_resident.saturating_sub(s.vm_file + s.vm_shared);
    let lines = [
        ("VmPeak", s.vm_peak),
        ("VmSize", s.vm_size),
        ("VmLck", s.vm_locked),
        ("VmPin", 0),
        ("VmHWM", s.vm_resident_peak),
        ("VmRSS", s.vm_resident),
        ("RssAnon", anonymous),
        ("RssFile", s.vm_file),
        ("RssShmem", s.vm_shared),
        ("VmData", s.vm_data),
        ("VmStk", s.vm_stack),
        ("VmExe", s.vm_text),
        ("VmLib", s.vm_libraries),
        ("VmPTE", s.vm_tables),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    ];
    let mut text: String = lines
        .iter()
        .map(|(name, pages)| format!("{name}:\t{:>8} kB\n", pages * PAGE_KIB))
        .collect();
    text += "CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n";
    text
}

fn signal_lines(s: &Status) -> String {
    format!(
        "Threads:\t{}\nSigQ:\t{}/{}\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
        s.thread_count, s.queued.0, s.queued.1, s.pending, s.shared_pending, s.blocked, s.ignored, s.caught
    )
}

/// A set as ranges: `0-3,5`.
pub(crate) fn ranges(set: u64) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < 64 {
        if set >> at & 1 == 0 {
            at += 1;
            continue;
        }
        let first = at;
        while at < 64 && set >> at & 1 == 1 {
            at += 1;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text += &if at - first == 1 {
            format!("{first}")
        } else {
            format!("{first}-{}", at - 1)
        };
    }
    text
}

/// `smaps`: a mapping's line and what of it is in memory.
pub(crate) fn detailed_maps(scope: &Scope) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let process = scope.process()?;
    for mapping in process.mappings() {
        map_line(&mapping, &mut text);
        let resident = process.resident(mapping.start..mapping.end) * PAGE_KIB;
        let size = (mapping.end - mapping.start) / 1024;
        let writable = mapping.rights.get(1) == Some(&b'w');
        let (dirty, clean) = if writable { (resident, 0) } else { (0, resident) };
        let anonymous = if mapping.inode == 0 { resident } else { 0 };
        let lines = [
            ("Size", size),
            ("KernelPageSize", PAGE_KIB),
            ("MMUPageSize", PAGE_KIB),
            ("Rss", resident),
            ("Pss", resident),
            ("Shared_Clean", 0),
            ("Shared_Dirty", 0),
            ("Private_Clean", clean),
            ("Private_Dirty", dirty),
            ("Referenced", resident),
            ("Anonymous", anonymous),
            ("Swap", 0),
            ("Locked", 0),
        ];
        for (name, kib) in lines {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend(core::iter::repeat_n(b' ', 15_usize.saturating_sub(name.len())));
            right_aligned(kib, 8, &mut text);
            text.extend_from_slice(b" kB\n");
        }
    }
    Ok(text)
}

/// A number in at least so many columns. A process has thousands of mappings, and each a dozen of these: formatting costs ten times as much.
fn right_aligned(mut number: u64, columns: usize, text: &mut Vec<u8>) {
    let mut digits = [b' '; 20];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    let first = first.min(digits.len().saturating_sub(columns));
    text.extend_from_slice(digits.get(first..).unwrap_or_default());
}
