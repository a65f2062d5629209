//! What the user asked for.

use std::path::PathBuf;

/// The help text.
pub const USAGE: &str = "\
Measure the budgets, beside a Debian cloud kernel in the same virtual machine

Usage: chiton bench [OPTIONS] [boot|calls]

  boot                 only boot, memory, size and wall time
  calls                only the cost of single operations

Options:
      --json FILE      write the figures to FILE as well
      --cpu MODEL      QEMU's processor model, for both kernels (max)
      --no-linux       measure only Chiton
      --only-linux     measure only Linux
  -h, --help           show this help
";

/// Which rows to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    Boot,
    Calls,
}

/// The parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) part: Part,
    pub(crate) json: Option<PathBuf>,
    pub(crate) cpu: String,
    pub(crate) linux: bool,
    pub(crate) ours: bool,
}

impl Options {
    /// Reads the words after `chiton bench`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            part: Part::All,
            json: None,
            cpu: "max".to_owned(),
            linux: true,
            ours: true,
        };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| words.next().cloned())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "boot" => options.part = Part::Boot,
                "calls" => options.part = Part::Calls,
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--cpu" => options.cpu = value()?,
                "--no-linux" => options.linux = false,
                "--only-linux" => options.ours = false,
                _ => {
                    return Err(format!(
                        "unknown word `{word}`; `chiton bench --help` lists what there is"
                    ));
                }
            }
        }
        if !options.linux && !options.ours {
            return Err("--no-linux and --only-linux leave nothing to measure".to_owned());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Part};

    fn parse(words: &[&str]) -> Result<Options, String> {
        Options::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_part_and_a_file_are_read() {
        let options = parse(&["boot", "--json", "out.json", "--cpu=qemu64"]).unwrap();
        assert_eq!(options.part, Part::Boot);
        assert_eq!(options.json.unwrap().to_str(), Some("out.json"));
        assert_eq!(options.cpu, "qemu64");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse(&["nonsense"]).is_err());
        assert!(parse(&["--json"]).is_err());
        assert!(parse(&["--no-linux", "--only-linux"]).is_err());
    }
}
