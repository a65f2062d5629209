//! Who gets a port, and who gets what comes there.

use super::*;

struct Plain(bool);

impl Holder for Plain {
    fn is_listening(&self) -> bool {
        self.0
    }
    fn peer(&self) -> Option<SocketAddr> {
        None
    }
    fn takes(&self, _coming: &Coming<'_>) -> bool {
        true
    }
}

fn wish(ip: &str) -> Wish {
    Wish {
        ip: ip.parse().expect("an address"),
        only_v6: false,
        reuse_address: false,
        reuse_port: false,
        uid: 0,
        range: (0, 0),
        device: None,
    }
}

#[test]
fn claims_conflict_where_their_addresses_meet() {
    for (one, other, meet) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("0.0.0.0", "127.0.0.2", true),
        ("::", "127.0.0.2", true),
        ("::", "0.0.0.0", true),
        ("0.0.0.0", "::1", false),
        ("::", "::1", true),
    ] {
        assert_eq!(wish(one).overlaps(&wish(other)), meet, "{one} {other}");
        assert_eq!(wish(other).overlaps(&wish(one)), meet, "{other} {one}");
    }
    let only = Wish {
        only_v6: true,
        ..wish("::")
    };
    assert!(!only.overlaps(&wish("0.0.0.0")) && !only.overlaps(&wish("127.0.0.1")));
}

#[test]
fn ports_are_shared_by_those_who_agree() {
    let ports = Ports::new();
    let (one, other) = (Arc::new(Plain(false)), Arc::new(Plain(true)));
    let (one_weak, other_weak) = (Arc::downgrade(&one), Arc::downgrade(&other));
    let any = wish("0.0.0.0");
    assert_eq!(ports.claim(any, 80, &one_weak).map_err(|error| error.errno), Ok(80));
    assert_eq!(
        ports.claim(any, 80, &other_weak).map_err(|error| error.errno),
        Err(Errno::EADDRINUSE)
    );
    ports.release(80, &one_weak);
    let shared = Wish {
        reuse_port: true,
        ..any
    };
    assert!(ports.claim(shared, 80, &one_weak).is_ok() && ports.claim(shared, 80, &other_weak).is_ok());
    let reused = Wish {
        reuse_address: true,
        ..any
    };
    assert!(ports.claim(reused, 81, &one_weak).is_ok() && ports.claim(reused, 81, &other_weak).is_ok());
    assert!(ports.claim(reused, 81, &one_weak).is_err(), "the other one listens");
    let free = ports.claim(any, 0, &one_weak).expect("there are free ports");
    assert!(limits::free_ports().contains(&free));
}

#[test]
fn those_who_connect_share_ports_towards_others() {
    let ports = Ports::new();
    let sockets: Vec<_> = (0..4).map(|_| Arc::new(Plain(false))).collect();
    let peers = ["127.0.0.1:80", "127.0.0.1:81"].map(|text| text.parse().expect("an address"));
    let narrow = Wish {
        range: (40_000, 40_001),
        ..wish("127.0.0.1")
    };
    let claim = |peer, socket: &Arc<Plain>| ports.claim_to_connect(narrow, peer, &Arc::downgrade(socket), &|_| true);
    let [first, second] = [0, 1].map(|at: usize| claim(peers[0], &sockets[at]).expect("a port"));
    assert_ne!(first, second);
    assert!(claim(peers[0], &sockets[2]).is_err() && claim(peers[1], &sockets[2]).is_ok());
    let other = wish("127.0.0.1");
    assert!(ports.claim(other, first, &Arc::downgrade(&sockets[3])).is_err());
    ports.release(first, &Arc::downgrade(&sockets[0]));
    assert_eq!(claim(peers[0], &sockets[0]), Ok(first));
}

#[test]
fn the_nearest_address_gets_what_comes() {
    let ports = Ports::new();
    let (near, far) = (Arc::new(Plain(true)), Arc::new(Plain(true)));
    for (ip, socket) in [("127.0.0.1", &near), ("::", &far)] {
        let shared = Wish {
            reuse_port: true,
            ..wish(ip)
        };
        assert!(ports.claim(shared, 80, &Arc::downgrade(socket)).is_ok());
    }
    let from: SocketAddr = "127.0.0.1:4000".parse().expect("an address");
    let to = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let found = |text| {
        ports.find(&Coming {
            to: to(text),
            from,
            interface: 1,
            what: What::Datagram(&[]),
        })
    };
    assert!(found("127.0.0.1:80").is_some_and(|found| Arc::ptr_eq(&found, &near)));
    assert!(found("127.0.0.2:80").is_some_and(|found| Arc::ptr_eq(&found, &far)));
    assert!(found("127.0.0.1:81").is_none());
}

#[test]
fn a_port_is_taken_while_connections_are_served_there() {
    let ports = Ports::new();
    let socket = Arc::new(Plain(false));
    let weak = Arc::downgrade(&socket);
    let (plain, again) = (
        wish("127.0.0.1"),
        Wish {
            reuse_address: true,
            ..wish("0.0.0.0")
        },
    );
    ports.serve(plain, 80);
    ports.serve(plain, 80);
    assert!(ports.claim(plain, 80, &weak).is_err() && ports.claim(again, 80, &weak).is_err());
    ports.leave(plain, 80);
    assert!(ports.claim(plain, 80, &weak).is_err());
    ports.leave(plain, 80);
    assert!(ports.claim(plain, 80, &weak).is_ok());
    ports.serve(again, 81);
    assert!(ports.claim(again, 81, &weak).is_ok() && ports.claim(plain, 82, &weak).is_ok());
}
