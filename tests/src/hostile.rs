//! Input that must be refused.

use crate::suite::Case;

/// One case per kind of bad input.
#[must_use]
pub fn cases() -> Vec<Case> {
    Vec::new()
}
