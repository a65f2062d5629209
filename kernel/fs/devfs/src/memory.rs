//! `/dev/null` and its relatives.

use abi::{Errno, Error, Result};
use usermem::{Sink, Source, UserPtr};
use vfs::{File, FileLike};

/// Asks how much entropy there is (`RNDGETENTCNT`).
const ENTROPY_COUNT: u32 = 0x8004_5200;
/// As Linux says it once its generator is seeded.
const ENTROPY_BITS: i32 = 256;

/// A device without hardware.
pub(crate) enum Device {
    Null,
    Zero,
    Full,
    Random,
}

impl FileLike for Device {
    #[inline]
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        match self {
            Self::Null => Ok(0),
            Self::Zero | Self::Full => into.put_zeros(into.left()),
            Self::Random => random(into),
        }
    }

    #[inline]
    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        match self {
            // Whatever was written is not even looked at.
            Self::Null | Self::Zero => Ok(from.left()),
            Self::Full => Err(Error::new(Errno::ENOSPC, "the device is always full")),
            Self::Random => Ok(from.skip(from.left())),
        }
    }

    fn read_at(&self, file: &File, _offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        self.read(file, into)
    }

    fn write_at(&self, file: &File, _offset: u64, from: &mut Source<'_>) -> Result<usize> {
        self.write(file, from)
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        match self {
            Self::Random if request == ENTROPY_COUNT => {
                UserPtr::<i32>::new(argument).write(&ENTROPY_BITS)?;
                Ok(0)
            }
            _ => Err(Error::new(Errno::ENOTTY, "the device does not know the request")),
        }
    }

    fn maps_as_zeros(&self) -> bool {
        matches!(self, Self::Zero)
    }
}

fn random(into: &mut Sink<'_>) -> Result<usize> {
    let mut done = 0;
    let mut bytes = [0; 256];
    while into.left() > 0 {
        let len = into.left().min(bytes.len());
        let piece = bytes.get_mut(..len).unwrap_or_default();
        random::fill(piece);
        match into.put(piece) {
            Ok(put) => done += put,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}
