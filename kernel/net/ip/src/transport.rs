//! What transport protocols see: packets that came, packets that are to go, and what went wrong.

use crate::route::Via;
use abi::Errno;
use alloc::vec::Vec;
use core::net::IpAddr;
use lock::Once;
use packet::checksum::Sum;

/// What is known of a transport protocol's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is right, or nobody needs it.
    Verified,
    /// Nothing.
    Unknown,
}

/// A packet that came for the machine.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// From whom.
    pub source: IpAddr,
    /// To which of the machine's addresses, to all, or to a group.
    pub destination: IpAddr,
    /// The number of the interface that it came by.
    pub interface: u32,
    /// The protocol of its payload.
    pub protocol: u8,
    /// Type of service.
    pub traffic_class: u8,
    /// The hops that it had left.
    pub hop_limit: u8,
    /// Whether it came to this machine's address, not to all or to a group, be it by the packet's or the frame's address.
    pub is_unicast: bool,
    /// It never left the machine.
    pub is_local: bool,
    /// Its headers up to the payload, as they came.
    pub header: &'a [u8],
    /// The transport protocol's header and what follows.
    pub payload: &'a [u8],
    /// Its checksum.
    pub checksum: Checked,
    /// Bytes of payload in each packet that it was put together from on its way up; 0 if it is one.
    pub piece: u16,
}

impl Received<'_> {
    /// Whether the checksum of a transport protocol with the usual pseudo header is right; the payload is summed only if nobody has.
    #[must_use]
    pub fn has_right_checksum(&self) -> bool {
        if self.checksum == Checked::Verified {
            return true;
        }
        let mut sum = Sum::pseudo(self.source, self.destination, self.protocol, self.payload.len());
        sum.add(self.payload);
        sum.is_right()
    }
}

/// A packet of ours that did not reach its end.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// What a socket is told.
    pub errno: Errno,
    /// Whether it is for good (a connection under way ends), or may pass.
    pub is_fatal: bool,
    /// The own address that it had.
    pub source: IpAddr,
    /// To whom it was.
    pub destination: IpAddr,
    /// The number of the interface.
    pub interface: u32,
    /// Who says so: a router, the other end, or the own address if nobody answered on the local network.
    pub offender: IpAddr,
    /// Kind and code of the message (ICMP or `ICMPv6`, as the addresses are).
    pub message: (u8, u8),
    /// The hops that the message had left, and its type of service.
    pub came_by: (u8, u8),
    /// The largest packet that would have fit, if that is what was wrong.
    pub mtu: Option<u32>,
    /// As much of the transport protocol's header and payload as was quoted: 8 bytes at least.
    pub payload: &'a [u8],
}

/// What a transport protocol does. Called where nothing may sleep, without locks.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// A packet came.
    pub receive: fn(&Received<'_>),
    /// One that was sent did not arrive.
    pub fail: fn(&Failed<'_>),
}

/// Work that is left to the card.
#[derive(Clone, Copy, Debug)]
pub struct Offload {
    /// Where in the transport header the checksum is, which holds the sum of the pseudo header (for a large packet: with its whole length).
    pub checksum_at: u16,
    /// The bytes of payload in each piece of a large packet. TCP's is cut on the way where the card cannot; others only where [`Route::can_segment`](crate::Route) says so.
    pub segment: Option<u16>,
    /// Bytes of the transport header.
    pub header_len: u16,
}

/// What the header of a packet has besides what all have.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Options of the older protocol, with their padding.
    pub options: Vec<u8>,
    /// Options of the newer protocol for everybody on the way, as a header that says what follows.
    pub hop: Vec<u8>,
}

impl Extra {
    /// Bytes that it takes in the header of a packet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.options.len() + self.hop.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A packet that is to go.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The own address; the best one if none.
    pub source: Option<IpAddr>,
    /// To whom.
    pub destination: IpAddr,
    /// The protocol of its payload.
    pub protocol: u8,
    /// How many hops it may take.
    pub hop_limit: u8,
    /// Type of service.
    pub traffic_class: u8,
    /// What else is said of its way.
    pub via: Via,
    /// Nobody may cut it; one that does not fit is an error.
    pub dont_fragment: bool,
    /// The longest packet that it may be, if the way takes longer ones.
    pub most: u32,
    /// The flow that it is of, of the newer protocol.
    pub flow: u32,
    /// What its header has besides.
    pub extra: Option<&'a Extra>,
    /// The transport protocol's header.
    pub header: &'a [u8],
    /// What follows, in pieces.
    pub payload: &'a [&'a [u8]],
    /// What is left to the card, or done on the way if it cannot.
    pub offload: Option<Offload>,
}

impl<'a> Outgoing<'a> {
    /// A packet with what most have.
    #[must_use]
    pub fn new(destination: IpAddr, protocol: u8, header: &'a [u8], payload: &'a [&'a [u8]]) -> Self {
        Self {
            source: None,
            destination,
            protocol,
            hop_limit: usual_hops(destination),
            traffic_class: 0,
            via: Via::default(),
            dont_fragment: false,
            most: u32::MAX,
            flow: 0,
            extra: None,
            header,
            payload,
            offload: None,
        }
    }

    /// Bytes of the transport header and what follows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.payload
            .iter()
            .fold(self.header.len(), |len, piece| len + piece.len())
    }

    /// Whether it carries nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How many hops a packet may take to an address if nobody says otherwise.
#[must_use]
pub fn usual_hops(to: IpAddr) -> u8 {
    match to {
        IpAddr::V4(_) => sysctl::DEFAULT_TTL.get() as u8,
        IpAddr::V6(_) => sysctl::HOP_LIMIT.of(sysctl::Whose::Default) as u8,
    }
}

/// As many transport protocols as there are to be.
static HANDLERS: [Once<(u8, Handler)>; 5] = [const { Once::new() }; 5];

/// Says what is done with packets of a protocol. The first to say so does.
pub fn register(protocol: u8, handler: Handler) {
    if self::handler(protocol).is_some() {
        return;
    }
    for place in &HANDLERS {
        if place.set((protocol, handler)).is_ok() {
            return;
        }
    }
}

/// What is done with packets of a protocol.
pub(crate) fn handler(protocol: u8) -> Option<&'static Handler> {
    let mut known = HANDLERS.iter().filter_map(Once::get);
    known
        .find(|(number, _)| *number == protocol)
        .map(|(_, handler)| handler)
}

/// Who sees every packet that came for the machine, before its transport protocol does.
static WITNESS: Once<fn(&Received<'_>)> = Once::new();

/// Says who sees every packet that comes for the machine.
pub fn set_witness(witness: fn(&Received<'_>)) {
    let _ = WITNESS.set(witness);
}

/// Shows a packet.
pub(crate) fn show(packet: &Received<'_>) {
    if let Some(witness) = WITNESS.get() {
        witness(packet);
    }
}
