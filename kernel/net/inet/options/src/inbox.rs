//! Datagrams that wait to be fetched, and what is known of those that did not arrive. Filled where nothing may sleep.

use crate::judge;
use crate::letter::{Letter, Trouble};
use crate::troubles::{self, Troubles};
use abi::socket::{MSG_PEEK, MSG_TRUNC, SO_RCVBUF, SO_SELECT_ERR_QUEUE, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use ipc::channel::{CAPACITY, Ear};
use ipc::options::{LEFT, Options, QUEUED};
use lock::SpinLock;
use lock::atomic::{AtomicU32, AtomicUsize, Ordering};
use room::DATAGRAMS;
use usermem::Sink;
use vfs::{Events, Incoming};

/// What a datagram counts besides its bytes.
const OVERHEAD: usize = 512;
#[derive(Default)]
struct State {
    letters: VecDeque<Letter>,
    used: usize,
    /// Datagrams that found no room.
    lost: u32,
}

/// What waits for a socket's owner.
#[derive(Default)]
pub struct Inbox {
    state: SpinLock<State>,
    letters: AtomicUsize,
    troubles: Troubles,
    /// What went wrong and nobody was told yet: an errno.
    error: AtomicU32,
    /// Who waits for something to come.
    pub ear: Ear,
}

impl core::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Inbox")
    }
}

impl Inbox {
    /// Puts in a datagram that is wanted, if it fits, here and with those that wait elsewhere (`net.ipv4.udp_mem`). Who has none gets one in any case.
    #[inline]
    fn put(&self, mut letter: Letter, room: usize) -> bool {
        let mut state = self.state.lock();
        let size = letter.bytes.len() + OVERHEAD;
        let is_full = state.used + size > room || DATAGRAMS.is_beyond(room::LITTLE);
        if is_full && !state.letters.is_empty() {
            state.lost = state.lost.wrapping_add(1);
            return false;
        }
        letter.lost = state.lost;
        state.used += size;
        DATAGRAMS.change(0, size);
        state.letters.push_back(letter);
        self.letters.store(state.letters.len(), Ordering::SeqCst);
        drop(state);
        self.ear.readable.wake(1, Events::READABLE.bits());
        true
    }

    /// Puts a datagram in if the socket wants it; `header` is what filters see before its bytes, of a protocol ([`judge::wants`]).
    #[inline]
    pub fn take_in(&self, options: &Options, mut letter: Letter, header: &[u8], protocol: u8) -> bool {
        if options.has_extras() {
            letter.came = time::wall_now();
            if let Some(filter) = options.filter()
                && !judge::wants(&filter, &mut letter, header, protocol)
            {
                return true;
            }
        }
        self.put(letter, room_of(options))
    }

    /// The same for one from the network that may be joined with the one before it (`UDP_GRO`).
    #[cold]
    #[inline(never)]
    pub fn take_joined(&self, options: &Options, letter: Letter, header: &[u8], protocol: u8) -> bool {
        let mut state = self.state.lock();
        let State { letters, used, .. } = &mut *state;
        let len = letter.bytes.len();
        if *used + len <= room_of(options)
            && !DATAGRAMS.is_beyond(room::LITTLE)
            && letters.back_mut().is_some_and(|last| last.join(&letter))
        {
            *used += len;
            DATAGRAMS.change(0, len);
            return true;
        }
        drop(state);
        self.take_in(options, letter, header, protocol)
    }

    /// Whether nothing waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.load(Ordering::SeqCst) == 0
    }

    /// Bytes of the next datagram.
    #[inline]
    pub fn next_len(&self) -> usize {
        self.state.lock().letters.front().map_or(0, |letter| letter.bytes.len())
    }

    #[inline]
    fn take(&self, flags: u32) -> Result<Letter> {
        const NOTHING: Error = Error::new(Errno::EAGAIN, "");
        if self.is_empty() {
            return Err(NOTHING);
        }
        let mut state = self.state.lock();
        if flags & MSG_PEEK != 0 {
            return state.letters.front().cloned().ok_or(NOTHING);
        }
        let letter = state.letters.pop_front().ok_or(NOTHING)?;
        let size = letter.bytes.len() + OVERHEAD;
        state.used -= size;
        DATAGRAMS.change(size, 0);
        let left = state.letters.len();
        self.letters.store(left, Ordering::SeqCst);
        drop(state);
        if left > 0 {
            self.ear.readable.wake(1, Events::READABLE.bits());
        }
        Ok(letter)
    }

    /// Gives the next datagram to a program: it, how much counts as received, and further flags.
    #[inline]
    pub fn receive(&self, into: &mut Sink<'_>, flags: u32) -> Result<(Letter, usize, u32)> {
        let letter = self.take(flags)?;
        let (count, flags) = put_bytes(&letter.bytes, into, flags)?;
        Ok((letter, count, flags))
    }

    /// The same where what is only looked at may begin further on (`SO_PEEK_OFF`).
    #[cold]
    #[inline(never)]
    pub fn receive_more(&self, options: &Options, into: &mut Sink<'_>, flags: u32) -> Result<(Letter, usize, u32)> {
        let room = into.left();
        let Some(offset) = options.peek_offset() else {
            return self.receive(into, flags);
        };
        if flags & MSG_PEEK == 0 {
            let received = self.receive(into, flags)?;
            options.move_peek_offset(-(received.0.bytes.len().min(room) as isize));
            return Ok(received);
        }
        let (letter, skip) = self.look_behind(offset).ok_or(Error::from(Errno::EAGAIN))?;
        let whole = letter.bytes.len();
        let (count, cut) = put_bytes(letter.bytes.get(skip..).unwrap_or_default(), into, flags & !MSG_TRUNC)?;
        options.move_peek_offset(count as isize);
        // As on Linux, which compares with the whole.
        let cut = if room <= whole - skip && room < whole {
            MSG_TRUNC
        } else {
            cut
        };
        Ok((letter, if flags & MSG_TRUNC != 0 { whole } else { count }, cut))
    }

    /// The datagram that lies behind so many bytes of what waits, and how many of them are its own.
    fn look_behind(&self, offset: usize) -> Option<(Letter, usize)> {
        let mut skip = offset;
        for letter in &self.state.lock().letters {
            let len = letter.bytes.len();
            if skip < len || len == 0 && skip == 0 {
                return Some((letter.clone(), skip));
            }
            skip -= len;
        }
        None
    }

    /// Tells of a datagram that did not arrive.
    pub fn put_trouble(&self, trouble: Trouble) {
        self.troubles.put(trouble);
        self.ear.wake_all();
    }

    /// A call that was to send without a copy has sent.
    #[cold]
    pub fn note_copied(&self) {
        self.troubles.note_copied();
        self.ear.wake_all();
    }

    /// Something was sent: tells when it left, if that is wanted. What goes along may say so; `frame` is what is told with it.
    #[cold]
    #[inline(never)]
    pub fn note_times(&self, options: &Options, along: Option<u32>, frame: &dyn Fn() -> Vec<u8>) {
        let times = options.times_of_sending(along) & (QUEUED | LEFT);
        if times == 0 {
            return;
        }
        let number = options.next_stamped();
        for time in [QUEUED, LEFT].into_iter().filter(|time| times & time != 0) {
            let bytes = if options.shows_sent() { frame() } else { Vec::new() };
            self.troubles.note_time(time, number, bytes);
        }
        self.ear.wake_all();
    }

    /// Gives a program the oldest of what did not arrive.
    ///
    /// # Errors
    /// `EAGAIN`, `EFAULT`.
    pub fn give_trouble(&self, family: u16, options: &Options, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let (trouble, next) = self.troubles.take()?;
        // What the next call is told is the next of them.
        let errno = next.map_or(0, |errno| u32::from(errno.0));
        self.error.store(errno, Ordering::SeqCst);
        troubles::give(&trouble, family, options, into, flags)
    }

    /// What the next call is told.
    pub fn set_error(&self, errno: Errno) {
        self.error.store(u32::from(errno.0), Ordering::SeqCst);
        self.ear.wake_all();
    }

    /// Whether the next call is told of an error.
    #[inline]
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.error.load(Ordering::Relaxed) != 0
    }

    /// What went wrong, told once.
    ///
    /// # Errors
    /// That.
    #[inline]
    pub fn take_error(&self) -> Result<()> {
        if !self.has_error() {
            return Ok(());
        }
        match self.error.swap(0, Ordering::AcqRel) {
            0 => Ok(()),
            errno => Err(Errno(errno as u16).into()),
        }
    }

    /// What is to be found in it.
    #[inline]
    pub fn ready(&self, options: &Options) -> Events {
        let failed = self.has_error() || self.troubles.has_some();
        let mut events = Events::WRITABLE;
        events.set(Events::READABLE, !self.is_empty());
        events.set(Events::ERR, failed);
        events.set(Events::PRI, failed && options.is_set(SOL_SOCKET, SO_SELECT_ERR_QUEUE));
        events
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        DATAGRAMS.change(self.state.get_mut().used, 0);
    }
}

/// Gives a datagram's bytes to a program: how many count as received, and whether some did not fit.
#[inline]
pub fn put_bytes(bytes: &[u8], into: &mut Sink<'_>, flags: u32) -> Result<(usize, u32)> {
    let fits = bytes.len().min(into.left());
    if fits > 0 && into.put(&bytes[..fits])? < fits {
        return Err(Error::new(Errno::EFAULT, "the bytes do not fit where they should"));
    }
    let cut = fits < bytes.len();
    let count = if flags & MSG_TRUNC != 0 { bytes.len() } else { fits };
    Ok((count, if cut { MSG_TRUNC } else { 0 }))
}

/// How much a socket takes.
#[inline]
fn room_of(options: &Options) -> usize {
    let room = options.kept(SOL_SOCKET, SO_RCVBUF);
    room.map_or(CAPACITY, |room| room as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::net::{IpAddr, SocketAddr};

    #[test]
    fn datagrams_of_one_flow_are_joined_as_long_as_they_are_as_long_as_the_first() {
        let ip = IpAddr::from([10, 0, 0, 1]);
        let letter = |len: usize, port| Letter::plain([7].repeat(len), SocketAddr::new(ip, port), ip, 2);
        let (inbox, options) = (Inbox::default(), Options::default());
        for (len, port) in [(10, 1), (10, 1), (4, 1), (4, 1), (5, 1), (5, 2), (0, 2), (3, 2)] {
            assert!(inbox.take_joined(&options, letter(len, port), &[], 17));
        }
        for _ in 0..70 {
            assert!(inbox.take_joined(&options, letter(1, 3), &[], 17));
        }
        let mut came = Vec::new();
        while let Ok(letter) = inbox.take(0) {
            came.push((letter.bytes.len(), letter.piece));
        }
        // What is longer than those before it, shorter than the last of them, or of others, is apart; and no more than 64 are joined.
        assert_eq!(
            came,
            [(24, 10), (4, 0), (5, 0), (5, 0), (0, 0), (3, 0), (64, 1), (6, 1)]
        );
        assert_eq!((inbox.state.lock().used, DATAGRAMS.kept()), (0, 0));
    }
}
