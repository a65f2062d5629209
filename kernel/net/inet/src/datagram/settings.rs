//! Options of datagram sockets.

use super::{SEGMENT, UdpSocket};
use crate::{UDP, control, device, filters, lite, options};
use abi::Result;
use abi::socket::{SO_ERROR, SOCK_DGRAM, SOL_SOCKET};
use alloc::vec::Vec;
use ipc::options::{Row, Rule, Sort, number};

/// The level of options of UDP-Lite.
const LITE: u32 = lite::PROTOCOL as u32;
/// `UDP_CORK`: what is sent waits for more.
const CORK: u32 = 1;

/// `UDP_*`: CORK, coverage, ENCAP, NO_CHECK6_TX, NO_CHECK6_RX, SEGMENT, GRO.
const ROWS: [Row; 8] = [
    (CORK, 0, Rule::Flag),
    (lite::SEND_COVERAGE, 0, Rule::Fixed),
    (lite::RECEIVE_COVERAGE, 0, Rule::Fixed),
    (100, 0, Rule::Fixed),
    (101, 0, Rule::Flag),
    (102, 0, Rule::Flag),
    (SEGMENT, 0, Rule::Within(0, 65535)),
    (control::JOINS, 0, Rule::Flag),
];

impl UdpSocket {
    pub(super) fn sort(&self) -> Sort {
        Sort {
            family: self.family,
            kind: SOCK_DGRAM,
            protocol: u32::from(self.protocol),
        }
    }

    fn holder(&self) -> options::Holder<'_> {
        let ends = *self.ends.lock();
        options::Holder {
            options: &self.options,
            sort: self.sort(),
            peer: ends.peer.map(|peer| peer.ip()),
            is_bound: ends.own.is_some(),
        }
    }

    pub(super) fn get(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        match (level, name) {
            (SOL_SOCKET, SO_ERROR) => number(
                self.inbox
                    .take_error()
                    .err()
                    .map_or(0, |error| i32::from(error.errno.0)),
            ),
            (SOL_SOCKET, _) => device::get(&self.options, name).unwrap_or_else(|| self.options.get(self.sort(), name)),
            (UDP | LITE, lite::SEND_COVERAGE | lite::RECEIVE_COVERAGE) if self.is_lite() => {
                number(self.options.kept(LITE, name).unwrap_or(0))
            }
            (UDP | LITE, _) => options::get_row(&self.options, &ROWS, UDP, name),
            _ => {
                self.sort().check_level(level, false)?;
                let peer = self.ends.lock().peer.map(|peer| peer.ip());
                let kept = self.kept.get(level, name, peer);
                kept.unwrap_or_else(|| self.holder().get(level, name))
            }
        }
    }

    pub(super) fn set(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        if level == SOL_SOCKET {
            if let Some(done) = device::set(&self.options, name, value) {
                self.note_device();
                return done;
            }
            let port = self.ends.lock().own.map(|own| own.port());
            if let Some(done) = filters::set_chooser(&self.options, (self.ports(), port, &self.own), name, value) {
                return done;
            }
            return self.options.set(self.sort(), name, value);
        }
        if matches!(level, UDP | LITE) {
            if self.is_lite() && matches!(name, lite::SEND_COVERAGE | lite::RECEIVE_COVERAGE) {
                return lite::set_coverage(&self.options, LITE, name, value);
            }
            options::set_row(&self.options, &ROWS, UDP, name, value)?;
            if name == control::JOINS {
                self.options.note_details();
            }
            if name == CORK
                && let Some(waiting) = self.cork.ask(self.options.is_set(UDP, CORK))
            {
                // As on Linux, nobody hears what becomes of it.
                let _ = self.send_prepared(&waiting);
            }
            return Ok(());
        }
        let done = self.groups.set(&self.options, level, name, value);
        if let Some(done) = done.or_else(|| self.kept.set(&self.options, level, name, value)) {
            return done;
        }
        self.holder().set(level, name, value)
    }
}
