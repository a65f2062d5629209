//! The end of the machine: what waits for somebody's address still goes, addresses that servers gave are given back, and everything leaves the cards before they are gone.
//!
//! Without that the last packets of a program that ends at once would not go, since a card sends what it is given a little later; and a network on which machines come and go would soon have no address left.
//! None of it waits for long: nobody may be there.

use crate::clock::{look, with};
use crate::stack::{Effects, Stack};

/// How long it waits for answers about somebody's address, and for the cards.
const PATIENCE: u64 = 1_000_000_000;

/// Ends what the machine does on its networks.
pub fn farewell() {
    let until = time::now() + PATIENCE;
    // Else servers would keep for this machine what it never hears of.
    task::look_until(until, &mut || !look(Stack::is_promised));
    with(Stack::give_back);
    task::look_until(until, &mut || {
        look(|stack| stack.neighbours.iter().all(|neighbour| neighbour.held.is_empty()))
    });
    let interfaces = link::interface::all();
    task::look_until(until + PATIENCE, &mut || {
        interfaces.iter().all(|interface| interface.is_idle())
    });
}

impl Stack {
    fn is_promised(&self) -> bool {
        self.links.iter().any(|link| {
            let newer = link.client_newer.as_ref();
            let newer = newer.is_some_and(crate::dhcp6::Client::is_promised);
            newer || link.client.as_ref().is_some_and(crate::dhcp::Client::is_promised)
        })
    }

    /// Tells servers that the addresses which they gave are free.
    fn give_back(&mut self, now: u64, effects: &mut Effects) {
        for at in 0..self.links.len() {
            let mut random = [0; 4];
            random::fill(&mut random);
            let link = &mut self.links[at];
            let client = link.client.as_mut();
            let letter = client.and_then(|client| client.release(now, u32::from_ne_bytes(random)));
            let newer = link.client_newer.as_mut().and_then(|client| client.release(now));
            if let Some(letter) = letter {
                self.send_letter(now, at, &letter, effects);
            }
            if let Some(letter) = newer {
                self.send_letter_newer(at, &letter, effects);
            }
        }
    }
}
