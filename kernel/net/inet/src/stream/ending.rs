//! How connections end.

use super::{NOT_CONNECTED, PORTS, TcpSocket};
use crate::{memory, mirror};
use abi::Result;
use abi::socket::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use inet_options::left::{self, Place};
use ipc::channel::Channel;
use lock::atomic::Ordering;

impl TcpSocket {
    /// It is no connection any more, or not in both directions.
    fn uncount(&self) {
        if self.is_counted.swap(false, Ordering::Relaxed) {
            counters::tcp::CURR_ESTAB.leave();
        }
    }

    /// Whether there was a connection within the machine that is over, because both directions have ended or one side has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.incoming.get().is_some_and(|incoming| {
            let both = incoming.writer_gone() && self.stopped_writing.load(Ordering::Relaxed);
            both || incoming.was_reset() || incoming.reader_gone() || self.sent_in_vain.load(Ordering::Relaxed)
        })
    }

    /// The connection is gone, and the other side hears so.
    pub(crate) fn abort(&self) {
        if let Some(remote) = self.remote() {
            remote.abort();
        }
        if let Some(outgoing) = self.outgoing.get() {
            if link::view::has_any() && !self.is_over() {
                mirror::reset(self);
            }
            outgoing.reset_reader();
            outgoing.end_writing();
            self.uncount();
            self.tell_end(true);
        }
        if let Some(incoming) = self.incoming.get() {
            incoming.abandon(None);
        }
    }

    /// Waits until everything has arrived, as long as was asked for.
    pub(super) fn wait_for_end(&self) {
        let Some(seconds) = self.options.linger().filter(|seconds| *seconds > 0) else {
            return;
        };
        let remote = self.remote();
        if let Some(remote) = &remote {
            remote.finish();
        } else if let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) {
            if incoming.next_len() > 0 {
                return;
            }
            self.end_sending(incoming, outgoing);
        }
        let deadline = time::now().saturating_add(seconds.unsigned_abs() as u64 * 1_000_000_000);
        let has_arrived = || match (&remote, self.outgoing.get()) {
            (Some(remote), _) => remote.look(tcp::Connection::has_sent_everything),
            (None, Some(outgoing)) => outgoing.is_writable() || outgoing.reader_gone(),
            (None, None) => true,
        };
        // Whatever comes first: what is left goes its way.
        let _ = task::wait_more(&[&self.ear.writable], Some(deadline), || has_arrived().then_some(()));
    }

    /// Ends one direction or both.
    pub(super) fn end(&self, how: u32) -> Result<()> {
        if let Some(listener) = self.listener.get() {
            if matches!(how, SHUT_RD | SHUT_RDWR) {
                listener.close();
                self.ear.wake_all();
            }
            return Ok(());
        }
        let remote = self.remote();
        if remote
            .as_ref()
            .is_some_and(|remote| remote.look(tcp::Connection::is_open))
        {
            if matches!(how, SHUT_RD | SHUT_RDWR) {
                self.stopped_reading.store(true, Ordering::SeqCst);
            }
            if matches!(how, SHUT_WR | SHUT_RDWR) {
                remote.iter().for_each(|remote| remote.finish());
            }
            self.ear.wake_all();
            return Ok(());
        }
        let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) else {
            return Err(NOT_CONNECTED);
        };
        let was_over = self.is_over();
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::SeqCst);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::SeqCst);
            self.end_sending(incoming, outgoing);
        }
        self.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if was_over { Err(NOT_CONNECTED) } else { Ok(()) }
    }
}

impl TcpSocket {
    /// It sends nothing any more to somebody within the machine.
    #[inline(never)]
    fn end_sending(&self, incoming: &Channel, outgoing: &Channel) {
        let (was_ended, is_second) = (outgoing.writer_gone(), incoming.writer_gone());
        mirror::end(self, outgoing);
        self.uncount();
        if !was_ended && !is_second {
            self.ended_first.store(true, Ordering::Relaxed);
        } else if is_second && !self.ended_first.load(Ordering::Relaxed) {
            self.tell_end(outgoing.was_reset());
        }
    }

    /// What is left of the other side hears that this one has ended.
    #[inline(never)]
    pub(super) fn tell_end(&self, is_reset: bool) {
        if let Some(place) = self.place() {
            left::ended(&place, is_reset);
        }
    }

    /// Something is left of a connection within the machine when its socket goes: if it has ended first, or does so now, and there is no reset.
    fn leave(&self, incoming: &Channel, outgoing: &Channel) {
        let is_half = !incoming.writer_gone();
        if (self.ended_first.load(Ordering::Relaxed) || is_half && !outgoing.writer_gone())
            && incoming.is_empty()
            && !incoming.was_reset()
            && !outgoing.was_reset()
            && let Some(place) = self.place()
        {
            let half = if is_half { left::HALF } else { 0 };
            let chosen = if self.ends.lock().given.has_port {
                left::CHOSEN
            } else {
                0
            };
            left::keep(&place, self.sharing() | half | chosen, memory::most_over);
        }
    }

    /// Where what is left of it stands.
    #[inline(never)]
    fn place(&self) -> Option<Place> {
        let ends = self.ends.lock();
        Some(Place::new(ends.own.as_ref()?, ends.peer.as_ref()?))
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        let ends = self.ends.get_mut();
        match (ends.own, ends.served) {
            (Some(own), Some(wish)) => PORTS.leave(wish, own.port()),
            (Some(own), None) => PORTS.release(own.port(), &self.own),
            (None, _) => {}
        }
        if let Some(listener) = self.listener.get() {
            listener.close();
        }
        if let Some(remote) = self.remote.get_mut().take() {
            remote.close(self.options.linger() == Some(0));
        }
        if self.options.linger() == Some(0) {
            self.abort();
            return;
        }
        if let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) {
            self.leave(incoming, outgoing);
            incoming.abandon(Some(outgoing));
            self.end_sending(incoming, outgoing);
        }
    }
}
