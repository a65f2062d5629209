//! `inotify(7)`: a list of what happened to files.

use abi::fcntl::OpenFlags;
use abi::ioctl::FIONREAD;
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicU32, Ordering};
use sortedmap::SortedMap;
use task::WaitQueue;
use usermem::{Sink, UserPtr};
use vfs::happening::{DELETE_SELF, ISDIR};
use vfs::{Direction, Events, File, FileLike, FileWatch, Path};

/// Most that wait to be read (`fs.inotify.max_queued_events`).
const MOST: usize = 16384;
const HEADER: usize = 16;
const ALL: u32 = 0xfff;
const IGNORED: u32 = 0x8000;
const OVERFLOW: u32 = 0x4000;
/// Requests that go with a mask.
pub const IN_ONLYDIR: u32 = 0x0100_0000;
/// See [`IN_ONLYDIR`].
pub const IN_DONT_FOLLOW: u32 = 0x0200_0000;
const IN_EXCL_UNLINK: u32 = 0x0400_0000;
const IN_MASK_CREATE: u32 = 0x1000_0000;
const IN_MASK_ADD: u32 = 0x2000_0000;
const IN_ONESHOT: u32 = 0x8000_0000;

/// One thing that happened.
#[derive(PartialEq, Eq)]
struct Record {
    watch: i32,
    what: u32,
    cookie: u32,
    name: Vec<u8>,
}

impl Record {
    fn len(&self) -> usize {
        let name = if self.name.is_empty() {
            0
        } else {
            (self.name.len() + 1).next_multiple_of(HEADER)
        };
        HEADER + name
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.watch.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&self.what.to_ne_bytes());
        bytes.extend_from_slice(&self.cookie.to_ne_bytes());
        bytes.extend_from_slice(&((self.len() - HEADER) as u32).to_ne_bytes());
        bytes.extend_from_slice(&self.name);
        bytes.resize(self.len(), 0);
        bytes
    }
}

#[derive(Default)]
struct Queue {
    records: SpinLock<VecDeque<Record>>,
    readable: WaitQueue,
}

impl Queue {
    fn push(&self, record: Record) {
        let mut records = self.records.lock();
        if records.back() == Some(&record) {
            return;
        }
        if records.len() >= MOST {
            let overflow = Record {
                watch: -1,
                what: OVERFLOW,
                cookie: 0,
                name: Vec::new(),
            };
            if records.back() != Some(&overflow) {
                records.push_back(overflow);
            }
            return;
        }
        records.push_back(record);
        drop(records);
        self.readable.wake(usize::MAX, Events::READABLE.bits());
    }
}

/// A file that is watched.
struct Watch {
    number: i32,
    mask: AtomicU32,
    place: Path,
    queue: Weak<Queue>,
}

impl Watch {
    fn tell(&self, what: u32, cookie: u32, name: &[u8]) {
        if let Some(queue) = self.queue.upgrade() {
            queue.push(Record {
                watch: self.number,
                what,
                cookie,
                name: name.to_vec(),
            });
        }
    }
}

impl FileWatch for Watch {
    fn happened(&self, what: u32, cookie: u32, name: &[u8]) {
        let mask = self.mask.load(Ordering::Relaxed);
        let gone = what & DELETE_SELF != 0 && name.is_empty();
        if mask & what & ALL != 0 {
            self.tell(what, cookie, name);
            if mask & IN_ONESHOT != 0 {
                self.mask.store(0, Ordering::Relaxed);
                self.tell(IGNORED, 0, b"");
                return;
            }
        }
        if gone && mask != 0 {
            self.mask.store(0, Ordering::Relaxed);
            self.tell(IGNORED, 0, b"");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        vfs::unwatch(&self.place, core::ptr::from_ref(self).cast());
    }
}

struct Watches {
    by_number: SortedMap<i32, Arc<Watch>>,
    last: i32,
}

/// A list of what happened to files.
pub struct Inotify {
    queue: Arc<Queue>,
    watches: SpinLock<Watches>,
}

impl Inotify {
    /// Watches what lies at a place, or changes what is watched for; the answer is the watch's number.
    ///
    /// # Errors
    /// `EINVAL`, `EEXIST`, `ENOENT`.
    pub fn add(&self, place: &Path, mask: u32) -> Result<i32> {
        if mask & ALL == 0 || mask & (IN_MASK_ADD | IN_MASK_CREATE) == IN_MASK_ADD | IN_MASK_CREATE {
            return Err(Error::new(Errno::EINVAL, "nothing is watched for"));
        }
        let kept = mask & (ALL | IN_ONESHOT | IN_EXCL_UNLINK);
        let inode = place.inode()?;
        let mut watches = self.watches.lock();
        let same = |watch: &&Arc<Watch>| {
            watch.mask.load(Ordering::Relaxed) != 0 && watch.place.inode().is_ok_and(|other| Arc::ptr_eq(other, inode))
        };
        if let Some(watch) = watches.by_number.values().find(same) {
            if mask & IN_MASK_CREATE != 0 {
                return Err(Error::new(Errno::EEXIST, "the file is watched already"));
            }
            let old = if mask & IN_MASK_ADD != 0 {
                watch.mask.load(Ordering::Relaxed)
            } else {
                0
            };
            watch.mask.store(old | kept, Ordering::Relaxed);
            return Ok(watch.number);
        }
        let number = watches.last + 1;
        let watch = Arc::new(Watch {
            number,
            mask: AtomicU32::new(kept),
            place: place.clone(),
            queue: Arc::downgrade(&self.queue),
        });
        watches.last = number;
        watches.by_number.insert(number, Arc::clone(&watch));
        drop(watches);
        let who: Arc<dyn FileWatch> = watch;
        vfs::watch(place, &who)?;
        Ok(number)
    }

    /// Watches a file no more.
    ///
    /// # Errors
    /// `EINVAL`.
    pub fn remove(&self, number: i32) -> Result<()> {
        let removed = self.watches.lock().by_number.remove(&number);
        let watch = removed.ok_or(Error::new(Errno::EINVAL, "no such watch"))?;
        if watch.mask.swap(0, Ordering::Relaxed) == 0 {
            return Err(Error::new(Errno::EINVAL, "the watch has ended"));
        }
        watch.tell(IGNORED, 0, b"");
        Ok(())
    }
}

impl FileLike for Inotify {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        let mut done = 0;
        loop {
            let mut records = self.queue.records.lock();
            let Some(first) = records.front() else { break };
            if first.len() > into.left() {
                if done == 0 {
                    return Err(Error::new(Errno::EINVAL, "the buffer is too short for the next record"));
                }
                break;
            }
            let record = records.pop_front();
            drop(records);
            if let Some(record) = record {
                done += into.put(&record.to_bytes())?;
            }
        }
        if done == 0 { Err(Errno::EAGAIN.into()) } else { Ok(done) }
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "the list does not know the request"));
        }
        let waiting: usize = self.queue.records.lock().iter().map(Record::len).sum();
        UserPtr::<i32>::new(argument).write(&(waiting as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        if self.queue.records.lock().is_empty() {
            Events::empty()
        } else {
            Events::READABLE
        }
    }

    fn tells_owner(&self) -> bool {
        true
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        (direction == Direction::Read).then_some(&self.queue.readable)
    }
}

/// Whether a mask has bits that none has.
#[must_use]
pub const fn is_known_mask(mask: u32) -> bool {
    let requests = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT | ISDIR;
    mask & !(ALL | requests | IGNORED | OVERFLOW | 0x2000) == 0
}

/// Makes an empty list; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn inotify(flags: OpenFlags) -> Arc<File> {
    let inotify = Inotify {
        queue: Arc::default(),
        watches: SpinLock::new(Watches {
            by_number: SortedMap::new(),
            last: 0,
        }),
    };
    let place = vfs::anonymous_place(b"anon_inode:inotify", 0o600);
    vfs::anonymous_file(place, flags & OpenFlags::NONBLOCK, Arc::new(inotify))
}
