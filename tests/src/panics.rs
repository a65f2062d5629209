//! The end of a kernel that is broken: an instruction of it is replaced by one that does not exist, through QEMU's interface for debuggers.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![Case::new("panics::backtrace", backtrace)]
}

const PATIENCE: Duration = Duration::from_secs(30);
/// What the functions are called that wait for something to do, from the inmost.
const WAITING: [&str; 4] = ["wait_for_interrupt ", "idle ", "kernel_main ", "arrive "];

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Functions and places are named, from the broken instruction to the first function, and nothing else is.
fn backtrace() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("chiton-panic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(text)?;
    let result = broken(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    let (code, said) = result?;
    let named: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("  at 0x")?.split_once(' '))
        .map(|(_, name)| name)
        .collect();
    let inlined = said.lines().filter_map(|line| line.strip_prefix("     inlined into "));
    let names: Vec<&str> = named.iter().copied().chain(inlined).collect();
    let is_whole = WAITING
        .iter()
        .all(|wanted| names.iter().any(|name| name.starts_with(wanted)));
    if code == Some(120) && is_whole && named.len() <= WAITING.len() + 1 && !said.contains("? ") {
        return Ok(());
    }
    Err(format!("code {code:?}, and no backtrace:\n{said}"))
}

/// Runs a program that sleeps, breaks the kernel meanwhile, and gives the command's code and what it said.
fn broken(folder: &Path) -> Result<(Option<i32>, String), String> {
    let socket = folder.join("debugger");
    let qemu = folder.join("qemu-system-x86_64");
    let path = std::env::var("PATH").unwrap_or_default();
    let script = format!(
        "#!/bin/sh\nPATH='{path}' exec qemu-system-x86_64 \"$@\" -gdb unix:{},server=on,wait=off\n",
        socket.display()
    );
    std::fs::write(&qemu, script).map_err(text)?;
    std::fs::set_permissions(&qemu, std::fs::Permissions::from_mode(0o755)).map_err(text)?;
    let child = Command::new(places::command()?)
        .args([
            "run",
            "--timeout",
            "60",
            "--file",
            "/bin/sleep",
            "--",
            "/bin/sh",
            "-c",
            "echo ready; sleep 50",
        ])
        .env("PATH", format!("{}:{path}", folder.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(text)?;
    let mut ready = [0; 6];
    let began = child
        .stdout
        .as_mut()
        .ok_or("no output")?
        .read_exact(&mut ready)
        .map_err(text);
    let done = began.and_then(|()| break_it(&socket));
    if done.is_err() {
        let _ = child.kill();
    }
    let output = child.wait_with_output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    done.map_err(|why| format!("{why}:\n{said}"))?;
    Ok((output.status.code(), said))
}

/// Waits until the kernel has nothing to do, and puts an instruction that does not exist where it will go on.
fn break_it(socket: &Path) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut before = 0;
    loop {
        let mut debugger = Debugger::connect(socket, deadline)?;
        let registers = debugger.ask("g")?;
        let ip = registers.get(16 * 16..17 * 16).ok_or("short registers")?;
        let ip = u64::from_str_radix(ip, 16).map_err(text)?.swap_bytes();
        // A program's instructions are in the lower half. Who works is at the same one twice only by chance.
        if ip >> 63 == 1 && ip == before {
            debugger.ask(&format!("M{ip:x},2:0f0b"))?;
            return debugger.tell("c");
        }
        before = ip;
        debugger.ask("D")?;
        if Instant::now() > deadline {
            return Err("the kernel never waits".to_owned());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// QEMU's interface for debuggers: `$TEXT#SUM`, each answered with `+`. The machine stands still while somebody is connected.
struct Debugger(UnixStream);

impl Debugger {
    fn connect(socket: &Path, deadline: Instant) -> Result<Debugger, String> {
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(why) if Instant::now() > deadline => return Err(text(why)),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        Ok(Debugger(stream))
    }

    fn tell(&mut self, words: &str) -> Result<(), String> {
        let sum = words.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${words}#{sum:02x}").map_err(text)
    }

    /// The answer. Reports that the machine has stopped come on their own.
    fn ask(&mut self, words: &str) -> Result<String, String> {
        self.tell(words)?;
        loop {
            let answer = self.packet()?;
            if !answer.starts_with('T') {
                return Ok(answer);
            }
        }
    }

    fn packet(&mut self) -> Result<String, String> {
        let mut packet = String::new();
        let mut is_inside = false;
        loop {
            let mut byte = [0];
            self.0.read_exact(&mut byte).map_err(text)?;
            match byte[0] {
                b'$' => is_inside = true,
                b'#' if is_inside => break,
                byte if is_inside => packet.push(char::from(byte)),
                _ => {}
            }
        }
        self.0.read_exact(&mut [0; 2]).map_err(text)?;
        self.0.write_all(b"+").map_err(text)?;
        Ok(packet)
    }
}
