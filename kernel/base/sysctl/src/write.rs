//! What is written to a setting's file.

use crate::table::{self, Row, number, words};
use crate::{
    ALLOWED_CONGESTION_CONTROL, CONGESTION_CONTROL, DISABLE_IPV6, NOTSENT_LOWAT, PING_GROUP_RANGE, PORT_RANGE,
    RESERVED, Setting, UNPRIVILEGED_PORT_START, Whose,
};
use alloc::vec::Vec;

/// What congestion control is called; the second is the usual one.
pub(crate) const KINDS: [&[u8]; 2] = [b"reno", b"cubic"];
/// What is larger than every number here: no limit, for who has numbers of 32 bits without a sign.
pub(crate) const NO_LIMIT: &[u8] = b"4294967295";
/// Ranges of reserved ports that are kept.
const MOST_RANGES: usize = 1024;

/// Why something cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It cannot be that.
    Value,
    /// Nothing is called so.
    Name,
    /// It cannot be set.
    ReadOnly,
}

/// Sets what a line stands for.
///
/// # Errors
/// See [`Wrong`].
pub fn set(line: usize, whose: Whose, text: &[u8]) -> Result<(), Wrong> {
    let row = table::row(line).ok_or(Wrong::Name)?;
    let text = text.trim_ascii();
    let Some(setting) = row.setting() else {
        return match row.kind {
            b"!" => Err(Wrong::ReadOnly),
            b"=" if text == row.rest => Ok(()),
            b"=" => Err(Wrong::Value),
            _ => reserve(text),
        };
    };
    if setting == CONGESTION_CONTROL {
        setting.store(0, kind(text)? as i32);
    } else if setting == ALLOWED_CONGESTION_CONTROL {
        let mut bits = 0;
        for name in words(text) {
            bits |= 1 << kind(name).map_err(|_| Wrong::Value)?;
        }
        setting.store(0, bits);
    } else if setting == NOTSENT_LOWAT && text == NO_LIMIT {
        setting.store(0, 0);
    } else {
        set_numbers(&row, setting, whose, text)?;
    }
    Ok(())
}

/// Sets as many numbers as the line has: those that the text does not say stay.
fn set_numbers(row: &Row, setting: Setting, whose: Whose, text: &[u8]) -> Result<(), Wrong> {
    let (least, most) = row.limits();
    let count = if row.is_of_interfaces() { 1 } else { row.count() };
    let mut numbers = Vec::new();
    for word in words(text).take(count) {
        let number = number(word).filter(|number| (least..=most).contains(number));
        numbers.push(number.ok_or(Wrong::Value)?);
    }
    let first = *numbers.first().ok_or(Wrong::Value)?;
    check(setting, &numbers)?;
    if setting == PING_GROUP_RANGE && matches!(numbers[..], [first, last] if first > last) {
        // As on Linux: a range that has nobody in it is the empty one.
        numbers = [1, 0].to_vec();
    }
    if !row.is_of_interfaces() {
        numbers
            .iter()
            .enumerate()
            .for_each(|(which, number)| setting.store(which, *number));
        return Ok(());
    }
    if setting == DISABLE_IPV6 && whose == Whose::All {
        setting.store_for(Whose::Default, first);
        setting.store_for(Whose::Interface(crate::LOOPBACK), first);
    }
    setting.store_of(whose, first);
    Ok(())
}

fn kind(name: &[u8]) -> Result<usize, Wrong> {
    KINDS.iter().position(|known| *known == name).ok_or(Wrong::Name)
}

/// What several numbers must be to each other: the free ports are in order, and none of them needs a privilege.
fn check(setting: Setting, numbers: &[i32]) -> Result<(), Wrong> {
    let is_right = match (setting, numbers) {
        (PORT_RANGE, [first, last]) => first <= last && *first >= UNPRIVILEGED_PORT_START.get(),
        (PORT_RANGE, _) => false,
        (UNPRIVILEGED_PORT_START, [first]) => *first <= PORT_RANGE.get(),
        _ => true,
    };
    if is_right { Ok(()) } else { Err(Wrong::Value) }
}

/// Reserves the ports of a list like `8080,9148-9150` and no others.
fn reserve(text: &[u8]) -> Result<(), Wrong> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for part in text.split(|byte| *byte == b',').filter(|part| !part.is_empty()) {
        let mut ports = part.split(|byte| *byte == b'-').map(|port| {
            let port = number(port.trim_ascii()).and_then(|port| u16::try_from(port).ok());
            port.ok_or(Wrong::Value)
        });
        let first = ports.next().ok_or(Wrong::Value)??;
        let last = ports.next().unwrap_or(Ok(first))?;
        if first > last || ports.next().is_some() || ranges.len() >= MOST_RANGES {
            return Err(Wrong::Value);
        }
        let at = ranges.partition_point(|known| known.0 < first);
        ranges.insert(at, (first, last));
    }
    ranges.dedup_by(|next, before| {
        let joins = u32::from(next.0) <= u32::from(before.1) + 1;
        if joins {
            before.1 = before.1.max(next.1);
        }
        joins
    });
    *RESERVED.lock() = ranges;
    Ok(())
}
