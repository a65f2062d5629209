//! `chiton run` against stand-ins for the kernel: streams, input, and every way a run can end.
#![forbid(unsafe_code)]

mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{CONTROL, ERR, Guest, OUT, SERIAL, Scratch, has_qemu};

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn streams_stay_apart_and_the_code_is_the_programs() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = Guest::default()
        .say(OUT, "out\n")
        .say(ERR, "err\n")
        .say(SERIAL, "kernel says\n")
        .say(CONTROL, "exit 7\n");
    let output = output(scratch.run(guest.exit(7)).arg("/bin/true"));
    assert_eq!(text(&output.stdout), "out\n");
    assert!(text(&output.stderr).contains("err\n") && text(&output.stderr).contains("kernel says\n"));
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn streams_that_lead_to_one_place_keep_their_order() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = (0..50).fold(Guest::default(), |guest, _| guest.say(ERR, "e").say(OUT, "o"));
    let mut command = scratch.run(guest.say(CONTROL, "exit 0\n").exit(0));
    let file = std::fs::File::create(scratch.path().join("both")).unwrap();
    command
        .arg("/bin/true")
        .stdin(Stdio::null())
        .stderr(file.try_clone().unwrap())
        .stdout(file);
    assert!(command.status().unwrap().success());
    assert_eq!(
        std::fs::read_to_string(scratch.path().join("both")).unwrap(),
        "eo".repeat(50)
    );
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let guest = || Guest::default().say(OUT, "x").say(CONTROL, "exit 0\n").exit(0);
    let output = scratch
        .run(guest())
        .arg("/bin/true")
        .stdin(Stdio::null())
        .stdout(full())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("output cannot be written"));
}

#[test]
fn input_arrives_whole() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = Guest::default().copy_input().say(CONTROL, "exit 0\n").exit(0);
    let mut command = scratch.run(guest);
    let mut child = command
        .arg("/bin/true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // As much as goes over the line; what is more goes through a device, which this guest does not have (the end-to-end tests do).
    let input: Vec<u8> = (0..200).collect();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, input);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_guest_that_ends_without_a_word_has_died() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let output = output(
        scratch
            .run(Guest::default().say(OUT, "x").triple_fault())
            .arg("/bin/true"),
    );
    assert_eq!(output.status.code(), Some(121), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("chiton: the guest died"));
}

#[test]
fn a_panic_is_told_with_its_text() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = Guest::default()
        .say(SERIAL, "panic at x\n  at 0xffffffff80000000\n")
        .say(CONTROL, "panic out of luck\n");
    let output = output(scratch.run(guest.exit(127)).arg("/bin/true"));
    assert_eq!(output.status.code(), Some(120));
    assert!(text(&output.stderr).contains("the kernel panicked: out of luck"));
    assert!(text(&output.stderr).contains("  at 0xffffffff80000000\n"));
}

#[test]
fn boot_phases_are_listed_with_their_steps() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = Guest::default().say(CONTROL, "boot entry 1500\nboot first program 5000000\nexit 0\n");
    let output = output(scratch.run(guest.exit(0)).args(["--bootchart", "/bin/true"]));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("1.500 us") && stderr.contains("4998.500 us  first program"),
        "{stderr}"
    );
}

#[test]
fn options_reach_the_kernels_command_line() {
    let scratch = Scratch::new();
    let words = [
        "--dry-run",
        "--strace",
        "--bootchart",
        "--log",
        "debug",
        "--hostname",
        "h",
        "--user",
        "www-data",
        "-w",
        "/x y",
    ];
    let mut command = scratch.run(Guest::default());
    let line = output(
        command
            .args(words)
            .args(["-c", "4", "-m", "300M", "--append", "chiton.panic=now", "/bin/true"]),
    );
    let line = text(&line.stdout);
    let wanted = [
        "chiton.strace",
        "chiton.bootchart",
        "chiton.log=debug",
        "chiton.hostname=h",
        "chiton.user=33:33",
    ];
    for word in wanted.into_iter().chain([
        "chiton.cwd=/x%20y",
        "chiton.cpus=4",
        "-m 300M",
        "chiton.panic=now",
        "HOME=/var/www",
    ]) {
        assert!(line.contains(word), "{word} is not in {line}");
    }
}

#[test]
fn the_time_limit_ends_a_guest_that_does_not() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let started = Instant::now();
    let output = output(
        scratch
            .run(Guest::default().sleep())
            .args(["--timeout", "300ms", "/bin/true"]),
    );
    assert_eq!(output.status.code(), Some(124));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_machine_that_cannot_start_tells_qemus_reason() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let output = output(scratch.chiton().args(["run", "--kernel", "/bin/true", "/bin/true"]));
    assert_eq!(output.status.code(), Some(122));
    assert!(text(&output.stderr).contains("PVH"), "{}", text(&output.stderr));
}

#[test]
fn without_qemu_the_cure_is_named() {
    let scratch = Scratch::new();
    let mut command = scratch.run(Guest::default().sleep());
    let output = output(command.env("CHITON_QEMU", "/nowhere/qemu").arg("/bin/true"));
    assert_eq!(output.status.code(), Some(122));
    assert!(text(&output.stderr).contains("/nowhere/qemu") && text(&output.stderr).contains("doctor"));
}

/// Runs a program on a stand-in for QEMU: a script.
fn run_on(script: &str) -> Output {
    let scratch = Scratch::new();
    let qemu = scratch.path().join("qemu");
    std::fs::write(&qemu, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&qemu, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = scratch.run(Guest::default());
    let limits = ["--accel", "kvm", "--timeout", "20s", "/bin/true"];
    output(command.env("CHITON_QEMU", qemu).args(limits))
}

#[test]
fn a_machine_that_kvm_gave_up_is_not_waited_for() {
    let output = run_on("echo 'KVM internal error. Suberror: 1' >&2; echo 'emulation failure' >&2; exec sleep 60");
    assert_eq!(output.status.code(), Some(122));
    let said = text(&output.stderr);
    assert!(
        said.contains("KVM internal error. Suberror: 1") && said.contains("--accel"),
        "{said}"
    );
}

#[test]
fn a_machine_that_is_killed_is_told_apart_from_one_that_ends() {
    let output = run_on("kill -9 $$");
    assert_eq!(output.status.code(), Some(121));
    assert!(text(&output.stderr).contains("signal 9"), "{}", text(&output.stderr));
}

#[test]
fn an_image_carries_its_command_and_environment() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let built = output(
        scratch
            .chiton()
            .args(["build", "-o", "x.img", "-e", "A=b c", "--", "/bin/echo", "hi"]),
    );
    assert!(built.status.success(), "{}", text(&built.stderr));
    let line = output(scratch.run(Guest::default()).args(["--dry-run", "x.img"]));
    let line = text(&line.stdout);
    assert!(
        line.contains("chiton.arg=/bin/echo chiton.arg=hi") && line.contains("chiton.env=A=b%20c"),
        "{line}"
    );
    let line = output(
        scratch
            .run(Guest::default())
            .args(["--dry-run", "./x.img", "/bin/other"]),
    );
    assert!(text(&line.stdout).contains("chiton.arg=/bin/other ") && !text(&line.stdout).contains("/bin/echo"));
}

#[test]
fn a_dry_run_prints_one_line_that_runs_by_hand() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let guest = Guest::default().say(SERIAL, "by hand\n").exit(3);
    let dry = output(
        scratch
            .run(guest)
            .args(["--dry-run", "-e", "Q=it's \"x\"", "/bin/echo", "a b", "$HOME"]),
    );
    let line = text(&dry.stdout);
    assert_eq!(line.lines().count(), 1, "{}", text(&dry.stderr));
    let by_hand = output(Command::new("/bin/sh").args(["-c", &format!("{} -name by-hand", line.trim_end())]));
    assert_eq!(text(&by_hand.stdout), "by hand\n", "{}", text(&by_hand.stderr));
    assert_eq!(by_hand.status.code(), Some(3 << 1 | 1));
}

#[test]
fn killing_the_command_kills_the_machine() {
    if !has_qemu() {
        return;
    }
    let scratch = Scratch::new();
    let mark = scratch.path().join("kernel").to_string_lossy().into_owned();
    for signal in ["-TERM", "-KILL"] {
        let mut command = scratch.run(Guest::default().say(OUT, "x").sleep());
        let mut child = command
            .args(["--stop-timeout", "1", "/bin/true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until(|| machines(&mark) == 1);
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.code(), if signal == "-TERM" { Some(143) } else { None });
        wait_until(|| machines(&mark) == 0);
    }
}

/// Machines whose command line contains the mark.
fn machines(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| line.starts_with(b"qemu-system") && text(line).contains(mark))
        .count()
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "it did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_machine_that_gives_up_at_its_start_could_not_start() {
    let output = run_on("printf 'failed to set MSR\\nkvm_buf_set_msrs: Assertion failed.\\n' >&2; kill -6 $$");
    assert_eq!(output.status.code(), Some(122));
    let said = text(&output.stderr);
    assert!(
        said.lines().count() == 1 && said.contains("set MSR; kvm_buf") && said.contains("--accel"),
        "{said}"
    );
}
