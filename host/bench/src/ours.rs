//! Our figures.
//!
//! The virtual machine is the one that the command itself starts: `chiton run --dry-run` prints its command line, and the meter's options are
//! appended to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{Values, read_rows};
use crate::machine::{self, COUNTED, Outcome};
use crate::options::Part;
use crate::programs::Programs;

const HELLO: &str = "hello from main at tick";

/// The steps of the memory search, in KiB.
const MEMORY_STEP: u64 = 256;

/// The command under test.
pub(crate) struct Ours<'a> {
    command: &'a Path,
    cpu: &'a str,
}

impl<'a> Ours<'a> {
    pub(crate) fn new(command: &'a Path, cpu: &'a str) -> Self {
        Self { command, cpu }
    }

    /// The median wall time of five runs, after one that fills the cache.
    pub(crate) fn measure_wall(&self, programs: &Programs, values: &mut Values) {
        let mut times = Vec::new();
        for round in 0..6 {
            let start = Instant::now();
            let status = Command::new(self.command)
                .args(["run", "--"])
                .arg(&programs.hello_dynamic)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !status.is_ok_and(|status| status.success()) {
                values
                    .notes
                    .push("wall time: `chiton run` of hello does not succeed".to_owned());
                return;
            }
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        values.ours.figures.insert("wall".to_owned(), times[times.len() / 2]);
    }

    /// Everything else.
    pub(crate) fn measure(&self, programs: &Programs, part: Part, values: &mut Values) {
        values.ours.name = "Chiton".to_owned();
        if part.has(Part::Boot) {
            eprintln!("chiton: measuring boot, memory and size");
            self.measure_boot(programs, values);
        }
        if part.has(Part::Calls) {
            eprintln!("chiton: measuring single operations");
            self.measure_rows(&programs.percall, &[], "1G", values);
        }
        if part.has(Part::Processes) {
            eprintln!("chiton: measuring processes");
            self.measure_rows(&programs.processes, &programs.tools, "3G", values);
        }
        if part.has(Part::Network) {
            eprintln!("chiton: measuring the network");
            self.measure_rows(&programs.network, &[], "1G", values);
        }
    }

    fn measure_boot(&self, programs: &Programs, values: &mut Values) {
        let plugin = ["-plugin".to_owned(), programs.plugin.display().to_string()];
        for (id, program) in [
            ("boot_dynamic", &programs.hello_dynamic),
            ("boot_static", &programs.hello_static),
        ] {
            let outcome = self.start(program, &plugin, &COUNTED, Duration::from_secs(60));
            match outcome.map(|outcome| (outcome.mark(1), outcome.tail())) {
                Ok((Some(count), _)) => {
                    values.ours.figures.insert(id.to_owned(), count);
                }
                Ok((None, tail)) => values
                    .notes
                    .push(format!("{id}: the program did not reach main:\n{tail}")),
                Err(why) => values.notes.push(format!("{id}: {why}")),
            }
        }

        let works = |steps: u64| {
            let memory = ["-m".to_owned(), format!("{}k", steps * MEMORY_STEP)];
            let outcome = self.start(&programs.hello_dynamic, &memory, &[], Duration::from_secs(6));
            outcome.is_ok_and(|outcome| outcome.has_ended && outcome.output.contains(HELLO))
        };
        match machine::smallest(4, 64, works) {
            Some(steps) => {
                let mebibytes = (steps * MEMORY_STEP) as f64 / 1024.0;
                values.ours.figures.insert("smallest_memory".to_owned(), mebibytes);
            }
            None => values
                .notes
                .push("smallest -m: hello does not run in 16 MiB".to_owned()),
        }
        match self.kernel_size(&programs.hello_static) {
            Ok(size) => {
                values.ours.figures.insert("kernel_size".to_owned(), size as f64 / 1e6);
            }
            Err(why) => values.notes.push(format!("kernel size: {why}")),
        }
    }

    /// The rows that a benchmark program prints.
    fn measure_rows(&self, program: &Path, tools: &[(PathBuf, String)], memory: &str, values: &mut Values) {
        let memory = ["-m".to_owned(), memory.to_owned()];
        match self.start_with(program, tools, &memory, &COUNTED, Duration::from_secs(400)) {
            Ok(outcome) => {
                let (rows, is_done) = read_rows(&outcome.output);
                values.ours.figures.extend(rows);
                if !is_done {
                    values.notes.push(format!(
                        "the benchmark program did not come to its end:\n{}",
                        outcome.tail()
                    ));
                }
            }
            Err(why) => values.notes.push(format!("{}: {why}", program.display())),
        }
    }

    /// Runs `program` in our virtual machine with more QEMU options.
    fn start(&self, program: &Path, more: &[String], meter: &[&str], limit: Duration) -> Result<Outcome, String> {
        self.start_with(program, &[], more, meter, limit)
    }

    /// As [`Ours::start`], with other programs beside this one.
    fn start_with(
        &self,
        program: &Path,
        tools: &[(PathBuf, String)],
        more: &[String],
        meter: &[&str],
        limit: Duration,
    ) -> Result<Outcome, String> {
        // The line is written for a shell; `exec` makes the shell become QEMU, so that stopping it stops QEMU.
        let line = self.command_line(program, tools)?;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("exec {line} \"$@\""), "sh", "-cpu", self.cpu])
            .args(more)
            .args(meter);
        machine::run(&mut shell, limit)
    }

    /// What `chiton run` would start.
    fn command_line(&self, program: &Path, tools: &[(PathBuf, String)]) -> Result<String, String> {
        let tools = tools.iter();
        let words: Vec<String> = tools
            .map(|(here, there)| format!("--file={}:{there}", here.display()))
            .collect();
        self.command_line_with(&words, program)
    }

    /// What `chiton run` would start with some options.
    pub(crate) fn command_line_with(&self, words: &[String], program: &Path) -> Result<String, String> {
        let output = Command::new(self.command)
            .args(["run", "--dry-run"])
            .args(words)
            .arg("--")
            .arg(program)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{} could not be started: {error}", self.command.display()))?;
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !line.is_empty() {
            return Ok(line);
        }
        Err(format!(
            "`chiton run --dry-run` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }

    fn kernel_size(&self, program: &Path) -> Result<u64, String> {
        let line = self.command_line(program, &[])?;
        let mut words = line.split_whitespace();
        let path = words
            .find(|word| *word == "-kernel")
            .and_then(|_| words.next())
            .ok_or("the command line names no kernel")?;
        let path = path.trim_matches(['\'', '"']);
        let file = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        crate::loaded_size(&file).ok_or_else(|| format!("{path} is not a 64-bit ELF file"))
    }
}
