//! Frames that programs make.

use crate::address;
use crate::options::{LOSS, QDISC_BYPASS, TX_HAS_OFF, VNET_HDR_SIZE};
use crate::ring::status;
use crate::socket::PacketSocket;
use crate::spread::{LENGTH, RAW_LENGTH};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use link::header::{self, Header};
use link::interface::flag;
use link::{Checksum, ETHERNET, Frame, Interface, View, interface, view};
use packet::checksum;
use usermem::Source;
use vfs::Outgoing;

const HEADER: usize = ETHERNET as usize;
/// What a frame may be longer by that is of a virtual network, and says so.
const TAG: usize = 4;
const TAGGED: [u8; 2] = [0x81, 0];
/// Bytes before what a checksum covers, as Linux wants it.
const LEAST_BEFORE_CHECKSUM: u16 = 20;

const TOO_LONG: Error = Error::new(Errno::EMSGSIZE, "longer than the interface takes");
const NO_FRAME: Error = Error::new(Errno::EINVAL, "the bytes are no frame");
const LATER: Error = Error::new(Errno::EAGAIN, "the interface takes no more now");

/// Where a frame goes.
pub(crate) struct Target {
    interface: Arc<Interface>,
    protocol: u16,
    station: Option<[u8; 6]>,
}

impl Target {
    /// By the address that was given, or what the socket is bound to.
    pub(crate) fn new(socket: &PacketSocket, message: &Outgoing) -> Result<Self> {
        socket.options.along(&message.control)?;
        let bound = socket.binding();
        let (index, protocol, station) = match &message.address {
            Some((_, bytes)) => {
                let address = address::parse(bytes)?;
                (address.index, address.protocol, Some(address.station))
            }
            None => (bound.index, bound.protocol, None),
        };
        let interface = interface::by_index(index).ok_or(Error::new(Errno::ENXIO, "no such interface"))?;
        if interface.flags() & flag::UP == 0 {
            return Err(Error::new(Errno::ENETDOWN, "the interface is off"));
        }
        Ok(Self {
            interface,
            protocol,
            station,
        })
    }

    /// The header of the link before bytes of a socket of datagrams.
    fn header(&self, len: usize) -> Result<[u8; HEADER]> {
        let station = match self.station {
            Some(station) => station,
            None if self.interface.is_loopback() => [0; 6],
            None => return Err(Error::new(Errno::EINVAL, "a datagram needs an address")),
        };
        let kind = match self.protocol {
            RAW_LENGTH | LENGTH => len as u16,
            protocol => protocol,
        };
        let mut bytes = [0; HEADER];
        bytes[..6].copy_from_slice(&station);
        bytes[6..12].copy_from_slice(&self.interface.card.mac());
        bytes[12..].copy_from_slice(&kind.to_be_bytes());
        Ok(bytes)
    }

    /// Most bytes that a socket may send at once.
    fn most(&self, raw: bool) -> usize {
        self.interface.mtu() as usize + TAG + if raw { HEADER } else { 0 }
    }
}

/// Sends one frame of a program's bytes.
pub(crate) fn one(socket: &PacketSocket, from: &mut Source<'_>, message: &Outgoing) -> Result<usize> {
    let target = Target::new(socket, message)?;
    let len = from.left();
    let has_offload = socket.number_of(VNET_HDR_SIZE) != 0;
    if !has_offload && len > target.most(socket.raw) {
        return Err(TOO_LONG);
    }
    if len > usize::from(u16::MAX) + HEADER + TAG {
        return Err(TOO_LONG);
    }
    if !target.interface.has_room() {
        return Err(LATER);
    }
    let mut bytes = alloc::vec![0; len];
    if from.take(&mut bytes)? < len {
        return Err(Error::new(Errno::EFAULT, "the bytes end early"));
    }
    go(socket, &target, &bytes)?;
    Ok(len)
}

/// Sends all frames of the ring that are to go.
pub(crate) fn all(socket: &PacketSocket, message: &Outgoing, waits: bool) -> Result<usize> {
    let target = Target::new(socket, message)?;
    let is_lossy = socket.number_of(LOSS) != 0;
    let from = (socket.number_of(TX_HAS_OFF) != 0).then_some(usize::from(!socket.raw));
    let has_offload = socket.number_of(VNET_HDR_SIZE) != 0;
    loop {
        let mut lock = socket.outlet.lock();
        let outlet = lock.as_mut().ok_or(Error::new(Errno::EBUSY, "the ring is gone"))?;
        let room = outlet.room();
        let most = if has_offload {
            room
        } else {
            room.min(target.most(socket.raw))
        };
        let Some(next) = outlet.next(most, from) else {
            return Ok(core::mem::take(&mut outlet.gone));
        };
        if next.is_ok() && !target.interface.has_room() {
            return match outlet.gone {
                gone if gone > 0 && !waits => {
                    outlet.gone = 0;
                    Ok(gone)
                }
                _ => Err(LATER),
            };
        }
        let bytes = next.map(|(at, len)| {
            let mut bytes = alloc::vec![0; len];
            outlet.memory.read(at, &mut bytes);
            bytes
        });
        drop(lock);
        let gone = bytes.and_then(|bytes| go(socket, &target, &bytes).map(|()| bytes.len()));
        let mut lock = socket.outlet.lock();
        let outlet = lock.as_mut().ok_or(Error::new(Errno::EBUSY, "the ring is gone"))?;
        match gone {
            Ok(len) => outlet.gone += len,
            Err(_) if is_lossy => {}
            Err(error) => {
                outlet.gone = 0;
                outlet.give_back(status::WRONG);
                return Err(error);
            }
        }
        outlet.give_back(status::KERNELS);
        outlet.step();
    }
}

/// Makes a frame of a program's bytes, and sends it.
fn go(socket: &PacketSocket, target: &Target, bytes: &[u8]) -> Result<()> {
    let size = socket.number_of(VNET_HDR_SIZE) as usize;
    let (offload, body) = bytes.split_at_checked(size).ok_or(NO_FRAME)?;
    let mut whole = Vec::new();
    if !socket.raw {
        whole.extend(target.header(body.len())?);
    }
    whole.extend(body);
    if whole.len() < HEADER {
        return Err(NO_FRAME);
    }
    let mut says = [0; header::BYTES as usize];
    says.iter_mut().zip(offload).for_each(|(to, from)| *to = *from);
    let mut says = Header::parse(says);
    if !says.fits(whole.len() as u32) {
        return Err(NO_FRAME);
    }
    let longest = target.interface.mtu() as usize + HEADER;
    let is_tagged = whole[12..14] == TAGGED && whole.len() <= longest + TAG && !target.interface.is_loopback();
    if says.segmentation.is_none() && whole.len() > longest && !is_tagged {
        return Err(TOO_LONG);
    }
    if let Checksum::Partial { start, offset } = says.checksum {
        if start < LEAST_BEFORE_CHECKSUM {
            return Err(NO_FRAME);
        }
        let can_sum = target.interface.card.abilities().checksum;
        if !target.interface.is_loopback() && !can_sum && says.segmentation.is_none() {
            complete(&mut whole, start.into(), offset.into());
            says.checksum = Checksum::Unknown;
        }
    }
    let mut frame = Frame::copy_of(&whole).ok_or(Error::new(Errno::ENOBUFS, "no memory for a frame"))?;
    (frame.checksum, frame.segmentation) = (says.checksum, says.segmentation);
    let seen = match socket.number_of(QDISC_BYPASS) {
        0 => Some(View::GoingFrom(socket.number())),
        // What passes all queues by passes by those who look, too.
        _ => None,
    };
    if target.interface.is_loopback() {
        // Others see it go, and everybody sees it come; the protocols take nothing from there that has no right way.
        let views = seen.into_iter().chain([View::Coming]);
        views.for_each(|view| view::show(&target.interface, &frame, view));
        return Ok(());
    }
    let sent = target.interface.send_as(frame, seen);
    sent.map_err(|_| Error::new(Errno::ENOBUFS, "the interface takes no more now"))
}

/// Completes a checksum that covers a frame from `start` on.
fn complete(bytes: &mut [u8], start: usize, offset: usize) {
    let sum = checksum::of(bytes.get(start..).unwrap_or_default());
    if let Some(field) = bytes.get_mut(start + offset..start + offset + 2) {
        field.copy_from_slice(&sum);
    }
}
