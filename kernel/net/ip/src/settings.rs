//! What happens when a setting of an interface is changed (`/proc/sys/net/ipv6/conf`).

use crate::clock::{look, with};
use alloc::vec::Vec;
use sysctl::{DISABLE_IPV6, Setting, Whose};

/// From now on changes are heard of.
pub(crate) fn begin() {
    sysctl::on_change(changed);
}

fn changed(setting: Setting, whose: Whose, number: i32) {
    if setting != DISABLE_IPV6 {
        return;
    }
    let all: Vec<u32> = look(|stack| stack.links.iter().map(|link| link.index).collect());
    let which = all
        .into_iter()
        .filter(|index| whose == Whose::All || whose == Whose::Interface(*index));
    for index in which {
        DISABLE_IPV6.store_for(Whose::Interface(index), number);
        with(|stack, now, effects| stack.renew_newer(now, index, number == 0, effects));
    }
}

/// Whether an interface has nothing to do with the newer protocol.
pub(crate) fn has_no_newer(interface: u32) -> bool {
    DISABLE_IPV6.of(Whose::Interface(interface)) != 0
}
