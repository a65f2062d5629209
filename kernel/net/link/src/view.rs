//! Who sees all frames that come and go: packet sockets, which are a crate of their own.
//!
//! While there are none, a frame costs a look at a number. What stays within the machine is no frame until somebody looks ([`show_loopback`]).

use crate::{Frame, Interface, interface};
use core::sync::atomic::{AtomicUsize, Ordering};
use lock::Once;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// It has come.
    Coming,
    /// It leaves.
    Going,
    /// It leaves; the socket with this number has sent it, and is not shown it.
    GoingFrom(usize),
}

/// Shows a frame to those who want to see it.
pub type Viewer = fn(&Interface, &Frame, View);

static VIEWER: Once<Viewer> = Once::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Says who shows frames. The first to say so does.
pub fn set_viewer(viewer: Viewer) {
    let _ = VIEWER.set(viewer);
}

/// One more wants to see frames.
pub fn add_one() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// One less does.
pub fn remove_one() {
    COUNT.fetch_sub(1, Ordering::Relaxed);
}

/// Whether there are any: what stays within the machine is shown to them.
#[inline]
#[must_use]
pub fn has_any() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Shows a frame.
#[cold]
#[inline(never)]
pub fn show(interface: &Interface, frame: &Frame, view: View) {
    if let Some(viewer) = VIEWER.get() {
        viewer(interface, frame, view);
    }
}

/// Shows what stays within the machine, an Ethernet header before it, as it goes and as it comes.
#[cold]
#[inline(never)]
pub fn show_loopback(bytes: &[u8]) {
    let Some(frame) = Frame::copy_of(bytes) else {
        return;
    };
    let loopback = interface::loopback();
    for view in [View::Going, View::Coming] {
        show(&loopback, &frame, view);
    }
}
