//! Network cards as the stack sees them, and interfaces.
//!
//! | module | what it owns |
//! |---|---|
//! | [`frame`] | frames: parts of pages, and what a card is to do or has done |
//! | `burst` | segments that come in a row, put together |
//! | [`card`] | what the stack asks of a card |
//! | [`interface`] | the cards that there are, with their names and numbers; where frames that come go |
//! | `loopback` | the interface that every machine has, without a card |
//! | [`header`] | what virtio says of a frame in bytes before it |
//! | [`view`] | who sees all frames |
//!
//! **Load.** An interrupt takes a bounded number of frames; if there are more, the rest wait on the card, without interrupts, while programs have as much time as that took
//! ([`Interface::poll`]). Frames for which the card has no room wait at the interface, and when that is full those who send wait, too ([`Event::Room`]).
//!
//! A frame that comes goes to every packet socket that wants it, and to the protocols ([`interface::set_protocols`]), as a copy in which segments of one stream are one packet.
//!
//! Lock order: the frames that wait at an interface, then the card's; the list of interfaces is a leaf. A card's driver calls [`interface::Interface::poll`] from its interrupt with no lock
//! held. What goes through loopback is no frame until a packet socket looks ([`view::show_loopback`]). It does not do: protocols, packet sockets.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod burst;
pub mod card;
pub mod frame;
pub mod header;
pub mod interface;
mod loopback;
pub mod view;

pub use burst::Came;
pub use card::{Abilities, Card, Counters, Queues};
pub use frame::{Checksum, ETHERNET, Frame, Kind, MOST_PARTS, Part, Parts, Segmentation};
pub use interface::{Event, Interface};
pub use view::View;
