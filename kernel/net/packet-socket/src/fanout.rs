//! Sockets that share what comes (`PACKET_FANOUT`): each frame goes to one of a group, by what it is, by turns, by where it came, or by what a program says.

use crate::inbox::Room;
use crate::socket::{Binding, PacketSocket};
use crate::spread::Seen;
use abi::socket::{SO_LOCK_FILTER, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use ipc::filter::{About, Filter};
use link::ETHERNET;
use lock::SpinLock;

/// How one is chosen (`PACKET_FANOUT_*`); by hash otherwise.
mod by {
    pub(super) const TURNS: u8 = 1;
    pub(super) const CPU: u8 = 2;
    pub(super) const ROOM: u8 = 3;
    pub(super) const CHANCE: u8 = 4;
    pub(super) const QUEUE: u8 = 5;
    pub(super) const PROGRAM: u8 = 6;
    pub(super) const LAST: u8 = 7;
}

/// `PACKET_FANOUT_FLAG_*`, as they are kept.
mod flag {
    pub(super) const ROOM: u8 = 0x10;
    pub(super) const NEW: u8 = 0x20;
    pub(super) const IGNORE_OUTGOING: u8 = 0x40;
    pub(super) const ALL: u8 = ROOM | NEW | IGNORE_OUTGOING;
}

/// Members that a group may have, and has if nobody says so.
const MOST: u32 = 1 << 16;
const USUAL: u32 = 256;
/// Flows that a socket remembers, to find those that most frames are of.
const REMEMBERED: usize = 16;

const INVALID: Error = Error::new(Errno::EINVAL, "no such way to share frames");

static GROUPS: SpinLock<Vec<Weak<Group>>> = SpinLock::new(Vec::new());
/// Where the search for a free number begins.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Sockets that share.
pub(crate) struct Group {
    id: u16,
    kind: u8,
    flags: u8,
    most: usize,
    /// What all of them listen to.
    binding: Binding,
    turn: AtomicU32,
    members: SpinLock<Vec<Weak<PacketSocket>>>,
    program: SpinLock<Option<Arc<Filter>>>,
}

/// What a socket has passed on to others for want of room.
#[derive(Default)]
pub(crate) struct Rollover {
    /// Whom it asks first.
    at: usize,
    /// All frames, those of large flows, and those that nobody had room for.
    pub(crate) counts: [u64; 3],
    history: [u32; REMEMBERED],
}

impl Group {
    /// What `PACKET_FANOUT` tells.
    pub(crate) fn describe(&self) -> u32 {
        u32::from(self.id) | u32::from(self.kind) << 16 | u32::from(self.flags) << 24
    }

    pub(crate) fn ignores_outgoing(&self) -> bool {
        self.flags & flag::IGNORE_OUTGOING != 0
    }

    pub(crate) fn rolls_over(&self) -> bool {
        self.kind == by::ROOM || self.flags & flag::ROOM != 0
    }

    /// Has a program choose (`PACKET_FANOUT_DATA`).
    ///
    /// # Errors
    /// `EINVAL`, `EPERM`, `EFAULT`.
    pub(crate) fn set_program(&self, socket: &PacketSocket, value: &[u8]) -> Result<()> {
        if self.kind != by::PROGRAM {
            return Err(Error::new(Errno::EINVAL, "no program chooses"));
        }
        if socket.options.is_set(SOL_SOCKET, SO_LOCK_FILTER) {
            return Err(Error::new(Errno::EPERM, "the filter stays as it is"));
        }
        let program = Arc::new(Filter::of_option(value)?);
        let old = self.program.lock().replace(program);
        drop(old);
        Ok(())
    }

    /// A socket leaves: the last one has its place from now on.
    pub(crate) fn leave(&self, socket: *const PacketSocket) {
        let mut members = self.members.lock();
        if let Some(at) = members.iter().position(|member| core::ptr::eq(member.as_ptr(), socket)) {
            members.swap_remove(at);
        }
    }
}

/// A socket joins a group, or begins one: the number, how they share, and how many may at most.
///
/// # Errors
/// `EINVAL`; `EALREADY` for one that is in a group, `ENOSPC` for a group that is full.
pub(crate) fn join(socket: &Arc<PacketSocket>, value: &[u8]) -> Result<()> {
    let [id, id_high, kind, mut flags] = *value.first_chunk().ok_or(INVALID)?;
    let most = match value.len() {
        4 => 0,
        8 => value.last_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes)),
        _ => return Err(INVALID),
    };
    if kind > by::LAST || flags & !flag::ALL != 0 || kind == by::ROOM && flags & flag::ROOM != 0 {
        return Err(INVALID);
    }
    if socket.group().is_some() {
        return Err(Error::new(Errno::EALREADY, "the socket shares already"));
    }
    let mut groups = GROUPS.lock();
    groups.retain(|group| group.strong_count() > 0);
    let find = |id: u16| groups.iter().filter_map(Weak::upgrade).find(|group| group.id == id);
    let mut id = u16::from_ne_bytes([id, id_high]);
    if flags & flag::NEW != 0 {
        if id != 0 {
            return Err(INVALID);
        }
        let first = NEXT.load(Ordering::Relaxed);
        let free = (0..=u32::from(u16::MAX)).map(|step| (first.wrapping_add(step)) as u16);
        id = free.into_iter().find(|id| find(*id).is_none()).ok_or(Errno::ENOMEM)?;
        NEXT.store(u32::from(id) + 1, Ordering::Relaxed);
        flags &= !flag::NEW;
    }
    let binding = socket.binding();
    let known = find(id);
    let group = match &known {
        Some(group) if group.flags != flags || most != 0 && most as usize != group.most => return Err(INVALID),
        Some(group) => Arc::clone(group),
        None if most > MOST => return Err(INVALID),
        None => Arc::new(Group {
            id,
            kind,
            flags,
            most: if most == 0 { USUAL } else { most } as usize,
            binding,
            turn: AtomicU32::new(0),
            members: SpinLock::default(),
            program: SpinLock::default(),
        }),
    };
    if !binding.is_listening || group.kind != kind || group.binding != binding {
        return Err(INVALID);
    }
    if group.members.lock().len() >= group.most {
        return Err(Error::new(Errno::ENOSPC, "the group is full"));
    }
    if known.is_none() {
        groups.push(Arc::downgrade(&group));
    }
    drop(groups);
    group.members.lock().push(Arc::downgrade(socket));
    socket.set_group(group);
    Ok(())
}

/// Gives a frame to one of a group.
pub(crate) fn offer(group: &Group, seen: &Seen<'_>) {
    let members: Vec<_> = group.members.lock().iter().filter_map(Weak::upgrade).collect();
    let count = members.len();
    if count == 0 {
        return;
    }
    let flow = flow(seen.bytes);
    let mut index = match group.kind {
        by::TURNS => group.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1) as usize,
        by::CPU => hal::cpu::current(),
        by::CHANCE => {
            let mut bytes = [0; 4];
            random::fill(&mut bytes);
            u32::from_ne_bytes(bytes) as usize
        }
        by::PROGRAM => chosen(group, seen),
        // Frames do not say by which queue they came, and who is asked for room asks the first.
        by::QUEUE | by::ROOM | by::LAST => 0,
        _ => ((u64::from(flow) * count as u64) >> 32) as usize,
    } % count;
    if group.rolls_over() {
        let itself = group.flags & flag::ROOM != 0;
        index = with_room(&members, index, itself, flow, seen.bytes.len());
    }
    members[index].offer(seen);
}

fn chosen(group: &Group, seen: &Seen<'_>) -> usize {
    let program = group.program.lock().clone();
    let about = About {
        protocol: seen.protocol,
        whose: seen.whose,
        interface: seen.interface.index as u32,
        network: 0,
        start: 0,
    };
    // As on Linux it sees what is behind the header of the link.
    let bytes = seen.bytes.get(ETHERNET as usize..).unwrap_or_default();
    program.map_or(0, |program| program.run(bytes, &about) as usize)
}

/// The first that has room, beginning with the one who was chosen if it is to be asked.
fn with_room(members: &[Arc<PacketSocket>], chosen: usize, itself: bool, flow: u32, len: usize) -> usize {
    let first = &members[chosen];
    let room = if itself { first.room(len) } else { Room::None };
    let begin = first.with_rollover(|rollover| match room {
        Room::Normal => None,
        Room::Low if !rollover.is_huge(flow) => None,
        _ => Some(rollover.at.min(members.len() - 1)),
    });
    let Some(Some(begin)) = begin else {
        return chosen;
    };
    let order = (begin..members.len()).chain(0..begin);
    let found = order
        .into_iter()
        .find(|at| !(itself && *at == chosen) && members[*at].room(len) == Room::Normal);
    first.with_rollover(|rollover| match found {
        Some(at) => {
            rollover.at = at;
            rollover.counts[0] += 1;
            rollover.counts[1] += u64::from(room == Room::Low);
        }
        None => rollover.counts[2] += 1,
    });
    found.unwrap_or(chosen)
}

impl Rollover {
    /// Whether most of the frames before were of that flow.
    fn is_huge(&mut self, flow: u32) -> bool {
        let known = self.history.iter().filter(|known| **known == flow).count();
        let mut bytes = [0];
        random::fill(&mut bytes);
        self.history[usize::from(bytes[0]) % REMEMBERED] = flow;
        known > REMEMBERED / 2
    }
}

/// A number that is the same for all frames of a flow, in both directions.
pub(crate) fn flow(bytes: &[u8]) -> u32 {
    const IP: usize = ETHERNET as usize;
    const LATER_FRAGMENT: u8 = 0x1f;
    let at = |from: usize, len: usize| bytes.get(from..from + len).unwrap_or_default();
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let (addresses, len, protocol, ports) = match at(12, 2) {
        [8, 0] => {
            let is_part = byte(IP + 6) & (LATER_FRAGMENT | 0x20) != 0 || byte(IP + 7) != 0;
            let header = usize::from(byte(IP) & 15) * 4;
            (IP + 12, 4, byte(IP + 9), Some(IP + header).filter(|_| !is_part))
        }
        [0x86, 0xdd] => (IP + 8, 16, byte(IP + 6), Some(IP + 40)),
        _ => (0, 6, 0, None),
    };
    let ports = ports.filter(|_| matches!(protocol, 6 | 17 | 132 | 136));
    let end = |which: usize| {
        let port = ports.map_or(&[][..], |ports| at(ports + 2 * which, 2));
        (at(addresses + len * which, len), port)
    };
    let (one, other) = (end(0).min(end(1)), end(0).max(end(1)));
    // FNV-1a, and what makes its upper bits as good as the lower ones.
    let all = [one.0, one.1, other.0, other.1, &[protocol]];
    let hash = all.into_iter().flatten().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d)
}
