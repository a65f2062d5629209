//! The `chiton` command.
//!
//! `arguments` describes every verb and option; each verb has a file of its own, and a new one is a variant
//! of [`arguments::Verb`], a file, and a row of [`dispatch`]. Standard output belongs to the program that runs: everything
//! that the command itself says goes to standard error, as `chiton: cause. cure.`
#![forbid(unsafe_code)]

mod arguments;
mod bench;
mod build;
mod doctor;
mod environment;
mod failure;
mod inspect;
mod kernel_file;
mod network;
mod plan;
mod progress;
mod run;
mod time;
mod user;
mod vsock;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use arguments::{Command, Verb};
use failure::Outcome;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == run::LAUNCHER) {
        return become_machine(&words[2..]);
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        machine::terminal::restore();
        report(info);
    }));
    let command = match Command::try_parse_from(words) {
        Ok(command) => command,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.print().ok();
            return failure::OTHER.into();
        }
        Err(error) if error.use_stderr() => {
            eprintln!("chiton: {}", failure::of_options(&error.render().to_string()));
            return failure::OTHER.into();
        }
        Err(error) => {
            // Help and version; a stream that is closed cannot be told anything.
            error.print().ok();
            return ExitCode::SUCCESS;
        }
    };
    match dispatch(command.verb) {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("chiton: {failure}");
            failure.code.into()
        }
    }
}

fn dispatch(verb: Verb) -> Outcome {
    match verb {
        Verb::Run(options) => run::run(&options),
        Verb::Build(options) => build::build(&options),
        Verb::Network(verb) => network::network(&verb),
        Verb::Bench(options) => bench::bench(&options),
        Verb::Inspect(options) => inspect::inspect(&options),
        Verb::Doctor => doctor::doctor(),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Command::command(), "chiton", &mut std::io::stdout());
            Ok(0)
        }
    }
}

/// Becomes QEMU; see [`machine::enter_launcher`].
fn become_machine(command: &[OsString]) -> ExitCode {
    let Err(error) = machine::enter_launcher(command);
    let program = command
        .first()
        .map(|program| program.to_string_lossy().into_owned())
        .unwrap_or_default();
    eprintln!("{program} cannot be started: {}", image::in_words(&error));
    ExitCode::FAILURE
}
