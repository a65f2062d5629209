//! How programs ask about the network and change it: netlink sockets (`AF_NETLINK`), requests of `ioctl` (`SIOC*`) and the files of `/proc/net`.
//!
//! There is one set of answers and three ways to ask. Interfaces are [`link`]'s, addresses, routes and neighbours [`ip`]'s, sockets are found behind the descriptors of
//! processes ([`survey`]): nothing is kept for those who might ask.
//!
//! | module | what |
//! |---|---|
//! | `socket` | netlink sockets: requests that come, answers that wait, groups |
//! | `reply` | answers being made: headers, ends of lists, datagrams of the right length |
//! | `route` | `NETLINK_ROUTE`: links, addresses, routes, neighbours, rules, and telling groups of changes |
//! | `diag` | `NETLINK_SOCK_DIAG`: sockets, as `ss` asks |
//! | `survey` | all sockets that there are |
//! | `request` | `SIOC*` |
//! | `text` | `/proc/net`, and what `/sys/class/net` says |
//!
//! A request is answered while it is sent; a list is cut into datagrams that fit into what every program gives for them. What waits is bounded: who does not read his answers
//! gets no more, and who misses news is told so by `ENOBUFS`.
//!
//! Lock order: the list of sockets; one socket's inbox: leaves. News are told from interrupts too. It does not do: namespaces, families of generic netlink (the controller knows none),
//! queueing disciplines, the text that explains an error (`NETLINK_EXT_ACK` is taken and no text is sent, as Linux may).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod diag;
mod reply;
mod request;
mod route;
mod socket;
pub mod survey;
mod text;

pub use request::answer;
pub use socket::{check, post, socket};
pub use text::{about, content, interfaces};
