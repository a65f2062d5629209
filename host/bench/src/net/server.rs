//! A guest that serves: its machine, its ports on the host, the meter, and the port at which it is steered.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::net::load::{self, Load};
use crate::options::Options;
use crate::programs::Programs;

/// How long a guest may take until its servers listen.
const START: Duration = Duration::from_secs(120);
/// How long an answer at the port for steering may take: that of a stream inside of the machine does.
const ANSWER: Duration = Duration::from_secs(300);

/// Where the guest's ports are for the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) http: SocketAddr,
    pub(crate) redis: SocketAddr,
    pub(crate) iperf: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) echo: SocketAddr,
}

/// The guest's ports, which are those of `serve.c`.
const PORTS: [u16; 5] = [80, 6379, 5201, 7000, 7001];

impl Ports {
    fn of(ip: Ipv4Addr, ports: [u16; 5]) -> Self {
        let [http, redis, iperf, control, echo] = ports.map(|port| SocketAddr::from((ip, port)));
        Self {
            http,
            redis,
            iperf,
            control,
            echo,
        }
    }

    /// Ports of the host that nobody has at the moment.
    pub(crate) fn free() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("no free port: {error}");
        let place = (Ipv4Addr::LOCALHOST, 0);
        let held = [(); 4].map(|()| TcpListener::bind(place));
        let mut ports = [0; 5];
        for (port, listener) in ports.iter_mut().zip(held) {
            *port = listener.and_then(|held| held.local_addr()).map_err(failed)?.port();
        }
        let echo = UdpSocket::bind(place).and_then(|held| held.local_addr());
        ports[4] = echo.map_err(failed)?.port();
        Ok(Self::of(Ipv4Addr::LOCALHOST, ports))
    }

    /// Those of a guest that is reached by its own address.
    pub(crate) fn at(guest: Ipv4Addr) -> Self {
        Self::of(guest, PORTS)
    }

    /// As `chiton run -p` takes them.
    pub(crate) fn published(&self) -> [String; 5] {
        let mut all = [self.http, self.redis, self.iperf, self.control, self.echo].map(|here| here.to_string());
        for (text, port) in all.iter_mut().zip(PORTS) {
            text.push_str(&format!(":{port}"));
        }
        all[4].push_str("/udp");
        all
    }
}

/// A guest that serves.
pub(crate) struct Server {
    child: Child,
    pub(crate) ports: Ports,
    /// Where the plugin tells the count.
    meter: PathBuf,
    /// What the guest says.
    said: PathBuf,
    control: Option<BufReader<TcpStream>>,
}

impl Server {
    /// Starts what `chiton run --dry-run` printed.
    pub(crate) fn start_line(line: &str, ports: Ports, programs: &Programs, options: &Options) -> Result<Self, String> {
        let mut shell = Command::new("sh");
        // The line is written for a shell; `exec` makes the shell become QEMU.
        shell.args(["-c", &format!("exec {line} \"$@\""), "sh"]);
        Self::start(shell, ports, programs, options)
    }

    /// Starts a QEMU command line, with the meter.
    pub(crate) fn start(
        mut command: Command,
        ports: Ports,
        programs: &Programs,
        options: &Options,
    ) -> Result<Self, String> {
        let folder = std::env::temp_dir();
        let name = format!("chiton-bench-{}-{}", std::process::id(), ports.control.port());
        let (meter, said) = (
            folder.join(format!("{name}.meter")),
            folder.join(format!("{name}.said")),
        );
        let failed = |error: std::io::Error| format!("{}: {error}", said.display());
        let output = File::create(&said).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let plugin = format!("{},socket={}", programs.plugin.display(), meter.display());
        let child = command
            .args(["-cpu", &options.cpu, "-icount", "shift=0", "-plugin", &plugin])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("QEMU could not be started: {error}"))?;
        Ok(Self {
            child,
            ports,
            meter,
            said,
            control: None,
        })
    }

    /// Waits until all servers listen.
    pub(crate) fn await_ready(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < START {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the machine ended ({status}):\n{}", self.tail()));
            }
            // QEMU takes the connection before the guest does, and ends it if the guest does not.
            if self.connect().is_ok() && self.ask("ready").is_ok_and(|answer| answer == "ready") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(format!("its servers do not listen:\n{}", self.tail()))
    }

    fn connect(&mut self) -> std::io::Result<()> {
        self.control = None;
        let stream = TcpStream::connect(self.ports.control)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        self.control = Some(BufReader::new(stream));
        Ok(())
    }

    /// Asks the guest something.
    fn ask(&mut self, question: &str) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("the machine does not answer: {error}");
        let control = self.control.as_mut().ok_or("nobody steers the machine")?;
        control
            .get_mut()
            .write_all(format!("{question}\n").as_bytes())
            .map_err(failed)?;
        let mut answer = String::new();
        control.read_line(&mut answer).map_err(failed)?;
        Ok(answer.trim().to_owned())
    }

    /// Packets that have gone through the card, both ways.
    pub(crate) fn packets(&mut self) -> Result<u64, String> {
        let answer = self.ask("packets")?;
        let number = answer.strip_prefix("packets ").and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("no number of packets: {answer}"))
    }

    /// Instructions that the guest has executed.
    pub(crate) fn count(&self) -> Result<u64, String> {
        let mut text = String::new();
        UnixStream::connect(&self.meter)
            .and_then(|mut stream| stream.read_to_string(&mut text))
            .map_err(|error| format!("the meter does not answer: {error}"))?;
        text.trim().parse().map_err(|_| format!("no count: {text}"))
    }

    /// Puts the guest under a load of so many operations.
    pub(crate) fn put_under(&mut self, load: &Load, count: usize) -> Result<(), String> {
        if !matches!(load, Load::Loopback) {
            return load::run(load, &self.ports, count);
        }
        match self.ask(&format!("loopback {}K", count))?.as_str() {
            "done 0" => Ok(()),
            answer => Err(format!("the stream inside of the machine failed: {answer}")),
        }
    }

    /// Has it end by itself.
    pub(crate) fn end(&mut self) {
        // It does not answer that any more.
        let _ = self.ask("end");
    }

    fn tail(&self) -> String {
        let bytes = std::fs::read(&self.said).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.meter);
        let _ = std::fs::remove_file(&self.said);
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn free_ports_are_all_different() {
        let ports = Ports::free().expect("free ports");
        let mut all = vec![ports.http, ports.redis, ports.iperf, ports.control];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
        assert!(ports.published().iter().all(|port| port.starts_with("127.0.0.1:")));
        assert!(ports.published()[4].ends_with(&format!("{}:7001/udp", ports.echo.port())));
    }
}
