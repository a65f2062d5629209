//! A connection over the network: a [`tcp::Connection`] behind a lock, with addresses, a timer, and who waits for it.
//!
//! Programs copy from and to their memory without the lock: what they send becomes a piece of its own first, and what they read is taken out of the queue, copied, and what is left of it put back (readers come
//! one after the other). Everything that changes a connection ends with [`Remote::settle`]: it sends what may go, sets the timer, wakes who waits, and takes a connection that is over out of the table.
//!
//! Lock order: the connection's, then those of `ip` and below, or that of the timers. The table's parts are taken without it.

mod bytes;

use crate::depart::{self, Manner};
use crate::stream::Times;
use crate::table::{self, Entry, Name};
use crate::{device, memory};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use inet_options::left;
use ip::Via;
use ipc::channel::Ear;
use ipc::filter::Filter;
use ipc::options::{Came, Options};
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use task::SleepLock;
use tcp::{Connection, Ends, Output, Segment, Seq, Settings, State, TimeWait};
use time::{Expire, TimerId};
use vfs::Events;

/// The longest packet that is made to be cut, by the card or on the way to it.
const CUTS: u32 = 61_440;
/// Marks that a packet may have (RFC 3168): it may be marked.
const MAY_MARK: u8 = 2;

/// A connection over the network.
pub(crate) struct Remote {
    pub(crate) name: Name,
    /// The way of its packets, and the interface that they have to come by, if any; 0 for none.
    via: SpinLock<Via>,
    device: AtomicU32,
    /// What its socket says of which segments it wants.
    filter: SpinLock<Option<Arc<Filter>>>,
    is_filtered: AtomicBool,
    own: Weak<Self>,
    ear: Arc<Ear>,
    inside: SpinLock<Inside>,
    reading: SleepLock<()>,
    /// When the last bytes came.
    pub(crate) came: Came,
    /// Hops, and type of service.
    pub(crate) hops: AtomicU8,
    pub(crate) service: AtomicU8,
    /// With whom it shares its port ([`inet_options::left`]).
    pub(crate) sharing: AtomicU8,
}

struct Inside {
    connection: Connection,
    timer: Option<(u64, TimerId)>,
    is_known: bool,
    /// What of it is in the sum of all.
    counted: usize,
    /// Whether it is among those that no program has.
    is_orphan: bool,
    /// What of its bytes' times is to be told.
    times: Option<Box<Times>>,
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
pub(crate) fn ends(now: u64, name: &Name, via: Via) -> Result<Ends> {
    let route = ip::route(name.1.ip(), Some(name.0.ip()), via)?;
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
        recent: 0,
    })
}

/// Whether what is left of a connection makes way for a new one. The way to the machine itself, for which `tcp_tw_reuse` may be 2, is not by here.
fn may_go(over: &TimeWait, is_chosen: bool) -> bool {
    over.may_go(time::now(), is_chosen, sysctl::TW_REUSE.get() == 1)
}

/// Whether a connection of that name may be begun from a port that is just free.
#[cold]
pub(crate) fn is_free(name: &Name) -> bool {
    match table::find(name) {
        None => true,
        Some(Entry::Over(sharing, over)) => sharing & left::CHOSEN == 0 && may_go(&over, false),
        Some(Entry::Live(_)) => false,
    }
}

impl Remote {
    fn new(name: Name, via: Via, ear: &Arc<Ear>, connection: Connection) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            name,
            via: SpinLock::new(via),
            device: AtomicU32::new(0),
            filter: SpinLock::new(None),
            is_filtered: AtomicBool::new(false),
            own: Weak::clone(own),
            ear: Arc::clone(ear),
            inside: SpinLock::new(Inside {
                connection,
                timer: None,
                is_known: true,
                counted: 0,
                is_orphan: false,
                times: None,
            }),
            reading: SleepLock::default(),
            came: Came::default(),
            hops: AtomicU8::new(64),
            service: AtomicU8::new(0),
            sharing: AtomicU8::new(0),
        })
    }

    /// Begins to connect, from a port that was chosen or is just free; nothing if there is such a connection, or what is left of one is in the way.
    pub(crate) fn connect(
        (name, is_chosen): (Name, bool),
        via: Via,
        ear: &Arc<Ear>,
        settings: Settings,
    ) -> Result<Option<Arc<Self>>> {
        let now = time::now();
        let mut ends = ends(now, &name, via)?;
        match table::find(&name) {
            None => {}
            Some(Entry::Over(_, over)) if may_go(&over, is_chosen) => ends = over.followed(ends),
            Some(_) => return Ok(None),
        }
        ip::may_connect(name.1.ip(), name.1.port())?;
        counters::tcp::ACTIVE_OPENS.count();
        let this = Self::new(name, via, ear, Connection::connect(now, ends, settings));
        if is_chosen {
            this.sharing.store(left::CHOSEN, Ordering::Relaxed);
        }
        Ok(table::add(name, Entry::Live(Arc::clone(&this))).then_some(this))
    }

    /// Takes a connection that somebody else has begun.
    pub(crate) fn accept(name: Name, via: Via, ear: &Arc<Ear>, connection: Connection) -> Option<Arc<Self>> {
        let this = Self::new(name, via, ear, connection);
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

    fn via(&self) -> Via {
        *self.via.lock()
    }

    /// Has it go by the interface that its socket is bound to, and by no other.
    pub(crate) fn set_way(&self, options: &Options) {
        if options.has_way() {
            let asked = device::via_of_stream(options, self.name.1);
            let mut via = self.via.lock();
            *via = Via {
                interface: asked.interface.or(via.interface),
                ..asked
            };
            self.device.store(options.device().unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Tells the times of what ends at a place of the stream.
    pub(crate) fn tell_times(&self, what: (Seq, u32, u32), make: impl FnOnce() -> Times) {
        let mut inside = self.inside.lock();
        let Inside { connection, times, .. } = &mut *inside;
        let times = times.get_or_insert_with(|| Box::new(make()));
        times.add(what);
        if times.look(connection) {
            drop(inside);
            self.ear.wake_all();
        }
    }

    /// Has a filter say which segments it wants.
    pub(crate) fn set_filter(&self, filter: Option<Arc<Filter>>) {
        self.is_filtered.store(filter.is_some(), Ordering::Relaxed);
        let old = core::mem::replace(&mut *self.filter.lock(), filter);
        drop(old);
    }

    #[inline]
    pub(crate) fn filter(&self) -> Option<Arc<Filter>> {
        if self.is_filtered.load(Ordering::Relaxed) {
            self.filter.lock().clone()
        } else {
            None
        }
    }

    /// Whether what comes by an interface is for it.
    #[inline]
    pub(crate) fn takes_from(&self, interface: u32) -> bool {
        [0, interface].contains(&self.device.load(Ordering::Relaxed))
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
        if is_too_long && let Ok(ends) = ends(now, &self.name, self.via()) {
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
        let has_told = inside
            .times
            .as_mut()
            .is_some_and(|times| times.look(&inside.connection));
        drop(guard);
        match over {
            Some(Some(over)) => {
                let sharing = self.sharing.load(Ordering::Relaxed);
                crate::arrive::keep_over(now, self.name, sharing, over);
            }
            Some(None) => table::remove(&self.name, Some(self)),
            None => {}
        }
        if has_told {
            return self.ear.wake_all();
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
            via: self.via(),
        };
        match depart::send(own, peer, output, &manner) {
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
        if !segment.payload.is_empty() {
            self.came.note();
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
