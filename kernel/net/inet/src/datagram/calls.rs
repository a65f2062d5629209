//! What programs ask of datagram sockets.

use super::UdpSocket;
use crate::control::{self, Manner};
use crate::dissolve::Given;
use crate::letter::Letter;
use crate::stream::NOT_CONNECTED;
use crate::{address, device, extras, options, ping, troubles};
use abi::ioctl::{FIONREAD, TIOCOUTQ};
use abi::socket::{AF_INET6, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_ZEROCOPY, SHUT_RD, SHUT_RDWR, SHUT_WR};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use lock::atomic::Ordering;
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Control, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

impl FileLike for UdpSocket {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive_letter(into, 0)?.map_or(0, |(_, count, _)| count))
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send_to(from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        let waiting = match request {
            _ if self.is_ping() => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
            FIONREAD => self.inbox.next_len(),
            TIOCOUTQ => 0,
            _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
        };
        UserPtr::<i32>::new(argument).write(&(waiting as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let ended = self.stopped_reading.load(Ordering::Relaxed);
        let mut events = self.inbox.ready(&self.options);
        if ended {
            events |= Events::READABLE;
        }
        events.set(Events::RDHUP, ended);
        events.set(Events::HUP, ended && self.stopped_writing.load(Ordering::Relaxed));
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.inbox.ear.readable,
            Direction::Write => &self.inbox.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for UdpSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        if message.flags & MSG_OOB != 0 && self.family != AF_INET6 {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
        }
        let sent = self.send_to(from, message)?;
        if message.flags & MSG_ZEROCOPY != 0 && troubles::is_without_copy(&self.options) {
            self.inbox.note_copied();
        }
        Ok(sent)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & MSG_ERRQUEUE != 0 {
            return self.inbox.give_trouble(self.family, &self.options, into, flags);
        }
        if self.options.has_details()
            && let Some(told) = self.receive_path()
        {
            return Ok(told);
        }
        let Some((letter, count, flags)) = self.receive_letter(into, flags)? else {
            return Ok(Incoming::default());
        };
        Ok(Incoming {
            count,
            flags,
            address: address::show(self.family, letter.from),
            control: control::of(&letter, self.family, &self.options),
            ..Incoming::default()
        })
    }

    fn keep_error(&self, errno: Errno) {
        self.inbox.set_error(errno);
    }

    fn takes_along(&self) -> bool {
        true
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::SeqCst);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::SeqCst);
        }
        self.inbox.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if self.ends.lock().peer.is_none() {
            return Err(NOT_CONNECTED);
        }
        Ok(())
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        let wanted = if self.is_ping() {
            ping::parse_for_bind(self.family, address)?
        } else {
            options::parse_for_bind(self.family, address, &view.credentials, &self.options)?
        };
        let mut ends = self.ends.lock();
        if ends.own.is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
        }
        self.claim(&mut ends, wanted)?;
        ends.given = Given::new(wanted);
        Ok(())
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            self.dissolve();
            return Ok(());
        }
        self.own_address()?;
        let to = address::or_own(address::parse(self.family, address)?);
        let to = device::for_connect(&self.options, to)?;
        extras::keep_flow(&self.options, address);
        let (route, via) = self.way(to, &Manner::default(), 0)?;
        self.note_device();
        if self.family != AF_INET6 {
            // As on Linux, whose newer protocol does not.
            self.cork.redirect(to, (route, via));
        }
        let mut ends = self.ends.lock();
        ends.peer = Some(to);
        if let Some(own) = ends.own.as_mut().filter(|own| own.ip().is_unspecified()) {
            own.set_ip(route.source);
        }
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let ends = *self.ends.lock();
        let own = ends.own;
        let own = own.unwrap_or(ends.given.with_port(self.family, 0));
        Ok(address::show(self.family, device::shown(&self.options, own)))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        let peer = self.ends.lock().peer.ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
    }

    fn listing(&self) -> Listing {
        Listing {
            queues: [self.inbox.next_len() as u32, 0],
            uid: self.uid,
            ..Listing::default()
        }
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        self.sort().check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        self.get(level, name)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        self.set(level, name, value)
    }
}

impl UdpSocket {
    /// The next datagram, how much of it found room, and flags; nothing if there will be none.
    fn receive_letter(&self, into: &mut Sink<'_>, mut flags: u32) -> Result<Option<(Letter, usize, u32)>> {
        if self.is_ping() {
            ping::check_flags(flags)?;
            // As on Linux, what does not fit is not counted.
            flags &= !MSG_TRUNC;
        }
        self.inbox.take_error()?;
        if self.inbox.is_empty() && self.stopped_reading.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let peeks = flags & MSG_PEEK != 0;
        let received = if self.options.has_extras() {
            self.inbox.receive_more(&self.options, into, flags)?
        } else {
            self.inbox.receive(into, flags)?
        };
        if !peeks && !self.is_ping() {
            let newer = received.0.from.is_ipv6();
            counters::datagram(counters::udp::IN_DATAGRAMS, newer, self.is_lite());
        }
        Ok(Some(received))
    }

    /// How long datagrams to somebody may be, if that is to be told.
    #[cold]
    fn receive_path(&self) -> Option<Incoming> {
        const RECVPATHMTU: u32 = 60;
        const PATHMTU: u32 = 61;
        if !self.options.is_set(options::IPPROTO_IPV6, RECVPATHMTU) {
            return None;
        }
        let (body, address) = self.kept.take_path()?;
        let told = Control {
            level: options::IPPROTO_IPV6,
            kind: PATHMTU,
            body,
        };
        Some(Incoming {
            address,
            control: alloc::vec![told],
            ..Incoming::default()
        })
    }
}
