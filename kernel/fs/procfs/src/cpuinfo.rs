//! `/proc/cpuinfo`: what the CPU says of itself.

use crate::tree::Scope;
use abi::Result;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) fn content(_scope: &Scope) -> Result<Vec<u8>> {
    let mut text = String::new();
    let count = hal::cpu::count();
    for cpu in 0..count {
        text += &format!("processor\t: {cpu}\n{}\n", description(cpu, count));
    }
    Ok(text.into_bytes())
}

#[cfg(not(target_arch = "x86_64"))]
fn description(_cpu: usize, _count: usize) -> String {
    String::new()
}

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__cpuid as cpuid, __cpuid_count as cpuid_count};

#[cfg(target_arch = "x86_64")]
fn description(cpu: usize, count: usize) -> String {
    let basic = cpuid(0);
    let signature = cpuid(1).eax;
    let base_family = signature >> 8 & 0xf;
    let family = base_family + if base_family == 0xf { signature >> 20 & 0xff } else { 0 };
    let mut model = signature >> 4 & 0xf;
    if base_family == 6 || base_family == 0xf {
        model |= (signature >> 16 & 0xf) << 4;
    }
    let addresses = if cpuid(0x8000_0000).eax >= 0x8000_0008 {
        cpuid(0x8000_0008).eax
    } else {
        0x3024
    };
    let mut text = format!(
        "vendor_id\t: {}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: {}\nstepping\t: {}\n",
        letters(&[basic.ebx, basic.edx, basic.ecx]),
        brand(),
        signature & 0xf
    );
    text += &format!(
        "microcode\t: 0x1\ncpu MHz\t\t: 1000.000\ncache size\t: 16384 KB\nphysical id\t: 0\nsiblings\t: {count}\ncore id\t\t: {cpu}\n\
         cpu cores\t: {count}\napicid\t\t: {cpu}\ninitial apicid\t: {cpu}\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: yes\n",
        basic.eax
    );
    text += &format!(
        "flags\t\t: {}\nbugs\t\t:\nbogomips\t: 2000.00\nclflush size\t: 64\n",
        flags()
    );
    text += &format!(
        "cache_alignment\t: 64\naddress sizes\t: {} bits physical, {} bits virtual\npower management:\n",
        addresses & 0xff,
        addresses >> 8 & 0xff
    );
    text
}

#[cfg(target_arch = "x86_64")]
fn letters(words: &[u32]) -> String {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes());
    bytes.take_while(|byte| *byte != 0).map(char::from).collect()
}

#[cfg(target_arch = "x86_64")]
fn brand() -> String {
    if cpuid(0x8000_0000).eax < 0x8000_0004 {
        return "unknown".into();
    }
    let mut words = Vec::new();
    for leaf in 0x8000_0002..=0x8000_0004 {
        let part = cpuid(leaf);
        words.extend([part.eax, part.ebx, part.ecx, part.edx]);
    }
    letters(&words).trim().into()
}

/// Names of feature bits, as Linux prints them; an empty name is a bit that it does not print.
#[cfg(target_arch = "x86_64")]
const FEATURES: [(&[u32; 2], usize, &str); 7] = [
    (
        &[1, 0],
        3,
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe",
    ),
    (
        &[1, 0],
        2,
        "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor",
    ),
    (
        &[0x8000_0001, 0],
        3,
        "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow",
    ),
    (
        &[0x8000_0001, 0],
        2,
        "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -",
    ),
    (
        &[7, 0],
        1,
        "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl",
    ),
    (
        &[7, 0],
        2,
        "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - - cldemote - movdiri movdir64b enqcmd - -",
    ),
    (
        &[7, 0],
        3,
        "- - - - fsrm - - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 - - flush_l1d arch_capabilities - -",
    ),
];

#[cfg(target_arch = "x86_64")]
fn flags() -> String {
    let mut text = String::new();
    for ([leaf, sub], register, names) in FEATURES {
        let highest = cpuid(leaf & 0x8000_0000).eax;
        if *leaf > highest {
            continue;
        }
        let found = cpuid_count(*leaf, *sub);
        let bits = match register {
            1 => found.ebx,
            2 => found.ecx,
            _ => found.edx,
        };
        for (bit, name) in names.split(' ').enumerate() {
            if bit < 32 && bits >> bit & 1 == 1 && name != "-" {
                if !text.is_empty() {
                    text.push(' ');
                }
                text += name;
            }
        }
    }
    text
}
