//! Classes, and the orders between them that have been seen.

use core::cell::UnsafeCell;
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Most classes. The first is nobody's.
const CLASSES: usize = 512;
/// Most orders.
const EDGES: usize = 4096;

/// What a class is known by.
#[derive(Clone, Copy)]
struct Info {
    place: &'static Location<'static>,
    data: &'static str,
}

/// "`after` was taken while `before` was held", and where.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) before: u16,
    pub(super) after: u16,
    pub(super) held_at: &'static Location<'static>,
    pub(super) taken_at: &'static Location<'static>,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (Name(self.before), Name(self.after));
        write!(
            f,
            "{before} (held at {}) → {after} (taken at {})",
            self.held_at, self.taken_at
        )
    }
}

struct Graph {
    classes: [Option<Info>; CLASSES],
    class_count: usize,
    edges: [Option<Edge>; EDGES],
    edge_count: usize,
}

struct Guarded {
    taken: AtomicBool,
    graph: UnsafeCell<Graph>,
}

// SAFETY: the graph is touched by whoever has taken `taken`.
unsafe impl Sync for Guarded {}

static GRAPH: Guarded = Guarded {
    taken: AtomicBool::new(false),
    graph: UnsafeCell::new(Graph {
        classes: [None; CLASSES],
        class_count: 1,
        edges: [None; EDGES],
        edge_count: 0,
    }),
};

/// The orders that have been seen, to look at without the lock: a bit per pair.
static SEEN: [[AtomicU64; CLASSES / 64]; CLASSES] = [const { [const { AtomicU64::new(0) }; CLASSES / 64] }; CLASSES];

fn with<T>(then: impl FnOnce(&mut Graph) -> T) -> T {
    while GRAPH.taken.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    // SAFETY: `taken` was free and is this CPU's now; `then` does not come back here.
    let result = then(unsafe { &mut *GRAPH.graph.get() });
    GRAPH.taken.store(false, Ordering::Release);
    result
}

/// The number of the class of locks that are made there for that type.
pub(super) fn class(place: &'static Location<'static>, data: &'static str) -> u16 {
    with(|graph| {
        let same = |info: &Info| {
            info.place.line() == place.line()
                && info.place.column() == place.column()
                && info.data == data
                && info.place.file() == place.file()
        };
        let known = graph.classes[1..graph.class_count]
            .iter()
            .position(|info| info.as_ref().is_some_and(same));
        if let Some(at) = known {
            return at as u16 + 1;
        }
        // More than fit are not told apart from nobody's, and not checked.
        if graph.class_count == CLASSES {
            return 0;
        }
        graph.classes[graph.class_count] = Some(Info { place, data });
        graph.class_count += 1;
        graph.class_count as u16 - 1
    })
}

/// Whether that order has been seen.
pub(super) fn has_seen(before: u16, after: u16) -> bool {
    let word = &SEEN[usize::from(before)][usize::from(after) / 64];
    word.load(Ordering::Relaxed) >> (after % 64) & 1 == 1
}

/// A way from one class to another, with the orders it is made of.
#[derive(Clone, Copy)]
pub(super) struct Path {
    edges: [Option<Edge>; 8],
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.edges.iter().flatten().try_for_each(|edge| write!(f, "\n  {edge}"))
    }
}

/// Notes an order; if the opposite has been seen, says how instead.
pub(super) fn note(edge: Edge) -> Option<Path> {
    with(|graph| {
        let mut path = Path { edges: [None; 8] };
        let mut visited = [0u64; CLASSES / 64];
        if graph.leads(edge.after, edge.before, &mut path, 0, &mut visited) {
            return Some(path);
        }
        if graph.edge_count < EDGES {
            graph.edges[graph.edge_count] = Some(edge);
            graph.edge_count += 1;
            let word = &SEEN[usize::from(edge.before)][usize::from(edge.after) / 64];
            word.fetch_or(1 << (edge.after % 64), Ordering::Relaxed);
        }
        None
    })
}

impl Graph {
    /// Whether orders that were seen lead from one class to another. A way longer than is kept is shown without its middle.
    fn leads(&self, from: u16, to: u16, path: &mut Path, depth: usize, visited: &mut [u64; CLASSES / 64]) -> bool {
        let bit = 1 << (from % 64);
        if visited[usize::from(from) / 64] & bit != 0 {
            return false;
        }
        visited[usize::from(from) / 64] |= bit;
        for edge in self.edges[..self.edge_count].iter().flatten() {
            if edge.before == from && (edge.after == to || self.leads(edge.after, to, path, depth + 1, visited)) {
                if let Some(slot) = path.edges.get_mut(depth) {
                    *slot = Some(*edge);
                }
                return true;
            }
        }
        false
    }
}

/// Calls `each` with every order that was seen.
pub(super) fn for_each(mut each: impl FnMut(&Edge)) {
    let count = with(|graph| graph.edge_count);
    for at in 0..count {
        if let Some(edge) = with(|graph| graph.edges[at]) {
            each(&edge);
        }
    }
}

/// What a class is called.
pub(super) struct Name(pub(super) u16);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match with(|graph| graph.classes.get(usize::from(self.0)).copied().flatten()) {
            Some(info) => write!(f, "{} of {}:{}", info.data, info.place.file(), info.place.line()),
            None => f.write_str("a lock"),
        }
    }
}
