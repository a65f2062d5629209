//! Where a `read` puts its bytes and a `write` takes them from.

use super::{FAULT, UserPtr};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use frames::Page;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const NO_ROOM: Error = Error::new(Errno::ENOBUFS, "no memory for what is to be sent");

/// `struct iovec`: one piece of a program's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Segment {
    /// The first byte.
    pub address: u64,
    /// How many.
    pub len: u64,
}

#[derive(Clone)]
enum Place<'a, K> {
    User(Segment, &'a [Segment]),
    Kernel(K),
}

/// Room of the kernel's.
enum Room<'a> {
    Buffer(&'a mut [u8]),
    /// Room behind a vector's bytes, which has been reserved.
    Behind(&'a mut Vec<u8>),
    /// What comes is thrown away.
    Nowhere,
}

impl Room<'_> {
    /// Takes the next `len` bytes, which are there: written by `fill`, or appended by `append`.
    fn take(&mut self, len: usize, fill: impl FnOnce(&mut [u8]), append: impl FnOnce(&mut Vec<u8>) -> bool) -> usize {
        match self {
            Self::Buffer(buffer) => {
                let (now, later) = core::mem::take(buffer).split_at_mut(len);
                fill(now);
                *buffer = later;
                len
            }
            Self::Behind(bytes) => {
                if append(bytes) {
                    len
                } else {
                    0
                }
            }
            Self::Nowhere => len,
        }
    }
}

/// Room for bytes: a program's memory, in one piece or several, or the kernel's.
pub struct Sink<'a> {
    place: Place<'a, Room<'a>>,
    left: usize,
}

/// Bytes to be taken: a program's memory, in one piece or several, or a buffer of the kernel's.
#[derive(Clone)]
pub struct Source<'a> {
    place: Place<'a, &'a [u8]>,
    left: usize,
}

/// Steps through segments: calls `copy(address, offset, len)`, which says how many bytes went, until `len` bytes are done. Nearly always
/// they lie in one piece.
#[inline]
fn walk(
    current: &mut Segment,
    rest: &mut &[Segment],
    len: usize,
    mut copy: impl FnMut(u64, usize, usize) -> usize,
) -> usize {
    if len as u64 <= current.len {
        let went = copy(current.address, 0, len);
        current.address = current.address.wrapping_add(went as u64);
        current.len -= went as u64;
        return went;
    }
    walk_pieces(current, rest, len, &mut copy)
}

#[cold]
fn walk_pieces(
    current: &mut Segment,
    rest: &mut &[Segment],
    len: usize,
    copy: &mut dyn FnMut(u64, usize, usize) -> usize,
) -> usize {
    let mut done = 0;
    while done < len {
        while current.len == 0 {
            let Some((next, others)) = rest.split_first() else {
                return done;
            };
            (*current, *rest) = (*next, others);
        }
        let piece = (current.len as usize).min(len - done);
        let went = copy(current.address, done, piece);
        current.address = current.address.wrapping_add(went as u64);
        current.len -= went as u64;
        done += went;
        if went < piece {
            break;
        }
    }
    done
}

/// How a copy of `done` out of `len` bytes is answered: a fault counts only when nothing went before it.
#[inline]
fn outcome(done: usize, len: usize) -> Result<usize> {
    if done == 0 && len > 0 { Err(FAULT) } else { Ok(done) }
}

impl<'a> Sink<'a> {
    /// One piece of a program's memory.
    #[must_use]
    #[inline]
    pub fn user(address: u64, len: usize) -> Self {
        Self {
            place: Place::User(
                Segment {
                    address,
                    len: len as u64,
                },
                &[],
            ),
            left: len,
        }
    }

    /// Several pieces, filled in order.
    #[must_use]
    pub fn segments(segments: &'a [Segment]) -> Self {
        let left = segments.iter().map(|segment| segment.len as usize).sum();
        Self {
            place: Place::User(Segment::default(), segments),
            left,
        }
    }

    /// A buffer of the kernel's.
    #[must_use]
    pub fn kernel(buffer: &'a mut [u8]) -> Self {
        let left = buffer.len();
        Self {
            place: Place::Kernel(Room::Buffer(buffer)),
            left,
        }
    }

    /// Room for `len` bytes behind those of a vector, which costs nothing to make.
    ///
    /// # Errors
    /// `ENOBUFS` without memory for them.
    pub fn behind(bytes: &'a mut Vec<u8>, len: usize) -> Result<Self> {
        bytes.try_reserve_exact(len).map_err(|_| NO_ROOM)?;
        Ok(Self {
            place: Place::Kernel(Room::Behind(bytes)),
            left: len,
        })
    }

    /// Throws away what comes from now on, as much as would fit.
    pub fn discard(&mut self) {
        self.place = Place::Kernel(Room::Nowhere);
    }

    /// How many bytes still fit.
    #[must_use]
    #[inline]
    pub fn left(&self) -> usize {
        self.left
    }

    /// Takes bytes, as many as fit; says how many.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be stored.
    pub fn put(&mut self, bytes: &[u8]) -> Result<usize> {
        let len = bytes.len().min(self.left);
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |address, at, piece| {
                hal::user::copy_out(address, &bytes[at..at + piece])
            }),
            Place::Kernel(room) => {
                let bytes = &bytes[..len];
                let append = |into: &mut Vec<u8>| {
                    into.extend_from_slice(bytes);
                    true
                };
                room.take(len, |now| now.copy_from_slice(bytes), append)
            }
        };
        self.left -= done;
        outcome(done, len)
    }

    /// Takes a value, of which there is room for all.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn put_value<T: FromBytes + IntoBytes + Immutable>(&mut self, value: &T) -> Result<usize> {
        let size = size_of::<T>();
        if let Place::User(current, _) = &mut self.place
            && current.len >= size as u64
        {
            UserPtr::new(current.address).write(value)?;
            current.address += size as u64;
            current.len -= size as u64;
            self.left -= size;
            return Ok(size);
        }
        self.put(value.as_bytes())
    }

    /// Takes a part of a page.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be stored.
    #[inline(always)]
    pub fn put_page(&mut self, page: &Page, offset: usize, len: usize) -> Result<usize> {
        let len = len.min(self.left).min(address::PAGE_LEN.saturating_sub(offset));
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |address, at, piece| {
                page.copy_to_user(offset + at, piece, address)
            }),
            Place::Kernel(room) => room.take(
                len,
                |now| page.read(offset, now),
                |into| frames::append::from_page(into, page, offset, len),
            ),
        };
        self.left -= done;
        outcome(done, len)
    }

    /// Takes `len` zeros.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be stored.
    #[inline]
    pub fn put_zeros(&mut self, len: usize) -> Result<usize> {
        let len = len.min(self.left);
        let done = match &mut self.place {
            Place::User(current, rest) => {
                walk(current, rest, len, |address, _, piece| hal::user::clear(address, piece))
            }
            Place::Kernel(room) => {
                let append = |into: &mut Vec<u8>| {
                    into.resize(into.len() + len, 0);
                    true
                };
                room.take(len, |now| now.fill(0), append)
            }
        };
        self.left -= done;
        outcome(done, len)
    }
}

impl<'a> Source<'a> {
    /// One piece of a program's memory.
    #[must_use]
    #[inline]
    pub fn user(address: u64, len: usize) -> Self {
        Self {
            place: Place::User(
                Segment {
                    address,
                    len: len as u64,
                },
                &[],
            ),
            left: len,
        }
    }

    /// Several pieces, taken in order.
    #[must_use]
    pub fn segments(segments: &'a [Segment]) -> Self {
        let left = segments.iter().map(|segment| segment.len as usize).sum();
        Self {
            place: Place::User(Segment::default(), segments),
            left,
        }
    }

    /// A buffer of the kernel's.
    #[must_use]
    pub fn kernel(buffer: &'a [u8]) -> Self {
        Self {
            place: Place::Kernel(buffer),
            left: buffer.len(),
        }
    }

    /// How many bytes there are still.
    #[must_use]
    #[inline]
    pub fn left(&self) -> usize {
        self.left
    }

    /// Gives no more than `len` bytes from here on.
    pub fn cut(&mut self, len: usize) {
        self.left = self.left.min(len);
    }

    /// Gives bytes, as many as there are and fit; says how many.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be fetched.
    pub fn take(&mut self, into: &mut [u8]) -> Result<usize> {
        let len = into.len().min(self.left);
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |address, at, piece| {
                hal::user::copy_in(&mut into[at..at + piece], address)
            }),
            Place::Kernel(buffer) => {
                into[..len].copy_from_slice(&buffer[..len]);
                *buffer = &buffer[len..];
                len
            }
        };
        self.left -= done;
        outcome(done, len)
    }

    /// Gives at most `len` bytes to the end of a vector; says how many.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be fetched; `ENOBUFS` without memory for them.
    pub fn append(&mut self, into: &mut Vec<u8>, len: usize) -> Result<usize> {
        let len = len.min(self.left);
        into.try_reserve(len).map_err(|_| NO_ROOM)?;
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |address, _, piece| {
                frames::append::from_user(into, address, piece)
            }),
            Place::Kernel(buffer) => {
                into.extend_from_slice(&buffer[..len]);
                *buffer = &buffer[len..];
                len
            }
        };
        self.left -= done;
        outcome(done, len)
    }

    /// All bytes that there are, in a vector of their own.
    ///
    /// # Errors
    /// `EFAULT` unless all could be fetched; `ENOBUFS` without memory for them.
    pub fn to_vec(&mut self) -> Result<Vec<u8>> {
        let (len, mut bytes) = (self.left, Vec::new());
        bytes.try_reserve_exact(len).map_err(|_| NO_ROOM)?;
        self.append(&mut bytes, len)?;
        if bytes.len() < len { Err(FAULT) } else { Ok(bytes) }
    }

    /// The value that the bytes begin with; they stay.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn peek<T: FromBytes + IntoBytes + Immutable>(&self) -> Result<T> {
        if let Place::User(current, _) = &self.place
            && current.len >= size_of::<T>() as u64
        {
            return UserPtr::new(current.address).read();
        }
        let mut value = T::new_zeroed();
        self.clone().take(value.as_mut_bytes())?;
        Ok(value)
    }

    /// Gives bytes to a part of a page.
    ///
    /// # Errors
    /// `EFAULT` when not even the first byte could be fetched.
    #[inline(always)]
    pub fn take_page(&mut self, page: &Page, offset: usize, len: usize) -> Result<usize> {
        let len = len.min(self.left).min(address::PAGE_LEN.saturating_sub(offset));
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |address, at, piece| {
                page.copy_from_user(offset + at, piece, address)
            }),
            Place::Kernel(buffer) => {
                page.write(offset, &buffer[..len]);
                *buffer = &buffer[len..];
                len
            }
        };
        self.left -= done;
        outcome(done, len)
    }

    /// Drops bytes without looking at them; says how many.
    pub fn skip(&mut self, len: usize) -> usize {
        let len = len.min(self.left);
        let done = match &mut self.place {
            Place::User(current, rest) => walk(current, rest, len, |_, _, piece| piece),
            Place::Kernel(buffer) => {
                *buffer = &buffer[len..];
                len
            }
        };
        self.left -= done;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_buffer_is_filled_in_order_and_not_beyond() {
        let mut buffer = [9; 6];
        let mut sink = Sink::kernel(&mut buffer);
        assert_eq!(sink.put(b"abc"), Ok(3));
        assert_eq!(sink.put_zeros(1), Ok(1));
        assert_eq!(sink.put(b"xyz"), Ok(2));
        assert_eq!(sink.left(), 0);
        assert_eq!(&buffer, b"abc\0xy");
    }

    #[test]
    fn room_behind_a_vector_is_filled_in_order_and_not_beyond() {
        let mut bytes = b"ab".to_vec();
        let mut sink = Sink::behind(&mut bytes, 4).expect("there is memory");
        assert_eq!(
            (sink.put(b"cd"), sink.put_zeros(1), sink.put(b"xyz")),
            (Ok(2), Ok(1), Ok(1))
        );
        assert_eq!(sink.left(), 0);
        assert_eq!(&bytes, b"abcd\0x");
        assert!(Sink::behind(&mut Vec::new(), usize::MAX).is_err());
    }

    #[test]
    fn a_source_gives_each_byte_once() {
        let mut source = Source::kernel(b"hello");
        let mut first = [0; 2];
        assert_eq!(source.take(&mut first), Ok(2));
        assert_eq!(source.skip(1), 1);
        let mut rest = [0; 8];
        assert_eq!(source.take(&mut rest), Ok(2));
        assert_eq!((&first, &rest[..2], source.left()), (b"he", &b"lo"[..], 0));
    }

    #[test]
    fn a_source_gives_its_bytes_to_the_end_of_a_vector() {
        let mut source = Source::kernel(b"hello");
        let mut bytes = b"ab".to_vec();
        assert_eq!(source.append(&mut bytes, 3), Ok(3));
        assert_eq!(source.append(&mut bytes, 3), Ok(2));
        assert_eq!((&bytes[..], source.left()), (&b"abhello"[..], 0));
    }

    #[test]
    fn memory_that_no_program_has_is_a_fault() {
        assert!(Source::user(u64::MAX - 2, 8).append(&mut Vec::new(), 8).is_err());
        assert!(Sink::user(0x1000, 4).put(b"abcd").is_err());
        assert!(Source::user(u64::MAX - 2, 8).take(&mut [0; 8]).is_err());
    }
}
