//! Packet sockets (`AF_PACKET`, `packet(7)`): frames as they are, for programs.
//!
//! | module | what it owns |
//! |---|---|
//! | [`socket`](mod@socket) | what a packet socket is to its program: a file and a socket |
//! | `inbox` | frames that wait until they are fetched, or go to a ring |
//! | `spread` | which sockets get a frame |
//! | `fanout` | sockets that share what comes |
//! | `send` | frames that programs make |
//! | `options` | the options of packet sockets; `membership` what a socket asks an interface for |
//! | `ring` | memory that a socket shares with its program: its shape, and what stands before a frame |
//! | `slots` | places of one length for frames that come (`TPACKET_V1`, `TPACKET_V2`) |
//! | `blocks` | blocks that fill up with frames that come (`TPACKET_V3`) |
//! | `outlet` | places for frames that go (`PACKET_TX_RING`) |
//! | `along` | what goes along with a frame that came |
//! | `address` | addresses of packet sockets |
//!
//! **Trust.** A program may write into its rings whenever it likes. So what the kernel needs to know of a ring it keeps for itself, and reads from there only whose a place is and how long a
//! frame is that goes; both are checked each time.
//!
//! **Memory.** A ring is as long as there is memory for it; on Linux too it counts for none of a program's limits. It lives as long as its socket, which a mapping of it keeps, and a ring that is
//! mapped stays as it is.
//!
//! Lock order: each lock is a leaf, never two at once, but for a timer that is set under a socket's frames. It does not do: `SOCK_PACKET`, times of sending, times and tags that a card gives, reassembly before sockets share
//! (`PACKET_FANOUT_FLAG_DEFRAG`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod along;
mod blocks;
mod fanout;
mod inbox;
mod membership;
mod options;
mod outlet;
mod ring;
mod send;
mod slots;
pub mod socket;
mod spread;

pub use socket::socket;
