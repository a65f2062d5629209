//! Every option of the command, with its help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bench::BenchArgs;
use crate::network::{NetworkArgs, NetworkVerb};

/// Runs unmodified Linux programs, each in its own small virtual machine.
#[derive(Debug, Parser)]
#[command(name = "chiton", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "Exit codes of `chiton run`: the program's own; 120 the kernel panicked, 121 the guest died, \
122 the virtual machine could not start, 124 --timeout ran out, 125 another error of the command, 126 the program cannot \
be executed, 127 the program was not found.";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a program of this machine, or an image built before.
    #[command(args_override_self = true, after_help = EXIT_CODES)]
    Run(Box<RunArgs>),
    /// Build an image that `chiton run IMAGE` starts.
    #[command(args_override_self = true)]
    Build(Box<BuildArgs>),
    /// Make, list and remove networks that several machines share.
    #[command(subcommand)]
    Network(NetworkVerb),
    /// List what an image holds.
    Inspect(InspectArgs),
    /// Say what this machine has and lacks for running Chiton.
    Doctor,
    /// Measure the budgets, beside a Linux kernel in the same virtual machine.
    Bench(BenchArgs),
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What goes into an image, and how it is started.
#[derive(Debug, Args)]
pub(crate) struct ContentArgs {
    /// Set an environment variable; without a value it is taken from the environment of the command.
    #[arg(short, long = "env", value_name = "KEY[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Read environment variables from a file, one KEY=VALUE to a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Working directory of the program; made if it does not exist.
    #[arg(short, long, value_name = "DIRECTORY")]
    pub(crate) workdir: Option<String>,
    /// Copy a file or directory into the image.
    #[arg(short, long = "volume", value_name = "HOST:GUEST[:ro]")]
    pub(crate) volume: Vec<String>,
    /// Add files, directories or patterns to the image; programs bring their libraries.
    #[arg(long, value_name = "HOST[:GUEST]")]
    pub(crate) file: Vec<String>,
    /// Add a Debian package with all it needs: as it is installed here, or fetched with apt-get, never installed.
    #[arg(long, value_name = "NAME[=VERSION]")]
    pub(crate) package: Vec<String>,
    /// Begin with a directory tree as the root; packages, files and volumes come over it.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) rootfs: Option<PathBuf>,
    /// Host name of the machine.
    #[arg(long, value_name = "NAME", value_parser = parse_hostname)]
    pub(crate) hostname: Option<String>,
    /// User and group to run as, by name or number.
    #[arg(long, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Say on standard error what is being done.
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// The virtual machine.
#[derive(Debug, Args)]
pub(crate) struct MachineArgs {
    /// Memory; without it 128M, and the image's size if that is large.
    #[arg(short, long, value_name = "SIZE", value_parser = parse_size, allow_negative_numbers = true)]
    pub(crate) memory: Option<u64>,
    /// Number of processors.
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1, value_parser = parse_cpus, allow_negative_numbers = true)]
    pub(crate) cpus: u32,
    /// How guest code is executed.
    #[arg(long, value_enum, default_value_t = AccelChoice::Auto)]
    pub(crate) accel: AccelChoice,
    /// The emulated board.
    #[arg(long, value_enum, default_value_t = MachineChoice::Microvm)]
    pub(crate) machine: MachineChoice,
    /// The kernel file; without it $CHITON_KERNEL, then the kernel that was built or installed with the command.
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// More words for the kernel's command line.
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    pub(crate) append: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// End the machine after this time (10, 10s, 500ms, 2m); exit code 124.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
    /// How long the program may take to end after Ctrl-C or kill (SIGINT, SIGTERM, SIGHUP, SIGQUIT), which it is sent; 0 ends the machine at once.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration_or_none, allow_negative_numbers = true)]
    pub(crate) stop_timeout: Duration,
    /// Print every system call on standard error.
    #[arg(long)]
    pub(crate) strace: bool,
    /// Print the phases of the boot with their times.
    #[arg(long)]
    pub(crate) bootchart: bool,
    /// Which kernel messages are printed.
    #[arg(long, value_enum)]
    pub(crate) log: Option<LogLevel>,
    /// Prepare everything, print the QEMU command on one line, and start nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Set a setting of the machine's kernel before the program starts (net.core.somaxconn=1024).
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) sysctl: Vec<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Connect the machine's vsock to a program that serves it on this socket (vhost-user), such as vhost-device-vsock.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) vsock: Option<PathBuf>,
    /// The program (a path, or a name in PATH) or image, then its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM [ARGUMENTS]")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Where the image goes.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The program (a path, or a name in PATH), then its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM [ARGUMENTS]")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The image.
    pub(crate) image: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AccelChoice {
    /// The fastest that works well: tcg for now.
    Auto,
    /// QEMU's translator.
    Tcg,
    /// The host's /dev/kvm.
    Kvm,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MachineChoice {
    /// The smallest and fastest.
    Microvm,
    /// A PC with PCI Express.
    Q35,
    /// A PC of 1996.
    Pc,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Reads `6M`, `1.5G`, `65536K`, `128` (megabytes, as QEMU does).
fn parse_size(text: &str) -> Result<u64, String> {
    let body = text.trim_end_matches(['b', 'B']).trim_end_matches('i');
    let (digits, unit) = match body.char_indices().next_back() {
        Some((at, letter)) if letter.is_ascii_alphabetic() => (&body[..at], letter.to_ascii_uppercase()),
        _ => (body, 'M'),
    };
    let shift = match unit {
        'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        _ => return Err("give a number and K, M, G or T".into()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| "give a number and K, M, G or T".to_string())
    };
    let whole = number(whole)?.checked_mul(1 << shift).ok_or("too much")?;
    let part = match fraction {
        "" => 0,
        text => {
            (number(text)? << shift)
                / 10_u64
                    .checked_pow(u32::try_from(text.len()).unwrap_or(99))
                    .ok_or("too exact")?
        }
    };
    match whole + part {
        0 => Err("give more than nothing".into()),
        size => Ok(size.next_multiple_of(4096)),
    }
}

/// Reads a number of processors.
fn parse_cpus(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=64).contains(number));
    number.ok_or("give a number from 1 to 64".into())
}

/// Reads a name by which other machines can find this one.
fn parse_hostname(text: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !part.is_empty()
            && !part.starts_with('-')
    };
    if text.len() <= 64 && text.split('.').all(is_part) {
        return Ok(text.into());
    }
    Err("give up to 64 letters, digits, dashes and dots, a letter or digit first".into())
}

/// Reads `10`, `10s`, `500ms`, `2m`, `1h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let time = parse_duration_or_none(text)?;
    let some = (!time.is_zero()).then_some(time);
    some.ok_or("give more than no time".into())
}

/// The same, or 0.
fn parse_duration_or_none(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("give a number and ms, s, m or h".into()),
    };
    let number: f64 = digits.parse().map_err(|_| "give a number and ms, s, m or h")?;
    Duration::try_from_secs_f64(number * scale).map_err(|_| "give more than no time".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_description_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(parse_size("6M"), Ok(6 << 20));
        assert_eq!(parse_size("128"), Ok(128 << 20));
        assert_eq!(parse_size("1.5GiB"), Ok(3 << 29));
        assert!(parse_size("x").is_err() && parse_size("0").is_err() && parse_size("99999999999T").is_err());
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert!(parse_duration("-1").is_err() && parse_duration("1y").is_err() && parse_duration("0").is_err());
        assert_eq!(parse_duration_or_none("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn names_of_machines() {
        for name in ["db", "web-1.example.org", "a_b", "7"] {
            assert_eq!(parse_hostname(name).as_deref(), Ok(name));
        }
        for name in ["", "a b", "-a", "a..b", "a.", "\u{e9}", &"a".repeat(65)] {
            assert!(parse_hostname(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_program_keeps_its_own_options() {
        let parsed = Command::try_parse_from(["chiton", "run", "-m", "6M", "--", "/bin/ls", "-m", "--help"]).unwrap();
        let Verb::Run(run) = parsed.verb else {
            panic!("another verb")
        };
        assert_eq!(run.command, ["/bin/ls", "-m", "--help"]);
        let parsed = Command::try_parse_from(["chiton", "run", "ls", "-l"]).unwrap();
        let Verb::Run(run) = parsed.verb else {
            panic!("another verb")
        };
        assert_eq!(run.command, ["ls", "-l"]);
    }
}
