//! The queue of errors of a stream: calls that were to send without a copy, and when bytes left and arrived.
//!
//! Within the machine bytes arrive when they are sent. Over the network [`Times`] waits until a byte was sent and acknowledged.

use super::TcpSocket;
use crate::troubles::{self, Troubles};
use abi::fcntl::OpenFlags;
use abi::socket::{MSG_DONTWAIT, MSG_ZEROCOPY};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use ipc::options::{ARRIVED, LEFT, QUEUED};
use tcp::{Connection, Seq, State};
use usermem::{Sink, Source};
use vfs::{File, Incoming, Outgoing};

/// Bytes of a connection over the network whose times are to be told.
pub(crate) struct Times {
    told: Arc<Troubles>,
    /// Where they end in the stream, which times are still to come, and their numbers.
    waiting: Vec<(Seq, u32, u32)>,
}

impl Times {
    /// These are to be told, too.
    pub(crate) fn add(&mut self, waiting: (Seq, u32, u32)) {
        self.waiting.push(waiting);
    }

    /// Looks how far the connection is; whether there was something to tell.
    #[cold]
    pub(crate) fn look(&mut self, connection: &Connection) -> bool {
        let [arrived, sent, _] = connection.progress();
        let mut has_told = false;
        self.waiting.retain_mut(|(end, times, number)| {
            for (time, place) in [(QUEUED, sent), (LEFT, sent), (ARRIVED, arrived)] {
                if *times & time != 0 && !place.before(*end) {
                    self.told.note_time(time, *number, Vec::new());
                    *times &= !time;
                    has_told = true;
                }
            }
            *times & (QUEUED | LEFT | ARRIVED) != 0
        });
        has_told
    }
}

impl TcpSocket {
    fn told(&self) -> &Arc<Troubles> {
        self.told.get_or_init(Arc::default)
    }

    /// Sends where something goes along, or something is to be told of it.
    #[cold]
    #[inline(never)]
    pub(super) fn send_and_tell(&self, file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        let now = self.now();
        let along = now.options.along(&message.control)?;
        let sent = self.write_some(from, message.flags)?;
        let waits = message.flags & MSG_DONTWAIT == 0 && !file.flags().contains(OpenFlags::NONBLOCK);
        // A call that waits for room goes on.
        if sent > 0 && (from.left() == 0 || !waits) {
            now.note_times(along);
            if message.flags & MSG_ZEROCOPY != 0 {
                now.note_copied();
            }
        }
        Ok(sent)
    }

    /// A call that was to send without a copy has sent something.
    fn note_copied(&self) {
        if troubles::is_without_copy(&self.options) {
            self.told().note_copied();
            self.ear.wake_all();
        }
    }

    /// A call has sent something, whose times may be wanted; what goes along may say which.
    fn note_times(&self, along: Option<u32>) {
        let times = self.options.times_of_sending(along);
        if times == 0 {
            return;
        }
        if let Some(channel) = self.outgoing.get() {
            let number = self.options.stamped(channel.sent() as u32);
            for time in [QUEUED, LEFT, ARRIVED].into_iter().filter(|time| times & time != 0) {
                self.told().note_time(time, number, Vec::new());
            }
            self.ear.wake_all();
        } else if let Some(remote) = self.remote() {
            let end = remote.look(|connection| connection.progress()[2]);
            let number = self.options.stamped(end.0);
            remote.tell_times((end, times, number), || Times {
                told: Arc::clone(self.told()),
                waiting: Vec::new(),
            });
        }
    }

    /// Numbers of times are counted from here, if they are asked for now and were not before.
    ///
    /// # Errors
    /// `EINVAL` while nobody is connected: there is nothing to count from.
    pub(crate) fn count_times(&self) -> Result<()> {
        const NOTHING: Error = Error::new(Errno::EINVAL, "nobody is connected");
        let from = match (self.outgoing.get(), self.remote()) {
            (Some(channel), _) => channel.sent() as u32,
            (None, Some(remote)) => {
                let (state, progress) = remote.look(|connection| (connection.state(), connection.progress()));
                if state == State::Closed {
                    return Err(NOTHING);
                }
                progress[0].0
            }
            (None, None) => return Err(NOTHING),
        };
        self.options.count_from(from);
        Ok(())
    }

    /// Gives a program the oldest of its queue of errors.
    #[cold]
    #[inline(never)]
    pub(super) fn give_trouble(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let told = self.told.get().ok_or(Errno::EAGAIN)?;
        let (trouble, _) = told.take()?;
        troubles::give(&trouble, self.family, &self.options, into, flags)
    }

    /// Whether its queue of errors has something.
    #[inline]
    pub(super) fn has_told(&self) -> bool {
        self.told.get().is_some_and(|told| told.has_some())
    }
}
