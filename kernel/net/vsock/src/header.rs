//! The 44 bytes before each packet (`virtio_vsock_hdr`, virtio 1.2, 5.10.6).

/// Bytes of the header.
pub const BYTES: usize = 44;

/// What a packet is.
pub mod op {
    /// Somebody wants to connect.
    pub const REQUEST: u16 = 1;
    /// They are connected.
    pub const RESPONSE: u16 = 2;
    /// There is no such connection, or not any more.
    pub const RESET: u16 = 3;
    /// Nothing more is sent or received.
    pub const SHUTDOWN: u16 = 4;
    /// Bytes.
    pub const DATA: u16 = 5;
    /// Only says what there is room for.
    pub const CREDIT_UPDATE: u16 = 6;
    /// Asks for that.
    pub const CREDIT_REQUEST: u16 = 7;
}

/// Nothing more is received (a flag of [`op::SHUTDOWN`]).
pub const NO_RECEIVE: u32 = 1;
/// Nothing more is sent.
pub const NO_SEND: u32 = 2;
/// Both.
pub const NEITHER: u32 = 3;

/// A message ends here (a flag of [`op::DATA`]).
pub const END_OF_MESSAGE: u32 = 1;
/// A record ends here.
pub const END_OF_RECORD: u32 = 2;

/// One end: a context, which is a machine or its host, and a port there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The context.
    pub cid: u32,
    /// The port.
    pub port: u32,
}

/// How bytes are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One after the other.
    Stream,
    /// In messages.
    Sequence,
}

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Self::Stream => 1,
            Self::Sequence => 2,
        }
    }
}

/// What a header says. [`Header::parse`] takes anything whose contexts can be; what it means is for the connection to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it.
    pub from: Address,
    /// To whom.
    pub to: Address,
    /// Bytes that follow.
    pub len: u32,
    /// The number of a [`Kind`], or of something else.
    pub kind: u16,
    /// What it is.
    pub op: u16,
    /// More about that.
    pub flags: u32,
    /// How many bytes the sender of this keeps until its program takes them.
    pub room: u32,
    /// How many bytes its program has taken since the beginning.
    pub taken: u32,
}

impl Header {
    /// A packet without bytes.
    #[must_use]
    pub fn new(from: Address, to: Address, kind: Kind, op: u16) -> Self {
        Self {
            from,
            to,
            len: 0,
            kind: kind.number(),
            op,
            flags: 0,
            room: 0,
            taken: 0,
        }
    }

    /// The kind of connection that it belongs to.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        [Kind::Stream, Kind::Sequence]
            .into_iter()
            .find(|kind| kind.number() == self.kind)
    }

    /// The answer that there is no such connection; none to a packet that says so itself.
    #[must_use]
    pub fn refusal(&self) -> Option<Self> {
        (self.op != op::RESET).then_some(Self {
            from: self.to,
            to: self.from,
            len: 0,
            op: op::RESET,
            flags: 0,
            room: 0,
            taken: 0,
            ..*self
        })
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let mut rest = bytes.as_mut_slice();
        let mut put = |value: &[u8]| {
            if let Some(place) = rest.split_off_mut(..value.len()) {
                place.copy_from_slice(value);
            }
        };
        put(&u64::from(self.from.cid).to_le_bytes());
        put(&u64::from(self.to.cid).to_le_bytes());
        for word in [self.from.port, self.to.port, self.len] {
            put(&word.to_le_bytes());
        }
        put(&self.kind.to_le_bytes());
        put(&self.op.to_le_bytes());
        for word in [self.flags, self.room, self.taken] {
            put(&word.to_le_bytes());
        }
        bytes
    }

    /// What the bytes say; nothing if a context has a number that none has.
    #[must_use]
    pub fn parse(bytes: &[u8; BYTES]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(4) != 0 || word(12) != 0 {
            return None;
        }
        let halves = word(28);
        Some(Self {
            from: Address {
                cid: word(0),
                port: word(16),
            },
            to: Address {
                cid: word(8),
                port: word(20),
            },
            len: word(24),
            kind: halves as u16,
            op: (halves >> 16) as u16,
            flags: word(32),
            room: word(36),
            taken: word(40),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_where_the_specification_has_them() {
        let header = Header {
            from: Address { cid: 3, port: 0x1234 },
            to: Address { cid: 2, port: 80 },
            len: 7,
            kind: 1,
            op: op::DATA,
            flags: 0x0102_0304,
            room: 0x4_0000,
            taken: 9,
        };
        let bytes = header.to_bytes();
        assert_eq!(bytes[..8], 3_u64.to_le_bytes());
        assert_eq!(bytes[8..16], 2_u64.to_le_bytes());
        assert_eq!(bytes[16..20], 0x1234_u32.to_le_bytes());
        assert_eq!(bytes[20..28], [80, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(bytes[28..36], [1, 0, 5, 0, 4, 3, 2, 1]);
        assert_eq!(bytes[36..], [0, 0, 4, 0, 9, 0, 0, 0]);
        assert_eq!(Header::parse(&bytes), Some(header));
        let mut strange = bytes;
        strange[5] = 1;
        assert_eq!(Header::parse(&strange), None);
    }

    #[test]
    fn a_refusal_is_not_refused() {
        let (one, two) = (Address { cid: 3, port: 1 }, Address { cid: 2, port: 2 });
        let request = Header::new(one, two, Kind::Stream, op::REQUEST);
        let refusal = request.refusal().expect("it is refused");
        assert_eq!((refusal.from, refusal.to, refusal.op), (two, one, op::RESET));
        assert_eq!(refusal.refusal(), None);
    }
}
