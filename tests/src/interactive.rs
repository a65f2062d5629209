//! Shells with somebody at the terminal: at the machine's console, and at a pseudo-terminal inside.
//!
//! What the terminal shows must be the same on Linux and in Chiton, numbers of processes apart, and each dialogue also says what must be in it: a dialogue in which nothing
//! happens is the same on both sides too.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::execute::{self, Job};
use crate::places;
use crate::suite::{Case, same_on_both};
use crate::terminal::{self, Step, Terminal};

/// The shell's prompt.
const PROMPT: &str = "ready> ";
/// What the dialogues start.
const PROGRAMS: [&str; 6] = [
    "/bin/cat",
    "/bin/sleep",
    "/bin/stty",
    "/usr/bin/tty",
    "/bin/bash",
    "/bin/sh",
];

/// One case per dialogue.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("interactive::bash_job_control", || {
            dialogue(JOBS, &["Stopped", "Terminated", "^C", "^Z"], 1)
        }),
        Case::new("interactive::bash_job_control_4_cpus", || {
            dialogue(JOBS, &["Stopped", "Terminated", "^C", "^Z"], 4)
        }),
        Case::new("interactive::bash_line_editing", || {
            dialogue(EDITING, &["hello world", "/dev/null", "sizes 33 101"], 1)
        }),
        Case::new("interactive::dash", || {
            let job = at_terminal(&["/bin/dash", "-i"], DASH);
            compare(&job, &["Stopped", "^C", "got it"])
        }),
        Case::new("interactive::the_console_is_the_users", the_console_is_the_users),
        Case::new("interactive::python_drives_bash", || same_on_both(&driven(DRIVER)?)),
        Case::new("interactive::python_spawns", || same_on_both(&driven(SPAWNER)?)),
        Case::new("interactive::script", || {
            let mut job = Job::new(
                ["/usr/bin/script", "-qec", SCRIPT, "typescript"]
                    .map(str::to_owned)
                    .to_vec(),
            );
            job.env.push(("SHELL".into(), "/bin/bash".into()));
            job.files = PROGRAMS.map(str::to_owned).to_vec();
            job.timeout = Duration::from_secs(120);
            same_on_both(&job)
        }),
    ]
}

type Line = (&'static str, &'static str);

/// What is typed as soon as something is shown.
/// A job says that it runs before anything is typed for it: the shell may show what it likes before the terminal is the job's.
const JOBS: &[Line] = &[
    (
        PROMPT,
        "f() { until [[ $(jobs) == *Stopped* ]]; do sleep 0.1; done; }\r",
    ),
    (PROMPT, "bash -c 'echo on; exec cat'\r"),
    ("\non\r\n", "hello\r"),
    ("hello\r\nhello\r\n", "\x03"),
    (PROMPT, "echo code $?\r"),
    (PROMPT, "bash -c 'echo on; exec sleep 1000'\r"),
    ("\non\r\n", "\x1a"),
    (PROMPT, "jobs\r"),
    (PROMPT, "bg\r"),
    (PROMPT, "jobs\r"),
    (PROMPT, "kill %1; wait %1\r"),
    (PROMPT, "bash -c 'echo on; exec cat'\r"),
    ("\non\r\n", "one\r"),
    ("one\r\none\r\n", "\x1a"),
    (PROMPT, "fg\r"),
    ("fg\r\nbash -c 'echo on; exec cat'\r\n", "two\r"),
    ("two\r\ntwo\r\n", "\x04"),
    (PROMPT, "cat & f\r"),
    (PROMPT, "fg\r"),
    ("fg\r\ncat\r\n", "three\r"),
    ("three\r\nthree\r\n", "\x1c"),
    (PROMPT, "echo code $?\r"),
    (PROMPT, "bash -c 'echo on; exec sleep 1000' | cat; echo not reached\r"),
    ("\non\r\n", "\x03"),
    (PROMPT, "trap 'echo caught' INT; echo trap set\r"),
    ("\ntrap set\r\n", ""),
    (PROMPT, "\x03"),
    (PROMPT, "stty tostop; echo hidden & f\r"),
    (PROMPT, "stty -tostop; fg\r"),
    (PROMPT, "exit 7\r"),
];

/// The shell shows its prompt again whenever it shows a changed line anew, so that each step waits for what the command before it prints, too. In the middle of a line one key at the most
/// inserts something: how many keys the shell shows at once depends on how many have come.
const EDITING: &[Line] = &[
    (PROMPT, "echo helo world\x02\x02\x02\x02\x02\x02\x02l\r"),
    ("\nhello world\r\nready> ", "\x10\r"),
    ("\nhello world\r\nready> ", "echo wrong\x15echo right\r"),
    ("\nright\r\nready> ", "echo one two\x17three\x01\x05 end\r"),
    (
        "\none three end\r\nready> ",
        "echo\x15ls -l /dev/nul\x01\x04\x04\x04\x04\x04\x19\x05\t\r",
    ),
    ("\n/dev/null\r\nready> ", "tty > /dev/null && echo a terminal\r"),
    ("\na terminal\r\nready> ", "read -p 'name? ' name\r"),
    ("\nname? ", "some\x7f\x7fmeone\r"),
    ("\r\nready> ", "echo \"hello $name\"; read -s -p 'secret? ' secret\r"),
    ("\nhello someone\r\nsecret? ", "hidden\r"),
    ("ready> ", "echo ${#secret}; stty size\r"),
    (
        "\n6\r\n24 80\r\nready> ",
        "read -t 0.1 -n 1 never; echo $(( $? > 128 ))\r",
    ),
    ("\n1\r\nready> ", "stty rows 33 cols 101; echo sizes $(stty size)\r"),
    ("\nsizes 33 101\r\nready> ", "read -n 3 -p 'three: ' keys\r"),
    ("\nthree: ", "abc"),
    ("ready> ", "echo $keys\r"),
    ("\nabc\r\nready> ", "cat <<END\r"),
    ("\n> ", "here\r"),
    ("\n> ", "END\r"),
    ("\nhere\r\nready> ", "\x04"),
];

const DASH: &[Line] = &[
    (PROMPT, "sh -c 'echo on; exec cat'\n"),
    ("\non\r\n", "got it\n"),
    ("got it\r\ngot it\r\n", "\x1a"),
    (PROMPT, "jobs\n"),
    (PROMPT, "fg\n"),
    ("fg\r\nsh -c \"echo on; exec cat\"\r\n", "again\n"),
    ("again\r\nagain\r\n", "\x03"),
    (PROMPT, "echo $?\n"),
    (PROMPT, "echo ab\x7fcd\x16\x7f\n"),
    (PROMPT, "\x04"),
];

const SCRIPT: &str = "tty > /dev/null && echo a terminal; stty size; echo ${-//[^im]/}; exit 3";

/// Drives a shell at a pseudo-terminal, waiting for what it shows, and prints what that was.
const DRIVER: &str = r#"
import os, pty, select, sys, time

shell, master = pty.fork()
if shell == 0:
    os.environ.update(PS1='ready> ', TERM='dumb', PATH='/usr/bin:/bin')
    os.execv('/bin/bash', ['bash', '--norc', '--noprofile', '-i'])
shown = b''

def expect(text):
    global shown
    end = time.time() + 100
    while text not in shown:
        if not select.select([master], [], [], max(0, end - time.time()))[0]:
            print('not shown:', text, 'but', shown)
            os.kill(shell, 9)
            sys.exit(1)
        shown += os.read(master, 4096)
    at = shown.index(text) + len(text)
    print(ascii(shown[:at].decode()))
    shown = shown[at:]

for after, typed in [
    (b'ready> ', b"bash -c 'echo on; exec cat'\r"), (b'\non\r\n', b'hello\r'), (b'hello\r\nhello\r\n', b'\x03'),
    (b'ready> ', b'tty | tr -d 0-9; stty size\r'),
    (b'ready> ', b"bash -c 'echo on; exec sleep 1000'\r"), (b'\non\r\n', b'\x1a'),
    (b'ready> ', b'jobs\r'), (b'ready> ', b'bg\r'), (b'ready> ', b'kill %1; wait %1\r'),
    (b'ready> ', b"bash -c 'echo on; exec cat'\r"), (b'\non\r\n', b'x\x7fy\r'), (b'y\r\ny\r\n', b'\x1a'),
    (b'ready> ', b'fg\r'), (b"fg\r\nbash -c 'echo on; exec cat'\r\n", b'z\r'),
    (b'z\r\nz\r\n', b'\x04'), (b'ready> ', b'exit 5\r'),
]:
    expect(after)
    os.write(master, typed)
print(os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]))
"#;

/// Runs commands at a pseudo-terminal as `script` does.
const SPAWNER: &str = r"
import os, pty, sys

sys.stdout.flush()
for command in ['echo one', 'stty -a | grep -c echo', 'test -t 0 && test -t 1 && test -t 2 && exit 9', 'kill -TERM $$']:
    print(os.waitstatus_to_exitcode(pty.spawn(['/bin/bash', '-c', command], stdin_read=lambda fd: b'')), flush=True)
";

fn dialogue(lines: &[Line], wanted: &[&str], cpus: u32) -> Result<(), String> {
    let mut job = at_terminal(&["/bin/bash", "--norc", "--noprofile", "-i"], lines);
    job.cpus = cpus;
    compare(&job, wanted)
}

/// Something with a person at its terminal.
fn at_terminal(command: &[&str], lines: &[Line]) -> Job {
    let mut job = Job::new(command.iter().map(|&word| word.to_owned()).collect());
    job.env.push(("PS1".into(), PROMPT.into()));
    job.env.push(("TERM".into(), "dumb".into()));
    job.env.push(("HISTFILE".into(), "/dev/null".into()));
    job.files = PROGRAMS.map(str::to_owned).to_vec();
    job.timeout = Duration::from_secs(120);
    job.terminal = Some(Terminal {
        size: (24, 80),
        errors: true,
        steps: lines.iter().map(|(after, typed)| Step::text(after, *typed)).collect(),
    });
    job
}

/// A Python program that drives others.
fn driven(text: &str) -> Result<Job, String> {
    let name = if text == DRIVER { "driver.py" } else { "spawner.py" };
    let path: PathBuf = places::built()?.join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    let place = path.to_string_lossy().into_owned();
    let mut job = Job::new(vec!["/usr/bin/python3".into(), place.clone()]);
    job.files = PROGRAMS.map(str::to_owned).to_vec();
    job.files
        .extend(["/usr/bin/tr".into(), "/bin/grep".into(), format!("{place}:{place}")]);
    job.timeout = Duration::from_secs(120);
    Ok(job)
}

/// Somebody else than the superuser can open the terminal that he has, by all its names.
fn the_console_is_the_users() -> Result<(), String> {
    const OPENS: &str = "echo one > /dev/tty; echo two > /dev/stderr; echo three > $(tty)";
    if places::host_only() {
        return Ok(());
    }
    let mut command = Command::new(places::command()?);
    command.args([
        "run",
        "--user",
        "1000:1000",
        "--timeout",
        "120s",
        "--file",
        "/usr/bin/tty",
    ]);
    command.args(["--", "/bin/bash", "-c", OPENS]);
    let terminal = Terminal {
        errors: true,
        ..Terminal::default()
    };
    let shown = terminal::run(&command, &terminal, Duration::from_secs(135))?.stdout;
    if shown == b"one\r\ntwo\r\nthree\r\n" {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&shown).into_owned())
    }
}

/// Runs it on both sides; the terminals must show the same, and what is wanted.
fn compare(job: &Job, wanted: &[&str]) -> Result<(), String> {
    let host = execute::on_host(job).map_err(|why| format!("on Linux: {why}"))?;
    let linux = without_numbers(&host.stdout);
    if let Some(missing) = wanted.iter().find(|text| !linux.contains(**text)) {
        return Err(format!("on Linux the terminal does not show {missing:?}:\n{linux}"));
    }
    if places::host_only() {
        return Ok(());
    }
    let guest = execute::in_guest(job).map_err(|why| format!("in Chiton: {why}"))?;
    let chiton = without_numbers(&guest.stdout);
    if linux == chiton && host.code == guest.code {
        return Ok(());
    }
    Err(format!(
        "exit codes {} and {}\n--- Linux\n{linux}\n--- Chiton\n{chiton}",
        host.code, guest.code
    ))
}

/// The text with the number of a background job's process taken out: `[1] 1234`.
fn without_numbers(shown: &[u8]) -> String {
    let text = String::from_utf8_lossy(shown);
    let lines = text.split_inclusive('\n').map(|line| match line.split_once("] ") {
        Some((job, number)) if job.starts_with('[') && number.trim_end().bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{job}] N\r\n")
        }
        _ => line.to_owned(),
    });
    lines.collect()
}
