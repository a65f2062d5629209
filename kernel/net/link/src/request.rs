//! What programs ask about interfaces (`SIOCGIF*`).

use crate::interface::{Interface, by_index, by_name};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use usermem::UserSlice;

const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCGIFINDEX: u32 = 0x8933;

/// `struct ifreq`: 16 bytes of name, 24 of what is asked for.
const REQUEST: usize = 40;
const NAME: usize = 16;

const IFF_UP: u16 = 1;
const IFF_BROADCAST: u16 = 2;
const IFF_RUNNING: u16 = 0x40;
const IFF_MULTICAST: u16 = 0x1000;
/// The kind of hardware address: Ethernet.
pub(crate) const ARPHRD_ETHER: u16 = 1;

const NO_INTERFACE: Error = Error::new(Errno::ENODEV, "no such interface");

/// Answers a request, or says that it is none of these.
pub(crate) fn answer(request: u32, argument: u64) -> Result<u64> {
    let known = [SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX];
    if !known.contains(&request) {
        return Err(Error::new(Errno::ENOTTY, "a socket does not know the request"));
    }
    let slice = UserSlice::new(argument, REQUEST);
    let mut bytes = slice.to_vec()?;
    let interface = find(request, &bytes)?;
    let (name, value) = bytes.split_at_mut(NAME);
    match request {
        SIOCGIFNAME => {
            name.fill(0);
            let own = interface.name.as_bytes();
            name[..own.len().min(NAME - 1)].copy_from_slice(&own[..own.len().min(NAME - 1)]);
        }
        SIOCGIFFLAGS => value[..2].copy_from_slice(&flags(&interface).to_ne_bytes()),
        SIOCGIFMTU => value[..4].copy_from_slice(&interface.card.abilities().mtu.to_ne_bytes()),
        SIOCGIFINDEX => value[..4].copy_from_slice(&interface.index.to_ne_bytes()),
        _ => {
            value[..16].fill(0);
            value[..2].copy_from_slice(&ARPHRD_ETHER.to_ne_bytes());
            value[2..8].copy_from_slice(&interface.card.mac());
        }
    }
    slice.write(&bytes)?;
    Ok(0)
}

/// The interface that a request names.
fn find(request: u32, bytes: &[u8]) -> Result<Arc<Interface>> {
    let (name, value) = bytes.split_at_checked(NAME).ok_or(NO_INTERFACE)?;
    if request == SIOCGIFNAME {
        let index = value.first_chunk().map_or(0, |index| i32::from_ne_bytes(*index));
        return by_index(index).ok_or(NO_INTERFACE);
    }
    let name: Vec<u8> = name.iter().copied().take_while(|&byte| byte != 0).collect();
    by_name(&name).ok_or(NO_INTERFACE)
}

fn flags(interface: &Interface) -> u16 {
    let running = if interface.card.has_link() { IFF_RUNNING } else { 0 };
    IFF_UP | IFF_BROADCAST | IFF_MULTICAST | running
}
