//! A server of addresses that does everything wrong that it can: it is silent, answers nonsense, takes back what it offered, and gives an address that somebody else has. The machine asks again, and has an address when the server gives one.
//!
//! The network is a socket on this machine's 127.0.0.1, over which QEMU passes frames; the server and whoever else there is on it are this test.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::machines::{MODERN, built, by_hand, command_line, said};
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![Case::new("leases::strange_server", strange_server)]
}

const OWN_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// Somebody has this one.
const TAKEN: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 6);
const GOOD: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 7);

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const RELEASE: u8 = 7;
const ACK: u8 = 5;
const NAK: u8 = 6;

fn strange_server() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let text = |error: std::io::Error| error.to_string();
    let program = built("lease", &["-O1", "-static"])?;
    let line = command_line("microvm", 1, &program, &[&GOOD.to_string(), &SERVER.to_string()])?;
    let wire = UdpSocket::bind("127.0.0.1:0").map_err(text)?;
    let its = UdpSocket::bind("127.0.0.1:0").map_err(text)?;
    let (own, guest) = (wire.local_addr().map_err(text)?, its.local_addr().map_err(text)?);
    drop(its);
    wire.connect(guest).map_err(text)?;
    wire.set_read_timeout(Some(Duration::from_millis(200))).map_err(text)?;
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::new(Mutex::new(String::new()));
    let (stopped, hears) = (Arc::clone(&stop), Arc::clone(&heard));
    let server = std::thread::spawn(move || serve(&wire, &stopped, &hears));
    let card = format!("-netdev socket,id=n,udp={own},localaddr={guest} -device virtio-net-device,netdev=n");
    let outcome = by_hand(format!("{line} {MODERN} {card}"));
    stop.store(true, Ordering::Relaxed);
    server.join().map_err(|_| "the server panicked")?;
    let heard = heard.lock().map_err(|error| error.to_string())?;
    said(&outcome?, &format!("{GOOD} is there")).map_err(|why| format!("{why}and the server heard {heard}"))?;
    // Not offered: asked again. Nonsense: asked again. Refused: asked again. Taken: declined, and asked again. At the end: given back.
    if *heard == "DDDR DRX DR G" {
        return Ok(());
    }
    Err(format!("the server heard {heard:?}"))
}

/// Answers until somebody says stop, and writes down what it was asked.
fn serve(wire: &UdpSocket, stop: &AtomicBool, heard: &Mutex<String>) {
    let mut bytes = [0; 2048];
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok(len) = wire.recv(&mut bytes) else { continue };
        let frame = &bytes[..len];
        match frame.get(12..14) {
            Some([8, 6]) => answer_arp(wire, frame),
            Some([8, 0]) if frame.get(23) == Some(&17) && frame.get(37) == Some(&67) => {
                let kind = frame.get(284).copied().unwrap_or(0);
                asked += u32::from(kind == DISCOVER);
                let letter = match kind {
                    DISCOVER => "D",
                    REQUEST => "R",
                    DECLINE => "X",
                    RELEASE => "G",
                    _ => "?",
                };
                if let Ok(mut heard) = heard.lock() {
                    heard.push_str(letter);
                    if kind == DECLINE || kind == REQUEST && asked != 4 {
                        heard.push(' ');
                    }
                }
                answer_question(wire, &frame[42..], kind, asked);
            }
            // A datagram for the server itself comes back.
            Some([8, 0]) if frame.get(23) == Some(&17) && frame.get(30..34) == Some(&SERVER.octets()) => {
                send_datagram(
                    wire,
                    (9, u16::from_be_bytes([frame[34], frame[35]])),
                    GOOD,
                    &frame[42..],
                );
            }
            _ => {}
        }
    }
}

/// The server is there, and so is who has the address that is given away.
fn answer_arp(wire: &UdpSocket, frame: &[u8]) {
    let Some(wanted) = frame.get(38..42).filter(|_| frame[21] == 1) else {
        return;
    };
    let mac = match wanted {
        ip if ip == SERVER.octets() => OWN_MAC,
        // As Linux: who asks in the name of that very address gets no answer, but who asks for nobody does.
        ip if ip == TAKEN.octets() && frame[28..32] == [0; 4] => OTHER_MAC,
        _ => return,
    };
    let mut answer = [
        &frame[6..12],
        &mac[..],
        &frame[12..20],
        &[0, 2],
        &mac,
        wanted,
        &frame[22..32],
    ]
    .concat();
    answer.resize(60, 0);
    let _ = wire.send(&answer);
}

/// What is answered depends on how often was asked for an address.
fn answer_question(wire: &UdpSocket, question: &[u8], kind: u8, asked: u32) {
    let send = |answer: Vec<u8>| send_datagram(wire, (67, 68), Ipv4Addr::BROADCAST, &answer);
    match (kind, asked) {
        (DISCOVER, 2) => nonsense(question).into_iter().for_each(send),
        (DISCOVER, 3) => send(answer(question, OFFER, Ipv4Addr::new(10, 9, 0, 5))),
        (REQUEST, 3) => send(answer(question, NAK, Ipv4Addr::new(10, 9, 0, 5))),
        (DISCOVER, 4) => send(answer(question, OFFER, TAKEN)),
        (REQUEST, 4) => send(answer(question, ACK, TAKEN)),
        (DISCOVER, 5..) => send(answer(question, OFFER, GOOD)),
        (REQUEST, 5..) => send(answer(question, ACK, GOOD)),
        _ => {}
    }
}

/// Answers of which none is one.
fn nonsense(question: &[u8]) -> Vec<Vec<u8>> {
    let good = answer(question, OFFER, GOOD);
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    let mut all = vec![
        Vec::new(),
        good[..100].to_vec(),
        good[..242].to_vec(),
        changed(4, !good[4]),
        changed(33, 0x77),
        changed(0, 1),
        changed(236, 0),
        changed(241, 0),
        changed(241, 255),
        answer(question, OFFER, Ipv4Addr::BROADCAST),
        answer(question, OFFER, Ipv4Addr::LOCALHOST),
        answer(question, ACK, GOOD),
        answer(question, NAK, GOOD),
        answer(question, 99, GOOD),
    ];
    // An option that goes on behind the end, and nothing but options without an end.
    all.push([&good[..240], &[53, 1, OFFER, 54, 200, 1]].concat());
    all.push([&good[..240], &[0; 1000]].concat());
    all
}

fn answer(question: &[u8], kind: u8, ip: Ipv4Addr) -> Vec<u8> {
    let mut bytes = question[..240.min(question.len())].to_vec();
    bytes.resize(240, 0);
    bytes[0] = 2;
    bytes[16..20].copy_from_slice(&ip.octets());
    bytes.extend([53, 1, kind, 54, 4]);
    bytes.extend(SERVER.octets());
    bytes.extend([1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 0x0e, 0x10, 255]);
    bytes
}

fn send_datagram(wire: &UdpSocket, (from, to): (u16, u16), ip: Ipv4Addr, payload: &[u8]) {
    let len = payload.len() as u16;
    let mut head = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 0, 0, 0, 0];
    head[2..4].copy_from_slice(&(len + 28).to_be_bytes());
    head[16..].copy_from_slice(&ip.octets());
    let sum: u32 = head
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    head[10..12].copy_from_slice(&sum.to_be_bytes());
    let ports = [from, to, len + 8, 0].map(u16::to_be_bytes).concat();
    let frame = [&[0xff; 6][..], &OWN_MAC, &[8, 0], &head, &ports, payload].concat();
    let _ = wire.send(&frame);
}
