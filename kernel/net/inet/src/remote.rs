//! A connection over the network: a [`tcp::Connection`] behind a lock, with addresses, a timer, and who waits for it.
//!
//! Programs copy from and to their memory without the lock: what they send becomes a piece of its own first, and what they read is taken out of the queue, copied, and what is left of it put back (readers come
//! one after the other). Everything that changes a connection ends with [`Remote::settle`]: it sends what may go, sets the timer, wakes who waits, and takes a connection that is over out of the table.
//!
//! Lock order: the connection's, then those of `ip` and below, or that of the timers. The table's parts are taken without it.

use crate::memory;
use crate::table::{self, Entry, Name};
use abi::socket::{MSG_MORE, MSG_OOB, MSG_PEEK};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ip::{Offload, Outgoing};
use ipc::channel::Ear;
use lock::SpinLock;
use lock::atomic::{AtomicU8, Ordering};
use packet::checksum::Sum;
use task::SleepLock;
use tcp::{Connection, Ends, Output, Segment, Seq, Settings, State, segment};
use time::{Expire, TimerId};
use usermem::{Sink, Source};
use vfs::Events;

/// TCP's number.
pub(crate) const PROTOCOL: u8 = 6;
/// The longest piece that is copied at once.
const PIECE: usize = 32768;
/// The longest packet that is made to be cut, by the card or on the way to it.
const CUTS: u32 = 61_440;
/// Marks that a packet may have (RFC 3168): it may be marked.
const MAY_MARK: u8 = 2;

const PIPE: Error = Error::new(Errno::EPIPE, "the connection is ended");

/// A connection over the network.
pub(crate) struct Remote {
    pub(crate) name: Name,
    interface: Option<u32>,
    own: Weak<Self>,
    ear: Arc<Ear>,
    inside: SpinLock<Inside>,
    reading: SleepLock<()>,
    /// Hops, and type of service.
    pub(crate) hops: AtomicU8,
    pub(crate) service: AtomicU8,
}

struct Inside {
    connection: Connection,
    timer: Option<(u64, TimerId)>,
    is_known: bool,
    /// What of it is in the sum of all.
    counted: usize,
    /// Whether it is among those that no program has.
    is_orphan: bool,
}

/// What who waits sees of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
struct View {
    state: State,
    readable: usize,
    has_room: bool,
    failed: bool,
    urgent: bool,
    urgent_mark: u64,
}

impl Inside {
    /// Keeps the sum of all connections right, and hears from it.
    fn count(&mut self) {
        let new = self.connection.memory();
        let most = memory::change(core::mem::replace(&mut self.counted, new), new);
        self.connection.keep_at_most(most);
    }

    fn view(&self) -> View {
        View {
            state: self.connection.state(),
            readable: self.connection.readable(),
            has_room: self.connection.has_much_room(),
            failed: self.connection.error().is_some(),
            urgent: self.connection.has_urgent(),
            urgent_mark: self.connection.urgent_mark(),
        }
    }
}

/// What fits between two addresses, and where the own stream begins.
pub(crate) fn ends(now: u64, name: &Name, interface: Option<u32>) -> Result<Ends> {
    let route = ip::route(name.1.ip(), Some(name.0.ip()), interface)?;
    let header = if name.1.is_ipv4() { 20 } else { 40 };
    let hash = table::secret().hash(&table::words(name));
    Ok(Ends {
        own: name.0.port(),
        peer: name.1.port(),
        fits: route.mtu.min(65_535).saturating_sub(header) as u16,
        cuts: CUTS,
        // RFC 6528: a clock, and what nobody else knows.
        first: Seq((hash as u32).wrapping_add((now / 64) as u32)),
        clock: (hash >> 32) as u32,
    })
}

impl Remote {
    fn new(name: Name, interface: Option<u32>, ear: &Arc<Ear>, connection: Connection) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            name,
            interface,
            own: Weak::clone(own),
            ear: Arc::clone(ear),
            inside: SpinLock::new(Inside {
                connection,
                timer: None,
                is_known: true,
                counted: 0,
                is_orphan: false,
            }),
            reading: SleepLock::default(),
            hops: AtomicU8::new(64),
            service: AtomicU8::new(0),
        })
    }

    /// Begins to connect; nothing if there is such a connection.
    pub(crate) fn connect(
        name: Name,
        interface: Option<u32>,
        ear: &Arc<Ear>,
        settings: Settings,
    ) -> Result<Option<Arc<Self>>> {
        let now = time::now();
        let ends = ends(now, &name, interface)?;
        if table::find(&name).is_some() {
            return Ok(None);
        }
        ip::may_connect(name.1.ip(), name.1.port())?;
        counters::tcp::ACTIVE_OPENS.count();
        let this = Self::new(name, interface, ear, Connection::connect(now, ends, settings));
        Ok(table::add(name, Entry::Live(Arc::clone(&this))).then_some(this))
    }

    /// Takes a connection that somebody else has begun.
    pub(crate) fn accept(
        name: Name,
        interface: Option<u32>,
        ear: &Arc<Ear>,
        connection: Connection,
    ) -> Option<Arc<Self>> {
        let this = Self::new(name, interface, ear, connection);
        table::add(name, Entry::Live(Arc::clone(&this))).then_some(this)
    }

    /// Changes the connection, and does what follows from that.
    fn with<T>(&self, change: impl FnOnce(&mut Connection, u64) -> T) -> T {
        let now = time::now();
        let mut inside = self.inside.lock();
        let before = inside.view();
        let result = change(&mut inside.connection, now);
        self.settle(inside, before, now);
        result
    }

    /// Looks at the connection.
    pub(crate) fn look<T>(&self, what: impl FnOnce(&Connection) -> T) -> T {
        what(&self.inside.lock().connection)
    }

    /// How far it is, and what waits either way, if no program has it any more.
    pub(crate) fn as_orphan(&self) -> Option<(State, [u32; 2])> {
        let inside = self.inside.lock();
        let connection = &inside.connection;
        let queues = [connection.readable() as u32, connection.unsent() as u32];
        inside.is_orphan.then(|| (connection.state(), queues))
    }

    /// Sends what may go.
    pub(crate) fn start(&self) {
        self.with(|_, _| ());
    }

    fn settle(&self, mut guard: lock::SpinGuard<'_, Inside>, before: View, now: u64) {
        let inside = &mut *guard;
        let mut is_too_long = false;
        inside
            .connection
            .poll(now, &mut |output| self.emit(output, &mut is_too_long));
        if is_too_long && let Ok(ends) = ends(now, &self.name, self.interface) {
            inside.connection.path_takes(ends.fits);
            inside
                .connection
                .poll(now, &mut |output| self.emit(output, &mut is_too_long));
        }
        inside.count();
        self.set_timer(inside);
        let after = inside.view();
        note_change(before.state, after.state);
        let mut over = None;
        if inside.is_known && matches!(after.state, State::Closed | State::TimeWait) {
            inside.is_known = false;
            if core::mem::take(&mut inside.is_orphan) {
                memory::ORPHANS.fetch_sub(1, Ordering::Relaxed);
            }
            over = Some(inside.connection.time_wait(now));
            if let Some((_, timer)) = inside.timer.take() {
                time::cancel(timer);
            }
        }
        drop(guard);
        match over {
            Some(Some(over)) => crate::arrive::keep_over(now, self.name, over),
            Some(None) => table::remove(&self.name, Some(self)),
            None => {}
        }
        if before == after {
            return;
        }
        if before.state != after.state || before.failed != after.failed {
            return self.ear.wake_all();
        }
        if after.urgent_mark > before.urgent_mark {
            let events = Events::READABLE | Events::PRI | Events::URGENT;
            self.ear.readable.wake(1, events.bits());
        } else if after.readable > before.readable || after.urgent != before.urgent {
            self.ear.readable.wake(1, (Events::READABLE | Events::PRI).bits());
        }
        if after.has_room && !before.has_room {
            self.ear.writable.wake(1, Events::WRITABLE.bits());
        }
    }

    /// One timer is set, for no later than something is to be done.
    fn set_timer(&self, inside: &mut Inside) {
        let Some(deadline) = inside.connection.deadline() else {
            return;
        };
        if let Some((set, id)) = inside.timer {
            if set <= deadline {
                return;
            }
            time::cancel(id);
        }
        if let Some(own) = self.own.upgrade() {
            inside.timer = Some((deadline, time::add(deadline, own)));
        }
    }

    /// Sends a segment; false if there is no room for it now.
    fn emit(&self, output: Output<'_>, is_too_long: &mut bool) -> bool {
        let (own, peer) = (self.name.0.ip(), self.name.1.ip());
        let mark = if output.may_mark { MAY_MARK } else { 0 };
        let manner = Manner {
            hops: self.hops.load(Ordering::Relaxed),
            service: self.service.load(Ordering::Relaxed) | mark,
            interface: self.interface,
        };
        match send(own, peer, output, &manner) {
            Ok(()) => true,
            Err(error) if error.errno == Errno::ENOBUFS => false,
            Err(error) => {
                // As if it were lost on its way.
                *is_too_long |= error.errno == Errno::EMSGSIZE;
                true
            }
        }
    }

    /// A segment came.
    pub(crate) fn deliver(&self, segment: &Segment<'_>) -> Option<tcp::Header> {
        let mut segment = *segment;
        if !segment.payload.is_empty() && memory::is_all_taken() && !self.may_have_more() {
            // As good as lost: it comes again.
            segment.payload = &[];
            segment.flags &= !tcp::flags::FIN;
        }
        let segment = &segment;
        self.with(|connection, now| connection.on_segment(now, segment))
    }

    /// A router says that something did not arrive.
    pub(crate) fn fail(&self, errno: Errno, is_fatal: bool, seq: Seq, fits: Option<u16>) {
        self.with(|connection, _| connection.on_failure(errno, is_fatal, seq, fits));
    }

    /// Tells the connection what a program has set.
    pub(crate) fn set(&self, settings: Settings) {
        self.with(|connection, now| connection.set(now, settings));
    }

    /// Whether it keeps so little that it may have more even where others may not.
    #[cold]
    fn may_have_more(&self) -> bool {
        self.look(|connection| connection.memory() < memory::ALWAYS as usize) && !memory::is_scarce()
    }

    /// The program lets go of it; at once, or when everything has arrived. Where there are too many that nobody has any more, at once.
    pub(crate) fn close(&self, at_once: bool) {
        let mut inside = self.inside.lock();
        let at_once = at_once || memory::has_too_many_orphans(inside.counted);
        if inside.is_known && !core::mem::replace(&mut inside.is_orphan, true) {
            memory::ORPHANS.fetch_add(1, Ordering::Relaxed);
        }
        drop(inside);
        self.with(|connection, now| {
            if at_once {
                counters::tcp_ext::ABORT_ON_DATA.count();
                connection.abort(None);
            }
            connection.abandon(now);
        });
    }

    /// It is over, and whoever waits hears of it.
    pub(crate) fn abort(&self) {
        self.with(|connection, _| connection.abort(None));
    }

    pub(crate) fn set_quick(&self, is_quick: bool) {
        self.with(|connection, _| connection.set_quick(is_quick));
    }

    pub(crate) fn finish(&self) {
        self.with(|connection, _| connection.finish());
    }

    pub(crate) fn take_error(&self) -> Option<Errno> {
        self.inside.lock().connection.take_error()
    }

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

    pub(crate) fn events(&self, stopped_reading: bool) -> Events {
        let inside = self.inside.lock();
        let connection = &inside.connection;
        let failed = connection.error().is_some();
        let ended = connection.has_ended() || stopped_reading;
        let waits = matches!(connection.state(), State::SynSent | State::SynReceived);
        let out_ended = !waits && !connection.may_send();
        let mut events = Events::empty();
        events.set(Events::READABLE, ended || failed || connection.waiting() > 0);
        events.set(Events::RDHUP, ended);
        events.set(Events::WRITABLE, !waits && (out_ended || connection.has_much_room()));
        events.set(Events::HUP, connection.state() == State::Closed || ended && out_ended);
        events.set(Events::ERR, failed);
        events.set(Events::PRI, connection.has_urgent());
        events
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let inside = self.inside.get_mut();
        memory::change(inside.counted, 0);
        if inside.is_orphan {
            memory::ORPHANS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Expire for Remote {
    fn expire(self: Arc<Self>) {
        let now = time::now();
        let mut inside = self.inside.lock();
        inside.timer = None;
        let before = inside.view();
        let mut is_too_long = false;
        inside
            .connection
            .on_timer(now, &mut |output| self.emit(output, &mut is_too_long));
        self.settle(inside, before, now);
    }
}

/// A connection has gone from one state to another.
fn note_change(before: State, after: State) {
    if before == after {
        return;
    }
    let is_there = |state| matches!(state, State::Established | State::CloseWait);
    match (is_there(before), is_there(after)) {
        (false, true) => counters::tcp::CURR_ESTAB.count(),
        (true, false) => counters::tcp::CURR_ESTAB.leave(),
        _ => {}
    }
    if after == State::Closed {
        match before {
            State::SynSent | State::SynReceived => counters::tcp::ATTEMPT_FAILS.count(),
            _ if is_there(before) => counters::tcp::ESTAB_RESETS.count(),
            _ => {}
        }
    }
}

/// How a packet goes.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) hops: u8,
    pub(crate) service: u8,
    pub(crate) interface: Option<u32>,
}

/// Sends a segment from one address to another.
pub(crate) fn send(own: IpAddr, peer: IpAddr, output: Output<'_>, manner: &Manner) -> Result<()> {
    let len = output
        .payload
        .iter()
        .fold(output.header.len(), |len, piece| len + piece.len());
    counters::tcp::OUT_SEGS.add(match output.cut {
        Some(cut) => (len - output.header.len()).div_ceil(usize::from(cut.max(1))) as u64,
        None => 1,
    });
    if output.header.get(13).is_some_and(|flags| flags & tcp::flags::RST != 0) {
        counters::tcp::OUT_RSTS.count();
    }
    let sum = Sum::pseudo(own, peer, PROTOCOL, len).partial();
    if let Some(field) = output.header.get_mut(segment::CHECKSUM_AT..segment::CHECKSUM_AT + 2) {
        field.copy_from_slice(&sum);
    }
    let packet = Outgoing {
        source: Some(own),
        hop_limit: manner.hops,
        traffic_class: manner.service,
        interface: manner.interface,
        dont_fragment: true,
        offload: Some(Offload {
            checksum_at: segment::CHECKSUM_AT as u16,
            segment: output.cut,
            header_len: output.header.len() as u16,
        }),
        ..Outgoing::new(peer, PROTOCOL, output.header, output.payload)
    };
    ip::send(&packet)
}

/// Sends a segment without bytes.
pub(crate) fn send_header(name: &Name, interface: Option<u32>, header: &tcp::Header, options: &tcp::Options) {
    let mut bytes = [0; segment::LONGEST];
    let len = header.write(options, &mut bytes);
    let output = Output {
        header: &mut bytes[..len],
        payload: &[],
        cut: None,
        may_mark: false,
    };
    let manner = Manner {
        hops: ip::usual_hops(name.1.ip()),
        service: 0,
        interface,
    };
    // What does not go is as good as lost, and comes again.
    let _ = send(name.0.ip(), name.1.ip(), output, &manner);
}

/// The name of a connection, without what addresses say besides.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}
