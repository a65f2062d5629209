//! The bytes of a connection: what a program sends, and what it receives.

use super::{NOT_CONNECTED, TcpSocket};
use crate::connect::Progress;
use crate::dissolve::Now;
use crate::remote::Remote;
use crate::stream_options::TCP_INQ;
use crate::{TCP, filters, mirror};
use abi::socket::{MSG_OOB, MSG_PEEK, MSG_TRUNC, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use ipc::channel::Along;
use lock::atomic::Ordering;
use usermem::{Sink, Source};
use vfs::{Control, Incoming};

const PIPE: Error = Error::new(Errno::EPIPE, "nobody receives any more");

impl TcpSocket {
    #[inline]
    pub(super) fn write_some(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        let Some(outgoing) = self.outgoing.get() else {
            return self.write_otherwise(from, flags);
        };
        if self.stopped_writing.load(Ordering::Relaxed) || !outgoing.is_simple() {
            return self.write_otherwise(from, flags);
        }
        let along = if flags & MSG_OOB != 0 {
            Along::Urgent(false)
        } else {
            Along::Nothing
        };
        if link::view::has_any() {
            return mirror::write(self, outgoing, from, along);
        }
        outgoing.write(from, along)
    }

    /// What is not simply for who is in the machine.
    #[inline(never)]
    fn write_otherwise(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        match self.now() {
            Now::Renewed(now) => now.write_some(from, flags),
            Now::Itself(_) => match self.outgoing.get() {
                Some(outgoing) if outgoing.reader_gone() || self.stopped_writing.load(Ordering::Relaxed) => {
                    self.write_in_vain(from)
                }
                Some(outgoing) => filters::write(self, outgoing, from),
                None => self.write_away(from, flags),
            },
        }
    }

    /// To who is not in the machine, or nobody.
    fn write_away(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        if let Some(remote) = self.remote() {
            return remote.write(from, flags);
        }
        match self.ends.lock().progress {
            Progress::Waiting => Err(Errno::EAGAIN.into()),
            Progress::Lost => Err(self.take_error().map_or(PIPE, Error::from)),
            _ => Err(PIPE),
        }
    }

    /// Nobody is there any more: who was not told yet finds out by sending.
    #[cold]
    #[inline(never)]
    fn write_in_vain(&self, from: &mut Source<'_>) -> Result<usize> {
        if self.stopped_writing.load(Ordering::Relaxed) {
            return Err(PIPE);
        }
        let knows = self.incoming.get().is_some_and(|channel| channel.was_reset());
        if let Some(errno) = self.take_error() {
            return Err(errno.into());
        }
        if knows || self.sent_in_vain.swap(true, Ordering::Relaxed) {
            return Err(PIPE);
        }
        self.tell_end(true);
        // As on Linux, which has heard the other side's end before.
        self.fail(Errno::EPIPE);
        Ok(from.skip(self.outgoing.get().map_or(usize::MAX, |outgoing| outgoing.capacity())))
    }

    pub(super) fn receive_some(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let remote = if self.incoming.get().is_some() {
            None
        } else {
            self.remote()
        };
        if let Some(remote) = remote {
            return self.receive_away(&remote, into, flags);
        }
        if flags & MSG_OOB != 0 {
            return self.receive_urgent(into, flags);
        }
        let Some(channel) = self.incoming.get() else {
            return match self.take_error() {
                Some(errno) => Err(errno.into()),
                None if self.ends.lock().progress == Progress::Lost => Ok(Incoming::default()),
                None => Err(NOT_CONNECTED),
            };
        };
        if channel.is_filtered() && channel.is_empty() {
            filters::let_in_held(self, channel);
        }
        if into.left() == 0 && !channel.is_empty() {
            return Ok(Incoming::default());
        }
        if channel.is_empty() && self.stopped_reading.load(Ordering::Relaxed) {
            return Ok(Incoming::default());
        }
        channel.receive(into, flags)
    }

    /// Tells what goes along with bytes: when they came, and how many are left.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_along(&self, incoming: &mut Incoming) {
        let (channel, remote) = (self.incoming.get(), self.remote());
        let came = match (channel, &remote) {
            (Some(channel), _) => channel.came.last(),
            (None, Some(remote)) => remote.came.last(),
            (None, None) => None,
        };
        let mut add = |level, kind, body: &[u8]| {
            let body = body.to_vec();
            incoming.control.push(Control { level, kind, body });
        };
        if let Some(came) = came.filter(|_| incoming.count > 0 && incoming.flags & MSG_OOB == 0) {
            self.options.times(came, |kind, body| add(SOL_SOCKET, kind, body));
        }
        if self.options.is_set(TCP, TCP_INQ) {
            // The end counts as a byte.
            let left = match (channel, &remote) {
                (Some(channel), _) => channel.left() + usize::from(channel.writer_gone()),
                (None, Some(remote)) => {
                    remote.look(|connection| connection.readable() + usize::from(connection.has_ended()))
                }
                (None, None) => 0,
            };
            add(TCP, TCP_INQ, &(left as i32).to_ne_bytes());
        }
    }

    /// Receives from who is not in the machine.
    fn receive_away(&self, remote: &Remote, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let mut incoming = Incoming::default();
        if flags & MSG_OOB != 0 {
            incoming.count = remote.read_urgent(into, flags)?;
            incoming.flags = MSG_OOB;
            return Ok(incoming);
        }
        let stopped = self.stopped_reading.load(Ordering::Relaxed);
        incoming.count = match remote.read(into, flags) {
            Err(error) if stopped && error.errno == Errno::EAGAIN => 0,
            read => read?,
        };
        Ok(incoming)
    }

    #[cold]
    #[inline(never)]
    fn receive_urgent(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if self.listener.get().is_some() {
            return Err(NOT_CONNECTED);
        }
        let nothing = Error::new(Errno::EINVAL, "nothing comes out of band");
        let channel = self.incoming.get().ok_or(nothing)?;
        let byte = channel.take_urgent(flags & MSG_PEEK != 0)?;
        let has_room = into.left() > 0;
        let cut = if has_room { 0 } else { MSG_TRUNC };
        Ok(Incoming {
            count: if has_room { into.put(&[byte])? } else { 0 },
            flags: MSG_OOB | cut,
            ..Incoming::default()
        })
    }

    /// Room for what is sent to who is not in the machine.
    pub(super) fn room_away(&self) -> usize {
        match (self.outgoing.get(), self.remote()) {
            (None, Some(remote)) => remote.look(|connection| if connection.may_send() { connection.room() } else { 0 }),
            _ => 0,
        }
    }

    /// Takes all of it for who is not in the machine, if there is room.
    pub(super) fn take_over_away(&self, bytes: &mut Vec<u8>) -> bool {
        self.outgoing.get().is_none() && self.remote().is_some_and(|remote| remote.take_over(bytes))
    }
}
