//! `/sys/devices/system/cpu`: which CPUs there are, how they lie to each other, and their caches.
//!
//! Every CPU is a core of its own in the machine's one package, as `/proc/cpuinfo` says too, and all are online once the machine has started them. The caches are what CPUID
//! says of them. It does not do: taking CPUs offline, and what is known of a real CPU only (frequencies, idle states, vulnerabilities).

use crate::status::ranges;
use crate::sysfs::table;
use crate::tree::{Found, Listed, Scope, Table, directory, file};
use abi::Result;
use alloc::format;
use alloc::vec::Vec;
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__cpuid as cpuid, __cpuid_count as cpuid_count};
use vfs::Kind;

pub(crate) static TABLE: Table = Table {
    id: 5,
    rows: &[
        file(b"enabled", list_of_all),
        file(b"isolated", |_| Ok(b"\n".to_vec())),
        file(b"kernel_max", |_| Ok(b"63\n".to_vec())),
        file(b"offline", |_| Ok(b"\n".to_vec())),
        file(b"online", list_of_all),
        file(b"possible", list_of_all),
        file(b"present", list_of_all),
        directory(b"smt", &THREADS),
    ],
    listed: Some(&Listed {
        numbers: |_| Ok((0..count()).collect()),
        find: |scope, number| {
            let table = if number == 0 { &FIRST } else { &CPU };
            Ok((number < count()).then(|| below(scope, number, table)))
        },
        kind: |_| Kind::Directory,
        names: Some((|_, number| format!("cpu{number}"), |_, name| number_after(b"cpu", name))),
    }),
};

static THREADS: Table = table(
    16,
    &[
        file(b"active", |_| Ok(b"0\n".to_vec())),
        file(b"control", |_| Ok(b"notsupported\n".to_vec())),
    ],
);
/// The first CPU is never offline, and has no file that says so.
static FIRST: Table = table(17, &[directory(b"cache", &CACHES), directory(b"topology", &TOPOLOGY)]);
static CPU: Table = table(
    18,
    &[
        directory(b"cache", &CACHES),
        file(b"online", |_| Ok(b"1\n".to_vec())),
        directory(b"topology", &TOPOLOGY),
    ],
);
static TOPOLOGY: Table = table(
    19,
    &[
        file(b"cluster_cpus", mask_of_own),
        file(b"cluster_cpus_list", list_of_own),
        file(b"cluster_id", own_number),
        file(b"core_cpus", mask_of_own),
        file(b"core_cpus_list", list_of_own),
        file(b"core_id", own_number),
        file(b"core_siblings", mask_of_all),
        file(b"core_siblings_list", list_of_all),
        file(b"die_cpus", mask_of_all),
        file(b"die_cpus_list", list_of_all),
        file(b"die_id", |_| Ok(b"0\n".to_vec())),
        file(b"package_cpus", mask_of_all),
        file(b"package_cpus_list", list_of_all),
        file(b"physical_package_id", |_| Ok(b"0\n".to_vec())),
        file(b"thread_siblings", mask_of_own),
        file(b"thread_siblings_list", list_of_own),
    ],
);

/// Where the number of a cache lies in that of a scope, above its CPU's.
const CACHE_SHIFT: u32 = 8;

static CACHES: Table = Table {
    id: 20,
    rows: &[],
    listed: Some(&Listed {
        numbers: |_| {
            let found = (0..MOST_CACHES).take_while(|index| Cache::of(*index).is_some());
            Ok(found.map(|index| index << CACHE_SHIFT).collect())
        },
        find: |scope, number| {
            let is_there = Cache::of(number >> CACHE_SHIFT).is_some();
            Ok(is_there.then(|| below(scope, scope.number | number, &CACHE)))
        },
        kind: |_| Kind::Directory,
        names: Some((
            |_, number| format!("index{}", number >> CACHE_SHIFT),
            |_, name| {
                let index = number_after(b"index", name)?;
                (index < MOST_CACHES).then_some(index << CACHE_SHIFT)
            },
        )),
    }),
};
static CACHE: Table = table(
    21,
    &[
        file(b"coherency_line_size", |scope| of_cache(scope, |cache| cache.line)),
        file(b"id", |scope| {
            Ok(number(own(scope) >> of(scope, |cache| cache.sharing)))
        }),
        file(b"level", |scope| of_cache(scope, |cache| cache.level)),
        file(b"number_of_sets", |scope| of_cache(scope, |cache| cache.sets)),
        file(b"physical_line_partition", |scope| {
            of_cache(scope, |cache| cache.partitions)
        }),
        file(b"shared_cpu_list", |scope| Ok(list(sharers(scope)))),
        file(b"shared_cpu_map", |scope| Ok(mask(sharers(scope)))),
        file(b"size", |scope| {
            let bytes = |cache: Cache| {
                [cache.line, cache.partitions, cache.ways, cache.sets]
                    .map(u64::from)
                    .iter()
                    .product()
            };
            let kib: u64 = cache_of(scope).map_or(0, bytes) / 1024;
            Ok(format!("{kib}K\n").into_bytes())
        }),
        file(b"type", |scope| {
            let kind = cache_of(scope).map_or(0, |cache| cache.kind);
            Ok([b"\n".as_slice(), b"Data\n", b"Instruction\n", b"Unified\n"][kind as usize % 4].to_vec())
        }),
        file(b"ways_of_associativity", |scope| of_cache(scope, |cache| cache.ways)),
    ],
);

fn below(scope: &Scope, number: u32, table: &'static Table) -> Found {
    let scope = Scope {
        number,
        process: None,
        device: scope.device,
    };
    Found::Directory(scope, table)
}

/// The number behind a word, as the kernel writes it.
fn number_after(word: &[u8], name: &[u8]) -> Option<u32> {
    crate::tree::parse_number(name.strip_prefix(word)?)
}

fn count() -> u32 {
    hal::cpu::count().clamp(1, 64) as u32
}

/// The CPU that a file is about.
fn own(scope: &Scope) -> u32 {
    scope.number & 63
}

fn all() -> u64 {
    u64::MAX >> (64 - count())
}

fn number(number: u32) -> Vec<u8> {
    format!("{number}\n").into_bytes()
}

fn list(set: u64) -> Vec<u8> {
    format!("{}\n", ranges(set)).into_bytes()
}

/// A set as Linux writes masks: as many digits as there may be CPUs, with a comma before each 32 bits.
fn mask(set: u64) -> Vec<u8> {
    let digits = count().div_ceil(4) as usize;
    let low = set & 0xffff_ffff;
    let text = match digits.checked_sub(8) {
        None | Some(0) => format!("{low:0digits$x}\n"),
        Some(more) => format!("{:0more$x},{low:08x}\n", set >> 32),
    };
    text.into_bytes()
}

pub(crate) fn list_of_all(_scope: &Scope) -> Result<Vec<u8>> {
    Ok(list(all()))
}

pub(crate) fn mask_of_all(_scope: &Scope) -> Result<Vec<u8>> {
    Ok(mask(all()))
}

fn list_of_own(scope: &Scope) -> Result<Vec<u8>> {
    Ok(list(1 << own(scope)))
}

fn mask_of_own(scope: &Scope) -> Result<Vec<u8>> {
    Ok(mask(1 << own(scope)))
}

fn own_number(scope: &Scope) -> Result<Vec<u8>> {
    Ok(number(own(scope)))
}

const MOST_CACHES: u32 = 8;

/// What CPUID says of a cache.
struct Cache {
    kind: u32,
    level: u32,
    line: u32,
    partitions: u32,
    ways: u32,
    sets: u32,
    /// CPUs whose numbers differ only in so many bits have it together.
    sharing: u32,
}

impl Cache {
    #[cfg(not(target_arch = "x86_64"))]
    fn of(_index: u32) -> Option<Self> {
        None
    }

    #[cfg(target_arch = "x86_64")]
    fn of(index: u32) -> Option<Self> {
        // AMD's and Intel's leaf have the same form.
        const AMD: u32 = 0x8000_001d;
        let has_amd = cpuid(0x8000_0000).eax >= AMD && cpuid_count(AMD, 0).eax & 31 != 0;
        if index >= MOST_CACHES {
            return None;
        }
        if !has_amd && (cpuid(0).eax < 4 || cpuid_count(4, 0).eax & 31 == 0) {
            return Self::of_old(index);
        }
        let told = cpuid_count(if has_amd { AMD } else { 4 }, index);
        let sharers = (told.eax >> 14 & 0xfff) + 1;
        (1..=3).contains(&(told.eax & 31)).then(|| Self {
            kind: told.eax & 31,
            level: told.eax >> 5 & 7,
            line: (told.ebx & 0xfff) + 1,
            partitions: (told.ebx >> 12 & 0x3ff) + 1,
            ways: (told.ebx >> 22) + 1,
            sets: told.ecx.wrapping_add(1),
            sharing: sharers.next_power_of_two().trailing_zeros(),
        })
    }

    /// As AMD's CPUs told it first, and QEMU's still do.
    #[cfg(target_arch = "x86_64")]
    fn of_old(index: u32) -> Option<Self> {
        const WAYS: [u8; 16] = [0, 1, 2, 0, 4, 0, 8, 0, 16, 0, 32, 48, 64, 96, 128, 0];
        if cpuid(0x8000_0000).eax < 0x8000_0006 {
            return None;
        }
        let told = cpuid(0x8000_0005 + index / 2);
        let word = if index.is_multiple_of(2) { told.ecx } else { told.edx };
        let coded = u32::from(WAYS[(word >> 12 & 15) as usize]);
        let (kib, ways, kind) = match index {
            0 | 1 => (word >> 24, word >> 16 & 0xff, index + 1),
            2 => (word >> 16, coded, 3),
            3 => ((word >> 18) * 512, coded, 3),
            _ => return None,
        };
        let line = word & 0xff;
        let all = u32::next_power_of_two(count()).trailing_zeros();
        Some(Self {
            kind,
            level: index.max(1),
            line,
            partitions: 1,
            ways,
            sets: (kib * 1024).checked_div(line * ways)?,
            sharing: if index == 3 { all } else { 0 },
        })
    }
}

fn cache_of(scope: &Scope) -> Option<Cache> {
    Cache::of(scope.number >> CACHE_SHIFT)
}

/// One thing that is known of a cache.
fn of(scope: &Scope, what: fn(Cache) -> u32) -> u32 {
    cache_of(scope).map_or(0, what)
}

fn of_cache(scope: &Scope, what: fn(Cache) -> u32) -> Result<Vec<u8>> {
    Ok(number(of(scope, what)))
}

/// The CPUs that have a cache together.
fn sharers(scope: &Scope) -> u64 {
    let sharing = of(scope, |cache| cache.sharing);
    let together = |cpu: &u32| cpu >> sharing == own(scope) >> sharing;
    (0..count()).filter(together).fold(0, |set, cpu| set | 1 << cpu)
}
