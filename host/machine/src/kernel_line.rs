//! The kernel's command line: what to run, and how.
//!
//! Tokens `chiton.KEY=VALUE` are separated by spaces (in the file `/.chiton/cmdline` of an image, by newlines), and every
//! byte of a value that a shell, QEMU or the separation itself could misread is written as `%XX`. Unknown tokens are
//! ignored by both sides, so that each may be newer than the other.

use std::fmt::Write;

/// Which way the guest's console goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Console {
    /// Everything through the serial port, for a QEMU started by hand.
    #[default]
    Plain,
    /// A channel for each stream, as `chiton run` wants it.
    Split,
}

/// What the kernel is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KernelLine {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// The environment, each as `NAME=VALUE`.
    pub env: Vec<String>,
    /// The working directory.
    pub cwd: Option<String>,
    /// `UID:GID[:GID…]`.
    pub user: Option<String>,
    /// The host name.
    pub hostname: Option<String>,
    /// Which way the console goes.
    pub console: Console,
    /// Which of `i`, `o`, `e` (standard input, output, error) are terminals.
    pub tty: Option<String>,
    /// Rows and columns of the terminal.
    pub size: Option<(u16, u16)>,
    /// `error`, `warn`, `info` or `debug`.
    pub log: Option<String>,
    /// Print system calls.
    pub strace: bool,
    /// Report boot phases.
    pub bootchart: bool,
    /// How each network card gets its addresses: `dhcp`, `none`, or `ip=ADDRESS/PREFIX;gw=ADDRESS…`.
    pub net: Vec<String>,
    /// Whom to ask for names, each an address.
    pub nameservers: Vec<String>,
    /// Where connections may go, each `ADDRESS/PREFIX[:PORT]`; anywhere if there are none.
    pub net_allow: Vec<String>,
    /// Where connections may not go.
    pub net_deny: Vec<String>,
    /// Settings of the kernel, each `NAME=VALUE`.
    pub sysctl: Vec<String>,
}

impl KernelLine {
    /// The tokens, in a fixed order.
    pub fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        let mut value = |key: &str, value: &str| tokens.push(format!("chiton.{key}={}", encode(value)));
        self.args.iter().for_each(|arg| value("arg", arg));
        self.env.iter().for_each(|pair| value("env", pair));
        let size = self.size.map(|(rows, columns)| format!("{rows}x{columns}"));
        let optional = [
            ("cwd", &self.cwd),
            ("user", &self.user),
            ("hostname", &self.hostname),
            ("tty", &self.tty),
            ("size", &size),
            ("log", &self.log),
        ];
        for (key, text) in optional {
            text.iter().for_each(|text| value(key, text));
        }
        let lists = [
            ("net", &self.net),
            ("nameserver", &self.nameservers),
            ("net-allow", &self.net_allow),
            ("net-deny", &self.net_deny),
            ("sysctl", &self.sysctl),
        ];
        for (key, texts) in lists {
            texts.iter().for_each(|text| value(key, text));
        }
        if self.console == Console::Split {
            value("console", "split");
        }
        if self.strace {
            tokens.push("chiton.strace".into());
        }
        if self.bootchart {
            tokens.push("chiton.bootchart".into());
        }
        tokens
    }

    /// Reads tokens back; what is unknown or damaged is left out.
    pub fn parse(text: &str) -> KernelLine {
        let mut line = KernelLine::default();
        for token in text.split_ascii_whitespace() {
            let Some(token) = token.strip_prefix("chiton.") else {
                continue;
            };
            let (key, value) = token.split_once('=').unwrap_or((token, ""));
            let value = decode(value);
            match key {
                "arg" => line.args.push(value),
                "env" => line.env.push(value),
                "cwd" => line.cwd = Some(value),
                "user" => line.user = Some(value),
                "hostname" => line.hostname = Some(value),
                "tty" => line.tty = Some(value),
                "log" => line.log = Some(value),
                "size" => {
                    line.size = value
                        .split_once('x')
                        .and_then(|(r, c)| Some((r.parse().ok()?, c.parse().ok()?)))
                }
                "console" => {
                    line.console = if value == "split" {
                        Console::Split
                    } else {
                        Console::Plain
                    }
                }
                "strace" => line.strace = true,
                "bootchart" => line.bootchart = true,
                "net" => line.net.push(value),
                "nameserver" => line.nameservers.push(value),
                "net-allow" => line.net_allow.push(value),
                "net-deny" => line.net_deny.push(value),
                "sysctl" => line.sysctl.push(value),
                _ => {}
            }
        }
        line
    }
}

fn encode(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        if byte <= 0x20 || byte >= 0x7f || b"%\"',".contains(&byte) {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        } else {
            out.push(char::from(byte));
        }
        out
    })
}

fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn values_survive(args: Vec<String>, env: Vec<String>, cwd: Option<String>, size: Option<(u16, u16)>, net: Vec<String>) {
            let line = KernelLine { args, env, cwd, size, net, console: Console::Split, strace: true, ..KernelLine::default() };
            let text = line.tokens().join(" ");
            proptest::prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            proptest::prop_assert_eq!(KernelLine::parse(&text), line);
        }

        #[test]
        fn any_text_is_survived(text: String) {
            KernelLine::parse(&text);
        }
    }

    #[test]
    fn awkward_bytes_are_escaped() {
        assert_eq!(encode("a b,%'\"é\n"), "a%20b%2C%25%27%22%C3%A9%0A");
    }
}
