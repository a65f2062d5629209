//! `chiton bench`: the options; the work is in the crate of the same name.

use std::path::PathBuf;

use bench::{Options, Part};
use clap::{Args, ValueEnum};

use crate::failure::{Failure, Outcome};

/// Which figures to measure.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Figures {
    /// Every figure.
    All,
    /// Boot, memory, size and wall time.
    Boot,
    /// What single operations cost.
    Calls,
    /// What it costs to have more than one process.
    Processes,
    /// What the machine's own network costs.
    Network,
    /// What nginx, redis, iperf3 and datagrams cost under load from outside; only when asked for by name.
    Net,
}

/// The options of `chiton bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Which figures to measure.
    #[arg(value_enum, default_value_t = Figures::All)]
    figures: Figures,
    /// Of the rows of `net`, measure only the one with this name in the JSON file, or those whose names contain it.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the figures to a file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The processor that QEMU shows to both kernels.
    #[arg(long, value_name = "MODEL", default_value = "max")]
    cpu: String,
    /// Measure only Chiton.
    #[arg(long, conflicts_with = "only_linux")]
    no_linux: bool,
    /// Measure only Linux.
    #[arg(long)]
    only_linux: bool,
}

/// Measures and prints the table.
pub(crate) fn bench(arguments: &BenchArgs) -> Outcome {
    let command = std::env::current_exe().map_err(|error| {
        Failure::other(
            format!("this command does not know where it lies: {error}"),
            "Call it by its path",
        )
    })?;
    let options = Options {
        part: match arguments.figures {
            Figures::All => Part::All,
            Figures::Boot => Part::Boot,
            Figures::Calls => Part::Calls,
            Figures::Processes => Part::Processes,
            Figures::Network => Part::Network,
            Figures::Net => Part::Net,
        },
        only: arguments.only.clone(),
        json: arguments.json.clone(),
        cpu: arguments.cpu.clone(),
        linux: !arguments.no_linux,
        chiton: !arguments.only_linux,
    };
    match bench::run(&command, &options) {
        Ok(()) => Ok(0),
        Err(why) => Err(Failure::other(why, "`chiton doctor` says what this machine lacks")),
    }
}
