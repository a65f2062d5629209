//! `chiton run`: plan, image, machine, outcome.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use image::{Cache, Image, is_image};
use machine::{Accel, Console, KernelLine, Kind, MachineSpec, Options, Outcome as End, shell_line, terminal};

use crate::arguments::{AccelChoice, LogLevel, MachineChoice, RunArgs};
use crate::build::COMMAND_FILE;
use crate::environment::Environment;
use crate::failure::{self, Failure, Outcome};
use crate::network::Network;
use crate::progress::Progress;
use crate::{kernel_file, plan, user, vsock};

const MEBIBYTE: u64 = 1 << 20;
const DEFAULT_MEMORY: u64 = 128 * MEBIBYTE;
/// Images up to this size fit into the default memory with plenty to spare.
const SMALL_IMAGE: u64 = 16 * MEBIBYTE;
/// What the kernel needs besides the image before it can even complain.
const LEAST_BESIDES_IMAGE: u64 = 2 * MEBIBYTE;
/// As long as Linux allows one argument of a program to be, with some room.
const LONGEST_LINE: usize = 120 * 1024;
/// The hidden first argument with which the command starts QEMU through itself.
pub(crate) const LAUNCHER: &str = "__become";

pub(crate) fn run(options: &RunArgs) -> Outcome {
    let started = Instant::now();
    let kernel = kernel_file::find(options.machine.kernel.as_deref())?;
    let first = options.command.first().map(String::as_str).unwrap_or_default();
    let (image, line) = if first.contains('/') && is_image(Path::new(first)) || is_image(&Path::new(".").join(first)) {
        from_image(options, Path::new(first))?
    } else {
        from_program(options)?
    };
    let network = options.network.network(
        options.machine.machine,
        matches!(options.machine.accel, AccelChoice::Kvm),
        line.hostname.as_deref(),
    )?;
    let mut spec = specify(options, kernel, image, line, &network)?;
    spec.vsock = vsock::socket(options.vsock.as_deref(), options.machine.machine, options.dry_run)?;
    if options.content.verbose {
        eprintln!("chiton: {}", shell_line(&spec.command_by_hand()));
        eprintln!("chiton: ready to start after {:.1?}", started.elapsed());
    }
    network.chosen.iter().for_each(|note| eprintln!("chiton: {note}"));
    if options.content.verbose {
        network.notes.iter().for_each(|note| eprintln!("chiton: {note}"));
    }
    if options.dry_run {
        let before = network.before();
        before
            .iter()
            .for_each(|line| eprintln!("chiton: start this first: {line}"));
        let line = shell_line(&spec.command_by_hand());
        return match writeln!(std::io::stdout(), "{line}") {
            Ok(()) => Ok(0),
            Err(error) => Err(Failure::other(
                format!("cannot print the command: {}", image::in_words(&error)),
                "Check where the output goes",
            )),
        };
    }
    let beside = network.start()?;
    let launcher = std::env::current_exe()
        .ok()
        .map(|exe| vec![exe.into_os_string(), OsString::from(LAUNCHER)]);
    let how = Options {
        launcher,
        timeout: options.timeout,
        patience: options.stop_timeout,
        bootchart: options.bootchart,
    };
    let end = machine::run(&spec, &how).map_err(|error| {
        Failure::other(
            format!("the host refuses to go on: {}", image::in_words(&error)),
            "Check its limits with ulimit -a",
        )
    })?;
    drop(beside);
    if options.content.verbose {
        eprintln!("chiton: ended after {:.1?}", started.elapsed());
    }
    conclude(end, options)
}

/// The cached image for a program of the host.
fn from_program(options: &RunArgs) -> Result<(PathBuf, KernelLine), Failure> {
    let plan = plan::make(&options.content, &options.command)?;
    let started = Instant::now();
    let mut progress = Progress::new("building the image");
    let image = Cache::of_user()?.image(&plan.tree, &mut |done, total| progress.report(done, total))?;
    drop(progress);
    if options.content.verbose {
        eprintln!(
            "chiton: the image is {} after {:.1?}",
            image.display(),
            started.elapsed()
        );
    }
    Ok((image, plan.line))
}

/// An image built before, with its own command unless another is given.
fn from_image(options: &RunArgs, path: &Path) -> Result<(PathBuf, KernelLine), Failure> {
    let content = &options.content;
    if [&content.file, &content.volume, &content.package]
        .iter()
        .any(|list| !list.is_empty())
        || content.rootfs.is_some()
    {
        return Err(Failure::other(
            "files cannot be added to a finished image",
            "Give --file, -v, --package and --rootfs to chiton build",
        ));
    }
    let image = Image::open(path)?;
    let text = |path: &str| -> Result<String, Failure> {
        let bytes = image.read(Path::new(path))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let mut line = KernelLine::parse(&text(COMMAND_FILE)?);
    if options.command.len() > 1 {
        line.args = options.command[1..].to_vec();
    }
    if line.args.is_empty() {
        let cause = format!("the image {} names no program", path.display());
        return Err(Failure::other(
            cause,
            "Name one after the image, or build it with chiton build",
        ));
    }
    let mut environment = Environment::from_pairs(&line.env);
    if content.user.is_some() {
        let user = user::find(content.user.as_deref(), &text("/etc/passwd")?, &text("/etc/group")?)?;
        environment.set("HOME", &user.home);
        line.user = Some(user.ids);
    }
    if let Some(name) = &content.hostname {
        environment.set("HOSTNAME", name);
        line.hostname = Some(name.clone());
    }
    environment.apply(&content.env_file, &content.env)?;
    line.env = environment.pairs();
    if let Some(directory) = &content.workdir {
        plan::check_directory(directory)?;
        if !image.has_directory(Path::new(directory))? {
            return Err(Failure::other(
                format!("the image {} has no directory {directory}", path.display()),
                "Give -w to chiton build, which makes it",
            ));
        }
        line.cwd = Some(directory.clone());
    }
    Ok((path.to_path_buf(), line))
}

/// Settings of the kernel, if they are written as such; whether there are any of these names the kernel says.
fn settings(texts: &[String]) -> Result<Vec<String>, Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let is_none = |text: &&String| {
        let pair = text.split_once('=');
        pair.is_none_or(|(name, value)| name.is_empty() || value.is_empty() || !name.bytes().all(letter))
    };
    if let Some(text) = texts.iter().find(is_none) {
        return Err(Failure::other(
            format!("--sysctl {text}: that is no setting"),
            "Write it as NAME=VALUE, such as net.core.somaxconn=1024",
        ));
    }
    Ok(texts.to_vec())
}

fn specify(
    options: &RunArgs,
    kernel: PathBuf,
    image: PathBuf,
    mut line: KernelLine,
    network: &Network,
) -> Result<MachineSpec, Failure> {
    network.tell(&mut line);
    line.sysctl = settings(&options.sysctl)?;
    let letters = terminal::letters();
    if !letters.is_empty() {
        let mut environment = Environment::from_pairs(&line.env);
        environment.set_default("TERM", &std::env::var("TERM").unwrap_or("linux".into()));
        line.env = environment.pairs();
    }
    if !options.dry_run {
        line.console = Console::Split;
        line.tty = Some(letters);
    }
    line.size = terminal::size();
    line.strace = options.strace;
    line.bootchart = options.bootchart;
    let level = options.log.or(options.content.verbose.then_some(LogLevel::Info));
    line.log = level.map(|level| format!("{level:?}").to_lowercase());

    let words = line.tokens().into_iter().chain(options.machine.append.iter().cloned());
    let command_line = words.collect::<Vec<_>>().join(" ");
    if command_line.len() > LONGEST_LINE {
        let cause = format!(
            "the arguments and the environment are too long: {} bytes",
            command_line.len()
        );
        return Err(Failure::other(cause, "Put them into a file, and add it with --file"));
    }
    Ok(MachineSpec {
        qemu: std::env::var_os("CHITON_QEMU").map_or("qemu-system-x86_64".into(), PathBuf::from),
        kind: match options.machine.machine {
            MachineChoice::Microvm => Kind::Microvm,
            MachineChoice::Q35 => Kind::Q35,
            MachineChoice::Pc => Kind::Pc,
        },
        accel: match options.machine.accel {
            AccelChoice::Auto | AccelChoice::Tcg => Accel::Tcg,
            AccelChoice::Kvm => Accel::Kvm,
        },
        memory: memory(options.machine.memory, &image)?,
        cpus: options.machine.cpus,
        kernel,
        image,
        command_line,
        cards: network.cards.clone(),
        vsock: None,
    })
}

fn memory(given: Option<u64>, image: &Path) -> Result<u64, Failure> {
    let size = std::fs::metadata(image).map(|meta| meta.len()).unwrap_or(0);
    let Some(memory) = given else {
        let more = if size > SMALL_IMAGE {
            size.next_multiple_of(MEBIBYTE)
        } else {
            0
        };
        return Ok(DEFAULT_MEMORY + more);
    };
    let least = size + LEAST_BESIDES_IMAGE;
    if memory < least {
        let shown = memory.div_ceil(MEBIBYTE);
        let cause = format!("{shown} MiB of memory cannot hold the kernel and an image of {size} bytes");
        return Err(Failure::new(
            failure::NOT_STARTED,
            cause,
            format!("Give at least -m {}M", least.div_ceil(MEBIBYTE) + 2),
        ));
    }
    Ok(memory)
}

const KVM: &str = "Leave out --accel kvm, or see what chiton doctor says";

/// QEMU's reason for not starting, in our words where those say more, and what to do about it.
fn reason_of_start(said: &str) -> (String, &'static str) {
    let known = [
        ("guest memory", "Give less memory with -m"),
        ("KVM", KVM),
        ("kvm", KVM),
        ("PVH", "Give --kernel a Chiton kernel"),
        (
            "host forwarding",
            "Publish another port with -p, or 0 for any that is free",
        ),
        (
            "vsock",
            "Start vhost-device-vsock anew, with --socket and the same path as --vsock",
        ),
        ("/dev/net/tun", "Run the command as root, or use --network user"),
        ("smp", "Give fewer processors with -c"),
        (
            "-netdev socket",
            "Give an address of this machine with a port that is free",
        ),
    ];
    if let Some(name) = between(said, "could not configure /dev/net/tun (", "): Device or resource busy") {
        let reason = format!("the TAP interface {name} is in use already");
        return (reason, "End whoever uses it, or name another with --network tap:NAME");
    }
    if let Some(script) = between(said, "network script ", " failed with status") {
        let before = said
            .split("qemu")
            .next()
            .unwrap_or_default()
            .trim_end_matches(['/', ' ', ';']);
        let why = if before.is_empty() { script } else { before };
        let reason = format!("its TAP interface cannot be put onto the network's bridge: {why}");
        return (
            reason,
            "Make the network again with chiton network rm and chiton network create",
        );
    }
    let cure = known.iter().find(|(part, _)| said.contains(part));
    (
        said.to_string(),
        cure.map_or("See what chiton doctor says", |(_, cure)| cure),
    )
}

/// What is between two parts of a text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// Turns the end of a run into an exit code and, if it was not the program's own, a message.
fn conclude(end: End, options: &RunArgs) -> Outcome {
    let fail = |code, cause: String, cure: &str| Err(Failure::new(code, cause, cure));
    match end {
        End::Exited(code) => Ok(code),
        End::Panicked(text) => fail(
            failure::KERNEL_PANIC,
            format!("the kernel panicked: {text}"),
            "Please report it with the lines above",
        ),
        End::Died(how) => fail(
            failure::GUEST_DIED,
            format!("the guest died: {how}"),
            if how.starts_with("KVM") {
                "Leave out --accel kvm"
            } else {
                "Run it again with --verbose to see what the kernel did last, or with more memory (-m)"
            },
        ),
        End::NotStarted(how) => {
            let (how, cure) = reason_of_start(&how);
            fail(
                failure::NOT_STARTED,
                format!("the virtual machine could not start: {how}"),
                cure,
            )
        }
        End::TimedOut => {
            let limit = options.timeout.unwrap_or_default();
            fail(
                failure::TIMED_OUT,
                format!("the time limit of {limit:?} ran out"),
                "Give a longer --timeout, or none",
            )
        }
        // As a shell counts a program that a signal ended; 13 is SIGPIPE.
        End::Stopped(signal) => Ok(u8::try_from(128 + signal).unwrap_or(failure::OTHER)),
        End::OutputClosed => Ok(128 + 13),
        End::OutputFailed(how) => fail(
            failure::OTHER,
            format!("the program's output cannot be written: {how}"),
            "Check the disk it goes to",
        ),
    }
}
