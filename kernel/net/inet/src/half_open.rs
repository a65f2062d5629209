//! Who has begun to connect over the network and is not connected yet.
//!
//! A listener knows so many; who comes when there are more is answered by a cookie, and nothing is kept. Those whose last answer comes while too many wait to be accepted are not heard: they come again.

use crate::depart::send_header;
use crate::memory;
use crate::remote::{self, Remote};
use crate::stream::TcpSocket;
use crate::stream_options;
use crate::table::{self, Name};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::IpAddr;
use counters::tcp_ext;
use ip::Via;
use lock::SpinLock;
use tcp::listener::{Request, Verdict};
use tcp::{Header, Segment, Seq, Settings, flags};
use time::Expire;
use vfs::Events;

/// How many may always be half open.
const LEAST: usize = 8;
/// How long after the last cookie one may come back.
const COOKIES: u64 = 180_000_000_000;

/// Who has begun, at one listener.
#[derive(Default)]
pub(crate) struct Requests {
    state: SpinLock<State>,
}

#[derive(Default)]
struct State {
    /// Each with its hash before it, so that one is found by looking at few words.
    known: Vec<(u32, Box<Begun>)>,
    settings: Settings,
    is_swept: bool,
    cookies_until: u64,
}

impl Requests {
    /// Shows everybody: the name, when he is answered next, and how often he was answered again.
    pub(crate) fn each(&self, mut show: impl FnMut(&Name, u64, u8)) {
        for (_, begun) in &self.state.lock().known {
            show(&begun.name, begun.request.next, begun.request.again());
        }
    }
}

/// Somebody who has begun.
struct Begun {
    name: Name,
    interface: u32,
    request: Request,
}

impl State {
    fn find(&self, name: &Name) -> Option<usize> {
        let hash = table::hash(name);
        let mut known = self.known.iter();
        known.position(|(other, begun)| *other == hash && begun.name == *name)
    }
}

/// A segment came for who listens.
#[cold]
#[inline(never)]
pub(crate) fn arrive(
    socket: &Arc<TcpSocket>,
    name: &Name,
    interface: u32,
    segment: &Segment<'_>,
    first: Option<Seq>,
) -> Option<Header> {
    let listener = socket.listener.get()?;
    let now = time::now();
    let (has_room, backlog) = listener.room()?;
    let has_room = has_room && !memory::is_scarce();
    let mut state = listener.requests.state.lock();
    let Some(at) = state.find(name) else {
        if segment.flags & (flags::SYN | flags::ACK | flags::RST | flags::FIN) == flags::SYN {
            if has_room {
                state.settings = stream_options::settings(&socket.options);
                drop(state);
                begin(&listener.requests, name, interface, segment, (first, backlog));
            } else {
                tcp_ext::LISTEN_OVERFLOWS.count();
                tcp_ext::LISTEN_DROPS.count();
            }
            return None;
        }
        let cookies = now < state.cookies_until;
        drop(state);
        return match with_cookie(now, name, interface, segment).filter(|_| cookies) {
            Some(_) if !has_room => {
                tcp_ext::LISTEN_OVERFLOWS.count();
                tcp_ext::LISTEN_DROPS.count();
                None
            }
            Some(request) => {
                tcp_ext::SYNCOOKIES_RECV.count();
                open(socket, &request, name, interface, segment)
            }
            // What neither begins nor answers is dropped, as on Linux: no answer tells who looks around that somebody listens.
            None if !segment.has(flags::ACK) => None,
            None => {
                if cookies {
                    tcp_ext::SYNCOOKIES_FAILED.count();
                }
                segment.refusal()
            }
        };
    };
    let request = &state.known.get(at)?.1.request;
    let waits_for_bytes = stream_options::defers(&socket.options) && segment.payload.is_empty();
    match request.on_segment(segment) {
        Verdict::Drop => None,
        Verdict::Answer => {
            let answer = request.answer(now, &state.settings, false);
            drop(state);
            send_header(name, Via::by(Some(interface)), &answer.0, &answer.1);
            None
        }
        Verdict::Forget => {
            counters::tcp::ATTEMPT_FAILS.count();
            tcp_ext::EMBRYONIC_RSTS.count();
            state.known.swap_remove(at);
            None
        }
        Verdict::Refuse(header) => Some(header),
        Verdict::Open if !has_room && sysctl::ABORT_ON_OVERFLOW.is_on() => {
            tcp_ext::LISTEN_OVERFLOWS.count();
            state.known.swap_remove(at);
            segment.refusal()
        }
        Verdict::Open if !has_room || waits_for_bytes => None,
        Verdict::Open => {
            let (_, begun) = state.known.swap_remove(at);
            drop(state);
            open(socket, &begun.request, name, interface, segment)
        }
    }
}

#[cold]
#[inline(never)]
fn begin(
    requests: &Arc<Requests>,
    name: &Name,
    interface: u32,
    segment: &Segment<'_>,
    (first, backlog): (Option<Seq>, usize),
) {
    let now = time::now();
    let Ok(mut ends) = remote::ends(now, name, Via::by(Some(interface))) else {
        return;
    };
    ends.first = first.unwrap_or(ends.first);
    let mut state = requests.state.lock();
    let mut request = Request::new(now, ends, segment, &state.settings.machine);
    let most = sysctl::MAX_SYN_BACKLOG.get() as usize;
    let is_full = state.known.len() >= backlog.min(most).max(LEAST);
    let asked = sysctl::SYNCOOKIES.get();
    let is_cookie = is_full && asked > 0 || asked > 1;
    if is_full && !is_cookie {
        tcp_ext::REQ_QFULL_DROP.count();
        tcp_ext::LISTEN_DROPS.count();
        return;
    }
    if is_cookie {
        state.cookies_until = now + COOKIES;
        tcp_ext::SYNCOOKIES_SENT.count();
        if is_full {
            tcp_ext::REQ_QFULL_DO_COOKIES.count();
        }
        request.make_cookie(table::secret(), now, table::words(name));
    }
    let (header, options) = request.answer(now, &state.settings, is_cookie);
    if !is_cookie {
        let next = request.next;
        let begun = Begun {
            name: *name,
            interface,
            request,
        };
        state.known.push((table::hash(name), Box::new(begun)));
        sweep_at(requests, &mut state, next);
    }
    drop(state);
    send_header(name, Via::by(Some(interface)), &header, &options);
}

#[cold]
#[inline(never)]
fn with_cookie(now: u64, name: &Name, interface: u32, segment: &Segment<'_>) -> Option<Request> {
    if segment.flags & (flags::SYN | flags::ACK | flags::RST) != flags::ACK {
        return None;
    }
    let ends = remote::ends(now, name, Via::by(Some(interface))).ok()?;
    Request::from_cookie(table::secret(), now, table::words(name), ends, segment)
}

/// There is a connection: it waits to be accepted, and gets the segment that opened it.
#[cold]
#[inline(never)]
fn open(
    socket: &Arc<TcpSocket>,
    request: &Request,
    name: &Name,
    interface: u32,
    segment: &Segment<'_>,
) -> Option<Header> {
    let server = TcpSocket::new(socket.family, socket.uid);
    server.options.inherit(&socket.options);
    if matches!(name.1.ip(), IpAddr::V6(peer) if peer.is_unicast_link_local()) {
        server.options.bind_to_device(interface);
    }
    let connection = request.open(time::now(), stream_options::settings(&server.options));
    server.serve(name.0, name.1, socket);
    let remote = Remote::accept(*name, Via::by(Some(interface)), &server.ear, connection)?;
    stream_options::set_manner(&server, &remote);
    *server.remote.lock() = Some(Arc::clone(&remote));
    counters::tcp::PASSIVE_OPENS.count();
    let refusal = remote.deliver(segment);
    if let Some(listener) = socket.listener.get() {
        listener.put(server);
        socket.ear.readable.wake(1, Events::READABLE.bits());
    }
    refusal
}

/// Answers again, or forgets.
struct Sweep(Weak<Requests>);

fn sweep_at(requests: &Arc<Requests>, state: &mut State, at: u64) {
    if !core::mem::replace(&mut state.is_swept, true) {
        time::add(at, Arc::new(Sweep(Arc::downgrade(requests))));
    }
}

impl Expire for Sweep {
    fn expire(self: Arc<Self>) {
        let Some(requests) = self.0.upgrade() else { return };
        let now = time::now();
        let mut answers = Vec::new();
        let mut guard = requests.state.lock();
        let state = &mut *guard;
        let settings = state.settings;
        state.known.retain_mut(|(_, begun)| {
            let request = &mut begun.request;
            if request.next > now {
                return true;
            }
            let again = request.is_answered_again(now, &settings.machine);
            if again {
                answers.push((begun.name, begun.interface, request.answer(now, &settings, false)));
            }
            again
        });
        state.is_swept = false;
        if let Some(next) = state.known.iter().map(|(_, begun)| begun.request.next).min() {
            sweep_at(&requests, state, next);
        }
        drop(guard);
        for (name, interface, (header, options)) in &answers {
            send_header(name, Via::by(Some(*interface)), header, options);
        }
    }
}
