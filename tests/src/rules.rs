//! What a machine may connect to (`--allow`, `--deny`), with servers on this host: who is let through, what a program is told otherwise, and what is counted.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("rules::deny", || denied_by("--deny 10.0.2.2:SECOND")),
        Case::new("rules::allow", || denied_by("--allow 10.0.2.0/24:FIRST")),
        Case::new("rules::both", || {
            denied_by("--allow 10.0.2.2 --allow 192.0.2.0/24 --deny 10.0.2.2:SECOND")
        }),
    ]
}

/// Asks two servers, of which the second is denied, and shows the rules.
const SCRIPT: &str = "for port in FIRST SECOND; do \
    if exec 3<>/dev/tcp/10.0.2.2/$port; then /bin/cat <&3; fi; done 2>&1; /bin/cat /proc/net/rules";

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// A server that says something to everybody, and its port.
fn server(says: &'static str) -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    let port = listener.local_addr().map_err(text)?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who has gone away does not hear it.
            let _ = (&stream).write_all(says.as_bytes());
        }
    });
    Ok(port)
}

fn denied_by(rules: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let (first, second) = (server("the first\n")?, server("the second\n")?);
    let filled = |words: &str| {
        words
            .replace("FIRST", &first.to_string())
            .replace("SECOND", &second.to_string())
    };
    let rules = filled(rules);
    let output = Command::new(places::command()?)
        .args(["run", "--timeout", "60", "--network", "user", "--file", "/bin/cat"])
        .args(rules.split(' '))
        .args(["--", "/bin/bash", "-c", &filled(SCRIPT)])
        .stdin(Stdio::null())
        .output()
        .map_err(text)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let counted = |line: &String| said.lines().any(|known| known == line);
    let expected = if rules.starts_with("--deny") {
        [format!("deny 10.0.2.2/32:{second} 1"), "allow all".into()]
    } else if rules.contains("--deny") {
        [format!("deny 10.0.2.2/32:{second} 1"), "allow 192.0.2.0/24 0".into()]
    } else {
        [format!("allow 10.0.2.0/24:{first} 1"), "deny all".into()]
    };
    let [exact, start] = expected;
    let is_right = said.starts_with("the first\n")
        && !said.contains("the second")
        && said.contains("Operation not permitted")
        && counted(&exact)
        && said.lines().any(|line| line.starts_with(&start));
    if is_right {
        Ok(())
    } else {
        Err(format!("{rules}: {said}{}", String::from_utf8_lossy(&output.stderr)))
    }
}
