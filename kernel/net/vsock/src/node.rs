//! `/dev/vsock`, which tells programs the context of the machine.

use crate::way;
use abi::{Errno, Error, Result};
use usermem::{Sink, Source, UserPtr};
use vfs::{File, FileLike};

/// Asks for the context (`IOCTL_VM_SOCKETS_GET_LOCAL_CID`).
const GET_LOCAL_CID: u32 = 0x7b9;

/// The device file.
#[derive(Debug)]
pub struct Node;

impl FileLike for Node {
    fn read(&self, _file: &File, _into: &mut Sink<'_>) -> Result<usize> {
        Err(Errno::EINVAL.into())
    }

    fn write(&self, _file: &File, _from: &mut Source<'_>) -> Result<usize> {
        Err(Errno::EINVAL.into())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != GET_LOCAL_CID {
            return Err(Error::new(Errno::ENOTTY, "the device does not know the request"));
        }
        UserPtr::<u32>::new(argument).write(&way::own_cid())?;
        Ok(0)
    }
}
