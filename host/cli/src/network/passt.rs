//! passt's network (`--network passt`): a program that gives the machine this host's own addresses and connections, without rights.
//!
//! It is started before QEMU, which connects to its socket, and ends with it; if it does not, it is ended here.

use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use machine::Protocol;

use super::card::CardPlan;
use super::publish::Lead;
use super::tools;
use crate::failure::Failure;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);
const PROGRAM: &str = "passt";
/// What it says on its standard error, in its directory: a pipe that nobody reads would stop it one day.
const ERRORS: &str = "errors";

/// A passt on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passt {
    directory: PathBuf,
    arguments: Vec<String>,
}

/// A passt that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    directory: PathBuf,
}

impl Passt {
    /// Plans it for the card with this number.
    ///
    /// # Errors
    /// There is no passt on this machine.
    pub(super) fn plan(plan: &CardPlan, leads: &[Lead], number: usize) -> Result<Passt, Failure> {
        if !tools::is_there(PROGRAM) {
            let cause = "there is no passt on this machine";
            return Err(Failure::other(
                cause,
                "Install the package passt, or use --network user",
            ));
        }
        let directory = std::env::temp_dir().join(format!("chiton-passt-{}-{number}", std::process::id()));
        let socket = directory.join("socket").display().to_string();
        let mut arguments: Vec<String> = ["--foreground", "--one-off", "--quiet", "--socket", &socket]
            .map(str::to_string)
            .to_vec();
        if rustix::process::geteuid().is_root() {
            // As nobody it could not reach its socket.
            arguments.extend(["--runas", "0"].map(str::to_string));
        }
        for card in &plan.addresses {
            arguments.extend(["--address".into(), card.address.to_string()]);
            if card.address.is_ipv4() {
                arguments.extend(["--netmask".into(), card.prefix.to_string()]);
            }
        }
        if let Some(mtu) = plan.mtu {
            arguments.extend(["--mtu".into(), mtu.to_string()]);
        }
        let gateways = plan.gateways.iter().map(IpAddr::to_string);
        arguments.extend(gateways.flat_map(|gateway| ["--gateway".into(), gateway]));
        for lead in leads {
            let option = match lead.protocol {
                Protocol::Tcp => "--tcp-ports",
                Protocol::Udp => "--udp-ports",
            };
            let (host, port) = (lead.host.ip(), lead.host.port());
            arguments.extend([option.into(), format!("{host}/{port}:{}", lead.guest)]);
        }
        Ok(Passt { directory, arguments })
    }

    /// Where QEMU finds it.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The command that starts it, for people.
    pub(crate) fn line(&self) -> String {
        let words = self.arguments.iter().map(machine::shell_word);
        let words: Vec<String> = words.collect();
        format!(
            "mkdir -m 700 {} && {PROGRAM} {}",
            self.directory.display(),
            words.join(" ")
        )
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// It does not, with what it says.
    pub(super) fn start(&self) -> Result<Running, Failure> {
        let cannot = |how: String| {
            Failure::other(
                format!("passt cannot start: {how}"),
                "Use --network user, or see what passt says by itself",
            )
        };
        let made = fs::DirBuilder::new().mode(0o700).create(&self.directory);
        let errors = made.and_then(|()| File::create(self.directory.join(ERRORS)));
        let errors =
            errors.map_err(|error| cannot(format!("{}: {}", self.directory.display(), image::in_words(&error))))?;
        let child = Command::new(PROGRAM)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn();
        let mut running = match child {
            Ok(child) => Running {
                child,
                directory: self.directory.clone(),
            },
            Err(error) => {
                fs::remove_dir_all(&self.directory).ok();
                return Err(cannot(image::in_words(&error)));
            }
        };
        let last = Instant::now() + PATIENCE;
        while !self.socket().exists() {
            if running.has_ended() || Instant::now() > last {
                return Err(cannot(running.last_words()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(running)
    }
}

impl Running {
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The last thing that it said; it is ended for that.
    fn last_words(&mut self) -> String {
        end(&mut self.child);
        let text = fs::read_to_string(self.directory.join(ERRORS)).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        let said = lines.rfind(|line| !line.is_empty() && !line.contains("to syslog"));
        said.unwrap_or("it does not say why").trim_end_matches('.').to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
        remove(&self.directory);
    }
}

fn end(child: &mut Child) {
    // Either fails only when there is nothing left to end.
    child.kill().ok();
    child.wait().ok();
}

fn remove(directory: &Path) {
    fs::remove_dir_all(directory).ok();
}
