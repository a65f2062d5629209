//! What programs ask of stream sockets: it is asked of what the socket is now (`dissolve`).
//!
//! Reading and writing look at the connection within the machine first, which a socket that was dissolved has no more.

use super::{NOT_CONNECTED, TcpSocket};
use crate::dissolve::Given;
use crate::{address, connect, options, stream_options};
use abi::fcntl::OpenFlags;
use abi::socket::{MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, MSG_ZEROCOPY};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

impl FileLike for TcpSocket {
    #[inline]
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        match self.incoming.get() {
            Some(channel) if !channel.is_empty() => channel.read(into),
            _ => Ok(self.receive(file, into, 0)?.count),
        }
    }

    #[inline]
    fn write(&self, file: &File, from: &mut Source<'_>) -> Result<usize> {
        if self.options.has_extras() {
            return self.send_and_tell(file, from, &mut Outgoing::default());
        }
        self.write_some(from, 0)
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn room(&self) -> usize {
        self.now().room_away()
    }

    fn take_over(&self, bytes: &mut Vec<u8>) -> bool {
        self.now().take_over_away(bytes)
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        stream_options::request(&self.now(), request, argument)
    }

    fn ready(&self, _file: &File) -> Events {
        let now = self.now();
        let mut events = now.events();
        if now.has_told() {
            events |= Events::ERR;
        }
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        // What it becomes has the same.
        Some(match direction {
            Direction::Read => &self.ear.readable,
            Direction::Write => &self.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.now().options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn linger(&self) {
        self.now().wait_for_end();
    }
}

impl Socket for TcpSocket {
    fn send(&self, file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        if message.control.is_empty() && message.flags & MSG_ZEROCOPY == 0 && !self.options.has_extras() {
            return self.write_some(from, message.flags);
        }
        self.send_and_tell(file, from, message)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let now = self.now();
        if flags & MSG_ERRQUEUE != 0 {
            return now.give_trouble(into, flags);
        }
        if flags & MSG_TRUNC != 0 && flags & MSG_OOB == 0 {
            // Of a stream, the bytes are wanted by nobody.
            into.discard();
        }
        let mut incoming = now.receive_some(into, flags)?;
        if now.options.has_details() || now.options.has_extras() {
            now.tell_along(&mut incoming);
        }
        Ok(incoming)
    }

    fn takes_along(&self) -> bool {
        true
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        self.now().end(how)
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        let now = self.now();
        let wanted = options::parse_for_bind(self.family, address, &view.credentials, &now.options)?;
        now.take_address(wanted)
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            return self.dissolve();
        }
        connect::connect(&self.now(), address)
    }

    fn connected(&self) -> Result<()> {
        connect::outcome(&self.now())
    }

    fn listen(&self, backlog: u32) -> Result<()> {
        connect::listen(&self.now(), backlog)
    }

    fn accept(&self, flags: OpenFlags) -> Result<(Arc<File>, Vec<u8>)> {
        let socket = connect::accept(&self.now())?;
        let peer = socket.ends.lock().peer.ok_or(NOT_CONNECTED)?;
        let shown = address::show(self.family, peer);
        Ok((crate::open(socket, flags), shown))
    }

    fn address(&self) -> Result<Vec<u8>> {
        Ok(self.now().own_address())
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        self.now().others_address()
    }

    fn listing(&self) -> Listing {
        self.now().listed()
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        stream_options::sort(self).check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        stream_options::get(&self.now(), level, name)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        stream_options::set(&self.now(), level, name, value)
    }
}

impl TcpSocket {
    fn take_address(&self, wanted: SocketAddr) -> Result<()> {
        self.look_around();
        let mut ends = self.ends.lock();
        if ends.own.is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
        }
        ends.given = Given::new(wanted);
        if wanted.port() == 0 && options::binds_without_port(&self.options) {
            ends.shown = Some(wanted);
            return Ok(());
        }
        let port = self.claim(wanted)?;
        ends.own = Some(SocketAddr::new(wanted.ip(), port));
        Ok(())
    }
}
