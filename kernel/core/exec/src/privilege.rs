//! As whom a program runs: the set-user and set-group bits of its file, and what becomes of capabilities (capabilities(7), "Transformation of capabilities during execve()").
//!
//! Files have no capabilities of their own here: `security.capability` is not looked at.

use abi::stat::{S_ISGID, S_ISUID};
use alloc::sync::Arc;
use vfs::{Credentials, File, MountFlags, securebits};

/// As whom a program runs.
pub(crate) struct Privilege {
    pub(crate) credentials: Arc<Credentials>,
    /// Whether it has more than who started it, and should not trust its environment (`AT_SECURE`).
    pub(crate) secure: bool,
    /// Whether its file's bits made it another user or group.
    pub(crate) by_file: bool,
}

/// What becomes of `old` when it runs a file; `no_new` says that it must not gain anything by that.
pub(crate) fn of(old: &Arc<Credentials>, file: &File, no_new: bool) -> Privilege {
    let mut new = Credentials::clone(old);
    let by_file = !no_new && take_bits(&mut new, file);
    let is_other = new.euid != old.uid || new.egid != old.gid;
    new.permitted = 0;
    let mut effective = false;
    if new.securebits & securebits::NO_ROOT == 0 && (new.uid == 0 || new.euid == 0) {
        new.permitted = old.bounding | old.inheritable;
        effective = new.euid == 0;
    }
    if no_new && (is_other || new.permitted & !old.permitted != 0) {
        (new.euid, new.egid) = (new.uid, new.gid);
        new.permitted &= old.permitted;
    }
    (new.suid, new.fsuid) = (new.euid, new.euid);
    (new.sgid, new.fsgid) = (new.egid, new.egid);
    if is_other {
        new.ambient = 0;
    }
    new.permitted |= new.ambient;
    new.effective = if effective { new.permitted } else { new.ambient };
    new.securebits &= !securebits::KEEP_CAPS;
    let grew = new.permitted & !new.ambient != 0;
    let secure = is_other || (new.uid != 0 && (effective || grew));
    let credentials = if new == **old { Arc::clone(old) } else { Arc::new(new) };
    Privilege {
        credentials,
        secure,
        by_file,
    }
}

/// Takes the user and the group that the file's bits say.
fn take_bits(new: &mut Credentials, file: &File) -> bool {
    /// A group bit without this one once meant mandatory locks.
    const GROUP_EXECUTE: u32 = 0o010;
    if file.path().mount.flags().contains(MountFlags::NO_SUID) {
        return false;
    }
    let attributes = file.attributes();
    let user = attributes.mode & S_ISUID != 0;
    let group = attributes.mode & (S_ISGID | GROUP_EXECUTE) == S_ISGID | GROUP_EXECUTE;
    if user {
        new.euid = attributes.uid;
    }
    if group {
        new.egid = attributes.gid;
    }
    user || group
}
