//! The bytes of a connection: what a program sends, and what it reads.

use super::Remote;
use abi::socket::{MSG_MORE, MSG_OOB, MSG_PEEK};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use tcp::{Connection, State};
use usermem::{Sink, Source};

/// The longest piece that is copied at once.
const PIECE: usize = 32768;

const PIPE: Error = Error::new(Errno::EPIPE, "the connection is ended");

impl Remote {
    /// What cannot be sent to answers.
    fn refuse_to_send(connection: &mut Connection) -> Error {
        if let Some(errno) = connection.take_error() {
            return errno.into();
        }
        match connection.state() {
            State::SynSent | State::SynReceived => Errno::EAGAIN.into(),
            _ => PIPE,
        }
    }

    /// Takes what fits of what a program sends.
    pub(crate) fn write(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        let mut done = 0;
        let result = loop {
            let mut inside = self.inside.lock();
            if !inside.connection.may_send() {
                break Err(Self::refuse_to_send(&mut inside.connection));
            }
            inside.count();
            let room = inside.connection.room();
            drop(inside);
            let left = from.left();
            if left == 0 {
                break Ok(());
            }
            if room == 0 {
                break Err(Errno::EAGAIN.into());
            }
            let mut piece = Vec::new();
            let len = left.min(room).min(PIECE);
            match from.append(&mut piece, len) {
                Ok(taken) => {
                    done += taken;
                    let is_urgent = flags & MSG_OOB != 0 && from.left() == 0;
                    let more = flags & MSG_MORE != 0;
                    self.with(|connection, now| {
                        connection.push(now, piece, more);
                        if is_urgent {
                            connection.push_urgent();
                        }
                    });
                    if taken < len {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        match result {
            Err(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }

    /// Takes all bytes that there are, as they lie; whether there is room for them.
    pub(crate) fn take_over(&self, bytes: &mut Vec<u8>) -> bool {
        self.with(|connection, now| {
            let may = connection.may_send() && bytes.len() <= connection.room();
            if may {
                connection.push(now, core::mem::take(bytes), false);
            }
            may
        })
    }

    /// Gives a program what has come.
    pub(crate) fn read(&self, into: &mut Sink<'_>, flags: u32) -> Result<usize> {
        let reading = self.reading.lock();
        let mut done = 0;
        if flags & MSG_PEEK != 0 {
            done = self.peek(into)?;
        }
        while flags & MSG_PEEK == 0 && into.left() > 0 {
            let mut inside = self.inside.lock();
            if done > 0 && inside.connection.is_at_mark() {
                break;
            }
            let taken = inside.connection.take();
            drop(inside);
            let Some((piece, from)) = taken else { break };
            let put = into.put(&piece[from..]);
            let used = *put.as_ref().unwrap_or(&0);
            self.inside.lock().connection.give_back(piece, from + used);
            done += used;
            match put {
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
                Ok(_) => {}
            }
        }
        if done > 0 && flags & MSG_PEEK == 0 {
            self.with(|connection, now| connection.has_read(now, done));
        }
        drop(reading);
        if done > 0 || into.left() == 0 {
            return Ok(done);
        }
        let mut inside = self.inside.lock();
        if inside.connection.waiting() > 0 {
            return Err(Errno::EAGAIN.into());
        }
        match inside.connection.take_error() {
            Some(errno) => Err(errno.into()),
            None if inside.connection.has_ended() => Ok(0),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// Gives a program what is urgent.
    pub(crate) fn read_urgent(&self, into: &mut Sink<'_>, flags: u32) -> Result<usize> {
        let byte = self.with(|connection, _| connection.take_urgent(flags & MSG_PEEK != 0))?;
        byte.map_or(Ok(0), |byte| into.put(&[byte]))
    }

    fn peek(&self, into: &mut Sink<'_>) -> Result<usize> {
        let mut done = 0;
        while into.left() > 0 {
            let mut bytes = Vec::new();
            self.look(|connection| connection.peek(done, &mut bytes, into.left().min(PIECE)));
            if bytes.is_empty() {
                break;
            }
            done += into.put(&bytes)?;
        }
        Ok(done)
    }
}
