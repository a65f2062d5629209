//! Servers from Debian's packages, unmodified, in a machine whose ports are published, and real clients on this one: the scripts of
//! `tests/servers`, which print a line for each thing that they found.
//!
//! One round is `servers::NAME`, which every run of the tests includes; more are `longer::NAME`. Connections come a few at a time: the network
//! that QEMU brings lets one wait, and the host's kernel forgets others until it asks again, seconds later.

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::places;
use crate::source::{build_go, newer, run_compiler};
use crate::suite::{Case, excerpt};

/// A server and its client.
struct Server {
    name: &'static str,
    /// Options of `chiton run`. `@` at the start of a word stands for `tests/servers`, `+` for the directory of what was prepared.
    options: &'static [&'static str],
    /// Ports in the machine, and whether the client sends datagrams there too.
    ports: &'static [(u16, bool)],
    /// What the machine runs.
    command: &'static [&'static str],
    /// The client, in `tests/servers`.
    client: &'static str,
    /// What the client prints; numbers with a `#` before them are multiplied by the rounds.
    says: &'static str,
    /// Processors of the machine.
    cpus: u32,
    /// Rounds of the longer run.
    rounds: u32,
}

const SERVERS: &[Server] = &[
    Server {
        name: "nginx",
        options: &[
            "--package",
            "nginx-light",
            "--file",
            "@/nginx.conf:/etc/nginx/nginx.conf",
            "--file",
            "+/big:/var/www/html/big",
            "--file",
            "+/cert.pem:/etc/cert.pem",
            "--file",
            "+/key.pem:/etc/key.pem",
        ],
        ports: &[(80, false), (443, false)],
        command: &["nginx", "-g", "daemon off;"],
        client: "nginx.sh",
        says: "<title>Welcome to nginx!</title>\n0 connection, 200\nfile by sendfile: the same\n\
            0 connection, 200, verified 0\nfile by TLS: the same\npart by TLS 1.3: the same\nworkers: 2\n\
            Complete #1000\nFailed 0\nComplete #100\nFailed 0\nComplete #200\nFailed 0\nComplete #4\nFailed 0\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "apache2",
        options: &[
            "--package",
            "apache2",
            "--package",
            "coreutils",
            "--file",
            "+/big:/var/www/html/big",
        ],
        ports: &[(80, false)],
        command: &["apache2ctl", "-D", "FOREGROUND"],
        client: "apache2.sh",
        says: "    <title>Apache2 Debian Default Page: It works</title>\n0 connection, 200\nfile: the same\n\
            Content-Encoding: gzip\n403\n<title>403 Forbidden</title>\nComplete #500\nFailed 0\nComplete #100\nFailed 0\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "redis",
        options: &["--package", "redis-server"],
        ports: &[(6379, false)],
        command: &[
            "redis-server",
            "--bind",
            "* -::*",
            "--protected-mode",
            "no",
            "--save",
            "",
        ],
        client: "redis.sh",
        says: "PONG\nOK\nvalue\nOK\na megabyte: the same\n\"message\",\"news\",\"hello\"\n500500\n\
            SET went\nGET went\nLPUSH went\nLPUSH (needed to benchmark LRANGE) went\n\
            LRANGE_100 (first 100 elements) went\nSET went\nGET went\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "postgresql",
        options: &["--package", "postgresql-15", "--user", "postgres", "-m", "512M"],
        ports: &[(5432, false)],
        command: &["/bin/sh", "@/postgresql-serve.sh"],
        client: "postgresql.sh",
        says: "*\nSELECT 20000\nCREATE INDEX\n\
            20000|00003e3b9e5336685200ae85d21b4f5e|fffb8ef15de06d87e6ba6c830f3b6284\n20000\n20000\n\
            ERROR:  column \"nothing\" does not exist\n20000\nt\n#200\nt\n#10\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "node_http",
        options: &[
            "-m",
            "512M",
            "--file",
            "+/big:/srv/big",
            "--file",
            "+/key.pem:/srv/key.pem",
            "--file",
            "+/cert.pem:/srv/cert.pem",
        ],
        ports: &[(80, false), (443, false)],
        command: &["/usr/bin/node", "@/node.js"],
        client: "web.sh",
        says: WEB,
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "java_http",
        options: &[
            "-m",
            "512M",
            "--file",
            "+/big:/srv/big",
            "--file",
            "+/store.p12:/srv/store.p12",
            "--file",
            "+/java:/srv/java",
        ],
        ports: &[(80, false), (443, false)],
        command: &[
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
            "-Xshare:auto",
            "-XX:+ErrorFileToStderr",
            "-cp",
            "/srv/java",
            "Web",
        ],
        client: "web.sh",
        says: WEB,
        cpus: places::CPUS_FOR_JAVA,
        rounds: 20,
    },
    Server {
        name: "go_http",
        options: &[
            "--file",
            "+/big:/srv/big",
            "--file",
            "+/key.pem:/srv/key.pem",
            "--file",
            "+/cert.pem:/srv/cert.pem",
        ],
        ports: &[(80, false), (443, false)],
        command: &["+/web-go"],
        client: "web.sh",
        says: WEB,
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "python_http",
        options: &[
            "-m",
            "256M",
            "--file",
            "+/big:/srv/big",
            "--file",
            "+/key.pem:/srv/key.pem",
            "--file",
            "+/cert.pem:/srv/cert.pem",
        ],
        ports: &[(80, false), (81, false), (82, false)],
        command: &["/usr/bin/python3", "@/python.py"],
        client: "python.sh",
        says: "<a href=\"big\"\n<a href=\"cert.pem\"\n<a href=\"key.pem\"\n0 connection, 200\nfile: the same\n\
            PUT /put 5000000 right\nComplete #100\nFailed 0\n3231941463 108894\n3000000\nHELLO\n#20 #20\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "haproxy",
        options: &[
            "--package",
            "haproxy",
            "--package",
            "busybox",
            "--package",
            "coreutils",
            "--file",
            "@/haproxy.cfg:/etc/haproxy.cfg",
        ],
        ports: &[(80, false), (81, false), (82, false)],
        command: &["/bin/sh", "@/haproxy-serve.sh"],
        client: "haproxy.sh",
        says: "one one two two \none\nComplete #400\nFailed 0\nComplete #200\nFailed 0\n\
            one UP L7OK\ntwo UP L7OK\ngone DOWN L4CON\nBACKEND UP \n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "unbound",
        options: &[
            "--package",
            "unbound",
            "--package",
            "dnsmasq-base",
            "--file",
            "@/unbound.conf:/etc/unbound.conf",
        ],
        ports: &[(53, true)],
        command: &["/bin/sh", "@/names-serve.sh"],
        client: "names.sh",
        says: "10.1.2.3\nfd00::1\n10.1.2.3\nfoo.test.\n\
            ;; Truncated, retrying in TCP mode.\nflags qr rd ra\nMSG SIZE  rcvd: 1657\nflags qr rd ra\nMSG SIZE  rcvd: 1657\n\
            status: NXDOMAIN\n#100 10.1.2.3\n#100 10.1.2.3\n",
        cpus: 2,
        rounds: 20,
    },
    Server {
        name: "openssh",
        options: &[
            "--package",
            "openssh-server",
            "--package",
            "openssh-sftp-server",
            "--package",
            "bash",
            "--package",
            "coreutils",
            "--package",
            "diffutils",
            "--package",
            "grep",
            "--file",
            "@/sshd_config:/etc/ssh/config",
            "--file",
            "+/host:/etc/ssh/host",
            "--file",
            "+/id.pub:/etc/ssh/keys",
        ],
        ports: &[(22, false)],
        command: &["/bin/sh", "@/ssh-serve.sh"],
        client: "ssh.sh",
        says: "root\nwrong\ncode 3\nby password: 0 255\n/home/joe joe C.UTF-8\n/dev/pts/0\nxterm\nto the machine and back: the same\nmoved\nSSH-2.0\n",
        cpus: 2,
        rounds: 1,
    },
    Server {
        name: "tools",
        options: &["--package", "iperf3", "--package", "netcat-openbsd"],
        ports: &[(5201, true), (7001, false), (7002, false)],
        command: &["/bin/sh", "@/tools-serve.sh"],
        client: "tools.sh",
        says: "to the machine: True\nfrom the machine: True\ntwo at once: True\ndatagrams: True\n\
            by nc and back: the same\n",
        cpus: 2,
        rounds: 10,
    },
];

/// What `web.sh` prints.
const WEB: &str = "GET /one 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
GET /two 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
PUT /put 5000000 right
POST /post 5000000 right
POST /chunks 5
0 connection, 200
file: the same
Complete #400
Failed 0
Complete #100
Failed 0
Complete #100
Failed 0
";

/// A short and a longer case per server.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for server in SERVERS {
        let short = format!("servers::{}", server.name);
        cases.push(Case::new(short, || run(server, 1, Duration::from_secs(120))));
        let longer = format!("longer::{}", server.name);
        cases.push(Case::new(longer, || run(server, server.rounds, Duration::from_secs(900))).only_when_asked());
    }
    cases
}

fn run(server: &Server, rounds: u32, patience: Duration) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let prepared = prepared()?;
    let scripts = places::root().join("tests/servers");
    let word = |word: &&str| match (word.strip_prefix("@/"), word.strip_prefix("+/")) {
        (Some(rest), _) => format!("{}/{rest}", scripts.display()),
        (_, Some(rest)) => format!("{}/{rest}", prepared.display()),
        _ => (*word).to_owned(),
    };
    let here = tempfile::tempdir().map_err(text)?;
    for name in ["big", "cert.pem", "id"] {
        std::os::unix::fs::symlink(prepared.join(name), here.path().join(name)).map_err(text)?;
    }
    let mut machine = Command::new(places::command()?);
    let mut client = Command::new("sh");
    let limit = patience.as_secs() + 60;
    machine.args([
        "run",
        "--cpus",
        &server.cpus.to_string(),
        "--timeout",
        &limit.to_string(),
    ]);
    for (at, (port, datagrams)) in server.ports.iter().enumerate() {
        let free = free_port()?;
        machine.args(["-p", &format!("{free}:{port}")]);
        if *datagrams {
            machine.args(["-p", &format!("{free}:{port}/udp")]);
        }
        client.env(format!("PORT{at}"), free.to_string());
    }
    machine.args(server.options.iter().map(word));
    for script in server.command.iter().filter(|word| word.starts_with("@/")) {
        machine.arg("--file").arg(word(script));
    }
    machine.arg("--");
    machine.args(server.command.iter().map(word));
    let said = here.path().join("machine");
    let log = fs::File::create(&said).map_err(text)?;
    machine
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(text)?)
        .stderr(log);
    client.arg(scripts.join(server.client)).arg(rounds.to_string());
    client.env("HERE", here.path()).env("LC_ALL", "C").stdin(Stdio::null());
    let found = here.path().join("found");
    client.stdout(fs::File::create(&found).map_err(text)?);
    let mut machine = Ended(machine.spawn().map_err(text)?);
    let mut client = Ended(client.spawn().map_err(text)?);
    let outcome = wait(&mut client.0, &mut machine.0, patience);
    drop(client);
    drop(machine);
    let read = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (found, said) = (read(&found).map_err(text)?, read(&said).map_err(text)?);
    let wanted = multiplied(server.says, rounds);
    match outcome {
        Ok(()) if found == wanted => Ok(()),
        outcome => {
            let why = outcome
                .err()
                .unwrap_or_else(|| "the client found something else".to_owned());
            Err(format!(
                "{why}; it found\n{found}\ninstead of\n{wanted}\nand the machine said\n{}",
                excerpt(&said)
            ))
        }
    }
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// A process that is ended, if it has not come to its end by then.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Ended gently, the command takes its machine with it.
        Command::new("kill")
            .arg(self.0.id().to_string())
            .stderr(Stdio::null())
            .status()
            .ok();
        self.0.wait().ok();
    }
}

/// Waits for the client, unless the machine ends first or it takes too long.
fn wait(client: &mut Child, machine: &mut Child, patience: Duration) -> Result<(), String> {
    let last = Instant::now() + patience;
    loop {
        if let Some(status) = client.try_wait().map_err(text)? {
            return if status.success() {
                Ok(())
            } else {
                Err(format!("the client ended with {status}"))
            };
        }
        if let Some(status) = machine.try_wait().map_err(text)? {
            return Err(format!("the machine ended with {status}"));
        }
        if Instant::now() > last {
            return Err(format!("the client is not done after {} s", patience.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The text with the numbers behind a `#` multiplied.
fn multiplied(text: &str, rounds: u32) -> String {
    let mut parts = text.split('#');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let len = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(len);
        write!(all, "{}{rest}", number.parse::<u32>().unwrap_or(0) * rounds).ok();
    }
    all
}

fn free_port() -> Result<u16, String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    free.map(|address| address.port()).map_err(text)
}

/// The directory with a certificate, a file of some size, and what had to be compiled; made once.
pub(crate) fn prepared() -> Result<&'static Path, String> {
    static PREPARED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PREPARED.get_or_init(prepare).as_deref().map_err(Clone::clone)
}

const BIG: usize = 5_000_000;

fn prepare() -> Result<PathBuf, String> {
    let place = places::built()?.join("servers");
    fs::create_dir_all(&place).map_err(text)?;
    let big: Vec<u8> = (0..BIG as u64)
        .map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8)
        .collect();
    fs::write(place.join("big"), big).map_err(text)?;
    let openssl = |words: &str| {
        let mut command = Command::new("openssl");
        command.args(words.split(' ')).current_dir(&place);
        run_compiler(command)
    };
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.87.0.1,IP:fd00:87::1 -keyout key.pem -out cert.pem",
    )?;
    openssl("pkcs12 -export -inkey key.pem -in cert.pem -passout pass:chiton -out store.p12")?;
    for key in ["host", "id"] {
        let file = place.join(key);
        if !file.exists() {
            let mut command = Command::new("ssh-keygen");
            command
                .args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"])
                .arg(file);
            run_compiler(command)?;
        }
    }
    fs::copy(build_go("tests/servers/web.go", "web")?, place.join("web-go")).map_err(text)?;
    let source = places::root().join("tests/servers/Web.java");
    if !newer(&place.join("java/Web.class"), &[&source]) {
        let mut javac = Command::new("/usr/lib/jvm/java-17-openjdk-amd64/bin/javac");
        javac.arg("-d").arg(place.join("java")).arg(source);
        run_compiler(javac)?;
    }
    Ok(place)
}
