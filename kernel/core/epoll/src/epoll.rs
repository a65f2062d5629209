//! `epoll(7)`: a set of open files of which those that may be ready are in a list.
//!
//! An item hangs in the queues of its file. When the file wakes its queues, the item puts itself into its set's list; nobody ever looks through all items.
//! Whoever waits asks the listed files whether they are ready indeed, since a wake-up only says that they may be. A level-triggered item that
//! was ready goes back to the list's end; an edge-triggered one comes back with the next wake-up.
//!
//! A set is itself a file, so that sets may be in sets; [`Epoll::add`] refuses cycles and long chains. Lock order: `CHANGES` → a set's items; its list is a leaf.
//! Of the sets that have a file with `EPOLLEXCLUSIVE`, one wake-up lists it in each up to the first in which somebody waits, as on Linux.

use abi::fcntl::OpenFlags;
use abi::poll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP, EpollEvent};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use sortedmap::LargeMap;
use task::{SleepLock, WaitQueue, Wake, wait_until};
use vfs::{Direction, Events, File, FileLike, Watcher, downcast_file_like};

/// Bits of an item's events that are not events.
const PRIVATE: u32 = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
/// Sets in sets in sets.
const MAX_NESTING: usize = 4;
const ALWAYS: u32 = Events::ERR.bits() | Events::HUP.bits();

/// Held while sets are put into sets.
static CHANGES: SleepLock<()> = SleepLock::new(());

/// By what an item is known: the descriptor and the open file.
type Key = (i32, usize);

fn key(fd: i32, file: &Arc<File>) -> Key {
    (fd, Arc::as_ptr(file).addr())
}

/// A set of open files.
#[derive(Default)]
pub struct Epoll {
    items: SpinLock<LargeMap<Key, Arc<Item>>>,
    list: SpinLock<VecDeque<Arc<Item>>>,
    /// The list's length, to look at without its lock.
    listed: AtomicUsize,
    waiting: WaitQueue,
}

/// An open file in a set.
struct Item {
    set: Weak<Epoll>,
    file: Weak<File>,
    key: Key,
    /// What is asked for, and above it how often that was changed.
    asked: AtomicU64,
    data: SpinLock<[u32; 2]>,
    listed: AtomicBool,
}

impl Item {
    /// What the file is ready for, of what is asked for; nothing for an item that has had its one shot, or whose file is gone.
    fn ready(&self, file: &File) -> u32 {
        self.ready_for(file, self.events())
    }

    fn ready_for(&self, file: &File, events: u32) -> u32 {
        if events & !PRIVATE == 0 {
            return 0;
        }
        file.ready().bits() & (events | ALWAYS)
    }

    /// As [`Item::ready`], for whoever tells the program, and what was asked for. Of those who ask at once, one has an item's one shot: who found the file ready before another had the
    /// shot, and after it was set again, sees by the number that this happened.
    fn take_ready(&self, file: &File) -> (u32, u32) {
        loop {
            let before = self.asked.load(Ordering::SeqCst);
            let events = before as u32;
            let ready = self.ready_for(file, events);
            if ready == 0 || events & EPOLLONESHOT == 0 {
                return (ready, events);
            }
            let after = next(before, events & PRIVATE);
            let had = self
                .asked
                .compare_exchange(before, after, Ordering::SeqCst, Ordering::SeqCst);
            if had.is_ok() {
                return (ready, events);
            }
        }
    }

    /// What is asked for.
    fn events(&self) -> u32 {
        self.asked.load(Ordering::SeqCst) as u32
    }

    /// Asks for something else.
    fn set_events(&self, events: u32) {
        let _ = self
            .asked
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |before| Some(next(before, events)));
    }
}

/// What is asked for now, with the next number.
fn next(before: u64, events: u32) -> u64 {
    ((before >> 32).wrapping_add(1) << 32) | u64::from(events)
}

impl Wake for Item {
    fn wake(self: Arc<Self>, events: u32) -> bool {
        let wanted = self.events();
        if wanted & !PRIVATE == 0 || events & (wanted | ALWAYS) == 0 {
            return false;
        }
        let Some(set) = self.set.upgrade() else { return false };
        if wanted & EPOLLEXCLUSIVE == 0 {
            return set.enlist(&self);
        }
        let has_waiter = !set.waiting.is_empty();
        set.enlist(&self);
        has_waiter
    }
}

impl Watcher for Item {
    fn closed(self: Arc<Self>, file: &File) {
        leave_queues(&self, file);
        if let Some(set) = self.set.upgrade() {
            let removed = set.items.lock().remove(&self.key);
            drop(removed);
        }
    }
}

fn enter_queues(item: &Arc<Item>, file: &File) {
    let read = file.queue(Direction::Read);
    let write = file.queue(Direction::Write);
    let write = write.filter(|write| read.is_none_or(|read| !core::ptr::eq::<WaitQueue>(read, *write)));
    let exclusive = item.events() & EPOLLEXCLUSIVE != 0;
    for queue in read.into_iter().chain(write) {
        if exclusive {
            queue.add_exclusive(Arc::clone(item) as _);
        } else {
            queue.add_shared(Arc::clone(item) as _);
        }
    }
}

fn leave_queues(item: &Arc<Item>, file: &File) {
    let wake: Arc<dyn Wake> = Arc::clone(item) as _;
    for direction in [Direction::Read, Direction::Write] {
        if let Some(queue) = file.queue(direction) {
            queue.remove(&wake);
        }
    }
}

impl Epoll {
    /// Puts an item into the list, and wakes one of those who wait; whether it is news. One that was listed may be listed in vain, so that
    /// those who wait hear of it all the same.
    #[inline]
    fn enlist(&self, item: &Arc<Item>) -> bool {
        let news = !item.listed.swap(true, Ordering::AcqRel);
        if news {
            let mut list = self.list.lock();
            list.push_back(Arc::clone(item));
            self.listed.store(list.len(), Ordering::SeqCst);
        }
        self.waiting.wake(1, Events::READABLE.bits());
        news
    }

    fn unlist(&self) -> Option<Arc<Item>> {
        let mut list = self.list.lock();
        let item = list.pop_front();
        self.listed.store(list.len(), Ordering::SeqCst);
        drop(list);
        // From here on a wake-up lists it again.
        item.inspect(|item| item.listed.store(false, Ordering::SeqCst))
    }

    /// Puts an open file into the set.
    ///
    /// # Errors
    /// `EPERM` for files that are always ready; `EEXIST`; `EINVAL` for the set itself; `ELOOP` for a cycle or a long chain of sets.
    pub fn add(self: &Arc<Self>, fd: i32, file: &Arc<File>, event: EpollEvent) -> Result<()> {
        if file.queue(Direction::Read).is_none() && file.queue(Direction::Write).is_none() {
            return Err(Error::new(Errno::EPERM, "the file is always ready"));
        }
        let exclusive = event.events & EPOLLEXCLUSIVE != 0;
        let with_exclusive = 0x1d | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
        let inner = file.behaviour().and_then(downcast_file_like::<Self>);
        if exclusive && (event.events & !with_exclusive != 0 || inner.is_some()) {
            return Err(Error::new(Errno::EINVAL, "the flags do not go with EPOLLEXCLUSIVE"));
        }
        let changes = inner.as_ref().map(|_| CHANGES.lock());
        if let Some(inner) = inner
            && (inner.reaches(self, 0) || inner.depth() >= MAX_NESTING)
        {
            return Err(Error::new(Errno::ELOOP, "the sets would contain each other"));
        }
        let item = Arc::new(Item {
            set: Arc::downgrade(self),
            file: Arc::downgrade(file),
            key: key(fd, file),
            asked: AtomicU64::new(u64::from(event.events)),
            data: SpinLock::new(event.data),
            listed: AtomicBool::new(false),
        });
        let mut items = self.items.lock();
        if items.contains_key(&item.key) {
            return Err(Error::new(Errno::EEXIST, "the file is in the set already"));
        }
        items.insert(item.key, Arc::clone(&item));
        drop(items);
        file.add_watcher(Arc::clone(&item) as _);
        enter_queues(&item, file);
        drop(changes);
        if item.ready(file) != 0 {
            self.enlist(&item);
        }
        Ok(())
    }

    /// Changes what is asked of a file.
    ///
    /// # Errors
    /// `ENOENT`; `EINVAL` for an exclusive item.
    pub fn change(&self, fd: i32, file: &Arc<File>, event: EpollEvent) -> Result<()> {
        let fixed = Error::new(Errno::EINVAL, "exclusive items are not changed");
        if event.events & EPOLLEXCLUSIVE != 0 {
            return Err(fixed);
        }
        let item = self.items.lock().get(&key(fd, file)).cloned();
        let item = item.ok_or(Error::new(Errno::ENOENT, "the file is not in the set"))?;
        if item.events() & EPOLLEXCLUSIVE != 0 {
            return Err(fixed);
        }
        *item.data.lock() = event.data;
        item.set_events(event.events);
        if item.ready(file) != 0 {
            self.enlist(&item);
        }
        Ok(())
    }

    /// Takes a file out.
    ///
    /// # Errors
    /// `ENOENT`.
    pub fn remove(&self, fd: i32, file: &Arc<File>) -> Result<()> {
        let item = self.items.lock().remove(&key(fd, file));
        let item = item.ok_or(Error::new(Errno::ENOENT, "the file is not in the set"))?;
        self.forget(&item, file);
        Ok(())
    }

    /// Takes an item out of everything but the set's items.
    fn forget(&self, item: &Arc<Item>, file: &File) {
        leave_queues(item, file);
        let watcher: Arc<dyn Watcher> = Arc::clone(item) as _;
        file.remove_watcher(&watcher);
        item.set_events(0);
        if item.listed.load(Ordering::Acquire) {
            let mut list = self.list.lock();
            list.retain(|other| !Arc::ptr_eq(other, item));
            self.listed.store(list.len(), Ordering::SeqCst);
        }
    }

    /// The sets in this set.
    fn inner(&self) -> Vec<Arc<Self>> {
        let items: Vec<Arc<Item>> = self.items.lock().values().cloned().collect();
        let files = items.iter().filter_map(|item| item.file.upgrade());
        files
            .filter_map(|file| file.behaviour().and_then(downcast_file_like::<Self>))
            .collect()
    }

    fn reaches(self: &Arc<Self>, other: &Arc<Self>, depth: usize) -> bool {
        if Arc::ptr_eq(self, other) || depth > MAX_NESTING {
            return true;
        }
        self.inner().iter().any(|inner| inner.reaches(other, depth + 1))
    }

    /// How many sets lie in each other below this one.
    fn depth(&self) -> usize {
        self.inner().iter().map(|inner| inner.depth() + 1).max().unwrap_or(0)
    }

    /// Gives away what is ready, at most `most`; nothing if there is nothing.
    fn try_wait(&self, most: usize, give: &mut dyn FnMut(EpollEvent) -> Result<()>) -> Option<Result<usize>> {
        let mut left = self.listed.load(Ordering::SeqCst);
        let mut given = 0;
        let mut refused = None;
        // Those that are level-triggered stay in the list, behind those that are looked at now: most often one.
        let (mut again, mut more) = (None, Vec::new());
        while left > 0 && given < most && refused.is_none() {
            left -= 1;
            let Some(item) = self.unlist() else { break };
            let Some(file) = item.file.upgrade() else { continue };
            let (ready, asked) = item.take_ready(&file);
            if ready == 0 {
                continue;
            }
            let data = *item.data.lock();
            match give(EpollEvent { events: ready, data }) {
                Ok(()) if asked & (EPOLLONESHOT | EPOLLET) != 0 => {}
                outcome => {
                    if outcome.is_err() && asked & EPOLLONESHOT != 0 {
                        // It was not told after all.
                        item.set_events(asked);
                    }
                    if let Some(item) = again.replace(item) {
                        more.push(item);
                    }
                    if let Err(error) = outcome {
                        refused = Some(error);
                        break;
                    }
                }
            }
            given += 1;
        }
        if !more.is_empty() {
            more.into_iter().for_each(|item| self.relist(item));
        }
        if let Some(item) = again {
            self.relist(item);
        }
        if given == 0 {
            return refused.map(Err);
        }
        // Others who wait may have what is left.
        if self.listed.load(Ordering::SeqCst) > 0 {
            self.waiting.wake(1, Events::READABLE.bits());
        }
        Some(Ok(given))
    }

    /// Puts a level-triggered item back, for the next who waits to ask.
    fn relist(&self, item: Arc<Item>) {
        if !item.listed.swap(true, Ordering::AcqRel) {
            let mut list = self.list.lock();
            list.push_back(item);
            self.listed.store(list.len(), Ordering::SeqCst);
        }
    }

    /// Waits until something is ready, or until `deadline` (nanoseconds since boot; 0 is at once). What is ready goes to `give`; says how many there were.
    ///
    /// # Errors
    /// `EINTR` when a signal comes; what `give` says of the first.
    #[inline]
    pub fn wait(
        &self,
        most: usize,
        deadline: Option<u64>,
        give: &mut dyn FnMut(EpollEvent) -> Result<()>,
    ) -> Result<usize> {
        if deadline == Some(0) {
            return self.try_wait(most, give).unwrap_or(Ok(0));
        }
        match wait_until(&[&self.waiting], deadline, || self.try_wait(most, give)) {
            Ok(given) => given,
            Err(error) if error.errno == Errno::ETIMEDOUT => Ok(0),
            Err(_) => Err(Error::new(Errno::EINTR, "a signal came")),
        }
    }
}

impl FileLike for Epoll {
    fn ready(&self, _file: &File) -> Events {
        let list: Vec<Arc<Item>> = self.list.lock().iter().cloned().collect();
        let is_ready = |item: &Arc<Item>| item.file.upgrade().is_some_and(|file| item.ready(&file) != 0);
        if list.iter().any(is_ready) {
            Events::READABLE
        } else {
            Events::empty()
        }
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        (direction == Direction::Read).then_some(&self.waiting)
    }

    fn describe(&self, _file: &File) -> Vec<u8> {
        let mut text = Vec::new();
        for item in self.items.lock().values() {
            let [low, high] = *item.data.lock();
            let line = alloc::format!(
                "tfd: {:8} events: {:8x} data: {high:8x}{low:08x}  pos:0 ino:0 sdev:0\n",
                item.key.0,
                item.events()
            );
            text.extend_from_slice(line.as_bytes());
        }
        text
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        for item in core::mem::take(self.items.get_mut()).into_values() {
            if let Some(file) = item.file.upgrade() {
                self.forget(&item, &file);
            }
        }
    }
}

/// Makes an empty set.
#[must_use]
pub fn epoll() -> Arc<File> {
    let place = vfs::anonymous_place(b"anon_inode:[eventpoll]", 0o600);
    vfs::anonymous_file(place, OpenFlags::RDWR, Arc::new(Epoll::default()))
}
