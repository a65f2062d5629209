//! The benchmark programs and the counting plugin, compiled on first use.
//!
//! Their sources are part of this executable, so that the command works from anywhere; the results lie in the cache under a name that changes
//! with the sources.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const PERCALL: &str = include_str!("../../../guest/bench/percall.c");
pub(crate) const PROCESSES: &str = include_str!("../../../guest/bench/processes.c");
pub(crate) const NETWORK: &str = include_str!("../../../guest/bench/network.c");
const SERVE: &str = include_str!("../../../guest/bench/serve.c");
const TRUE: &str = include_str!("../../../guest/bench/true.c");
const METER: &str = include_str!("../../../guest/bench/meter.h");
const HELLO: &str = include_str!("../../../guest/bench/hello.c");
const INIT: &str = include_str!("../../../guest/bench/init.h");
const MARK: &str = include_str!("../../../guest/bench/mark.h");
const PLUGIN: &str = include_str!("../../../bench/mark.c");

/// Where everything lies.
pub(crate) struct Programs {
    pub(crate) hello_static: PathBuf,
    pub(crate) hello_dynamic: PathBuf,
    pub(crate) percall: PathBuf,
    pub(crate) processes: PathBuf,
    pub(crate) network: PathBuf,
    pub(crate) serve: PathBuf,
    /// What lies beside `processes` in the root file system: where it is here, and where it is there.
    pub(crate) tools: Vec<(PathBuf, String)>,
    pub(crate) plugin: PathBuf,
    /// The cache's own folder, for what else is worth keeping.
    pub(crate) cache: PathBuf,
}

/// The programs, compiled if they are not yet.
pub(crate) fn build() -> Result<Programs, String> {
    let cache = cache_folder()?;
    let mut hasher = DefaultHasher::new();
    (
        PERCALL, PROCESSES, NETWORK, SERVE, TRUE, METER, HELLO, INIT, MARK, PLUGIN,
    )
        .hash(&mut hasher);
    let folder = cache.join(format!("programs-{:016x}", hasher.finish()));
    let programs = Programs {
        hello_static: folder.join("hello-static"),
        hello_dynamic: folder.join("hello-dynamic"),
        percall: folder.join("percall"),
        processes: folder.join("processes"),
        network: folder.join("network"),
        serve: folder.join("serve"),
        tools: tools(&folder),
        plugin: folder.join("mark.so"),
        cache,
    };
    if programs.plugin.exists() {
        return Ok(programs);
    }

    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let sources = [
        ("percall.c", PERCALL),
        ("processes.c", PROCESSES),
        ("network.c", NETWORK),
        ("serve.c", SERVE),
        ("true.c", TRUE),
        ("meter.h", METER),
        ("hello.c", HELLO),
        ("init.h", INIT),
        ("mark.h", MARK),
        ("mark.c", PLUGIN),
    ];
    for (name, text) in sources {
        std::fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    compile(&folder, "percall.c", "percall", &["-static", "-pthread"])?;
    compile(&folder, "processes.c", "processes", &["-static"])?;
    compile(&folder, "network.c", "network", &["-static"])?;
    compile(&folder, "serve.c", "serve", &["-static"])?;
    compile(&folder, "true.c", "true-static", &["-static"])?;
    compile(&folder, "true.c", "true-dynamic", &["-fPIE", "-pie"])?;
    compile(&folder, "hello.c", "hello-static", &["-static"])?;
    compile(&folder, "hello.c", "hello-dynamic", &["-fPIE", "-pie"])?;
    compile(&folder, "mark.c", "mark.so", &["-shared", "-fPIC", "-pthread"])?;
    Ok(programs)
}

/// Programs that `processes` starts.
fn tools(folder: &Path) -> Vec<(PathBuf, String)> {
    let ours = ["true-static", "true-dynamic"].map(|name| (folder.join(name), format!("/bench/{name}")));
    let host = [
        ("/bin/sh", "/bin/sh"),
        ("/bin/cat", "/bin/cat"),
        ("/usr/bin/wc", "/bin/wc"),
    ]
    .map(|(here, there)| (PathBuf::from(here), there.to_owned()));
    ours.into_iter().chain(host).collect()
}

fn compile(folder: &Path, source: &str, output: &str, flags: &[&str]) -> Result<(), String> {
    let result = Command::new("gcc")
        .args(["-O2", "-o", output, source])
        .args(flags)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("gcc could not be started ({error}); `apt-get install gcc libc6-dev` installs it"))?;
    if result.status.success() {
        return Ok(());
    }
    Err(format!(
        "gcc could not build {source}:\n{}",
        String::from_utf8_lossy(&result.stderr)
    ))
}

fn cache_folder() -> Result<PathBuf, String> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = base
        .or_else(home)
        .ok_or("neither XDG_CACHE_HOME nor HOME is set: there is no place for the cache")?;
    Ok(base.join("chiton/bench"))
}
