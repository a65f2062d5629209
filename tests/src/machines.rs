//! Machines other than the usual one: many CPUs, CPUs that ACPI lists, devices, and a boot loader that enters as Firecracker does.
//!
//! `chiton run --dry-run` prints QEMU's command line, these cases change it and run it through a shell. What the machine was told about its CPUs is taken off the
//! kernel's command line where ACPI is to say it.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::execute::{Job, Outcome, on_host};
use crate::places;
use crate::source::{newer, run_compiler};
use crate::suite::{Case, same_on_both};

/// What a QEMU that was started by hand ends with, for a program that ended with 0.
const FINE: i32 = 1;

/// One case per machine.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for cpus in [8, 16, 64] {
        cases.push(Case::new(format!("machines::cpus_{cpus}"), move || {
            every_cpu("microvm", cpus, &[])
        }));
    }
    for machine in ["microvm", "q35", "pc"] {
        cases.push(Case::new(format!("machines::acpi_{machine}"), move || {
            every_cpu(machine, 4, &[(" chiton.cpus=4", ""), ("acpi=off", "acpi=on")])
        }));
    }
    // Two sockets of three: the identities at the interrupt controller have a gap.
    let gap = [(" chiton.cpus=6", ""), ("-smp 6", "-smp 6,sockets=2,cores=3")];
    cases.push(Case::new("machines::acpi_gap", move || every_cpu("q35", 6, &gap)));
    for (name, options) in [
        ("split", "packed=off"),
        ("packed", "packed=on"),
        ("plain", "event_idx=off,indirect_desc=off"),
    ] {
        cases.push(Case::new(format!("machines::virtio_rng_{name}"), move || {
            virtio_rng(options)
        }));
    }
    let cards = [
        ("split", "packed=off"),
        ("packed", "packed=on"),
        ("single", "mrg_rxbuf=off"),
        (
            "plain",
            "csum=off,gso=off,guest_csum=off,event_idx=off,indirect_desc=off",
        ),
    ];
    for (name, options) in cards {
        cases.push(Case::new(format!("machines::virtio_net_{name}"), move || {
            virtio_net(options)
        }));
    }
    cases.push(Case::new("machines::virtio_net_link", virtio_net_link));
    for cpus in [1, 4] {
        cases.push(Case::new(format!("machines::virtio_net_flood_{cpus}"), move || {
            virtio_net_flood(cpus)
        }));
    }
    cases.push(Case::new("machines::virtio_net_pairs", virtio_net_pairs));
    for cpus in [1, 2] {
        // Enough that it goes through the virtio console, and more than its pages and the host's sockets hold.
        cases.push(Case::new(format!("machines::much_output_{cpus}"), move || {
            let mut job = Job::new(["/usr/bin/seq", "1", "400000"].map(str::to_string).to_vec());
            job.cpus = cpus;
            same_on_both(&job)
        }));
    }
    for cpus in [1, 2] {
        cases.push(Case::new(format!("machines::linux_boot_{cpus}"), move || {
            linux_boot(cpus)
        }));
    }
    cases
}

/// The program that runs on each CPU in turn says that it could.
fn every_cpu(machine: &str, cpus: u32, changes: &[(&str, &str)]) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("every_cpu", &["-O1", "-static"])?;
    let mut line = command_line(machine, cpus, &program, &[])?;
    for (from, to) in changes {
        line = line.replace(from, to);
    }
    said(&by_hand(line)?, &format!("{cpus} CPUs, ran on {cpus}"))
}

/// What QEMU has to be told so that its devices are those of virtio 1.0.
pub(crate) const MODERN: &str = "-global virtio-mmio.force-legacy=false";

/// The host's random bytes come, whichever way the ring is.
fn virtio_rng(options: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let line = command_line("microvm", 1, Path::new("/bin/sleep"), &["1"])?;
    let line = line.replace("-append '", "-append 'chiton.log=debug ");
    let line = format!("{line} {MODERN} -device virtio-rng-device,{options}");
    let outcome = by_hand(line)?;
    let text = String::from_utf8_lossy(&outcome.stdout);
    if outcome.code == FINE && text.contains("64 random bytes came from the host") {
        return Ok(());
    }
    Err(format!("exit code {} and:\n{text}", outcome.code))
}

/// A program's frames reach the host's network (QEMU's own, without privileges), and its answers come back.
fn virtio_net(options: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("packet", &["-O1", "-static"])?;
    let line = command_line("microvm", 1, &program, &[])?;
    let card = format!("-netdev user,id=n,restrict=on -device virtio-net-device,netdev=n,{options}");
    said(&by_hand(format!("{line} {MODERN} {card}"))?, "frames came and went")
}

/// The link goes and comes, which QEMU's monitor does again and again, and programs hear of it.
fn virtio_net_link() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("link", &["-O1", "-static"])?;
    let line = command_line("microvm", 1, &program, &[])?;
    let monitor = std::env::temp_dir().join(format!("chiton-monitor-{}", std::process::id()));
    let card = "-netdev user,id=n,restrict=on -device virtio-net-device,netdev=n";
    let socket = format!("-monitor unix:{},server=on,wait=off", monitor.display());
    let place = monitor.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let switch = std::thread::spawn(move || switch_link(&place, &stopped));
    let outcome = by_hand(format!("{line} {MODERN} {card} {socket}"));
    stop.store(true, Ordering::Relaxed);
    let _ = switch.join();
    // QEMU takes it away itself, unless it was ended.
    let _ = std::fs::remove_file(&monitor);
    said(&outcome?, "the link went and came")
}

/// Switches the link off and on through the monitor, until somebody says stop.
fn switch_link(monitor: &Path, stop: &AtomicBool) {
    let mut connected = None;
    while !stop.load(Ordering::Relaxed) {
        for state in ["off", "on"] {
            std::thread::sleep(Duration::from_millis(300));
            if connected.is_none() {
                connected = UnixStream::connect(monitor).ok();
            }
            if let Some(stream) = &mut connected
                && writeln!(stream, "set_link n {state}").is_err()
            {
                return;
            }
        }
    }
}

/// Every CPU sends more than the card takes at once: who sends waits.
fn virtio_net_flood(cpus: u32) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("flood", &["-O1", "-static", "-pthread"])?;
    let line = command_line("microvm", cpus, &program, &[])?;
    let card = "-netdev user,id=n,restrict=on -device virtio-net-device,netdev=n,mq=on";
    said(
        &by_hand(format!("{line} {MODERN} {card}"))?,
        &format!("{cpus} CPUs sent"),
    )
}

/// The same with a queue for each CPU, which needs a TAP, in a network namespace of the test's own; nothing where that cannot be made.
fn virtio_net_pairs() -> Result<(), String> {
    const SETUP: &str = "ip tuntap add t0 mode tap multi_queue && ip addr add 10.0.2.2/24 dev t0 && ip link set t0 up";
    if places::host_only() {
        return Ok(());
    }
    let may = Command::new("unshare").args(["-n", "sh", "-c", SETUP]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let program = built("flood", &["-O1", "-static", "-pthread"])?;
    let line = command_line("microvm", 4, &program, &[])?;
    let card = "-netdev tap,id=n,ifname=t0,script=no,downscript=no,queues=4 -device virtio-net-device,netdev=n,mq=on";
    let inner = format!("{SETUP} && exec {line} {MODERN} {card}");
    let quoted = inner.replace('\'', "'\\''");
    said(&by_hand(format!("unshare -n sh -c '{quoted}'"))?, "4 CPUs sent")
}

/// The kernel is entered in 64-bit mode, with Linux's boot parameters.
fn linux_boot(cpus: u32) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("every_cpu", &["-O1", "-static"])?;
    let line = command_line("microvm", cpus, &program, &[])?;
    let kernel = line
        .split(" -kernel ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .ok_or("no kernel in the command line")?;
    let loader = loader(entry_of(Path::new(kernel))?)?;
    let changed = format!(
        "-kernel {} -device loader,file={kernel}",
        loader.to_str().ok_or("a strange path")?
    );
    let line = line.replace(&format!("-kernel {kernel}"), &changed);
    said(&by_hand(line)?, &format!("{cpus} CPUs, ran on {cpus}"))
}

/// Where an ELF file says that it begins.
fn entry_of(file: &Path) -> Result<u64, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let word = bytes.get(24..).and_then(|rest| rest.first_chunk::<8>());
    word.map(|word| u64::from_le_bytes(*word))
        .ok_or_else(|| format!("{} is too short", file.display()))
}

fn loader(entry: u64) -> Result<PathBuf, String> {
    let entry = format!("-DENTRY=\"{entry:#x}\"");
    built(
        "linux_boot",
        &[
            "-m32",
            "-O1",
            "-ffreestanding",
            "-fno-pic",
            "-no-pie",
            "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables",
            "-fcf-protection=none",
            "-nostdlib",
            "-static",
            "-Wl,--build-id=none,-Ttext-segment=0x4000000,-e,start",
            &entry,
        ],
    )
}

/// A program of `guest/boot`, built if its source or the way to build it is new.
pub(crate) fn built(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let source = places::root().join(format!("guest/boot/{name}.c"));
    let tag = options.iter().flat_map(|option| option.bytes());
    let tag = tag.fold(0u32, |tag, byte| tag.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let product = places::built()?.join(format!("boot-{name}-{tag:08x}"));
    if newer(&product, &[&source]) {
        return Ok(product);
    }
    // Cases run side by side: each builds its own and puts it in place at once.
    let own = product.with_extension(format!("{:?}", std::thread::current().id()));
    let mut command = Command::new("gcc");
    command.args(options).arg(&source).arg("-o").arg(&own);
    run_compiler(command)?;
    std::fs::rename(&own, &product).map_err(|error| error.to_string())?;
    Ok(product)
}

pub(crate) fn command_line(machine: &str, cpus: u32, program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(places::command()?);
    let cpus = cpus.to_string();
    command.args(["run", "--dry-run", "--machine", machine, "--cpus", &cpus, "--"]);
    let output = command
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

pub(crate) fn by_hand(line: String) -> Result<Outcome, String> {
    let mut job = Job::new(vec!["/bin/sh".into(), "-c".into(), format!("exec {line}")]);
    job.env.clear();
    job.env.push(("PATH".into(), std::env::var("PATH").unwrap_or_default()));
    job.timeout = Duration::from_secs(120);
    on_host(&job)
}

pub(crate) fn said(outcome: &Outcome, wanted: &str) -> Result<(), String> {
    let text = String::from_utf8_lossy(&outcome.stdout);
    if outcome.code == FINE && text.lines().any(|line| line.trim_end() == wanted) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&outcome.stderr);
    Err(format!(
        "exit code {} instead of {FINE}, and no line \"{wanted}\":\n{text}{errors}",
        outcome.code
    ))
}
