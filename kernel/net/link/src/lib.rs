//! Network cards as the stack sees them, interfaces, and packet sockets.
//!
//! | module | what it owns |
//! |---|---|
//! | [`frame`] | frames: parts of pages, and what a card is to do or has done |
//! | `burst` | segments that come in a row, put together |
//! | [`card`] | what the stack asks of a card |
//! | [`interface`] | the cards that there are, with their names and numbers; where frames that come go |
//! | `loopback` | the interface that every machine has, without a card |
//! | [`filter`] | programs that say which frames a socket wants |
//! | `ring` | frames in memory that a socket shares with its program |
//! | `packet_options` | the options of packet sockets |
//! | [`packet`] | packet sockets (`AF_PACKET`): frames as they are, for programs |
//!
//! **Load.** An interrupt takes a bounded number of frames; if there are more, the rest wait on the card, without interrupts, while programs have as much time as that took
//! ([`Interface::poll`]). Frames for which the card has no room wait at the interface, and when that is full those who send wait, too ([`Event::Room`]).
//!
//! A frame that comes goes to every packet socket that wants it, and to the protocols ([`interface::set_protocols`]), as a copy in which segments of one stream are one packet.
//!
//! Lock order: the frames that wait at an interface, then the card's; the list of interfaces, the list of sockets, one socket's frames: each a leaf, never two at once. A card's driver calls [`interface::Interface::poll`] from its interrupt with no lock
//! held. What goes through loopback is no frame until a packet socket looks ([`packet::show_loopback`]). It does not do: protocols, rings but those of `TPACKET_V2` for frames that come.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod burst;
pub mod card;
pub mod frame;
pub mod interface;
mod loopback;
pub mod packet;
mod packet_options;
mod ring;

pub use burst::Came;
pub use card::{Abilities, Card, Counters};
pub use frame::{Checksum, ETHERNET, Frame, Kind, Part, Segmentation};
pub use interface::{Event, Interface};
pub use ipc::filter;
