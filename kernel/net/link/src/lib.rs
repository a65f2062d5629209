//! Network cards as the stack sees them, interfaces, and packet sockets.
//!
//! | module | what it owns |
//! |---|---|
//! | [`frame`] | frames: parts of pages, and what a card is to do or has done |
//! | [`card`] | what the stack asks of a card |
//! | [`interface`] | the cards that there are, with their names and numbers; where frames that come go |
//! | [`packet`] | packet sockets (`AF_PACKET`): frames as they are, for programs |
//! | [`request`] | what programs ask about interfaces (`SIOCGIF*`) |
//!
//! A frame that comes goes to every packet socket that wants it, and to the protocols ([`interface::set_protocols`]), as a copy.
//!
//! Lock order: the list of interfaces, the list of sockets, one socket's frames: each a leaf, never two at once. A card's driver calls [`interface::Interface::poll`] from its interrupt with no lock
//! held. It does not do: protocols, loopback, filters, `PACKET_MMAP`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod card;
pub mod frame;
pub mod interface;
pub mod packet;
mod request;

pub use card::{Abilities, Card, Counters};
pub use frame::{Checksum, ETHERNET, Frame, Kind, Part, Segmentation};
pub use interface::Interface;
