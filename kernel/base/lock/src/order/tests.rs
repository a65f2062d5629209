//! Each way of doing it wrong is told, once it has been done in either order.

extern crate std;

use crate::SpinLock;
use crate::order;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;

/// What the checker says of `act`; nothing if all is well.
fn said(act: impl FnOnce()) -> Option<String> {
    let held = order::exchange(order::Held::default());
    let panic = catch_unwind(AssertUnwindSafe(act)).err();
    order::exchange(held);
    panic.map(|panic| *panic.downcast::<String>().expect("the checker says why"))
}

#[test]
fn two_orders_of_two_classes_are_told_with_both_chains() {
    let (one, other) = (SpinLock::new(1u8), SpinLock::new(2u16));
    let nested = |first: &dyn Fn(&dyn Fn()), then: &dyn Fn()| first(then);
    let under_one = |then: &dyn Fn()| {
        let _held = one.lock();
        then();
    };
    assert_eq!(said(|| nested(&under_one, &|| drop(other.lock()))), None);
    let text = said(|| {
        let _held = other.lock();
        drop(one.lock());
    });
    let text = text.expect("an inversion");
    assert!(text.contains("u8 of") && text.contains("u16 of"), "{text}");
    assert!(text.contains("but the other order has been seen:"), "{text}");
    assert_eq!(text.matches("order/tests.rs").count(), 8, "{text}");
}

#[test]
fn an_order_over_a_third_class_counts() {
    let (a, b, c) = (SpinLock::new(1u8), SpinLock::new([0u16; 2]), SpinLock::new([0u32; 2]));
    assert_eq!(
        said(|| {
            let _held = a.lock();
            drop(b.lock());
        }),
        None
    );
    assert_eq!(
        said(|| {
            let _held = b.lock();
            drop(c.lock());
        }),
        None
    );
    assert!(
        said(|| {
            let _held = c.lock();
            drop(a.lock());
        })
        .is_some_and(|text| text.contains("[u16; 2]"))
    );
}

#[test]
fn two_of_a_class_need_an_order() {
    let plain = [const { SpinLock::new(0i8) }; 2];
    assert!(
        said(|| {
            let _held = plain[0].lock();
            drop(plain[1].lock());
        })
        .is_some()
    );
    assert_eq!(
        said(|| {
            let _held = plain[0].lock();
            drop(plain[1].lock_below());
        }),
        None
    );
    let ordered = [const { SpinLock::by_address(0i16) }; 2];
    for (first, second, is_fine) in [(0, 1, true), (1, 0, false)] {
        let said = said(|| {
            let _held = ordered[first].lock();
            drop(ordered[second].lock());
        });
        assert_eq!(said.is_none(), is_fine, "{said:?}");
    }
}

#[test]
fn what_is_held_decides_what_may_be_done() {
    let (plain, user, sleeping) = (
        SpinLock::new(0i32),
        SpinLock::over_user_memory(0i32),
        SpinLock::over_sleep(0i32),
    );
    for (lock, sleeps, touches) in [(&plain, false, false), (&user, false, true), (&sleeping, true, true)] {
        let _held = lock.lock();
        assert_eq!(said_holding(order::may_sleep), sleeps);
        assert_eq!(said_holding(order::may_touch_user_memory), touches);
    }
    let held = sleeping.lock();
    let away = order::put_away();
    assert!(said_holding(order::may_sleep));
    order::take_back(away);
    drop(held);
    assert!(said_holding(order::may_sleep));
}

/// Whether `act` is allowed with what is held here.
fn said_holding(act: fn()) -> bool {
    catch_unwind(act).is_ok()
}
