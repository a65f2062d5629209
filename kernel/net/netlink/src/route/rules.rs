//! The rules that say which table of routes counts (`RTM_GETRULE`): those that every Linux begins with.

use super::{AF_INET, AF_INET6, NEW, RULE, is_wanted, kind};
use crate::reply::Reply;
use abi::Result;
use netlink_view::Message;

const PRIORITY: u16 = 6;
const TABLE: u16 = 15;
const NO_SUPPRESSION: u16 = 14;
const TO_TABLE: u8 = 1;
const BY_KERNEL: u16 = 21;

/// Priority and table: local, main, default.
const RULES: [(u32, u32); 3] = [(0, 255), (32766, 254), (32767, 253)];

pub(super) fn list(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    for family in [AF_INET, AF_INET6] {
        // The newer protocol has no default table.
        let count = if family == AF_INET { 3 } else { 2 };
        for &(priority, table) in RULES.iter().take(count) {
            if is_wanted(message, family) {
                let body = [family, 0, 0, 0, table as u8, 0, 0, TO_TABLE, 0, 0, 0, 0];
                let answer = reply.message(kind(RULE, NEW), &body);
                answer.number(TABLE, table);
                answer.number(NO_SUPPRESSION, u32::MAX);
                if priority != 0 {
                    answer.number(PRIORITY, priority);
                }
                answer.attribute(BY_KERNEL, &[2]);
            }
        }
    }
    Ok(())
}
