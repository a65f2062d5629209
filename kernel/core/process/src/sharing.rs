//! What processes share that were made with `CLONE_FS`: root, working directory and `umask`.
//!
//! Every process has its view of files for itself, so that nobody pays for looking. Those that share are in a group, and who changes its place changes it for all members.
//! Lock order: a group → the view of a member.

use crate::shared::Process;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use vfs::Context;

/// Processes that share root, working directory and `umask`.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: SpinLock<Vec<Weak<Process>>>,
}

impl Process {
    /// From here on the process, which is new, shares its maker's root, working directory and `umask`.
    pub fn share_place(self: &Arc<Self>, maker: &Arc<Self>) {
        let group = {
            let mut own = maker.sharing.lock();
            let new = || {
                Arc::new(Group {
                    members: SpinLock::new(alloc::vec![Arc::downgrade(maker)]),
                })
            };
            Arc::clone(own.get_or_insert_with(new))
        };
        let mut members = group.members.lock();
        members.retain(|member| member.strong_count() > 0);
        members.push(Arc::downgrade(self));
        let view = maker.view();
        self.change_view(|own| take_place(own, &view));
        drop(members);
        *self.sharing.lock() = Some(group);
    }

    /// From here on the process has its root, working directory and `umask` for itself.
    pub fn unshare_place(&self) {
        let group = self.sharing.lock().take();
        if let Some(group) = group {
            let is_other = |member: &Weak<Self>| !core::ptr::eq(member.as_ptr(), self);
            group.members.lock().retain(is_other);
        }
    }

    /// The same number for all processes that share root, working directory and `umask`.
    #[must_use]
    pub fn place_identity(self: &Arc<Self>) -> usize {
        match &*self.sharing.lock() {
            Some(group) => Arc::as_ptr(group).addr(),
            None => Arc::as_ptr(self).addr(),
        }
    }

    /// Changes root, working directory or `umask`, for all that share them.
    pub fn change_place<T>(&self, change: impl FnOnce(&mut Context) -> T) -> T {
        let group = self.sharing.lock().clone();
        let Some(group) = group else {
            return self.change_view(change);
        };
        let members = group.members.lock();
        let answer = self.change_view(change);
        let view = self.view();
        let others = members.iter().filter_map(Weak::upgrade);
        for member in others.filter(|member| !core::ptr::eq(Arc::as_ptr(member), self)) {
            member.change_view(|own| take_place(own, &view));
        }
        answer
    }
}

fn take_place(to: &mut Context, from: &Context) {
    to.root = from.root.clone();
    to.cwd = from.cwd.clone();
    to.umask = from.umask;
}
