//! What programs do with their sockets meanwhile, and what they see of them.

use crate::craft::{OWN, OWN_NEWER};
use crate::dice::Dice;
use crate::witness::{Name, Witness};
use abi::fcntl::OpenFlags;
use abi::socket::{
    AF_INET, AF_INET6, MSG_ERRQUEUE, MSG_OOB, SHUT_RD, SHUT_WR, SO_ERROR, SO_KEEPALIVE, SO_OOBINLINE, SOCK_DGRAM,
    SOCK_RAW, SOCK_STREAM, SOL_SOCKET,
};
use abi::{Errno, Result};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use usermem::{Sink, Source};
use vfs::{Context, Credentials, File, Outgoing};

/// Ports with a listener: one that keeps its streams whole, one with little room, and one with what is urgent apart.
pub(crate) const LISTENERS: [u16; 3] = [80, 81, 82];
/// Ports of datagrams.
pub(crate) const DATAGRAMS: [u16; 3] = [53, 54, 55];
/// A port of the peer's that is connected to.
pub(crate) const SERVICE: u16 = 9000;

const CLOSED: u8 = 7;
/// Nobody gives up sooner.
const PATIENCE: u64 = 3_000_000_000;
const MOST: usize = 24;

/// A connection of a program's.
struct Held {
    file: Arc<File>,
    name: Name,
    /// Its stream, once it is there.
    stream: Option<u64>,
    /// What was read.
    read: u32,
    is_exact: bool,
    has_finished: bool,
    since: u64,
}

pub(crate) struct Programs {
    view: Context,
    listeners: Vec<Arc<File>>,
    datagrams: Vec<Arc<File>>,
    raw: Vec<Arc<File>>,
    held: Vec<Held>,
    /// Connections that were accepted, made, and refused; bytes that were read.
    pub(crate) counts: [u64; 4],
}

/// An address as programs write it.
fn written(address: SocketAddr, interface: u32) -> Vec<u8> {
    let port = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => [&AF_INET.to_ne_bytes()[..], &port, &ip.octets(), &[0; 8]].concat(),
        IpAddr::V6(ip) => {
            let family = AF_INET6.to_ne_bytes();
            [&family[..], &port, &[0; 4], &ip.octets(), &interface.to_ne_bytes()].concat()
        }
    }
}

fn parsed(bytes: &[u8]) -> SocketAddr {
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = if bytes.len() < 24 {
        IpAddr::from([bytes[4], bytes[5], bytes[6], bytes[7]])
    } else {
        let octets: [u8; 16] = bytes[8..24].try_into().expect("sixteen bytes");
        IpAddr::from(octets).to_canonical()
    };
    SocketAddr::new(ip, port)
}

fn socket(family: u16, kind: u32, protocol: u32) -> Arc<File> {
    inet::socket(family.into(), kind, protocol, &Credentials::root(), OpenFlags::NONBLOCK).expect("a socket")
}

fn set(file: &File, level: u32, name: u32, value: u32) {
    let _ = file
        .socket()
        .expect("a socket")
        .set_option(level, name, &value.to_ne_bytes());
}

fn send(file: &File, bytes: &[u8], address: Option<(Arc<Context>, Vec<u8>)>, flags: u32) -> Result<usize> {
    let mut message = Outgoing {
        flags,
        address,
        ..Outgoing::default()
    };
    file.socket()?.send(file, &mut Source::kernel(bytes), &mut message)
}

impl Programs {
    pub(crate) fn new() -> Self {
        let view = Context::new(vfs::anonymous_place(b"nowhere", 0o777), Arc::new(Credentials::root()));
        let any = |port| written(SocketAddr::new([0u16; 8].into(), port), 0);
        let mut this = Self {
            listeners: Vec::new(),
            datagrams: Vec::new(),
            raw: Vec::new(),
            held: Vec::new(),
            counts: [0; 4],
            view,
        };
        for (port, backlog) in LISTENERS.into_iter().zip([64, 2, 64]) {
            let file = socket(AF_INET6, SOCK_STREAM, 0);
            set(&file, SOL_SOCKET, SO_OOBINLINE, u32::from(port != 82));
            let listener = file.socket().expect("a socket");
            listener.bind(&this.view, &any(port)).expect("bound");
            listener.listen(backlog).expect("it listens");
            this.listeners.push(file);
        }
        for port in DATAGRAMS {
            let file = socket(AF_INET6, SOCK_DGRAM, 0);
            file.socket()
                .expect("a socket")
                .bind(&this.view, &any(port))
                .expect("bound");
            // Errors are kept for who asks for them (IP_RECVERR, IPV6_RECVERR).
            set(&file, 0, 11, 1);
            set(&file, 41, 25, 1);
            this.datagrams.push(file);
        }
        let peer = written(SocketAddr::new([10, 0, 2, 2].into(), 5353).to_owned(), 0);
        let connected = socket(AF_INET, SOCK_DGRAM, 0);
        let bound = connected.socket().expect("a socket");
        bound
            .bind(&this.view, &written(SocketAddr::new(OWN.into(), 56), 0))
            .expect("bound");
        bound.connect(&this.view, &peer).expect("connected");
        this.datagrams.push(connected);
        this.raw.push(socket(AF_INET, SOCK_RAW, 1));
        this.raw.push(socket(AF_INET6, SOCK_RAW, 58));
        this
    }

    /// Does one thing that programs do.
    pub(crate) fn act(&mut self, dice: &mut Dice, witness: &mut Witness, now: u64) {
        match dice.below(12) {
            0 | 1 => self.accept(dice, witness, now),
            2 => self.connect(dice, now),
            3 => self.chat(dice),
            4 if self.held.len() > MOST / 2 || dice.one_in(30) => {
                if !self.held.is_empty() {
                    let at = dice.below(self.held.len());
                    self.let_go(at, witness);
                }
            }
            5..8 => {
                if !self.held.is_empty() {
                    let at = dice.below(self.held.len());
                    self.write(at, dice, witness);
                }
            }
            _ => {
                if !self.held.is_empty() {
                    let at = dice.below(self.held.len());
                    self.read(at, dice, witness);
                }
            }
        }
    }

    fn let_go(&mut self, at: usize, witness: &mut Witness) {
        let held = self.held.swap_remove(at);
        if let Some(number) = held.stream {
            let stream = witness.stream(&held.name, number);
            (stream.is_done, stream.touched) = (true, time::now());
        }
    }

    fn accept(&mut self, dice: &mut Dice, witness: &mut Witness, now: u64) {
        let which = dice.below(self.listeners.len());
        let listener = self.listeners[which].socket().expect("a socket");
        let Ok((file, peer)) = listener.accept(OpenFlags::NONBLOCK) else {
            return;
        };
        let socket = file.socket().expect("a socket");
        let name = (parsed(&socket.address().expect("it has one")), parsed(&peer));
        let stream = witness.claim(&name, socket.listing().state == CLOSED);
        assert!(
            stream.is_some(),
            "nobody has asked for the connection {name:?} and heard the answer"
        );
        self.counts[0] += 1;
        self.held.push(Held {
            file,
            name,
            stream,
            read: 0,
            is_exact: LISTENERS[which] != 82,
            has_finished: false,
            since: now,
        });
        if self.held.len() > MOST {
            self.let_go(0, witness);
        }
    }

    fn connect(&mut self, dice: &mut Dice, now: u64) {
        let newer = dice.one_in(2);
        let family = if newer { AF_INET6 } else { AF_INET };
        let file = socket(family, SOCK_STREAM, 0);
        set(&file, SOL_SOCKET, SO_OOBINLINE, 1);
        set(&file, SOL_SOCKET, SO_KEEPALIVE, dice.below(2) as u32);
        let ip: IpAddr = if newer {
            crate::PEERS_NEWER[dice.below(2)].into()
        } else {
            crate::PEERS[dice.below(3)].into()
        };
        let peer = SocketAddr::new(ip, SERVICE + dice.below(3) as u16);
        let socket = file.socket().expect("a socket");
        // Few ports, so that what is over is in the way.
        let port = 20_000 + dice.below(30) as u16;
        let own: IpAddr = if newer { OWN_NEWER.into() } else { OWN.into() };
        let interface = if newer { 2 } else { 0 };
        if socket
            .bind(&self.view, &written(SocketAddr::new(own, port), interface))
            .is_err()
        {
            return;
        }
        match socket.connect(&self.view, &written(peer, interface)) {
            Err(error) if error.errno == Errno::EINPROGRESS => {}
            _ => return,
        }
        let own = parsed(&socket.address().expect("it has one"));
        self.held.push(Held {
            file,
            name: (own, peer),
            stream: None,
            read: 0,
            is_exact: true,
            has_finished: false,
            since: now,
        });
    }

    /// Datagrams come and go.
    fn chat(&mut self, dice: &mut Dice) {
        let at = dice.below(self.datagrams.len());
        let file = &self.datagrams[at];
        let peer = SocketAddr::new(crate::PEERS[dice.below(3)].into(), dice.pick(&[53, 5353, 9]));
        let mapped = match peer.ip() {
            IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), peer.port()),
            IpAddr::V6(_) => peer,
        };
        let view = Context::new(vfs::anonymous_place(b"nowhere", 0o777), Arc::new(Credentials::root()));
        let address = (at < DATAGRAMS.len()).then(|| (Arc::new(view), written(mapped, 0)));
        let _ = send(file, &dice.bytes(4000), address, 0);
    }

    fn write(&mut self, at: usize, dice: &mut Dice, witness: &mut Witness) {
        // Who is not connected yet would take away what went wrong.
        let Some(held) = self.held.get_mut(at).filter(|held| held.stream.is_some()) else {
            return;
        };
        let socket = held.file.socket().expect("a socket");
        let flags = match dice.below(40) {
            0 => {
                held.has_finished = true;
                let _ = socket.shut_down(SHUT_WR);
                return;
            }
            1 => {
                held.is_exact = false;
                let _ = socket.shut_down(SHUT_RD);
                return;
            }
            2 => MSG_OOB,
            _ => 0,
        };
        if let (Ok(count), Some(number)) = (send(&held.file, &dice.bytes(6000), None, flags), held.stream) {
            witness.stream(&held.name, number).written += count as u32;
        }
    }

    fn read(&mut self, at: usize, dice: &mut Dice, witness: &mut Witness) {
        let held = &mut self.held[at];
        let Some(mut number) = held.stream else { return };
        let mut bytes = vec![0; 1 + dice.below(8000)];
        let Ok(count) = held.file.read(&mut Sink::kernel(&mut bytes)) else {
            return;
        };
        if held.is_exact && held.read == 0 && count > 0 {
            number = witness.settle(&held.name, number, &bytes[..count]);
            held.stream = Some(number);
        }
        let stream = witness.stream(&held.name, number);
        self.counts[3] += count as u64;
        if held.is_exact && count > 0 {
            let right = stream.may_read(held.read, &bytes[..count]);
            assert!(
                right,
                "{:?} gave bytes at {} that did not come in its window",
                held.name, held.read
            );
        }
        if held.is_exact && count == 0 {
            let may = stream.may_end || stream.may_end_at(held.read);
            assert!(may, "{:?} ended at {} without an end", held.name, held.read);
        }
        held.read += count as u32;
        if held.read > 200_000 {
            self.let_go(at, witness);
        }
    }

    /// Sees whether everything is as it may be.
    pub(crate) fn check(&mut self, witness: &mut Witness, now: u64) {
        let mut over = Vec::new();
        for (at, held) in self.held.iter_mut().enumerate() {
            let socket = held.file.socket().expect("a socket");
            if held.stream.is_none() {
                match socket.connected() {
                    Ok(()) => {
                        held.stream = witness.claim(&held.name, false);
                        assert!(
                            held.stream.is_some(),
                            "{:?} is connected and nobody answered",
                            held.name
                        );
                        self.counts[1] += 1;
                    }
                    Err(error) if error.errno == Errno::EAGAIN => {}
                    Err(error) => {
                        // A beginning may have waited for a neighbour who is not there.
                        let flow = witness.flows.get(&held.name);
                        let may = flow.is_some_and(|flow| flow.may_refuse)
                            || error.errno == Errno::EHOSTUNREACH
                            || error.errno == Errno::ETIMEDOUT && now > held.since + PATIENCE;
                        assert!(may, "{:?} was refused by nobody: {error:?}", held.name);
                        self.counts[2] += 1;
                        over.push(at);
                    }
                }
                continue;
            }
            if socket.listing().state == CLOSED {
                let error = socket.option(SOL_SOCKET, SO_ERROR).expect("an error");
                let errno = i32::from_ne_bytes(error[..4].try_into().expect("a number"));
                let number = held.stream.expect("looked at above");
                let stream = witness.stream(&held.name, number);
                let was_reset = errno == i32::from(Errno::ECONNRESET.0) || errno == i32::from(Errno::EPIPE.0);
                let may = stream.may_end || held.has_finished || !was_reset && now > held.since + PATIENCE;
                assert!(may, "{:?} was ended by nobody: error {errno}", held.name);
                over.push(at);
            }
        }
        for at in over.into_iter().rev() {
            self.let_go(at, witness);
        }
    }

    /// Reads what came in datagrams.
    pub(crate) fn drain(&mut self, witness: &Witness) {
        let mut bytes = vec![0; 70_000];
        for (at, file) in self.datagrams.iter().enumerate() {
            let socket = file.socket().expect("a socket");
            while let Ok(got) = socket.receive(file, &mut Sink::kernel(&mut bytes), 0) {
                let port = DATAGRAMS.get(at).copied().unwrap_or(56);
                let from = parsed(&got.address);
                assert!(
                    witness.datagrams.contains(&(port, from)),
                    "{from} sent nothing to {port}"
                );
                assert!(
                    port != 56 || from.port() == 5353,
                    "{from} is not who the socket is connected to"
                );
            }
            while socket
                .receive(file, &mut Sink::kernel(&mut bytes), MSG_ERRQUEUE)
                .is_ok()
            {}
        }
        for file in &self.raw {
            let socket = file.socket().expect("a socket");
            while socket.receive(file, &mut Sink::kernel(&mut bytes), 0).is_ok() {}
        }
    }

    /// Everything is closed.
    pub(crate) fn end(&mut self, witness: &mut Witness) {
        while !self.held.is_empty() {
            self.let_go(0, witness);
        }
        self.listeners.clear();
        self.datagrams.clear();
        self.raw.clear();
    }
}
