//! What can go wrong while an image is put together, in words for the person at the keyboard.
//!
//! Every error is one sentence for the cause and one for the cure, because the command prints it as it is. The kind says
//! only what the exit code needs to know.

use std::fmt;
use std::path::Path;

/// Which family of exit code an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such program.
    NotFound,
    /// The program is there, and cannot be executed here.
    NotExecutable,
    /// Anything else: a missing library, an unreadable file, a full disk.
    Other,
}

/// An error with its cause and its cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The family, for the exit code.
    pub kind: Kind,
    /// What happened, without a full stop.
    pub cause: String,
    /// What to do about it, without a full stop.
    pub cure: String,
}

/// The result of everything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of kind [`Kind::Other`].
    pub fn new(cause: impl Into<String>, cure: impl Into<String>) -> Error {
        Error {
            kind: Kind::Other,
            cause: cause.into(),
            cure: cure.into(),
        }
    }

    /// An error about a program that cannot be executed.
    pub fn not_executable(cause: impl Into<String>, cure: impl Into<String>) -> Error {
        Error {
            kind: Kind::NotExecutable,
            ..Error::new(cause, cure)
        }
    }

    /// An error about a program that does not exist.
    pub fn not_found(cause: impl Into<String>, cure: impl Into<String>) -> Error {
        Error {
            kind: Kind::NotFound,
            ..Error::new(cause, cure)
        }
    }

    /// The operating system refused `verb` on `path`.
    pub fn io(verb: &str, path: &Path, error: &std::io::Error) -> Error {
        use std::io::ErrorKind::{NotFound, PermissionDenied, StorageFull};
        let cure = match error.kind() {
            NotFound => "Check the spelling of the path",
            PermissionDenied => "Run as a user who may, or choose another path",
            StorageFull => "Free some space, or set XDG_CACHE_HOME to a directory with more",
            _ => "Check the path and the disk it is on",
        };
        Error::new(format!("cannot {verb} {}: {}", path.display(), in_words(error)), cure)
    }
}

/// The operating system's words, without Rust's "(os error N)".
pub fn in_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}.", self.cause, self.cure)
    }
}

impl std::error::Error for Error {}
