//! What is seen of a socket: what it is ready for, its addresses, and how it is listed.

use super::{NOT_CONNECTED, TcpSocket};
use crate::connect::Progress;
use crate::ports::Holder;
use crate::remote::Remote;
use crate::{address, device, filters};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use ipc::channel::Channel;
use lock::atomic::Ordering;
use vfs::{Events, Listing};

/// States of TCP, as lists show them.
mod listed {
    pub(super) const CONNECTING: u8 = 2;
    pub(super) const SENT_END: u8 = 5;
    pub(super) const CLOSED: u8 = 7;
    pub(super) const GOT_END: u8 = 8;
}

impl TcpSocket {
    fn has_failed(&self) -> bool {
        self.error.load(Ordering::Relaxed) != 0 || self.incoming.get().is_some_and(|channel| channel.is_reset())
    }

    /// What it is ready for.
    pub(super) fn events(&self) -> Events {
        if let Some(listener) = self.listener.get() {
            return listener.ready();
        }
        let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) else {
            if let Some(remote) = self.remote() {
                return remote.events(self.stopped_reading.load(Ordering::Relaxed));
            }
            let progress = self.ends.lock().progress;
            let error = self.error.load(Ordering::Relaxed);
            let mut events = Events::empty();
            events.set(Events::WRITABLE | Events::HUP, progress != Progress::Waiting);
            events.set(Events::ERR, error != 0);
            events.set(Events::READABLE | Events::RDHUP, progress == Progress::Lost);
            return events;
        };
        let failed = self.has_failed();
        if incoming.reader_gone() {
            let mut events = Events::WRITABLE | Events::HUP;
            events.set(Events::ERR, failed);
            return events;
        }
        let in_ended = incoming.writer_gone() || self.stopped_reading.load(Ordering::Relaxed);
        let vain = self.sent_in_vain.load(Ordering::Relaxed);
        let out_ended = self.stopped_writing.load(Ordering::Relaxed) || vain || incoming.was_reset();
        let mut events = Events::empty();
        let may_come = incoming.is_filtered() && incoming.may_come();
        events.set(Events::READABLE, in_ended || failed || may_come || !incoming.is_empty());
        events.set(Events::RDHUP, in_ended);
        events.set(Events::PRI, incoming.has_urgent());
        events.set(
            Events::WRITABLE,
            out_ended || outgoing.reader_gone() || outgoing.is_writable() && !filters::is_full(outgoing),
        );
        events.set(Events::HUP, in_ended && out_ended);
        events.set(Events::ERR, failed || vain);
        events
    }

    /// Its address.
    pub(super) fn own_address(&self) -> Vec<u8> {
        let ends = self.ends.lock();
        let own = ends.own.or(ends.shown);
        drop(ends);
        let own = own.unwrap_or(SocketAddr::new(address::any(self.family), 0));
        address::show(self.family, device::shown(&self.options, own))
    }

    /// The other side's address.
    pub(super) fn others_address(&self) -> Result<Vec<u8>> {
        let is_open = |remote: Arc<Remote>| remote.look(tcp::Connection::is_open);
        let connected = self.outgoing.get().is_some() && !self.is_over() || self.remote().is_some_and(is_open);
        let peer = self.peer().filter(|_| connected).ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
    }

    /// What lists say of it.
    pub(crate) fn listed(&self) -> Listing {
        let waiting = |channel: Option<&Arc<Channel>>| channel.map_or(0, |channel| channel.next_len()) as u32;
        let incoming = self.incoming.get();
        if let Some(remote) = self.remote() {
            return remote.look(|connection| Listing {
                state: connection.state() as u8,
                queues: [connection.readable() as u32, connection.unsent() as u32],
                uid: self.uid,
                ends: [0; 2],
            });
        }
        let stopped = self.stopped_writing.load(Ordering::Relaxed);
        let state = match incoming.map(|incoming| incoming.writer_gone()) {
            None if self.ends.lock().progress == Progress::Waiting => listed::CONNECTING,
            Some(false) if stopped => listed::SENT_END,
            Some(true) if stopped => listed::CLOSED,
            Some(true) => listed::GOT_END,
            _ => 0,
        };
        Listing {
            state,
            queues: match self.listener.get() {
                Some(listener) => listener.queue(),
                // What was sent is with the other side already.
                None => [waiting(incoming), 0],
            },
            uid: self.uid,
            ends: [0; 2],
        }
    }
}
