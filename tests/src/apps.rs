//! Programs that nobody here wrote.

use crate::suite::Case;

/// One case per program and use.
#[must_use]
pub fn cases() -> Vec<Case> {
    Vec::new()
}
