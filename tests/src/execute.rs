//! Running something on the host and in Chiton.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::places;
use crate::terminal::{self, Terminal};

/// What is to be run, on either side.
#[derive(Debug, Clone)]
pub struct Job {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Environment variables, the only ones on both sides.
    pub env: Vec<(String, String)>,
    /// What standard input gives.
    pub stdin: Vec<u8>,
    /// `--file` arguments for the guest.
    pub files: Vec<String>,
    /// Where the guest program starts; the host's gets a fresh directory.
    pub workdir: Option<String>,
    /// Processors of the guest.
    pub cpus: u32,
    /// Further numbers of them, with which it runs again and must do the same.
    pub more_cpus: Vec<u32>,
    /// Memory of the guest, if not the default.
    pub memory: Option<String>,
    /// How long either side may take.
    pub timeout: Duration,
    /// A terminal instead of pipes for standard input and output.
    pub terminal: Option<Terminal>,
}

impl Job {
    /// A job with nothing but a command.
    #[must_use]
    pub fn new(command: Vec<String>) -> Self {
        Self {
            command,
            env: vec![
                ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
                ("LC_ALL".into(), "C".into()),
                ("HOME".into(), "/root".into()),
            ],
            stdin: Vec::new(),
            files: Vec::new(),
            workdir: None,
            cpus: 1,
            more_cpus: Vec::new(),
            memory: None,
            timeout: Duration::from_secs(60),
            terminal: None,
        }
    }

    /// The terminal, made if there is none yet.
    pub fn terminal(&mut self) -> &mut Terminal {
        self.terminal.get_or_insert_default()
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// The exit code; 128 and the signal's number if a signal ended it.
    pub code: i32,
}

/// Runs the job on the host, in a fresh directory in memory (the guest's writable files lie in memory too).
///
/// # Errors
/// When it cannot be started, or takes too long.
pub fn on_host(job: &Job) -> Result<Outcome, String> {
    let parent = if Path::new("/dev/shm").is_dir() {
        PathBuf::from("/dev/shm")
    } else {
        std::env::temp_dir()
    };
    let scratch = tempfile::Builder::new()
        .prefix("chiton-test")
        .tempdir_in(parent)
        .map_err(|error| format!("no scratch directory: {error}"))?;
    let (program, arguments) = job.command.split_first().ok_or("an empty command")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(job.env.iter().cloned())
        .env("T_HERE", "1")
        .current_dir(scratch.path());
    finish(command, job, job.timeout)
}

/// Runs the job in Chiton through `chiton run`.
///
/// # Errors
/// When the command cannot be built or started, or takes too long.
pub fn in_guest(job: &Job) -> Result<Outcome, String> {
    let first = in_guest_of(job, job.cpus)?;
    for cpus in &job.more_cpus {
        let outcome = in_guest_of(job, *cpus)?;
        if (&outcome.stdout, outcome.code) != (&first.stdout, first.code) {
            return Ok(outcome);
        }
    }
    Ok(first)
}

fn in_guest_of(job: &Job, cpus: u32) -> Result<Outcome, String> {
    let mut command = Command::new(places::command()?);
    command
        .arg("run")
        .arg("--cpus")
        .arg(std::env::var("CHITON_CPUS").unwrap_or_else(|_| cpus.to_string()))
        .arg("--timeout")
        .arg(format!("{}s", job.timeout.as_secs()));
    if let Some(memory) = &job.memory {
        command.arg("--memory").arg(memory);
    }
    if let Some(workdir) = &job.workdir {
        command.arg("--workdir").arg(workdir);
    }
    for (key, value) in &job.env {
        command.arg("--env").arg(format!("{key}={value}"));
    }
    for file in &job.files {
        command.arg("--file").arg(file);
    }
    command.arg("--").args(&job.command);
    // The command ends the guest itself; if it does not, it is at fault.
    finish(command, job, job.timeout + Duration::from_secs(15))
}

fn finish(mut command: Command, job: &Job, timeout: Duration) -> Result<Outcome, String> {
    if let Some(terminal) = &job.terminal {
        return terminal::run(&command, terminal, timeout);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}", command.get_program().display()))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let feeder = feed(&mut child, job.stdin.clone());
    let status = wait(&mut child, timeout);
    if status.is_none() {
        // Only this child; it may be gone already.
        child.kill().ok();
        child.wait().ok();
    }
    feeder.join().ok();
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    let Some(status) = status else {
        let shown = String::from_utf8_lossy(&stdout);
        return Err(format!(
            "still running after {} s; it had printed:\n{shown}",
            timeout.as_secs()
        ));
    };
    let code = status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    Ok(Outcome { stdout, stderr, code })
}

pub(crate) fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is still worth showing.
            stream.read_to_end(&mut bytes).ok();
        }
        bytes
    })
}

fn feed(child: &mut Child, bytes: Vec<u8>) -> JoinHandle<()> {
    let stdin = child.stdin.take();
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A program that does not read its input is no error.
            stdin.write_all(&bytes).ok();
        }
    })
}

fn wait(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begin.elapsed() < timeout => thread::sleep(Duration::from_millis(3)),
            Ok(None) | Err(_) => return None,
        }
    }
}
