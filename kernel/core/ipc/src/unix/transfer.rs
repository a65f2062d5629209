//! Sending and receiving: of bytes, of messages to one peer or to whoever is named, and of what goes with them.

use super::{NOT_CONNECTED, Style, UnixSocket, address_of, connect};
use crate::channel::{Along, Channel};
use abi::socket::{MSG_OOB, MSG_PEEK, MSG_TRUNC, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use usermem::{Sink, Source};
use vfs::{Incoming, Outgoing};

impl UnixSocket {
    /// Sends bytes of a stream, or a message.
    pub(super) fn send_any(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        let is_urgent = message.flags & MSG_OOB != 0;
        if is_urgent && (self.style != Style::Stream || from.left() == 0) {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
        }
        if self.style != Style::Stream {
            return self.send_message(from, message);
        }
        let outgoing = self.outgoing();
        if message.address.is_some() {
            let errno = if outgoing.is_some() {
                Errno::EISCONN
            } else {
                Errno::EOPNOTSUPP
            };
            return Err(Error::new(errno, "a stream has one peer"));
        }
        let outgoing = outgoing.ok_or(NOT_CONNECTED)?;
        let along = match message.rights.clone() {
            rights if rights.is_empty() && is_urgent => Along::Urgent(true),
            rights => Along::Files(rights),
        };
        let sent = outgoing.write(from, along)?;
        message.rights.clear();
        Ok(sent)
    }

    fn send_message(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        if self.is_datagram() {
            self.take_reset()?;
        }
        let target = match message.address.take() {
            Some((view, address)) if self.is_datagram() => connect::find_channel(self, &view, &address)?,
            None if self.is_datagram() => connect::chosen_channel(self)?,
            Some(_) if self.outgoing().is_some() => return Err(Errno::EISCONN.into()),
            _ => self.outgoing().ok_or(NOT_CONNECTED)?,
        };
        let name = self.name.lock().clone();
        message.credentials.get_or_insert(self.owner);
        let sent = self.send_to(&target, from, message, &name);
        if sent.as_ref().is_err_and(|error| error.errno == Errno::EAGAIN) {
            // What was received before this one is remembered was told to nobody.
            target.remember_refused(&self.ear);
            return self.send_to(&target, from, message, &name);
        }
        sent
    }

    fn send_to(
        &self,
        target: &Arc<Channel>,
        from: &mut Source<'_>,
        message: &mut Outgoing,
        name: &[u8],
    ) -> Result<usize> {
        if target.reader_gone() {
            if !self.is_datagram() {
                return Err(Error::new(Errno::EPIPE, "nobody receives any more"));
            }
            let mut outgoing = self.chosen.lock();
            if outgoing
                .as_ref()
                .is_some_and(|outgoing| Arc::ptr_eq(&outgoing.channel, target))
            {
                *outgoing = None;
            }
            return Err(Error::new(Errno::ECONNREFUSED, "nobody receives any more"));
        }
        if target.writer_gone() && !self.is_datagram() {
            return Err(Error::new(Errno::EPIPE, "the socket sends nothing any more"));
        }
        target.send(from, message, name)
    }

    /// Receives, with what goes with the bytes.
    pub(super) fn receive_any(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & MSG_OOB != 0 {
            return self.receive_urgent(into, flags);
        }
        let Some(channel) = self.incoming.get() else {
            return Err(Error::new(
                if self.style == Style::Stream {
                    Errno::EINVAL
                } else {
                    Errno::ENOTCONN
                },
                "the socket is not connected",
            ));
        };
        if self.style == Style::Stream && into.left() == 0 {
            return Ok(Incoming::default());
        }
        if self.is_datagram() {
            self.take_reset()?;
        }
        let mut received = if self.options.has_extras() {
            self.receive_more(channel, into, flags)?
        } else {
            channel.receive(into, flags)?
        };
        if !received.address.is_empty() {
            received.address = address_of(&received.address);
        }
        if !self.tells_sender.load(lock::atomic::Ordering::Relaxed) {
            received.credentials = None;
        } else if received.credentials.is_none() {
            received.credentials = *self.peer.lock();
        }
        Ok(received)
    }

    /// Receives where something besides is asked for: looks from an offset, and times.
    #[cold]
    #[inline(never)]
    fn receive_more(&self, channel: &Channel, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let peeks = flags & MSG_PEEK != 0;
        let skip = self.options.peek_offset().filter(|_| peeks).unwrap_or(0);
        let room = into.left();
        let mut received = channel.receive_from(into, flags | MSG_TRUNC, skip)?;
        let whole = received.count;
        if flags & MSG_TRUNC == 0 || self.style == Style::Stream {
            received.count = whole.min(room);
        }
        self.options.move_peek_offset(if peeks {
            whole.min(room) as isize
        } else {
            -(whole as isize)
        });
        if self.style != Style::Stream {
            self.options.times(time::wall_now(), |kind, body| {
                received.control.push(vfs::Control {
                    level: SOL_SOCKET,
                    kind,
                    body: body.to_vec(),
                });
            });
        }
        Ok(received)
    }

    /// Receives what is urgent.
    #[cold]
    #[inline(never)]
    fn receive_urgent(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if self.style != Style::Stream {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing comes out of band"));
        }
        let nothing = Error::new(Errno::EINVAL, "nothing comes out of band");
        let channel = self.incoming.get().ok_or(nothing)?;
        let byte = channel.take_urgent(flags & MSG_PEEK != 0)?;
        Ok(Incoming {
            count: into.put(&[byte])?,
            flags: MSG_OOB,
            ..Incoming::default()
        })
    }

    /// Tells, once, that whom it was connected to is so no more.
    #[inline]
    fn take_reset(&self) -> Result<()> {
        if self.incoming.get().is_some_and(|incoming| incoming.take_reset()) {
            return Err(Error::new(Errno::ECONNRESET, "the other side chose another"));
        }
        Ok(())
    }
}
