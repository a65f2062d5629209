//! What the user asked for.

use std::path::PathBuf;

/// Which rows to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Every row.
    All,
    /// Boot, memory, size and wall time.
    Boot,
    /// The cost of single operations.
    Calls,
    /// The cost of having more than one process.
    Processes,
    /// What the machine's own network costs.
    Network,
}

impl Part {
    /// Whether `part`, which is not all of them, is to be measured.
    #[must_use]
    pub fn has(self, part: Self) -> bool {
        self == Self::All || self == part
    }
}

/// How to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which rows.
    pub part: Part,
    /// Where to write the figures for other programs to read.
    pub json: Option<PathBuf>,
    /// QEMU's processor model, for both kernels.
    pub cpu: String,
    /// Whether to measure Linux.
    pub linux: bool,
    /// Whether to measure Chiton.
    pub chiton: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            part: Part::All,
            json: None,
            cpu: "max".to_owned(),
            linux: true,
            chiton: true,
        }
    }
}
