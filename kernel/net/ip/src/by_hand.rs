//! Whole packets that programs have made by hand (`IP_HDRINCL`).

use crate::build::Builder;
use crate::output::{Found, TOO_LONG, dispatch, find_way, goes, loopback_header};
use crate::transport::Outgoing;
use crate::{filter, input};
use abi::Result;

/// Sends a packet as it is. What else is said of it, and what it has behind its header, is for the way and for rules.
///
/// # Errors
/// As [`crate::send`]; `EMSGSIZE` if it does not fit.
pub fn send_by_hand(packet: &Outgoing<'_>, bytes: &[u8]) -> Result<()> {
    let newer = packet.destination.is_ipv6();
    let way = match find_way(packet)? {
        Found::Away(way) => way,
        Found::Here(route) => {
            goes(newer, packet, bytes.len());
            if link::view::has_any() {
                link::view::show_loopback(&[&loopback_header(newer)[..], bytes].concat());
            }
            input::by_hand(route.interface, newer, bytes);
            return Ok(());
        }
    };
    filter::check(packet)?;
    if bytes.len() > way.route.mtu as usize {
        return Err(TOO_LONG);
    }
    goes(newer, packet, bytes.len());
    let mut frame = Builder::begin(&way, packet)?;
    frame.add(bytes)?;
    dispatch(&way, frame.frame)
}
