//! All end-to-end tests, as one list of named cases.
#![forbid(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use chiton_tests::{
    apps, bridges, cards, clients, cpython, farewells, guest, hostile, interactive, internet, leases, machines,
    network, packages, panics, processes, programs, refusals, rules, servers, settings, soak, stops, storms, streams,
    suite, tcp, two_cards, unplugged, vsock,
};

fn main() -> ExitCode {
    if ignores_the_keyboard() {
        begin_again();
    }
    let cases = [
        guest::cases(),
        apps::cases(),
        cpython::cases(),
        processes::cases(),
        programs::cases(),
        internet::cases(),
        leases::cases(),
        machines::cases(),
        network::cases(),
        bridges::cases(),
        two_cards::cases(),
        cards::cases(),
        packages::cases(),
        tcp::cases(),
        servers::cases(),
        clients::cases(),
        storms::cases(),
        panics::cases(),
        unplugged::cases(),
        vsock::cases(),
        rules::cases(),
        refusals::cases(),
        settings::cases(),
        farewells::cases(),
        soak::cases(),
        stops::cases(),
        streams::cases(),
        hostile::cases(),
        interactive::cases(),
    ];
    suite::run(cases.into_iter().flatten().collect())
}

/// Whether whoever started the tests has the signals of the keyboard ignored, as a shell has for what it runs in the background. Programs on the
/// host's Linux would inherit that, and those in a virtual machine would not.
fn ignores_the_keyboard() -> bool {
    const HANGUP_INTERRUPT_QUIT: u64 = 0b111;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & HANGUP_INTERRUPT_QUIT != 0)
}

/// Runs this program anew with those signals as they are by default. Comes back if that cannot be done.
fn begin_again() {
    if let Ok(program) = std::env::current_exe() {
        let error = Command::new("env")
            .arg("--default-signal=HUP,INT,QUIT")
            .arg(program)
            .args(std::env::args_os().skip(1))
            .exec();
        eprintln!("the signals of the keyboard are ignored, and `env` does not change that: {error}");
    }
}
