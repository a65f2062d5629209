//! `./chiton` in the repository root: builds when it has to, is silent when it has not, and names the cure for what is missing.
//!
//! The script runs in a small made-up repository, with a `PATH` that has nothing but the tools it may use and stand-ins for cargo, rustup, the
//! compiler and QEMU that note that they were called.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the script may use of an ordinary system.
const TOOLS: [&str; 8] = ["sh", "find", "sed", "mkdir", "mv", "id", "readlink", "touch"];

/// Builds the kernel or the command, as its arguments say.
const CARGO: &str = "#!/bin/sh
echo \"cargo $*\" >>\"$LOG\"
case $* in
*chiton-kernel*) mkdir -p \"$CARGO_TARGET_DIR/x86_64-unknown-none/kernel\"; : >\"$CARGO_TARGET_DIR/x86_64-unknown-none/kernel/chiton-kernel\" ;;
*release*) mkdir -p \"$CARGO_TARGET_DIR/release\"; printf '#!/bin/sh\\necho \"command $*\"\\nexit 7\\n' >\"$CARGO_TARGET_DIR/release/chiton\"
  /bin/chmod +x \"$CARGO_TARGET_DIR/release/chiton\" ;;
esac
";

const RUSTUP: &str = "#!/bin/sh
echo \"rustup $*\" >>\"$LOG\"
case $* in *--installed*) printf 'x86_64-unknown-none\\nx86_64-unknown-linux-musl\\n' ;; esac
";

struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// A repository with sources, tools and stand-ins, where nothing has been built.
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bootstrap-{name}"));
        let _ = fs::remove_dir_all(&folder);
        for part in ["kernel", "host", "guest", "bench", ".cargo", "bin"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for file in ["chiton", "rust-toolchain.toml", "Cargo.toml", "Cargo.lock"] {
            fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        for tool in TOOLS {
            let path = ["/usr/bin", "/bin"]
                .map(|bin| Path::new(bin).join(tool))
                .into_iter()
                .find(|path| path.exists());
            symlink(path.unwrap(), folder.join("bin").join(tool)).unwrap();
        }
        let repository = Self { folder };
        repository.stand_in("cargo", CARGO);
        repository.stand_in("rustup", RUSTUP);
        repository.stand_in("cc", "#!/bin/sh\n");
        repository.stand_in("qemu-system-x86_64", "#!/bin/sh\n");
        repository
    }

    fn stand_in(&self, name: &str, script: &str) {
        let path = self.folder.join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.join("bin").join(name)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let _ = fs::remove_file(self.log());
        Command::new(self.folder.join("chiton"))
            .args(arguments)
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("LOG", self.log())
            .env("HOME", self.folder.join("nobody"))
            .current_dir("/")
            .output()
            .unwrap()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_first_call_builds_and_hands_over() {
    let repository = Repository::new("first");
    let output = repository.run(&["run", "--", "a b"]);
    assert_eq!(text(&output.stdout), "command run -- a b\n", "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(7));
    assert!(
        repository
            .calls()
            .contains("-p chiton-kernel --profile kernel --target x86_64-unknown-none")
    );
    assert!(repository.calls().contains("--release -p chiton"));
}

#[test]
fn the_second_call_is_silent_and_runs_nothing() {
    let repository = Repository::new("second");
    repository.run(&["run"]);
    let output = repository.run(&["run"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(repository.calls(), "");
}

#[test]
fn a_changed_an_added_and_a_removed_source_are_built() {
    let repository = Repository::new("change");
    let file = repository.folder.join("kernel/lib.rs");
    let builds = |change: &dyn Fn()| {
        repository.run(&["run"]);
        change();
        repository.run(&["run"]);
        repository.calls().contains("cargo build")
    };
    assert!(builds(&|| fs::write(&file, "one").unwrap()), "added");
    assert!(builds(&|| fs::write(&file, "two").unwrap()), "changed");
    assert!(builds(&|| fs::remove_file(&file).unwrap()), "removed");
    assert!(
        !builds(&|| fs::write(repository.folder.join("README.md"), "text").unwrap()),
        "no source"
    );
}

#[test]
fn a_build_that_fails_is_an_error_of_the_command_and_is_tried_again() {
    let repository = Repository::new("failure");
    repository.stand_in("cargo", "#!/bin/sh\necho \"cargo $*\" >>\"$LOG\"\nexit 1\n");
    for _ in 0..2 {
        let output = repository.run(&["run"]);
        assert_eq!(output.status.code(), Some(125));
        assert!(text(&output.stderr).contains("the build failed"));
        assert!(repository.calls().contains("cargo build"));
    }
}

#[test]
fn what_is_missing_is_named_with_the_command_that_installs_it() {
    let repository = Repository::new("missing");
    repository.remove("rustup");
    let output = repository.run(&["run"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("https://sh.rustup.rs"));

    repository.remove("qemu-system-x86_64");
    let output = repository.run(&["run"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("qemu-system-x86"));

    // Someone who may not install packages is told what to type.
    repository.remove("id");
    repository.stand_in("id", "#!/bin/sh\necho 1000\n");
    repository.stand_in("apt-get", "#!/bin/sh\necho \"apt-get $*\" >>\"$LOG\"\n");
    let output = repository.run(&["run"]);
    assert!(text(&output.stderr).contains("sudo apt-get install -y --no-install-recommends qemu-system-x86"));
    assert_eq!(repository.calls(), "");
}

#[test]
fn a_link_to_the_script_works_from_anywhere() {
    let repository = Repository::new("link");
    let link = repository.folder.join("bin/chiton");
    symlink("../chiton", &link).unwrap();
    let output = Command::new(&link)
        .arg("x")
        .env_clear()
        .env("PATH", repository.folder.join("bin"))
        .env("LOG", repository.log())
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "command x\n", "{}", text(&output.stderr));
}

/// The commands that the script looks for before tests: `need PACKAGE COMMAND`, where the command is no path.
fn tools_for_tests() -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("chiton");
    let script = fs::read_to_string(script).unwrap();
    let needs = script.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let tools = needs.filter_map(|words| match words.as_slice() {
        ["need", _, tool] if !tool.starts_with('/') => Some((*tool).to_owned()),
        _ => None,
    });
    tools.collect()
}

#[test]
fn the_tests_are_run_in_the_repository() {
    let repository = Repository::new("tests");
    for tool in tools_for_tests() {
        repository.stand_in(&tool, "#!/bin/sh\n");
    }
    repository.run(&["test", "unit"]);
    assert!(
        repository.calls().ends_with("cargo xtask test unit\n"),
        "{}",
        repository.calls()
    );
}
