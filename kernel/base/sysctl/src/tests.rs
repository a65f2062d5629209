//! What is read and written.

use super::*;
use alloc::string::String;

fn line_of(path: &str) -> usize {
    (0..LINES)
        .find(|line| table::path(*line) == path.as_bytes())
        .expect("a line")
}

fn write(path: &str, text: &str) -> Result<(), Wrong> {
    set(line_of(path), Whose::All, text.as_bytes())
}

fn read(path: &str) -> String {
    String::from_utf8(text(line_of(path), Whose::All).expect("a text")).expect("words")
}

#[test]
fn every_line_is_read_as_it_was_compiled() {
    let mut place = 0;
    for line in 0..LINES {
        let row = table::row(line).expect("a row");
        let Some(setting) = row.setting() else { continue };
        assert_eq!(setting.place(), place, "{:?}", row.path);
        place += row.count();
        let (least, most) = row.limits();
        for which in 0..row.count() {
            assert!((least..=most).contains(&setting.number(which)), "{:?}", row.path);
        }
    }
    assert_eq!(place, table::NUMBERS);
    let last = (0..LINES).map(path).collect::<Vec<_>>();
    let mut sorted = last.clone();
    sorted.sort_unstable();
    assert_eq!(last, sorted, "lines with the same beginning stand together");
}

#[test]
fn numbers_are_what_was_set_if_they_make_sense() {
    assert_eq!(SOMAXCONN.get(), 4096);
    assert_eq!(write("core/somaxconn", " 128\n"), Ok(()));
    assert_eq!((read("core/somaxconn").as_str(), SOMAXCONN.get()), ("128", 128));
    for bad in ["", "x", "-1", "12x", "4294967296"] {
        assert_eq!(write("core/somaxconn", bad), Err(Wrong::Value), "{bad}");
    }
    assert_eq!(write("core/somaxconn", "0x1000"), Ok(()));
    assert_eq!(SOMAXCONN.get(), 4096);
}

#[test]
fn several_numbers_are_set_together() {
    assert_eq!(read("ipv4/tcp_rmem"), "4096\t131072\t8388608");
    assert_eq!(write("ipv4/tcp_rmem", "8192"), Ok(()));
    assert_eq!(read("ipv4/tcp_rmem"), "8192\t131072\t8388608");
    assert_eq!(write("ipv4/tcp_rmem", "1 0 5"), Err(Wrong::Value));
    assert_eq!(
        text(line_of("ipv4/tcp_mem"), Whose::All),
        None,
        "it depends on the memory"
    );
}

#[test]
fn free_ports_need_no_privilege() {
    for bad in ["", "5", "7000 6000", "0 9", "1 70000", "80 60999"] {
        assert_eq!(write("ipv4/ip_local_port_range", bad), Err(Wrong::Value), "{bad}");
    }
    assert_eq!(write("ipv4/ip_local_port_range", "32768 60999"), Ok(()));
    assert_eq!(write("ipv4/ip_unprivileged_port_start", "40000"), Err(Wrong::Value));
}

#[test]
fn ports_are_reserved_by_ranges() {
    assert_eq!(write("ipv4/ip_local_reserved_ports", "9148-9150,8080,9151\n"), Ok(()));
    assert_eq!(read("ipv4/ip_local_reserved_ports"), "8080,9148-9151");
    assert!(is_reserved(9149) && !is_reserved(9147));
    assert_eq!(write("ipv4/ip_local_reserved_ports", "5-3"), Err(Wrong::Value));
    assert_eq!(write("ipv4/ip_local_reserved_ports", "70000"), Err(Wrong::Value));
    assert_eq!(write("ipv4/ip_local_reserved_ports", "\n"), Ok(()));
    assert!(!is_reserved(9149));
}

#[test]
fn congestion_control_has_names() {
    assert_eq!(read("ipv4/tcp_congestion_control"), "cubic");
    assert_eq!(write("ipv4/tcp_congestion_control", "bbr"), Err(Wrong::Name));
    assert_eq!(write("ipv4/tcp_congestion_control", "reno"), Ok(()));
    assert_eq!(read("ipv4/tcp_congestion_control"), "reno");
    assert_eq!(read("ipv4/tcp_allowed_congestion_control"), "reno cubic");
    assert_eq!(
        write("ipv4/tcp_available_congestion_control", "reno"),
        Err(Wrong::ReadOnly)
    );
}

#[test]
fn what_can_be_one_thing_only_says_so() {
    assert_eq!(write("ipv4/ip_forward", "0"), Ok(()));
    assert_eq!(write("ipv4/ip_forward", "1"), Err(Wrong::Value));
}

#[test]
fn interfaces_have_their_own() {
    let path = "ipv6/conf/*/accept_ra";
    let (card, other) = (Whose::Interface(7), Whose::Interface(8));
    assert_eq!(set(line_of(path), card, b"0"), Ok(()));
    keep(line_of(path), 8);
    assert_eq!(set(line_of(path), Whose::Default, b"2"), Ok(()));
    let all = [
        Whose::All,
        Whose::Default,
        Whose::Interface(1),
        card,
        other,
        Whose::Interface(9),
    ];
    assert_eq!(all.map(|whose| ACCEPT_RA.of(whose)), [1, 2, 1, 0, 1, 2]);
    assert_eq!(write("ipv6/conf/*/disable_ipv6", "1"), Ok(()));
    assert_eq!(all[..3].iter().map(|whose| DISABLE_IPV6.of(*whose)).sum::<i32>(), 3);
}
