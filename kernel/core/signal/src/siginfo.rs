//! What is known of a signal, as bytes: `siginfo_t` and what `signalfd` reads.

use abi::signal::Signal;
use process::signals::{Fields, Info};

/// Bytes of `siginfo_t`.
pub const SIZE: usize = 128;

/// Bytes of a `siginfo_t` before the fields that depend on the signal's kind.
const FIELDS: usize = 16;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// What is known of a signal, as a `siginfo_t`.
#[must_use]
pub fn to_bytes(info: &Info) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    put(&mut bytes, 0, &i32::from(info.signal.0).to_ne_bytes());
    put(&mut bytes, 4, &info.errno.to_ne_bytes());
    put(&mut bytes, 8, &info.code.to_ne_bytes());
    match info.fields {
        Fields::Sender { pid, uid, value } => {
            put(&mut bytes, 16, &pid.to_ne_bytes());
            put(&mut bytes, 20, &uid.to_ne_bytes());
            put(&mut bytes, 24, &value.to_ne_bytes());
        }
        Fields::Child {
            pid,
            uid,
            status,
            user,
            system,
        } => {
            put(&mut bytes, 16, &pid.to_ne_bytes());
            put(&mut bytes, 20, &uid.to_ne_bytes());
            put(&mut bytes, 24, &status.to_ne_bytes());
            put(&mut bytes, 32, &user.to_ne_bytes());
            put(&mut bytes, 40, &system.to_ne_bytes());
        }
        Fields::Fault { address, .. } => put(&mut bytes, 16, &address.to_ne_bytes()),
        Fields::Timer { id, overrun, value } => {
            put(&mut bytes, 16, &id.to_ne_bytes());
            put(&mut bytes, 20, &overrun.to_ne_bytes());
            put(&mut bytes, 24, &value.to_ne_bytes());
        }
        Fields::Raw(raw) => put(&mut bytes, FIELDS, &raw),
    }
    bytes
}

/// A signal as a program describes it (`rt_sigqueueinfo`); its number is given beside. Of the bytes Linux keeps 48 (`struct kernel_siginfo`).
#[must_use]
pub fn from_bytes(signal: Signal, bytes: &[u8; SIZE]) -> Info {
    let word = |at: usize| {
        let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk());
        chunk.map_or(0, |chunk| i32::from_ne_bytes(*chunk))
    };
    let fields = bytes.get(FIELDS..).and_then(|rest| rest.first_chunk());
    Info {
        signal,
        errno: word(4),
        code: word(8),
        fields: Fields::Raw(fields.copied().unwrap_or_default()),
    }
}

/// What is known of a signal, as a `signalfd_siginfo`.
#[must_use]
pub fn to_descriptor_bytes(info: &Info) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    put(&mut bytes, 0, &u32::from(info.signal.0).to_ne_bytes());
    put(&mut bytes, 4, &info.errno.to_ne_bytes());
    put(&mut bytes, 8, &info.code.to_ne_bytes());
    match info.fields {
        Fields::Sender { pid, uid, value } => put_sender(&mut bytes, pid, uid, value),
        Fields::Child {
            pid,
            uid,
            status,
            user,
            system,
        } => {
            put(&mut bytes, 12, &pid.to_ne_bytes());
            put(&mut bytes, 16, &uid.to_ne_bytes());
            put(&mut bytes, 40, &status.to_ne_bytes());
            put(&mut bytes, 56, &user.to_ne_bytes());
            put(&mut bytes, 64, &system.to_ne_bytes());
        }
        Fields::Fault { address, .. } => put(&mut bytes, 72, &address.to_ne_bytes()),
        Fields::Timer { id, overrun, value } => {
            put(&mut bytes, 24, &id.to_ne_bytes());
            put(&mut bytes, 32, &overrun.to_ne_bytes());
            put_value(&mut bytes, value);
        }
        Fields::Raw([a, b, c, d, e, f, g, h, v @ ..]) => {
            let value = v.first_chunk().map_or(0, |chunk| u64::from_ne_bytes(*chunk));
            let (pid, uid) = (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]));
            put_sender(&mut bytes, pid, uid, value);
        }
    }
    bytes
}

fn put_sender(bytes: &mut [u8], pid: u32, uid: u32, value: u64) {
    put(bytes, 12, &pid.to_ne_bytes());
    put(bytes, 16, &uid.to_ne_bytes());
    put_value(bytes, value);
}

/// `ssi_int` and `ssi_ptr`: two views of one value.
fn put_value(bytes: &mut [u8], value: u64) {
    put(bytes, 44, &(value as u32).to_ne_bytes());
    put(bytes, 48, &value.to_ne_bytes());
}
