//! The ways that packets took just now.
//!
//! Each packet asks for a route, the own address, a neighbour, and the longest packet; most go where one went a moment ago. What is kept here holds for [`FRESH`] at most, and not longer than until
//! anything is done to the stack ([`clock::with`](crate::clock::with) forgets it all), so that nothing else has to know of it: an entry tells no more than what looking it up would have told that long ago.

use crate::output::Way;
use crate::route::{Route, Via};
use core::net::IpAddr;

/// How long a way is believed: what is noted of each use (when a neighbour was used last) and ends by itself (how long it is believed to be there) is not much more exact.
const FRESH: u64 = 50_000_000;
/// Ways that are kept: a power of two.
const PLACES: usize = 8;

/// What a packet says of its way: to whom, from which own address, and what else.
pub(crate) type Wish = (IpAddr, Option<IpAddr>, Via);

/// Those on one network differ in the last bits.
fn place(to: IpAddr) -> usize {
    let last = match to {
        IpAddr::V4(to) => to.octets()[3],
        IpAddr::V6(to) => to.octets()[15],
    };
    usize::from(last) % PLACES
}

/// What was found, by whom it leads to.
struct Table<T>([Option<(Wish, u64, T)>; PLACES]);

impl<T> Table<T> {
    const fn new() -> Self {
        Self([const { None }; PLACES])
    }

    #[inline]
    fn find(&self, now: u64, wish: &Wish) -> Option<&T> {
        let (known, until, found) = self.0[place(wish.0)].as_ref()?;
        (known == wish && now < *until).then_some(found)
    }

    /// In place: together they are more than belongs on a stack.
    fn clear(&mut self) {
        self.0.iter_mut().for_each(|place| *place = None);
    }

    fn keep(&mut self, now: u64, wish: Wish, found: T) {
        self.0[place(wish.0)] = Some((wish, now + FRESH, found));
    }
}

/// Routes that were asked for, and ways that packets took.
pub(crate) struct Recent {
    routes: Table<Route>,
    ways: Table<Way>,
    is_used: bool,
}

impl Recent {
    pub(crate) const fn new() -> Self {
        Self {
            routes: Table::new(),
            ways: Table::new(),
            is_used: false,
        }
    }

    /// The route that such a packet has, if one like it was asked for a moment ago.
    pub(crate) fn route(&self, now: u64, wish: &Wish) -> Option<Route> {
        self.routes.find(now, wish).copied()
    }

    /// The way of a packet, if one like it went a moment ago.
    pub(crate) fn way(&self, now: u64, wish: &Wish) -> Option<Way> {
        self.ways.find(now, wish).cloned()
    }

    pub(crate) fn keep_route(&mut self, now: u64, wish: Wish, route: Route) {
        self.is_used = true;
        self.routes.keep(now, wish, route);
    }

    pub(crate) fn keep_way(&mut self, now: u64, wish: Wish, way: Way) {
        self.is_used = true;
        self.ways.keep(now, wish, way);
    }

    /// Something may be different now.
    #[inline]
    pub(crate) fn forget(&mut self) {
        if self.is_used {
            self.routes.clear();
            self.ways.clear();
            self.is_used = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn what_was_found_holds_for_a_moment_for_the_same_wish_until_something_changes() {
        let to = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));
        let route = Route {
            source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            interface: 2,
            next_hop: to,
            mtu: 1500,
            is_local: false,
            is_broadcast: false,
            can_segment: false,
            can_sum: false,
        };
        let mut recent = Recent::new();
        recent.keep_route(5, (to, None, Via::default()), route);
        assert_eq!(recent.route(5, &(to, None, Via::default())), Some(route));
        assert_eq!(recent.route(5, &(to, None, Via::by(Some(2)))), None);
        assert_eq!(recent.route(5 + FRESH, &(to, None, Via::default())), None);
        recent.forget();
        assert_eq!(recent.route(5, &(to, None, Via::default())), None);
    }
}
