//! A card whose cable is pulled and put back, with connections over it that have to live on. (The machines' boards have no way to take a whole card away: virtio-mmio knows none.)

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::machines::{MODERN, built, by_hand, command_line, said};
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![Case::new("unplugged::cable", cable)]
}

const PATIENCE: Duration = Duration::from_secs(30);
const LEN: usize = 3_000_000;
/// More than the kernel's memory differs from time to time, in kB.
const SLACK: u64 = 1024;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

fn cable() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("stress", &["-O1", "-static", "-pthread"])?;
    let line = command_line("microvm", 1, &program, &[])?;
    let line = line.replace("-append '", "-append 'chiton.net=ip=10.0.2.15/24;gw=10.0.2.2 ");
    let free = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let port = free.local_addr().map_err(text)?.port();
    drop(free);
    let monitor = std::env::temp_dir().join(format!("chiton-cable-{}", std::process::id()));
    let card = format!(
        "-netdev user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:80 -device virtio-net-device,netdev=n \
         -monitor unix:{},server=on,wait=off",
        monitor.display()
    );
    let machine = std::thread::spawn(move || by_hand(format!("{line} {MODERN} {card}")));
    let result = pull(port, &monitor);
    let stopped = ask(port, "stop").map(drop);
    let outcome = machine.join().map_err(|_| "the machine's thread panicked")??;
    let _ = std::fs::remove_file(&monitor);
    result.and(stopped)?;
    // Whether it is there, five long answers, memory twice, and the end.
    said(&outcome, "served 9")
}

/// Asks for something and reads the answer to its end.
fn ask(port: u16, line: &str) -> Result<String, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    stream.write_all(format!("{line}\n").as_bytes()).map_err(text)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(text)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn free_memory(port: u16) -> Result<u64, String> {
    let answer = ask(port, "memory")?;
    let line = answer.lines().find_map(|line| line.strip_prefix("MemFree:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or(format!("no free memory in {answer:?}"))
}

/// Pulls the cable in the middle of an answer, five times; each answer comes whole.
fn pull(port: u16, monitor: &Path) -> Result<(), String> {
    let begin = Instant::now();
    while ask(port, "get 1").map_or(0, |answer| answer.len()) != 1 {
        if begin.elapsed() > PATIENCE {
            return Err("there is no server".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut monitor = UnixStream::connect(monitor).map_err(text)?;
    let before = free_memory(port)?;
    for pause in [0, 100, 300, 1000, 2500] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        stream.write_all(format!("get {LEN}\n").as_bytes()).map_err(text)?;
        let mut first = [0; 1000];
        stream.read_exact(&mut first).map_err(text)?;
        writeln!(monitor, "set_link n off").map_err(text)?;
        std::thread::sleep(Duration::from_millis(pause));
        writeln!(monitor, "set_link n on").map_err(text)?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map_err(text)?;
        if rest.len() + first.len() != LEN {
            return Err(format!(
                "after {pause} ms without a cable only {} bytes came",
                rest.len()
            ));
        }
    }
    let after = free_memory(port)?;
    println!("pulled five times: {before} kB were free before, {after} kB afterwards");
    if after + SLACK < before {
        return Err(format!("{before} kB were free before, {after} kB afterwards"));
    }
    Ok(())
}
