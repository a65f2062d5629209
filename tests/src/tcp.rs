//! TCP through a card: clients and servers on this machine's 127.0.0.1, the other side in Chiton, behind QEMU's own network.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// One case per question.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for cpus in [1, 2] {
        cases.push(Case::new(format!("tcp::serves_{cpus}"), move || serves(cpus)));
    }
    cases.push(Case::new("tcp::connects", connects));
    cases.push(Case::new("tcp::many", many));
    cases.push(Case::new("tcp::nginx", nginx));
    cases
}

/// Words that give the machine a card with QEMU's usual addresses.
const CARD: [&str; 4] = ["--ip", "10.0.2.15/24", "--gateway", "10.0.2.2"];
const PATIENCE: Duration = Duration::from_secs(30);

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// A server in a machine, and the port that leads to it.
struct Server {
    child: Child,
    port: u16,
    output: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(cpus: u32) -> Result<Self, String> {
        let program = built("tcp", &["-O1", "-static"])?;
        let free = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let port = free.local_addr().map_err(text)?.port();
        drop(free);
        let mut child = Command::new(places::command()?)
            .args(["run", "--timeout", "120", "--cpus", &cpus.to_string()])
            .args(["-p", &format!("{port}:80")])
            .args(CARD)
            .arg("--")
            .arg(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        output.read_line(&mut line).map_err(text)?;
        if line.trim_end() != "listening" {
            return Err(format!("the server says {line:?}"));
        }
        Ok(Self { child, port, output })
    }

    fn ask(&self, line: &str) -> Result<TcpStream, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(text)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
        stream.write_all(format!("{line}\n").as_bytes()).map_err(text)?;
        Ok(stream)
    }

    /// Ends it; what it said since.
    fn stop(mut self) -> Result<String, String> {
        rest(self.ask("stop")?)?;
        let mut said = String::new();
        self.output.read_to_string(&mut said).map_err(text)?;
        let status = self.child.wait().map_err(text)?;
        if status.success() {
            Ok(said)
        } else {
            Err(format!("{status}: {said}"))
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn rest(mut stream: TcpStream) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(text)?;
    Ok(bytes)
}

/// The bytes that the guest's program sends and expects.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 131) >> 3) as u8).collect()
}

fn expect(what: &str, ok: bool) -> Result<(), String> {
    if ok { Ok(()) } else { Err(what.to_owned()) }
}

fn serves(cpus: u32) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    const LEN: usize = 3_000_000;
    let server = Server::start(cpus)?;
    for len in [0, 1, 1460, 100_000, LEN] {
        expect(
            "what was sent comes",
            rest(server.ask(&format!("get {len}"))?)? == pattern(len),
        )?;
    }
    let mut put = server.ask("put")?;
    put.write_all(&pattern(LEN)).map_err(text)?;
    put.shutdown(Shutdown::Write).map_err(text)?;
    let counted = rest(put)?;
    expect("what comes is counted", counted == format!("{LEN}\n").as_bytes())?;
    let mut echo = server.ask("echo")?;
    for len in [1_usize, 100, 5000, 1, 60_000] {
        let mut back = vec![0; len];
        echo.write_all(&pattern(len)).map_err(text)?;
        echo.read_exact(&mut back).map_err(text)?;
        expect("an echo", back == pattern(len))?;
    }
    drop(echo);
    let mut half = server.ask("half")?;
    expect("the end comes first", half.read(&mut [0; 1]).map_err(text)? == 0)?;
    half.write_all(&pattern(1_000_000)).map_err(text)?;
    drop(half);
    let reset = rest(server.ask("reset")?);
    expect("a reset", reset.is_err() || reset == Ok(Vec::new()))?;
    let info = String::from_utf8_lossy(&rest(server.ask("info")?)?).into_owned();
    expect(&format!("TCP_INFO: {info}"), info == "state 1 mss 1 cwnd 10\n")?;
    let said = server.stop()?;
    expect(&format!("the server said {said:?}"), said == "served 11\n")
}

/// A program in the machine reaches who listens here, and hears at once of who does not.
fn connects() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("tcp", &["-O1", "-static"])?;
    let here = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let port = here.local_addr().map_err(text)?.port();
    let child = Command::new(places::command()?)
        .args(["run", "--timeout", "60"])
        .args(CARD)
        .arg("--")
        .arg(program)
        .args(["10.0.2.2", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(text)?;
    here.set_nonblocking(true).map_err(text)?;
    let begin = Instant::now();
    let mut stream = loop {
        match here.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if begin.elapsed() > PATIENCE => return Err(text(error)),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    stream.set_nonblocking(false).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    let mut line = [0; 6];
    stream.read_exact(&mut line).map_err(text)?;
    stream.write_all(b"and welcome\n").map_err(text)?;
    let output = child.wait_with_output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let wanted = "port 1: Connection refused\n\
                  begun: Operation now in progress, then: Success, events 4\n\
                  and welcome\n";
    expect(
        &format!("the program said:\n{said}"),
        line == *b"hello\n" && said == wanted,
    )
}

/// Many connections after each other, while others stay open.
fn many() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    const IDLE: usize = 200;
    const SHORT: usize = 1000;
    let server = Server::start(1)?;
    // One after the other: QEMU's listener has room for one that waits.
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut stream = server.ask("idle")?;
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).map_err(text)?;
        idle.push(stream);
    }
    for _ in 0..SHORT {
        expect("a short answer", rest(server.ask("get 100")?)? == pattern(100))?;
    }
    drop(idle);
    let said = server.stop()?;
    let wanted = format!("served {}\n", IDLE + SHORT + 1);
    expect(&format!("the server said {said:?}"), said == wanted)
}

/// A web server as its package makes it, with an address by DHCP, shows its page to a client here.
fn nginx() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let free = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let port = free.local_addr().map_err(text)?.port();
    drop(free);
    let mut child = Command::new(places::command()?)
        .args(["run", "--timeout", "90", "-m", "256M", "-p", &format!("{port}:80")])
        .args(["--package", "nginx-light", "--", "nginx", "-g", "daemon off;"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(text)?;
    let page = |port| -> Result<String, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(text)?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(text)?;
        Ok(String::from_utf8_lossy(&rest(stream)?).into_owned())
    };
    let begin = Instant::now();
    let mut answer = page(port);
    // The port is there before the server listens.
    while begin.elapsed() < PATIENCE && !answer.as_ref().is_ok_and(|page| page.contains("Welcome to nginx!")) {
        std::thread::sleep(Duration::from_millis(100));
        answer = page(port);
    }
    child.kill().ok();
    child.wait().ok();
    let answer = answer?;
    let fine = answer.starts_with("HTTP/1.1 200 OK") && answer.contains("Welcome to nginx!");
    expect(&format!("nginx answered:\n{answer}"), fine)
}
