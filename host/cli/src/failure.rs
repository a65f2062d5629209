//! How the command ends when things go wrong: one line on standard error, and an exit code that says whose fault it was.

use std::fmt;

/// The kernel panicked.
pub(crate) const KERNEL_PANIC: u8 = 120;
/// The guest ended without saying why.
pub(crate) const GUEST_DIED: u8 = 121;
/// The virtual machine could not start.
pub(crate) const NOT_STARTED: u8 = 122;
/// The time of `--timeout` ran out.
pub(crate) const TIMED_OUT: u8 = 124;
/// Any other error of the command.
pub(crate) const OTHER: u8 = 125;
/// The program is there, and cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// There is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// An error with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    text: String,
}

/// What every verb returns: the exit code.
pub(crate) type Outcome = Result<u8, Failure>;

impl Failure {
    /// A failure with code `code`; neither sentence has its full stop.
    pub(crate) fn new(code: u8, cause: impl fmt::Display, cure: impl fmt::Display) -> Failure {
        Failure {
            code,
            text: format!("{cause}. {cure}."),
        }
    }

    /// An error of the command itself.
    pub(crate) fn other(cause: impl fmt::Display, cure: impl fmt::Display) -> Failure {
        Failure::new(OTHER, cause, cure)
    }
}

/// The option parser's message, which has many lines, in the form of ours.
pub(crate) fn of_options(text: &str) -> Failure {
    let paragraph = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.split("\n\n").map(paragraph);
    let cause = parts.next().unwrap_or_default();
    let first = |tips: &str| capitalised(tips.split(" tip: ").next().unwrap_or_default());
    let tip = parts.find_map(|part| part.strip_prefix("tip: ").map(first));
    // Who wrote an option wrong does not want it as a value.
    let cure = tip
        .filter(|tip| !tip.starts_with("To pass "))
        .unwrap_or("See chiton --help, or chiton run --help".into());
    let cause = cause.trim_start_matches("error: ").trim_end_matches('.');
    Failure::other(IN_OTHER_WORDS.iter().fold(cause.into(), other_words), cure)
}

/// What libraries say, and what a reader wants to know.
const IN_OTHER_WORDS: [(&str, &str); 2] = [
    ("invalid digit found in string", "give a number"),
    ("invalid IP address syntax", "write it as 10.0.2.3 or fd00::3"),
];

fn other_words(text: String, (words, ours): &(&str, &str)) -> String {
    text.replace(words, ours)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

impl From<image::Error> for Failure {
    fn from(error: image::Error) -> Failure {
        let code = match error.kind {
            image::ErrorKind::NotFound => NOT_FOUND,
            image::ErrorKind::NotExecutable => NOT_EXECUTABLE,
            image::ErrorKind::Other => OTHER,
        };
        Failure::new(code, error.cause, error.cure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
