//! Bad input: each a clear sentence, a cure, and the right exit code, before any machine starts.
#![forbid(unsafe_code)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use support::{Guest, Scratch};

/// What the command says about running `words`, and its exit code.
fn complaint(scratch: &Scratch, words: &[&str]) -> (i32, String) {
    let mut command = scratch.run(Guest::default().sleep());
    let output = command
        .args(["--timeout", "5"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.starts_with("chiton: ") && text.lines().count() == 1, "{text}");
    assert!(!text.contains("os error"), "{text}");
    (output.status.code().unwrap(), text)
}

fn program(scratch: &Scratch, name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_that_does_not_exist() {
    let scratch = Scratch::new();
    for name in ["no-such-program", "./no-such-program", "/no/such/program"] {
        let (code, text) = complaint(&scratch, &[name]);
        assert!(code == 127 && text.contains(name), "{code} {text}");
    }
}

#[test]
fn a_file_that_is_no_program() {
    let scratch = Scratch::new();
    program(&scratch, "text", b"hello\n");
    std::fs::write(scratch.path().join("plain"), "x").unwrap();
    let (code, text) = complaint(&scratch, &["./text"]);
    assert!(code == 126 && text.contains("#!"), "{code} {text}");
    let (code, text) = complaint(&scratch, &["./plain"]);
    assert!(code == 126 && text.contains("chmod +x"), "{code} {text}");
    for directory in ["/etc", ".", "..", "./"] {
        let (code, text) = complaint(&scratch, &[directory]);
        assert!(code == 126 && text.contains("is a directory"), "{code} {text}");
    }
    let (code, text) = complaint(&scratch, &["/dev/null"]);
    assert!(code == 126 && !text.contains("chmod"), "{code} {text}");
    let (code, text) = complaint(&scratch, &[""]);
    assert!(code == 127 && text.contains("no name"), "{code} {text}");
    // A directory on the way of a search is none of the answers.
    std::fs::create_dir_all(scratch.path().join("bin/nothing")).unwrap();
    let path = format!("PATH={}", scratch.path().join("bin").display());
    let (code, text) = complaint(&scratch, &["-e", &path, "nothing"]);
    assert!(code == 127 && text.contains("is not in PATH"), "{code} {text}");
}

#[test]
fn a_program_that_is_cut_short() {
    let scratch = Scratch::new();
    let bytes = std::fs::read("/bin/true").unwrap();
    for length in [10, 100, bytes.len() / 2] {
        program(&scratch, "short", &bytes[..length]);
        let (code, text) = complaint(&scratch, &["./short"]);
        assert!(code == 126 && text.contains("cut short"), "{code} {text}");
    }
}

#[test]
fn a_program_for_another_machine() {
    let scratch = Scratch::new();
    let mut bytes = std::fs::read("/bin/true").unwrap();
    bytes[18] = 183;
    program(&scratch, "arm", &bytes);
    let (code, text) = complaint(&scratch, &["./arm"]);
    assert!(code == 126 && text.contains("AArch64"), "{code} {text}");
    bytes[4] = 1;
    bytes[18] = 3;
    program(&scratch, "i386", &bytes);
    let (code, text) = complaint(&scratch, &["./i386"]);
    assert!(code == 126 && text.contains("i386"), "{code} {text}");
}

#[test]
fn an_interpreter_or_library_that_is_missing() {
    let scratch = Scratch::new();
    let bytes = std::fs::read("/bin/true").unwrap();
    let replace = |from: &[u8], to: &[u8]| {
        let mut bytes = bytes.clone();
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    program(&scratch, "lost", &replace(b"/lib64/ld-linux", b"/lib64/no-linux"));
    let (code, text) = complaint(&scratch, &["./lost"]);
    assert!(
        code == 126 && text.contains("/lib64/no-linux") && text.contains("interpreter"),
        "{code} {text}"
    );

    program(&scratch, "poor", &replace(b"\0libc.so.6", b"\0libq.so.6"));
    let (code, text) = complaint(&scratch, &["./poor"]);
    assert!(
        code == 126 && text.contains("libq.so.6") && text.contains("poor"),
        "{code} {text}"
    );

    program(&scratch, "script", b"#!/no/interpreter -x\n");
    let (code, text) = complaint(&scratch, &["./script"]);
    assert!(code == 126 && text.contains("/no/interpreter"), "{code} {text}");
    program(&scratch, "env-script", b"#!/usr/bin/env no-such-language\n");
    let (code, text) = complaint(&scratch, &["./env-script"]);
    assert!(code == 126 && text.contains("no-such-language"), "{code} {text}");
}

#[test]
fn options_that_make_no_sense() {
    let scratch = Scratch::new();
    for (words, wanted) in [
        (&["-m", "1M", "/bin/true"][..], "-m "),
        (&["--user", "nobody-here", "/bin/true"], "nobody-here"),
        (&["-w", "relative", "/bin/true"], "relative"),
        (&["-e", "=x", "/bin/true"], "KEY=VALUE"),
        (&["--env-file", "nothing", "/bin/true"], "nothing"),
        (&["--file", "nothing", "/bin/true"], "nothing"),
        (&["--file", "*.nothing", "/bin/true"], "*.nothing"),
        (&["-m", "some", "/bin/true"], "K, M, G or T"),
        (&["--no-such-option", "/bin/true"], "--no-such-option"),
        (&[], "PROGRAM"),
        (&["-v", "/etc", "/bin/true"], "HOST:GUEST"),
        (&["-v", "/etc:relative", "/bin/true"], "relative"),
        (&["-v", "/etc:/etc:rx", "/bin/true"], "only ro may follow"),
        (&["--kernel", "/no/kernel", "/bin/true"], "/no/kernel does not exist"),
        (&["--kernel", "/etc/passwd", "/bin/true"], "is no ELF file"),
        (&["--kernel", "/etc", "/bin/true"], "/etc cannot be read"),
        (&["--no-such-option", "/bin/true"], "See chiton --help"),
        (&["--memroy", "64M", "/bin/true"], "'--memory'"),
        (&["-m"], "a value is required"),
        (&["-m", "0", "/bin/true"], "more than nothing"),
        (&["-m", "-5", "/bin/true"], "K, M, G or T"),
        (&["-c", "0", "/bin/true"], "from 1 to 64"),
        (&["-c", "two", "/bin/true"], "from 1 to 64"),
        (&["-c", "-1", "/bin/true"], "from 1 to 64"),
        (&["--timeout", "0", "/bin/true"], "more than no time"),
        (&["--timeout", "-1", "/bin/true"], "more than no time"),
        (&["--timeout", "1y", "/bin/true"], "ms, s, m or h"),
        (&["--hostname", "a b", "/bin/true"], "dashes and dots"),
        (&["--nameserver", "somewhere", "/bin/true"], "fd00::3"),
        (&["--machine", "mainframe", "/bin/true"], "microvm, q35, pc"),
        (&["--log", "loud", "/bin/true"], "error, warn, info, debug"),
        (&["--rootfs", "/etc/passwd", "/bin/true"], "is not a directory"),
        (&["--network", "usr", "/bin/true"], "no such network"),
        (&["--network", "user,ipp=10.0.2.9", "/bin/true"], "no option ipp"),
        (&["-p", "99999", "/bin/true"], "1 to 65535"),
        (&["-p", "80:80:80:80", "/bin/true"], "[ADDRESS:]HOST:GUEST[/udp]"),
        (&["-p", "8080:80/icmp", "/bin/true"], "tcp or udp"),
        (&["--ip", "300.1.1.1", "/bin/true"], "10.0.2.20/24"),
        (&["--mac", "zz", "/bin/true"], "six pairs"),
        (&["--vsock", "/no/socket", "/bin/true"], "/no/socket"),
    ] {
        let (code, text) = complaint(&scratch, words);
        assert!(
            (code == 125 || code == 122) && text.contains(wanted),
            "{words:?}: {code} {text}"
        );
    }
}

#[test]
fn an_image_that_is_damaged() {
    let scratch = Scratch::new();
    let built = scratch
        .chiton()
        .args(["build", "-o", "x.img", "/bin/true"])
        .status()
        .unwrap();
    assert!(built.success());
    let mut bytes = std::fs::read(scratch.path().join("x.img")).unwrap();
    let cut = bytes.len() - 4096;
    std::fs::write(scratch.path().join("cut.img"), &bytes[..cut]).unwrap();
    bytes[1040] ^= 1;
    std::fs::write(scratch.path().join("bad.img"), &bytes).unwrap();
    for (words, wanted) in [
        (&["./cut.img"][..], "cut short"),
        (&["./bad.img"], "checksum"),
        (&["-w", "/nowhere", "./x.img"], "no directory /nowhere"),
        (&["-w", "relative", "./x.img"], "not absolute"),
        (&["--file", "/etc/passwd", "./x.img"], "finished image"),
    ] {
        let (code, text) = complaint(&scratch, words);
        assert!(code == 125 && text.contains(wanted), "{code} {text}");
    }
    let output = scratch.chiton().args(["inspect", "/bin/true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}
