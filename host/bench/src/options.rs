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
    /// What servers cost under load from outside; measured only when it is asked for by name.
    Net,
}

impl Part {
    /// Whether `part`, which is not all of them, is to be measured.
    #[must_use]
    pub fn has(self, part: Self) -> bool {
        self == part || self == Self::All && part != Self::Net
    }
}

/// How to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which rows.
    pub part: Part,
    /// A part of the names of the rows of [`Part::Net`] that are wanted; all if there is none.
    pub only: Option<String>,
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
            only: None,
            json: None,
            cpu: "max".to_owned(),
            linux: true,
            chiton: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn servers_are_measured_only_when_they_are_asked_for() {
        assert!(Part::All.has(Part::Network) && Part::Net.has(Part::Net));
        assert!(!Part::All.has(Part::Net) && !Part::Net.has(Part::Network));
    }
}
