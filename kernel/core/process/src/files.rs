//! Descriptors: the small numbers by which a program knows its open files.

use abi::resource::RLIM_INFINITY;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicUsize, Ordering};
use vfs::File;

/// Most descriptors that any limit allows (`fs.nr_open`).
pub const MAX_DESCRIPTORS: u64 = 1 << 20;

/// Slots that are looked through one by one.
const FEW: usize = 64;

const BAD: Error = Error::new(Errno::EBADF, "no such descriptor is open");
const TOO_MANY: Error = Error::new(Errno::EMFILE, "the limit of open descriptors is reached");

/// One descriptor.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// The open file.
    pub file: Arc<File>,
    /// Whether `execve` closes it.
    pub close_on_exec: bool,
}

#[derive(Clone, Debug, Default)]
struct Table {
    slots: Vec<Option<Descriptor>>,
    /// No slot below this one is free.
    first_free: usize,
    /// A bit for each slot that is taken, once there are more than [`FEW`]: looking for a free one costs little then, however many are open.
    taken: Vec<u64>,
}

/// The descriptors of a process.
#[derive(Debug, Default)]
pub struct FileTable {
    table: SpinLock<Table>,
    /// How many processes have it.
    users: AtomicUsize,
}

impl Table {
    #[inline]
    fn free_from(&mut self, lowest: usize) -> usize {
        let start = lowest.max(self.first_free);
        match self.slots.get(start) {
            Some(Some(_)) => self.free_behind(start),
            _ => start,
        }
    }

    #[inline(never)]
    fn free_behind(&mut self, start: usize) -> usize {
        let at = if self.taken.is_empty() {
            let behind = self.slots.iter().skip(start).position(Option::is_none);
            behind.map_or(self.slots.len(), |at| start + at)
        } else {
            self.free_bit(start)
        };
        if start == self.first_free {
            self.first_free = at;
        }
        at
    }

    fn free_bit(&self, start: usize) -> usize {
        let first = start / 64;
        // What lies below the start counts as taken.
        let mut below = (1 << (start % 64)) - 1;
        for (index, word) in self.taken.iter().enumerate().skip(first) {
            let free = !(word | core::mem::take(&mut below));
            if free != 0 {
                return index * 64 + free.trailing_zeros() as usize;
            }
        }
        self.slots.len().max(start)
    }

    /// Makes the table reach a slot.
    fn grow(&mut self, at: usize) -> Result<()> {
        let more = (at + 1 - self.slots.len()).max(if self.slots.is_empty() { 8 } else { 0 });
        let words = if at < FEW { 0 } else { at / 64 + 1 };
        let short = words.saturating_sub(self.taken.len());
        if self.slots.try_reserve(more).is_err() || self.taken.try_reserve(short).is_err() {
            return Err(Errno::ENOMEM.into());
        }
        let is_first = self.taken.is_empty();
        self.slots.resize_with(at + 1, || None);
        self.taken.resize(self.taken.len().max(words), 0);
        if is_first && words > 0 {
            for (at, _) in self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some()) {
                self.taken[at / 64] |= 1 << (at % 64);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn put(&mut self, at: usize, descriptor: Descriptor) -> Result<Option<Descriptor>> {
        if at >= self.slots.len() {
            self.grow(at)?;
        }
        if let Some(word) = self.taken.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
        if at == self.first_free {
            self.first_free += 1;
        }
        Ok(self.slots[at].replace(descriptor))
    }

    #[inline]
    fn take(&mut self, at: usize) -> Option<Descriptor> {
        let taken = self.slots.get_mut(at)?.take()?;
        self.first_free = self.first_free.min(at);
        if let Some(word) = self.taken.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
        Some(taken)
    }
}

fn index(fd: i32) -> Result<usize> {
    usize::try_from(fd).map_err(|_| BAD)
}

impl FileTable {
    /// No descriptors.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// The same descriptors in a table of their own, as `fork` makes it.
    #[must_use]
    pub fn duplicate(&self) -> Arc<Self> {
        let table = self.table.lock().clone();
        Arc::new(Self {
            table: SpinLock::new(table),
            users: AtomicUsize::new(0),
        })
    }

    pub(crate) fn add_user(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_user(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether more than one process has it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 1
    }

    /// The open file behind a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn get(&self, fd: i32) -> Result<Arc<File>> {
        // A negative one becomes larger than any table.
        match self.table.lock().slots.get(fd as u32 as usize) {
            Some(Some(descriptor)) => Ok(Arc::clone(&descriptor.file)),
            _ => Err(BAD),
        }
    }

    /// A descriptor with its flag.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn descriptor(&self, fd: i32) -> Result<Descriptor> {
        self.table
            .lock()
            .slots
            .get(index(fd)?)
            .and_then(Clone::clone)
            .ok_or(BAD)
    }

    /// Gives a file the lowest free descriptor that is at least `lowest` and below `limit`.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn add(&self, file: Arc<File>, close_on_exec: bool, lowest: usize, limit: u64) -> Result<i32> {
        let mut table = self.table.lock();
        let at = table.free_from(lowest);
        if at as u64 >= limit.min(MAX_DESCRIPTORS) {
            return Err(TOO_MANY);
        }
        table.put(at, Descriptor { file, close_on_exec })?;
        Ok(at as i32)
    }

    /// Whether a descriptor is free, before something is done that would be in vain without one.
    ///
    /// # Errors
    /// `EMFILE`.
    #[inline]
    pub fn check_room(&self, limit: u64) -> Result<()> {
        let mut table = self.table.lock();
        // The number behind the table is free in any case.
        let is_full = table.slots.len() as u64 >= limit && table.free_from(0) as u64 >= limit;
        if is_full { Err(TOO_MANY) } else { Ok(()) }
    }

    /// Puts a file at a descriptor, in place of what was there, which is returned to be dropped without the lock.
    ///
    /// # Errors
    /// `EBADF` for a number at or above `limit`.
    pub fn replace(&self, fd: i32, file: Arc<File>, close_on_exec: bool, limit: u64) -> Result<Option<Descriptor>> {
        let at = index(fd)?;
        if at as u64 >= limit.min(MAX_DESCRIPTORS) {
            return Err(BAD);
        }
        let replaced = self.table.lock().put(at, Descriptor { file, close_on_exec })?;
        replaced.iter().for_each(|descriptor| self.forget(&descriptor.file));
        Ok(replaced)
    }

    /// A descriptor of a file was closed: the process's locks on the file go.
    #[inline]
    fn forget(&self, file: &File) {
        vfs::locks::closed(file, self.lock_owner());
    }

    /// What the range locks of the processes with this table go by.
    #[must_use]
    pub fn lock_owner(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Closes a descriptor; the file is returned to be dropped without the lock.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn remove(&self, fd: i32) -> Result<Arc<File>> {
        let taken = self.table.lock().take(index(fd)?);
        let file = taken.ok_or(BAD)?.file;
        self.forget(&file);
        Ok(file)
    }

    /// Sets whether `execve` closes a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_close_on_exec(&self, fd: i32, close: bool) -> Result<()> {
        match self.table.lock().slots.get_mut(index(fd)?) {
            Some(Some(descriptor)) => {
                descriptor.close_on_exec = close;
                Ok(())
            }
            _ => Err(BAD),
        }
    }

    /// Closes the descriptors from `first` to `last` that `which` says yes to; returns them to be dropped without the lock.
    #[must_use]
    pub fn remove_range(&self, first: usize, last: usize, which: impl Fn(&Descriptor) -> bool) -> Vec<Descriptor> {
        let mut table = self.table.lock();
        let end = table.slots.len().min(last.saturating_add(1));
        let mut closed = Vec::new();
        for at in first..end {
            if table.slots[at].as_ref().is_some_and(&which) {
                closed.extend(table.take(at));
            }
        }
        drop(table);
        closed.iter().for_each(|descriptor| self.forget(&descriptor.file));
        closed
    }

    /// Marks the descriptors from `first` to `last` to be closed by `execve`.
    pub fn mark_range(&self, first: usize, last: usize) {
        let mut table = self.table.lock();
        for descriptor in table
            .slots
            .iter_mut()
            .skip(first)
            .take(last.saturating_sub(first).saturating_add(1))
            .flatten()
        {
            descriptor.close_on_exec = true;
        }
    }

    /// Numbers of the open descriptors, in order.
    #[must_use]
    pub fn numbers(&self) -> Vec<i32> {
        let table = self.table.lock();
        table
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_some())
            .map(|(at, _)| at as i32)
            .collect()
    }

    /// How many slots the table has (`FDSize` in `/proc/self/status`).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.lock().slots.capacity().next_power_of_two().max(64)
    }
}

impl Drop for FileTable {
    fn drop(&mut self) {
        let owner = self.lock_owner();
        for descriptor in self.table.get_mut().slots.iter().flatten() {
            vfs::locks::closed(&descriptor.file, owner);
        }
    }
}

/// The limit that applies, as a number of descriptors.
#[must_use]
pub fn effective_limit(soft: u64) -> u64 {
    if soft == RLIM_INFINITY { MAX_DESCRIPTORS } else { soft }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::fcntl::OpenFlags;
    use vfs::FileLike;

    struct Nothing;

    impl FileLike for Nothing {}

    fn file() -> Arc<File> {
        let place = vfs::anonymous_place(b"nothing", 0o600);
        vfs::anonymous_file(place, OpenFlags::empty(), Arc::new(Nothing))
    }

    #[test]
    fn the_lowest_free_descriptor_is_given() {
        let table = FileTable::new();
        let given: Vec<_> = (0..4).map(|_| table.add(file(), false, 0, 100)).collect();
        assert_eq!(given, [Ok(0), Ok(1), Ok(2), Ok(3)]);
        assert!(table.remove(1).is_ok() && table.remove(2).is_ok());
        assert_eq!(table.add(file(), false, 2, 100), Ok(2));
        assert_eq!(table.add(file(), false, 0, 100), Ok(1));
        assert_eq!(table.add(file(), false, 50, 100), Ok(50));
        assert_eq!(table.numbers(), [0, 1, 2, 3, 50]);
    }

    #[test]
    fn the_lowest_free_descriptor_is_found_among_many() {
        let table = FileTable::new();
        let mut open = alloc::collections::BTreeSet::new();
        let mut dice = 1u32;
        for _ in 0..3000 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (dice >> 8) as usize % 400;
            if dice >> 30 == 0 && open.remove(&(at as i32)) {
                assert!(table.remove(at as i32).is_ok());
                continue;
            }
            let lowest = if dice >> 30 == 1 { at } else { 0 };
            let free = (lowest as i32..).find(|fd| !open.contains(fd));
            let given = table.add(file(), false, lowest, 1000).expect("there is room");
            assert_eq!(Some(given), free);
            assert!(table.check_room(1001).is_ok());
            open.insert(given);
            if open.len() > 350 {
                let gone: Vec<i32> = open.iter().copied().step_by(3).collect();
                for fd in gone {
                    open.remove(&fd);
                    assert!(table.remove(fd).is_ok());
                }
            }
        }
        assert_eq!(table.numbers(), open.into_iter().collect::<Vec<_>>());
        assert_eq!(
            table.duplicate().add(file(), false, 0, 1000),
            table.add(file(), false, 0, 1000)
        );
    }

    #[test]
    fn the_limit_holds_for_new_numbers_only() {
        let table = FileTable::new();
        assert_eq!(table.add(file(), false, 0, 1), Ok(0));
        assert!(
            table
                .add(file(), false, 0, 1)
                .is_err_and(|error| error.errno == Errno::EMFILE)
        );
        assert!(table.check_room(1).is_err() && table.check_room(2).is_ok());
        assert!(
            table
                .replace(1, file(), false, 1)
                .is_err_and(|error| error.errno == Errno::EBADF)
        );
        assert!(table.get(0).is_ok());
    }

    #[test]
    fn a_copy_goes_its_own_way_and_marked_descriptors_can_be_picked() {
        let table = FileTable::new();
        assert!((0..3).all(|_| table.add(file(), false, 0, 100).is_ok()));
        table.mark_range(1, usize::MAX);
        let copy = table.duplicate();
        assert_eq!(
            copy.remove_range(0, usize::MAX, |descriptor| descriptor.close_on_exec)
                .len(),
            2
        );
        assert_eq!(
            (copy.numbers(), table.numbers()),
            (Vec::from([0]), Vec::from([0, 1, 2]))
        );
        for bad in [-1, 3, i32::MAX] {
            assert!(table.get(bad).is_err_and(|error| error.errno == Errno::EBADF));
        }
    }
}
