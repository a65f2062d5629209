//! One connection, as the protocol sees it: what comes in changes it, what it owes goes out.
//!
//! Packets are never lost and come in order; so there are no repetitions and no clock but two deadlines. Each side says with every packet how many bytes it keeps and how many its program has taken since the
//! beginning; the other side sends no more than fits ("credit").
//!
//! Nothing is queued but bytes: everything else that is to be said (a request, a refusal, that there is room again) is a mark, and [`Connection::poll`] makes a packet of it when there is room for one on the way. So no peer
//! can make this side keep packets, however it behaves.
//!
//! **A peer is not trusted.** One who sends more than it was told there is room for, or messages beyond number, is reset. What it claims about its own room is believed: it is its own loss.
//!
//! The bytes that may come are never fewer than was once told, even if a program makes the room smaller meanwhile.

use crate::header::{Address, END_OF_MESSAGE, END_OF_RECORD, Header, Kind, NEITHER, NO_RECEIVE, NO_SEND, op};
use crate::inbox::{Inbox, Message, Payload};
use abi::Errno;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use frames::Page;

/// How long the other side may take to agree that a connection is over, in nanoseconds.
const CLOSING: u64 = 8_000_000_000;
/// Pages of bytes that wait to be sent at most, whatever the peer has room for.
const MOST_PAGES: usize = 64;
/// Bytes of a page.
pub const PAGE: usize = 4096;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The other side has not answered.
    Connecting,
    /// It is there.
    Open,
    /// It is over. What has come can still be read.
    Closed,
}

/// A packet to be sent.
#[derive(Debug)]
pub struct Packet {
    /// What it says.
    pub header: Header,
    /// Its bytes: the first of this page.
    pub payload: Option<Page>,
}

/// Bytes to be sent.
#[derive(Debug)]
pub struct Piece {
    /// They are its first ones.
    pub page: Page,
    /// How many.
    pub len: usize,
}

/// What is to be said besides bytes.
#[derive(Debug, Default)]
struct Owed {
    request: bool,
    response: bool,
    reset: bool,
    shutdown: bool,
    credit: bool,
    /// The same, as the answer to who asked: it is not enough that another packet says it.
    credit_answer: bool,
    credit_request: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    kind: Kind,
    own: Address,
    peer: Address,
    state: State,
    inbox: Inbox,
    /// Bytes that are kept for the program at most.
    room: u32,
    /// Bytes that the program has taken, and what the peer knows of that.
    taken: u32,
    taken_told: u32,
    /// Up to where the peer may send, counted from the beginning.
    limit: u32,
    outgoing: VecDeque<(Piece, u32)>,
    /// Bytes that were given to be sent since the beginning, and of these what was not sent yet.
    given: u32,
    unsent: usize,
    peer_room: u32,
    peer_taken: u32,
    own_shutdown: u32,
    peer_shutdown: u32,
    owed: Owed,
    error: Option<Errno>,
    deadline: Option<u64>,
    /// No program has it any more.
    is_abandoned: bool,
    was_open: bool,
    /// It asked for room, and has heard of none since.
    has_asked: bool,
}

impl Connection {
    /// Begins to connect, until `deadline`.
    #[must_use]
    pub fn connect(kind: Kind, own: Address, peer: Address, room: u32, deadline: u64) -> Self {
        let mut this = Self::new(kind, own, peer, room);
        this.owed.request = true;
        this.deadline = Some(deadline);
        this
    }

    /// Agrees to a request.
    #[must_use]
    pub fn accept(kind: Kind, request: &Header, room: u32) -> Self {
        let mut this = Self::new(kind, request.to, request.from, room);
        this.state = State::Open;
        this.was_open = true;
        this.owed.response = true;
        (this.peer_room, this.peer_taken) = (request.room, request.taken);
        this
    }

    fn new(kind: Kind, own: Address, peer: Address, room: u32) -> Self {
        Self {
            kind,
            own,
            peer,
            state: State::Connecting,
            inbox: Inbox::default(),
            room,
            taken: 0,
            taken_told: 0,
            limit: 0,
            outgoing: VecDeque::new(),
            given: 0,
            unsent: 0,
            peer_room: 0,
            peer_taken: 0,
            own_shutdown: 0,
            peer_shutdown: 0,
            owed: Owed::default(),
            error: None,
            deadline: None,
            is_abandoned: false,
            was_open: false,
            has_asked: false,
        }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it is or was open.
    #[must_use]
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// When [`Connection::expire`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// What went wrong and nobody was told yet.
    #[must_use]
    pub fn error(&self) -> Option<Errno> {
        self.error
    }

    /// The same, told.
    pub fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }

    /// What this side does no more, and what the other one ([`NO_RECEIVE`], [`NO_SEND`]).
    #[must_use]
    pub fn shutdowns(&self) -> [u32; 2] {
        [self.own_shutdown, self.peer_shutdown]
    }

    /// Bytes that a program would get.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.inbox.len()
    }

    /// Whether a program that reads now gets something.
    #[must_use]
    pub fn has_data(&self) -> bool {
        match self.kind {
            Kind::Stream => !self.inbox.is_empty(),
            Kind::Sequence => self.inbox.message().is_some(),
        }
    }

    /// Bytes that wait to be sent.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Bytes that the peer keeps at most, which is the longest message.
    #[must_use]
    pub fn longest_message(&self) -> usize {
        self.peer_room as usize
    }

    fn credit(&self) -> usize {
        let under_way = self.given.wrapping_sub(self.peer_taken);
        self.peer_room.saturating_sub(under_way) as usize
    }

    /// Bytes that [`Connection::push`] takes now, of a stream; a message's all, however long, if the peer has room for it.
    #[must_use]
    pub fn room_to_send(&self) -> usize {
        if self.outgoing.len() >= MOST_PAGES {
            return 0;
        }
        match self.kind {
            Kind::Stream => self.credit().min((MOST_PAGES - self.outgoing.len()) * PAGE),
            Kind::Sequence => self.credit(),
        }
    }

    /// Sends bytes for which there is room. Those of a message are given together.
    pub fn push(&mut self, pieces: Vec<Piece>, ends_record: bool) {
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.into_iter().enumerate() {
            let is_end = self.kind == Kind::Sequence && index == last;
            let record = if ends_record { END_OF_RECORD } else { 0 };
            let flags = if is_end { END_OF_MESSAGE | record } else { 0 };
            self.given = self.given.wrapping_add(piece.len as u32);
            self.unsent += piece.len;
            self.outgoing.push_back((piece, flags));
        }
    }

    /// Somebody waits for room: asks the peer whether there is more than it said.
    pub fn ask_for_credit(&mut self) {
        self.owed.credit_request |= !core::mem::replace(&mut self.has_asked, true);
    }

    /// The next packet to be sent, if there is one.
    pub fn poll(&mut self) -> Option<Packet> {
        if core::mem::take(&mut self.owed.reset) {
            self.owed = Owed::default();
            return Some(self.packet(op::RESET, 0));
        }
        if self.state == State::Closed {
            return None;
        }
        if core::mem::take(&mut self.owed.request) {
            return Some(self.packet(op::REQUEST, 0));
        }
        if core::mem::take(&mut self.owed.response) {
            return Some(self.packet(op::RESPONSE, 0));
        }
        if self.state == State::Connecting {
            return None;
        }
        if core::mem::take(&mut self.owed.credit_answer) {
            return Some(self.packet(op::CREDIT_UPDATE, 0));
        }
        if let Some((piece, flags)) = self.outgoing.pop_front() {
            self.unsent -= piece.len;
            let mut packet = self.packet(op::DATA, flags);
            packet.header.len = piece.len as u32;
            packet.payload = Some(piece.page);
            return Some(packet);
        }
        if core::mem::take(&mut self.owed.shutdown) {
            return Some(self.packet(op::SHUTDOWN, self.own_shutdown));
        }
        if core::mem::take(&mut self.owed.credit_request) {
            return Some(self.packet(op::CREDIT_REQUEST, 0));
        }
        if self.owed.credit {
            return Some(self.packet(op::CREDIT_UPDATE, 0));
        }
        None
    }

    /// Every packet says what there is room for.
    fn packet(&mut self, op: u16, flags: u32) -> Packet {
        self.owed.credit = false;
        self.taken_told = self.taken;
        let limit = self.taken.wrapping_add(self.room);
        if limit.wrapping_sub(self.taken) > self.limit.wrapping_sub(self.taken) {
            self.limit = limit;
        }
        let header = Header {
            flags,
            room: self.room,
            taken: self.taken,
            ..Header::new(self.own, self.peer, self.kind, op)
        };
        Packet { header, payload: None }
    }

    /// A packet came for this connection.
    pub fn receive(&mut self, header: &Header, payload: Payload<'_>) {
        if header.kind() != Some(self.kind) {
            return;
        }
        let is_news = (self.peer_room, self.peer_taken) != (header.room, header.taken);
        self.has_asked &= !is_news && header.op != op::CREDIT_UPDATE;
        (self.peer_room, self.peer_taken) = (header.room, header.taken);
        match (self.state, header.op) {
            (State::Connecting, op::RESPONSE) => {
                self.state = State::Open;
                self.was_open = true;
                self.deadline = None;
            }
            (State::Connecting, op::RESET) => self.fail(Errno::ECONNRESET),
            (State::Connecting, 0) => {}
            (State::Connecting, _) => {
                self.fail(Errno::EPROTO);
                self.owed.reset = true;
            }
            (State::Open, op::DATA) => self.take_in(header.flags, payload),
            (State::Open, op::CREDIT_REQUEST) => self.owed.credit_answer = true,
            (State::Open, op::SHUTDOWN) => self.peer_stops(header.flags),
            (State::Open, op::RESET) => self.end(),
            (State::Closed, reason) => self.owed.reset |= reason != op::RESET,
            (State::Open, _) => {}
        }
    }

    fn take_in(&mut self, flags: u32, payload: Payload<'_>) {
        let len = payload.len as u32;
        let came = self.taken.wrapping_add(self.inbox.len() as u32);
        if len > self.limit.wrapping_sub(came) {
            return self.abort(Errno::ECONNRESET);
        }
        if self.is_abandoned || self.own_shutdown & NO_RECEIVE != 0 {
            self.taken = self.taken.wrapping_add(len);
            return self.tell_room();
        }
        let mut added = self.inbox.push(payload);
        if added.is_ok() && self.kind == Kind::Sequence {
            let record = flags & END_OF_RECORD != 0;
            added = self
                .inbox
                .push_message(payload.len, flags & END_OF_MESSAGE != 0, record);
        }
        if let Err(errno) = added {
            self.abort(errno);
        }
    }

    fn peer_stops(&mut self, flags: u32) {
        self.peer_shutdown |= flags & NEITHER;
        if self.peer_shutdown == NEITHER && self.inbox.is_empty() {
            self.owed.reset = true;
            self.end();
        }
    }

    /// It is over in an orderly way.
    fn end(&mut self) {
        self.state = State::Closed;
        self.peer_shutdown = NEITHER;
        self.deadline = None;
        self.outgoing.clear();
        self.unsent = 0;
    }

    /// There will be no connection.
    fn fail(&mut self, errno: Errno) {
        self.state = State::Closed;
        self.deadline = None;
        self.error = Some(errno);
    }

    /// It is over, and the peer hears so.
    pub fn abort(&mut self, errno: Errno) {
        self.owed.reset = self.state == State::Open;
        self.end();
        self.error = Some(errno);
    }

    /// The way to the peer is gone.
    pub fn cut_off(&mut self) {
        if self.state != State::Closed {
            self.end();
            self.error = Some(Errno::ECONNRESET);
        }
    }

    /// The program does something no more, and the peer hears so.
    pub fn shut_down(&mut self, what: u32) {
        self.own_shutdown |= what & NEITHER;
        self.owed.shutdown |= self.state == State::Open;
    }

    /// The program lets go of it. It is over when the peer agrees, or after a while.
    pub fn abandon(&mut self, now: u64) {
        self.is_abandoned = true;
        let dropped = self.inbox.clear();
        self.taken = self.taken.wrapping_add(dropped as u32);
        match self.state {
            State::Connecting => self.fail(Errno::ECONNRESET),
            State::Open if self.peer_shutdown == NEITHER => {
                self.owed.reset = true;
                self.end();
            }
            State::Open => {
                self.owed.shutdown |= self.own_shutdown != NEITHER;
                self.own_shutdown = NEITHER;
                self.deadline = Some(now.saturating_add(CLOSING));
            }
            State::Closed => {}
        }
    }

    /// The deadline is over.
    pub fn expire(&mut self, now: u64) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Connecting => self.fail(Errno::ETIMEDOUT),
            State::Open => {
                self.owed.reset = true;
                self.end();
            }
            State::Closed => self.deadline = None,
        }
    }

    /// Sets how many bytes are kept for the program.
    pub fn set_room(&mut self, room: u32) {
        if core::mem::replace(&mut self.room, room) != room {
            self.owed.credit |= self.state == State::Open;
        }
    }

    /// The first message, if all of it is there.
    #[must_use]
    pub fn message(&self) -> Option<Message> {
        self.inbox.message()
    }

    /// Takes bytes out for a program ([`Inbox::take`]).
    pub fn take(&mut self) -> Option<(Vec<u8>, usize)> {
        self.inbox.take()
    }

    /// Those that were not read go back.
    pub fn give_back(&mut self, piece: Vec<u8>, from: usize) {
        if !self.is_abandoned {
            self.inbox.give_back(piece, from);
        }
    }

    /// So many were read for good, and perhaps with them a message.
    pub fn consumed(&mut self, len: usize, is_message: bool) {
        if is_message {
            self.inbox.end_message();
        }
        self.inbox.consumed(len);
        self.taken = self.taken.wrapping_add(len as u32);
        self.tell_room();
    }

    /// The peer hears of room when it is a quarter of all.
    fn tell_room(&mut self) {
        let news = self.taken.wrapping_sub(self.taken_told);
        self.owed.credit |= news > 0 && news >= self.room / 4 && self.peer_shutdown & NO_SEND == 0;
    }
}
