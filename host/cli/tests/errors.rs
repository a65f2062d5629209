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
    let (code, _) = complaint(&scratch, &["/etc"]);
    assert!(code == 126 || code == 127);
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
        (&["--kernel", "/no/kernel", "/bin/true"], "/no/kernel"),
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
    for (name, wanted) in [("./cut.img", "cut short"), ("./bad.img", "checksum")] {
        let (code, text) = complaint(&scratch, &[name]);
        assert!(code == 125 && text.contains(wanted), "{code} {text}");
    }
    let output = scratch.chiton().args(["inspect", "/bin/true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
}
