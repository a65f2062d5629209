//! `SIOCETHTOOL`: which driver, and whether the link is there.

use abi::{Errno, Error, Result};
use link::Interface;
use usermem::{UserPtr, UserSlice};

const DRIVER: u32 = 3;
const LINK: u32 = 10;
/// Bytes of `struct ethtool_drvinfo`, and of each text in it.
const DRIVER_BYTES: usize = 196;
const TEXT: usize = 32;

pub(super) fn answer(interface: &Interface, argument: u64) -> Result<u64> {
    if interface.is_loopback() {
        return Err(Error::new(Errno::EOPNOTSUPP, "loopback has no card"));
    }
    match UserPtr::<u32>::new(argument).read()? {
        DRIVER => {
            let mut bytes = [0; DRIVER_BYTES];
            bytes[..4].copy_from_slice(&DRIVER.to_ne_bytes());
            for (at, text) in [(4, "virtio_net"), (4 + TEXT, "1.0.0")] {
                bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
            }
            UserSlice::new(argument, DRIVER_BYTES).write(&bytes)?;
        }
        LINK => UserPtr::<[u32; 2]>::new(argument).write(&[LINK, u32::from(interface.card.has_link())])?,
        _ => return Err(Error::new(Errno::EOPNOTSUPP, "the card does not answer that")),
    }
    Ok(0)
}
