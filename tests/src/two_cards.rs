//! A machine with two cards, and its peer on both networks: a program (`guest/boot/cards.c`) runs on Linux in a network namespace with two interfaces, and in Chiton with two TAP interfaces, and prints
//! the same. Without the right to make namespaces the case passes without having shown anything.

use crate::bridges::in_namespace;
use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// What sets the networks up and runs the program on both.
const SCRIPT: &str = include_str!("../servers/cards.sh");

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![Case::new("two_cards::sockets", sockets)]
}

fn sockets() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built("cards", &["-O1", "-Wall", "-Wextra", "-static"])?;
    let script = format!("CARDS={}\n{SCRIPT}", program.display());
    match in_namespace(&script)? {
        Some(said) if said != "done\n" => Err(format!("Linux and Chiton differ:\n{said}")),
        _ => Ok(()),
    }
}
