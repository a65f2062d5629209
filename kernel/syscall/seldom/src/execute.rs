//! `execve`: another program takes the place of the one that runs.

use super::identity::has_too_many;
use abi::fcntl::{AT_FDCWD, AtFlags};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use exec::{Prepared, Request, Strings};
use hal::thread::UserFrame;
use process::{Thread, exit};
use syscall::Caller;
use syscall::argument::{Fd, PathPtr};
use syscall::calls::open::base_for;
use usermem::UserPtr;
use vfs::File;

syscall::calls! {
    59 "execve" = execve(PathPtr, UserPtr<u64>, UserPtr<u64>);
    135 "personality" = personality(u32);
    322 "execveat" = execveat(Fd, PathPtr, UserPtr<u64>, UserPtr<u64>, AtFlags);
}

/// Longest argument, with its zero.
const MAX_STRING: usize = 128 << 10;
/// Most arguments, so that a list without an end is noticed.
const MAX_STRINGS: u64 = 0x7fff_ffff / 16;
/// All strings together; the stack's limit refuses them more exactly later.
const MAX_BYTES: usize = 6 << 20;

/// A list of strings that ends with null; no list is an empty one.
fn strings(list: UserPtr<u64>) -> Result<Strings> {
    let mut strings = Strings::default();
    if list.is_null() {
        return Ok(strings);
    }
    for index in 0..MAX_STRINGS {
        let address = list.at(index).read()?;
        if address == 0 {
            return Ok(strings);
        }
        strings.push(&usermem::read_string(address, MAX_STRING, Errno::E2BIG)?)?;
        if strings.bytes() + strings.len() * size_of::<u64>() > MAX_BYTES {
            break;
        }
    }
    Err(Error::new(Errno::E2BIG, "arguments and environment are too long"))
}

fn execve(
    caller: &mut Caller<'_>,
    (path, arguments, environment): (PathPtr, UserPtr<u64>, UserPtr<u64>),
) -> Result<u64> {
    execveat(caller, (Fd(AT_FDCWD), path, arguments, environment, AtFlags::empty()))
}

fn execveat(
    caller: &mut Caller<'_>,
    (fd, path, arguments, environment, flags): (Fd, PathPtr, UserPtr<u64>, UserPtr<u64>, AtFlags),
) -> Result<u64> {
    if !(flags - (AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW)).is_empty() {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let path = path.read()?;
    let process = caller.process();
    if process.is_too_many.load(Ordering::Relaxed) && has_too_many(process, process.credentials().uid) {
        return Err(Error::new(
            Errno::EAGAIN,
            "the user has more threads than RLIMIT_NPROC says",
        ));
    }
    process.is_too_many.store(false, Ordering::Relaxed);
    let (file, name) = find(caller, fd, path.to_vec(), flags)?;
    let mut arguments = strings(arguments)?;
    if arguments.is_empty() {
        arguments.push(b"")?;
    }
    let environment = strings(environment)?;
    let fixed_addresses = caller.process().personality.load(Ordering::Relaxed) & ADDR_NO_RANDOMIZE != 0;
    let request = Request {
        name,
        arguments,
        environment,
        fixed_addresses,
        no_new_privileges: caller.process().no_new_privileges.load(Ordering::Relaxed),
    };
    let limits = caller.process().limits.lock().clone();
    let view = caller.process().view();
    let prepared = exec::prepare(&view, &limits, file, request)?;
    drop(view);
    exit::become_sole(caller.thread)?;
    *caller.frame = replace(caller.thread, prepared);
    Ok(0)
}

/// The file to run, and what it is called.
fn find(caller: &Caller<'_>, fd: Fd, path: Vec<u8>, flags: AtFlags) -> Result<(Arc<File>, Vec<u8>)> {
    let view = caller.process().view();
    if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) {
        let file = caller.process().file(fd.0)?;
        exec::check(&view, file.path())?;
        let name = alloc::format!("/dev/fd/{}", fd.0).into_bytes();
        return Ok((
            File::new(file.path().clone(), abi::fcntl::OpenFlags::empty(), None),
            name,
        ));
    }
    let base = base_for(caller, &view, fd, &path)?;
    let file = exec::open(&view, &base, &path, !flags.contains(AtFlags::SYMLINK_NOFOLLOW))?;
    let relative_to_descriptor = fd.0 != AT_FDCWD && path.first() != Some(&b'/');
    let name = if relative_to_descriptor {
        let mut name = alloc::format!("/dev/fd/{}/", fd.0).into_bytes();
        name.extend_from_slice(&path);
        name
    } else {
        path
    };
    Ok((file, name))
}

/// Puts a prepared program in the place of the one that runs; returns the registers with which it begins. Nothing can fail any more.
pub fn replace(thread: &Thread, prepared: Prepared) -> UserFrame {
    let process = &thread.process;
    process.note_peak();
    let old = process.set_space(Arc::clone(&prepared.space));
    prepared.space.activate();
    task::scheduler::change_memory(prepared.space.id());
    drop(old);
    process.set_holds_maker(false);
    process.has_executed.store(true, Ordering::Relaxed);
    become_whom(process, &prepared);
    process.signals.reset();
    process.timers.clear(true);
    *thread.signals.stack.lock() = abi::signal::SigStack {
        sp: 0,
        flags: abi::signal::SS_DISABLE,
        pad: 0,
        size: 0,
    };
    thread.rseq.forget();
    thread.robust_list.store(0, Ordering::Relaxed);
    thread.clear_child_tid.store(0, Ordering::Relaxed);
    thread.set_name(&prepared.name);
    *process.program.lock() = prepared.program;
    process.unshare_files();
    drop(
        process
            .files()
            .remove_range(0, usize::MAX, |descriptor| descriptor.close_on_exec),
    );
    hal::thread::reset_program();
    process.changed.wake_all();
    UserFrame::start(prepared.entry, prepared.stack_pointer)
}

/// The process is whom its program runs as, and may be looked at if that is who started it.
fn become_whom(process: &process::Process, prepared: &Prepared) {
    /// What a program must not be told by somebody who has less than it: addresses, the lowest page, rights of mappings.
    const TO_FORGET: u32 = ADDR_NO_RANDOMIZE | 0x0020_0000 | 0x0010_0000 | 0x0040_0000;
    let who = &prepared.credentials;
    if !Arc::ptr_eq(who, &process.credentials()) {
        process.change_view(|view| view.credentials = Arc::clone(who));
    }
    let plain = who.euid == who.uid && who.egid == who.gid;
    process.dumpable.store(u32::from(plain), Ordering::Relaxed);
    if prepared.secure {
        process.parent_death_signal.store(0, Ordering::Relaxed);
    }
    if prepared.by_file {
        process.personality.fetch_and(!TO_FORGET, Ordering::Relaxed);
    }
}

const ADDR_NO_RANDOMIZE: u32 = 0x0004_0000;

fn personality(caller: &mut Caller<'_>, (new,): (u32,)) -> Result<u64> {
    let personality = &caller.process().personality;
    let old = if new == u32::MAX {
        personality.load(Ordering::Relaxed)
    } else {
        personality.swap(new, Ordering::Relaxed)
    };
    Ok(u64::from(old))
}
