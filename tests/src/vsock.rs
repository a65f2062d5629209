//! Connections between a machine and its host over vsock. The host's side is `vhost-device-vsock`, which programs reach through Unix sockets.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let several = [1, 2].map(|cpus| Case::new(format!("vsock::both_ways_{cpus}"), move || both_ways(cpus, 4, 300_000)));
    let much = Case::new("vsock::ten_megabytes", || both_ways(1, 1, 10_000_000));
    several.into_iter().chain([much]).collect()
}

const PATIENCE: Duration = Duration::from_secs(60);
/// The context that the host gives the machine.
const CID: &str = "7";
const PEER: &str = "vhost-device-vsock";
const PEER_VERSION: &str = "0.3.0";

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// The host's side, from crates.io on first need.
fn peer() -> Result<PathBuf, String> {
    static BUILT: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILT.lock();
    let root = places::root().join("target/peers");
    let program = root.join("bin").join(PEER);
    if program.exists() {
        return Ok(program);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["install", "--locked", "--version", PEER_VERSION, "--root"])
        .arg(&root)
        .arg(PEER)
        .output();
    let output = output.map_err(|error| format!("cargo, which is to build {PEER}, cannot be started: {error}"))?;
    if program.exists() {
        return Ok(program);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = errors.lines().rev().take(5).collect();
    Err(format!(
        "{PEER} {PEER_VERSION} cannot be built: {}",
        tail.into_iter().rev().collect::<Vec<_>>().join("; ")
    ))
}

/// The host's side, running.
struct Peer {
    child: Child,
    directory: tempfile::TempDir,
}

impl Peer {
    fn start() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(text)?;
        let child = Command::new(peer()?)
            .args(["--guest-cid", CID, "--socket"])
            .arg(directory.path().join("device"))
            .arg("--uds-path")
            .arg(directory.path().join("host"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(text)?;
        let peer = Self { child, directory };
        let begin = Instant::now();
        while !peer.device().exists() {
            if begin.elapsed() > PATIENCE {
                return Err(format!("{PEER} does not listen"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(peer)
    }

    /// What the machine is to be connected to.
    fn device(&self) -> PathBuf {
        self.directory.path().join("device")
    }

    /// Where connections to the machine begin.
    fn host(&self) -> PathBuf {
        self.directory.path().join("host")
    }

    /// Where connections from the machine to a port of the host end.
    fn listen(&self, port: u32) -> Result<UnixListener, String> {
        UnixListener::bind(self.directory.path().join(format!("host_{port}"))).map_err(text)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Either fails only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Takes what comes on a connection and then sends it back: eight bytes that say how many follow, and those.
fn echo(mut stream: UnixStream) -> Result<(), String> {
    let mut length = [0; 8];
    stream.read_exact(&mut length).map_err(text)?;
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(text)?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).map_err(text)?;
    stream.write_all(&bytes).map_err(text)?;
    // Its end.
    stream.read_to_end(&mut Vec::new()).map_err(text)?;
    Ok(())
}

/// Connects to a port of the machine where somebody listens.
fn connect(host: &Path, port: u32) -> Result<UnixStream, String> {
    let mut stream = UnixStream::connect(host).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    // At once: half a line is none.
    stream.write_all(format!("CONNECT {port}\n").as_bytes()).map_err(text)?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).map_err(text)? == 1 && byte != *b"\n" {
        answer.push(byte[0]);
    }
    if answer.starts_with(b"OK ") {
        return Ok(stream);
    }
    let answer = String::from_utf8_lossy(&answer);
    Err(format!("nobody listens in the machine: {answer:?}"))
}

/// The byte at a place of what is sent, as the program makes it.
fn byte_of(seed: u8, at: u64) -> u8 {
    (at * 31 + at / 4096 + u64::from(seed) * 7) as u8
}

/// Sends bytes to the machine, which makes the same and sends them.
fn there_and_back(host: &Path, seed: u8, length: u64) -> Result<(), String> {
    let mut stream = connect(host, 5000)?;
    let bytes: Vec<u8> = (0..length).map(|at| byte_of(seed, at)).collect();
    let mut back = vec![0; bytes.len()];
    stream.write_all(&[seed]).map_err(text)?;
    stream.write_all(&bytes).map_err(text)?;
    stream.read_exact(&mut back).map_err(text)?;
    if back == bytes {
        Ok(())
    } else {
        Err("other bytes came back".into())
    }
}

/// So many connections at a time go out of the machine, and then into it.
fn both_ways(cpus: u32, count: usize, length: u64) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("vsock", &["-O1", "-static", "-pthread"])?;
    let peer = Peer::start()?;
    let listener = peer.listen(6000)?;
    let ready = peer.listen(6001)?;
    let mut command = Command::new(places::command()?);
    command.args(["run", "--timeout", "60", "--cpus", &cpus.to_string(), "--vsock"]);
    command.arg(peer.device()).arg("--").arg(program);
    command.args([count.to_string(), length.to_string()]);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = child.spawn().map_err(text)?;
    let host = peer.host();
    thread::scope(|scope| {
        let exchanged = scope.spawn(move || {
            let echoes: Result<Vec<_>, _> = (0..count)
                .map(|_| listener.accept().map(|(stream, _)| thread::spawn(move || echo(stream))))
                .collect();
            for one in echoes.map_err(text)? {
                one.join().map_err(|_| "an echo panicked")??;
            }
            ready.accept().map_err(text)?;
            thread::scope(|scope| {
                let host = &host;
                let seeds = (0..).take(count);
                let sent: Vec<_> = seeds
                    .map(|seed| scope.spawn(move || there_and_back(host, seed, length)))
                    .collect();
                for one in sent {
                    one.join().map_err(|_| "a sender panicked")??;
                }
                Ok::<_, String>(())
            })
        });
        let output = child.wait_with_output().map_err(text);
        // Whoever still waits for the machine finds nobody.
        drop(peer);
        let output = output?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wanted = format!(
            "context {CID}\nmessages: Socket type not supported\n\
             {count} connections went out\n{count} connections came in\n"
        );
        if said != wanted {
            return Err(format!("{said}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
        exchanged.join().map_err(|_| "the host's side panicked")?
    })
}
