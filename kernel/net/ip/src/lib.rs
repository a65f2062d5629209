//! What is between cards and transport protocols: addresses, routes, neighbours, and packets on their way in and out.
//!
//! A transport protocol registers what it does with packets ([`register`]), asks where an address is ([`route`]) and sends ([`send`]). A card becomes part of it all by [`start`].
//!
//! | module | what |
//! |---|---|
//! | `network` | addresses with the length of their prefix |
//! | `plan` | what the kernel was told about a card's configuration |
//! | `stack` | everything that is known, behind one lock; `clock` has it and gives it time |
//! | `route` | which way leads where, and which own address is used; `redirect` what routers say of that |
//! | `neighbour` | who on the local network has which address (ARP, RFC 826; states as RFC 4861 section 7.3) |
//! | `input` | packets that come: checked, and given to who wants them |
//! | `output` | packets that go; `build` puts them into frames; `recent` knows the ways that some took just now |
//! | `fragment` | parts of packets that wait for the others |
//! | `path` | the longest packets that ways take, where routers said so |
//! | `configure` | cards that ask for their configuration, and those who wait for it; `dhcp` asks for an address of the older protocol (RFC 2131) |
//! | `names` | whom to ask for names |
//! | `stateful` | cards that ask servers of the newer protocol for an address; `dhcp6` is their client (RFC 8415) |
//! | `farewell` | the end of the machine: what still goes, and addresses that are given back |
//! | `discovery` | who has which address of the newer protocol (RFC 4861); `autoconf` addresses that a card gives itself (RFC 4862) |
//! | `multicast` | groups that programs are in, told to routers (IGMP, MLD) |
//! | `filter` | what the machine may connect to |
//! | `icmp` | messages about packets: answered, made, told on (RFC 792, RFC 1122 section 3.2.2) |
//! | `by_hand` | whole packets that programs have made |
//! | `manage` | what is shown of it all, and changed from outside |
//! | `transport` | what transport protocols see |
//! | `watch` | what happens to interfaces; `settings` what of them is set |
//!
//! **Time** is an argument of everything in `stack` and below it; only `clock` asks for it, and sets the one timer.
//!
//! **Where it runs.** Frames come from the card's interrupt and are processed there, up into the transport protocols' handlers, which therefore must not sleep. A packet to an address of the machine itself is
//! given to its handler during [`send`]: who sends holds no lock that the own handler takes.
//!
//! Locks: that of the stack is a leaf, but for memory; frames are sent and handlers called without it. It does not do: forwarding, several tables of routes.
//! Sideways: `link`, which owns cards and frames.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod autoconf;
mod build;
mod by_hand;
mod clock;
mod configure;
mod cut;
mod dhcp;
mod dhcp6;
mod discovery;
mod farewell;
mod filter;
mod fragment;
mod icmp;
mod input;
mod manage;
mod multicast;
mod names;
mod neighbour;
mod network;
mod output;
mod path;
mod plan;
mod recent;
mod redirect;
mod route;
mod settings;
mod stack;
mod stateful;
mod transport;
mod watch;

pub use by_hand::send_by_hand;
pub use configure::{route_when_ready, set_name_hook};
pub use farewell::farewell;
pub use filter::{Rule, may_connect, set_rules, write_rules};
pub use icmp::port_unreachable;
pub use input::time_of_day;
pub use manage::{
    Known, Manner, add_address, add_route, addresses, confirm, forget_neighbour, fragments, neighbours, remove_address,
    remove_route, routes, set_neighbour,
};
pub use multicast::{is_member, join, leave};
pub use names::{choose_servers, resolver};
pub use neighbour::State;
pub use network::Network;
pub use output::{frame_of, next_number, send, show};
pub use plan::Plan;
pub use route::{Entry, Kind, LOOPBACK, Route, Via, is_own, line, maker, owner, route};
pub use stack::{Address, start};
pub use transport::{Checked, Extra, Failed, Handler, Offload, Outgoing, Received, register, set_witness, usual_hops};
