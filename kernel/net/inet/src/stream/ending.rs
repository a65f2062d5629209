//! How connections end.

use super::{NOT_CONNECTED, PORTS, TcpSocket};
use crate::mirror;
use abi::Result;
use abi::socket::{SHUT_RD, SHUT_RDWR, SHUT_WR};
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
            mirror::end(self, outgoing);
            self.uncount();
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
        let outgoing = self.outgoing.get().ok_or(NOT_CONNECTED)?;
        let was_over = self.is_over();
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::SeqCst);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::SeqCst);
            mirror::end(self, outgoing);
            self.uncount();
        }
        self.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if was_over { Err(NOT_CONNECTED) } else { Ok(()) }
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
        if let Some(incoming) = self.incoming.get() {
            incoming.abandon(self.outgoing.get().map(|outgoing| &**outgoing));
        }
        if let Some(outgoing) = self.outgoing.get() {
            mirror::end(self, outgoing);
            self.uncount();
        }
    }
}
