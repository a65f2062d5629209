//! Settings of the kernel that were asked for (`chiton.sysctl=NAME=VALUE`): each is written to its file below `/proc/sys`, as `sysctl` does it, before there is a network or a program.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use usermem::Source;
use vfs::{Context, Credentials, How, Path};

const DIRECTORY: &[u8] = b"/proc/sys/";

/// Writes settings; the first that cannot be is told, and nothing starts.
pub(crate) fn apply(root: &Path, settings: &[Vec<u8>]) -> Result<()> {
    let view = Context::new(root.clone(), Arc::new(Credentials::root()));
    for setting in settings {
        set(&view, setting).inspect_err(|error| {
            let why = match error.errno {
                Errno::ENOENT => "there is no such setting",
                // A file that is not written says that it cannot be.
                Errno::EACCES | Errno::EPERM | Errno::EIO => "the setting cannot be changed",
                _ => "the setting has no such value",
            };
            trace::line(&alloc::format!(
                "chiton: --sysctl {}: {why}",
                String::from_utf8_lossy(setting)
            ));
        })?;
    }
    Ok(())
}

fn set(view: &Context, setting: &[u8]) -> Result<()> {
    let mut parts = setting.splitn(2, |byte| *byte == b'=');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    let value = value.ok_or(Error::new(Errno::EINVAL, "a setting without a value"))?;
    // Names have dots where paths have slashes, and the other way round, unless they begin as a path.
    let is_path = name.iter().find(|byte| b"./".contains(byte)) == Some(&b'/');
    let letter = |byte: &u8| match byte {
        b'.' if !is_path => b'/',
        b'/' if !is_path => b'.',
        byte => *byte,
    };
    let path: Vec<u8> = DIRECTORY.iter().copied().chain(name.iter().map(letter)).collect();
    let file = view.open(&view.root, &path, How::new(OpenFlags::WRONLY))?;
    file.write(&mut Source::kernel(value)).map(drop)
}
