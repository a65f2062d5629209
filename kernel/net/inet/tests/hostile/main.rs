//! The whole stack, with programs on one side and somebody on the other who sends anything: frames that are right, nearly right, malformed, and right for another connection or another time.
//!
//! Nothing panics, memory stays within its bounds and comes back, everything that the machine sends is well-formed, and of connections: nobody has one without having heard the machine's answer to his beginning; no byte
//! comes out that did not come in its window; only a reset with the exact number ends one (RFC 5961). Who judges that is the [`witness`](witness::Witness), who sees what the stack sees and knows less.
//!
//! `CHITON_SEED=n` repeats a run that failed; `CHITON_SECONDS=600` runs one seed after the other, each in a process of its own.
#![forbid(unsafe_code)]

mod attacker;
#[path = "../../../link/tests/cable/mod.rs"]
mod cable;
mod craft;
mod dice;
mod programs;
mod witness;

use attacker::Attacker;
use cable::{Cable, MAC};
use craft::{OWN, PEER};
use ip::Plan;
use link::{Interface, interface};
use packet::{arp, discovery, ethernet, icmp, ipv6};
use programs::Programs;
use std::collections::VecDeque;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use witness::Witness;

pub(crate) const PEERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(10, 0, 2, 2),
    Ipv4Addr::new(10, 0, 2, 3),
    Ipv4Addr::new(198, 51, 100, 7),
    Ipv4Addr::new(10, 0, 2, 200),
];
pub(crate) const PEERS_NEWER: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 200),
];

const MILLI: u64 = 1_000_000;
/// Attacks in one run.
const ROUNDS: u64 = 150_000;
/// Frames that are shown when something is wrong.
const SHOWN: usize = 12;

struct World {
    interface: Arc<Interface>,
    cable: Arc<Cable>,
    witness: Witness,
    programs: Programs,
    attacker: Attacker,
    last: VecDeque<String>,
    frames: u64,
}

fn now() -> u64 {
    time::now()
}

impl World {
    fn new(seed: u64) -> Self {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let cable = Arc::new(Cable::new(1500));
        let interface = interface::add(cable.clone());
        ip::start(&interface, &Plan::parse(b"dhcp;ip=10.0.2.15/24;gw=10.0.2.2"), b"me");
        inet::start();
        // Its address is its own by then.
        hal::clock::advance(6000 * MILLI);
        time::run_expired();
        cable.take();
        Self {
            interface,
            cable,
            witness: Witness::default(),
            programs: Programs::new(),
            attacker: Attacker::new(seed),
            last: VecDeque::new(),
            frames: 0,
        }
    }

    fn note(&mut self, direction: &str, bytes: &[u8]) {
        let mut line = format!("{:>9} {direction} ", now() / 1000);
        for byte in bytes.iter().take(110) {
            let _ = write!(line, "{byte:02x}");
        }
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// A frame comes.
    fn comes(&mut self, bytes: Vec<u8>) {
        self.frames += 1;
        self.note(">", &bytes);
        self.cable.put(bytes);
        self.interface.poll();
        self.hear_machine();
    }

    /// Sees what the machine has sent, and answers as neighbours do.
    fn hear_machine(&mut self) {
        loop {
            let sent = self.cable.take();
            if sent.is_empty() {
                return;
            }
            let mut answers = Vec::new();
            for bytes in sent {
                self.note("<", &bytes);
                if let Err(why) = self.witness.speak(now(), &bytes) {
                    panic!("the machine sent something wrong: {why}");
                }
                answers.extend(Self::neighbour(&bytes));
            }
            for bytes in answers {
                self.note(">", &bytes);
                self.cable.put(bytes);
            }
            self.interface.poll();
        }
    }

    /// What a neighbour says who is asked where he is. All but the last of each family are there: what waits for one who is not does not go, and the witness would not know of it.
    fn neighbour(bytes: &[u8]) -> Option<Vec<u8>> {
        let (header, body) = ethernet::Header::parse(bytes)?;
        if header.kind == ethernet::ARP {
            let asked = arp::Message::parse(body).filter(|asked| !asked.is_reply && asked.target_ip != OWN)?;
            if !PEERS.contains(&asked.target_ip) || asked.target_ip == PEERS[3] {
                return None;
            }
            let answer = arp::Message {
                is_reply: true,
                sender: PEER,
                sender_ip: asked.target_ip,
                target: MAC,
                target_ip: asked.sender_ip,
            };
            return Some(craft::frame(MAC, ethernet::ARP, &answer.to_bytes()));
        }
        let (header, payload) = ipv6::Header::parse(body).filter(|_| header.kind == ethernet::IPV6)?;
        let asked =
            icmp::Message::parse_unchecked(payload).filter(|asked| asked.kind == discovery::kind::SOLICITATION)?;
        let target = Ipv6Addr::from(*asked.body.first_chunk::<16>()?);
        if !PEERS_NEWER[..2].contains(&target) || header.source.is_unspecified() {
            return None;
        }
        let body = [&target.octets()[..], &discovery::mac_option(true, PEER)].concat();
        let kind = (discovery::kind::ADVERTISEMENT, 0);
        let bytes = craft::message(target.into(), header.source.into(), kind, 3 << 29, &body);
        let manner = craft::Manner {
            hops: 255,
            ..craft::Manner::WHOLE
        };
        let (kind, body) = craft::packet(target.into(), header.source.into(), craft::ICMPV6, &bytes, &manner);
        Some(craft::frame(MAC, kind, &body))
    }

    fn pass(&mut self, nanos: u64) {
        hal::clock::advance(nanos);
        time::run_expired();
        self.hear_machine();
    }

    fn round(&mut self, round: u64) {
        let attack = self.attacker.next(&self.witness, now());
        if attack.settles {
            // What is acknowledged late is acknowledged by then.
            self.pass(50 * MILLI);
        }
        if let Some((from, to, protocol, bytes)) = &attack.whole {
            self.witness.hear(now(), *from, *to, *protocol, bytes);
        }
        for bytes in attack.frames {
            self.witness.hear_frame(now(), &bytes);
            self.comes(bytes);
        }
        if self.attacker.dice.one_in(2) {
            self.programs.act(&mut self.attacker.dice, &mut self.witness, now());
            self.hear_machine();
        }
        self.programs.check(&mut self.witness, now());
        match self.attacker.dice.below(400) {
            0 => self.pass(3000 * MILLI),
            1 if self.attacker.dice.one_in(20) => self.pass(70_000 * MILLI),
            2..40 => self.pass(45 * MILLI),
            _ => self.pass(MILLI),
        }
        if round.is_multiple_of(64) {
            self.programs.drain(&self.witness);
            self.witness.forget(now());
        }
        if round.is_multiple_of(1000) {
            check_bounds();
        }
    }
}

/// Nothing grows without end.
fn check_bounds() {
    assert!(ip::neighbours().len() <= 1024, "neighbours");
    assert!(ip::routes().len() < 300, "routes");
    assert!(ip::addresses().len() < 100, "addresses");
    let [orphans, over, streams, datagrams] = inet::limits::usage();
    let usage = frames::usage();
    assert!(orphans <= 1024 && over <= 16_384, "{orphans} {over}");
    assert!(inet::unowned::all().len() <= 32_768, "what is listed");
    let most = usage.total as usize * 4096 / 4;
    assert!(streams <= most && datagrams <= most, "{streams} {datagrams}");
    assert!(usage.free * 2 > usage.total, "{usage:?}");
}

fn run(seed: u64, rounds: u64) {
    let mut world = World::new(seed);
    let free = frames::usage().free;
    let mut round = 0;
    let result = catch_unwind(AssertUnwindSafe(|| {
        while round < rounds {
            world.round(round);
            round += 1;
        }
        world.programs.end(&mut world.witness);
        for _ in 0..100 {
            world.pass(20_000 * MILLI);
        }
    }));
    if let Err(panic) = result {
        eprintln!(
            "CHITON_SEED={seed} repeats this; it was attack {round}. The last frames (microseconds, > to the machine):"
        );
        world.last.iter().for_each(|line| eprintln!("{line}"));
        resume_unwind(panic);
    }
    let [accepted, made, refused, read] = world.programs.counts;
    eprintln!(
        "seed {seed}: {} frames, {accepted} accepted, {made} made, {refused} refused, {read} bytes read",
        world.frames
    );
    assert!(
        accepted > 50 && made > 50 && read > 10_000,
        "the attacker is not understood"
    );
    assert_eq!(inet::limits::usage(), [0; 4], "everything comes back");
    assert!(frames::usage().free + 64 >= free, "{} of {free}", frames::usage().free);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_comes_only_what_may_happen_happens() {
    let Some(seconds) = number("CHITON_SECONDS") else {
        return run(
            number("CHITON_SEED").unwrap_or(1),
            number("CHITON_ROUNDS").unwrap_or(ROUNDS),
        );
    };
    let own = std::env::current_exe().expect("the test is a file");
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = number("CHITON_SEED").unwrap_or(1);
    while Instant::now() < end {
        let mut command = Command::new(&own);
        command
            .args(["--nocapture", "--test-threads=1"])
            .env_remove("CHITON_SECONDS");
        let status = command
            .env("CHITON_SEED", seed.to_string())
            .status()
            .expect("it starts");
        assert!(status.success(), "CHITON_SEED={seed} fails");
        seed += 1;
    }
}
