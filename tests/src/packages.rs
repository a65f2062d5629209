//! Images from Debian packages and from whole roots, network options, and what the command says when it cannot do what is asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("packages::installed", installed),
        Case::new("packages::everywhere", everywhere),
        Case::new("packages::nginx", nginx),
        Case::new("packages::root", root),
        Case::new("packages::taken_port", taken_port),
        Case::new("packages::published_port", published_port),
    ];
    for (name, words, part) in REFUSED {
        cases.push(Case::new(format!("packages::refused_{name}"), move || {
            refused(words, part)
        }));
    }
    cases
}

/// Options that cannot be had, and a part of the sentence that says so.
const REFUSED: [(&str, &str, &str); 8] = [
    ("package", "--package no-such-package-here", "no-such-package-here"),
    (
        "package_name",
        "--package Not/A/Name",
        "cannot be the name of a Debian package",
    ),
    ("root", "--rootfs /nowhere/at/all", "cannot read /nowhere/at/all"),
    ("network", "--network wifi", "there is no such network"),
    ("tap", "--network tap:nosuchtap", "TAP interface"),
    (
        "address",
        "-p 192.0.2.1:8080:80",
        "192.0.2.1 is not an address of this machine",
    ),
    ("board", "--machine q35 -p 0:80", "on PCI"),
    ("rule", "--allow example.org", "is no rule for connections"),
];

/// `chiton run` with these words, on our streams.
fn run(words: &[&str]) -> Result<(i32, String, String), String> {
    let output = Command::new(places::command()?)
        .args(["run", "--timeout", "60"])
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    ))
}

fn wanted(words: &[&str], expected: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    match run(words)? {
        (0, out, _) if out == expected => Ok(()),
        (code, out, errors) => Err(format!("exit code {code}, output:\n{out}\nand errors:\n{errors}")),
    }
}

/// Programs, their shell and Debian's accounts come with packages.
fn installed() -> Result<(), String> {
    let script = "echo hello | gzip | gzip -d; id -u www-data; ls /usr/share/doc 2>/dev/null | wc -l";
    let words = ["--package", "gzip", "--package", "coreutils", "--", "sh", "-c", script];
    wanted(&words, "hello\n33\n0\n")
}

/// What each Debian system has although no package of the image names it: names of services, shells, the way to mounts, certificates of
/// authorities (by their numbers too), settings of the library that checks passwords, and passwords that let nobody in.
fn everywhere() -> Result<(), String> {
    let script = "getent services https; getent protocols udp; getent shadow root | cut -d: -f1-2; grep -c ^root: /etc/gshadow; \
                  readlink /etc/mtab; grep /dash /etc/shells; head -1 /etc/os-release | cut -d= -f1; ls /lib/terminfo/x/xterm; \
                  openssl verify -no-CAfile -CApath /etc/ssl/certs /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt; \
                  openssl verify -no-CApath -CAfile /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ISRG_Root_X1.pem; \
                  grep -c pam_unix /etc/pam.d/common-auth; grep -c ^UID_MIN /etc/login.defs; stat -c %U:%G:%a /var/log/wtmp /var/mail; \
                  echo root:secret | chpasswd; grep -c '^root:.y.' /etc/shadow";
    let mut words: Vec<&str> = ["coreutils", "curl", "grep", "libc-bin", "openssl", "passwd"]
        .into_iter()
        .flat_map(|name| ["--package", name])
        .collect();
    words.extend(["--", "sh", "-c", script]);
    let expected = "https                 443/tcp\nudp                   17 UDP\nroot:*\n1\n\
                    ../proc/self/mounts\n/bin/dash\n/usr/bin/dash\nPRETTY_NAME\n/lib/terminfo/x/xterm\n\
                    /usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt: OK\n/etc/ssl/certs/ISRG_Root_X1.pem: OK\n\
                    1\n1\nroot:utmp:664\nroot:mail:2775\n1\n";
    wanted(&words, expected)
}

/// A server as its package makes it answers inside the machine: with its configuration, its page and its user.
fn nginx() -> Result<(), String> {
    let script = "nginx -g 'daemon off;' & until curl -s -o /page http://127.0.0.1/; do sleep 0.1; done; \
                  head -4 /page | tail -1; stat -c %U:%G /var/log/nginx/access.log; kill $!; wait";
    let words = [
        "--package",
        "nginx-light",
        "--package",
        "curl",
        "--package",
        "coreutils",
        "--",
        "sh",
        "-c",
        script,
    ];
    wanted(&words, "<title>Welcome to nginx!</title>\nwww-data:adm\n")
}

/// A directory tree is the root, and files come over it.
fn root() -> Result<(), String> {
    let place = env::temp_dir().join(format!("chiton-root-{}", std::process::id()));
    let made = || -> std::io::Result<()> {
        fs::create_dir_all(place.join("usr/bin"))?;
        fs::create_dir_all(place.join("etc"))?;
        symlink("usr/bin", place.join("bin"))?;
        fs::copy("/bin/cat", place.join("usr/bin/show"))?;
        fs::write(place.join("etc/one"), "of the root\n")?;
        fs::write(place.join("etc/two"), "of the root\n")?;
        fs::write(place.join("three"), "of a file\n")
    };
    let result = made().map_err(|error| error.to_string()).and_then(|()| {
        let directory = place.to_string_lossy();
        let file = format!("{directory}/three:/etc/two");
        let words = [
            "--rootfs", &directory, "--file", &file, "--", "show", "/etc/one", "/etc/two",
        ];
        wanted(&words, "of the root\nof a file\n")?;
        // A path that does not begin at the root begins at the working directory.
        let words = ["--rootfs", &directory, "-w", "/usr", "--", "./bin/show", "../etc/one"];
        wanted(&words, "of the root\n")
    });
    fs::remove_dir_all(&place).ok();
    result
}

/// A port that another program has is named before any machine starts.
fn taken_port() -> Result<(), String> {
    let other = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = other.local_addr().map_err(|error| error.to_string())?.port();
    refused(
        &format!("-p {port}:80"),
        &format!("port {port}/tcp of 127.0.0.1 is taken"),
    )
}

/// A client on the host reaches a server in the machine through a published port.
fn published_port() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let free = free.map_err(|error| error.to_string())?;
    let forward = format!("{}:80", free.port());
    let mut machine = Command::new(places::command()?)
        .args(["run", "--timeout", "60", "-p", &forward, "--package", "nginx-light"])
        .args(["--", "nginx", "-g", "daemon off;"])
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let last = Instant::now() + Duration::from_secs(50);
    let mut answer = String::new();
    while answer.is_empty() && Instant::now() < last {
        std::thread::sleep(Duration::from_millis(200));
        answer = page(free).unwrap_or_default();
    }
    machine
        .kill()
        .and_then(|()| machine.wait())
        .map_err(|error| error.to_string())?;
    if answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("<title>Welcome to nginx!</title>") {
        return Ok(());
    }
    Err(format!("the answer was {answer:?}"))
}

/// What a web server says.
fn page(server: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&server, Duration::from_secs(2))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(b"GET / HTTP/1.0\r\nHost: chiton\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

fn refused(words: &str, part: &str) -> Result<(), String> {
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend(["--", "/bin/true"]);
    match run(&words)? {
        (125, out, errors) if out.is_empty() && errors.contains(part) && errors.lines().count() == 1 => Ok(()),
        (code, out, errors) => Err(format!("exit code {code}, output:\n{out}\nand errors:\n{errors}")),
    }
}
