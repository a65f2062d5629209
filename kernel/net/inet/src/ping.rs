//! Sockets for echoes (`SOCK_DGRAM` with ICMP or `ICMPv6`): who may not have raw sockets can ping with them. The identifier of an echo stands in the port's place, and a socket sees nothing but
//! the answers to its own, and what became of them. Everything else is as with other datagrams (`datagram`).

use crate::datagram::UdpSocket;
use crate::letter::Letter;
use crate::ports::{Coming, Ports, What, Wish};
use crate::{address, limits};
use abi::socket::{AF_INET, MSG_OOB, SO_REUSEADDR, SOL_SOCKET};
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use ip::{Failed, Handler, Received};
use ipc::options::Options;
use lock::atomic::{AtomicBool, Ordering};
use packet::icmp::Message;
use packet::u16_at;
use vfs::Credentials;

pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;
/// The kinds of messages that ask for an echo.
const ECHO: u8 = 8;
const ECHO_NEWER: u8 = 128;
/// Most bytes of a message.
const LONGEST: usize = 0xffff;

/// Who has which identifier, of both protocols.
pub(crate) static PORTS: Ports<UdpSocket> = Ports::new();
static STARTED: AtomicBool = AtomicBool::new(false);

/// The protocol with the echoes of a family.
pub(crate) const fn protocol_of(family: u16) -> u8 {
    if family == AF_INET { ICMP } else { ICMPV6 }
}

/// Whether somebody may have such a socket.
pub(crate) fn check_rights(who: &Credentials) -> Result<()> {
    let may = limits::pingers();
    if may.contains(&who.egid) || who.groups.iter().any(|group| may.contains(group)) {
        Ok(())
    } else {
        Err(Error::new(Errno::EACCES, "no group of theirs may ping"))
    }
}

/// Has answers and errors of echoes taken in, for these sockets and for raw ones.
pub(crate) fn start() {
    if !STARTED.swap(true, Ordering::Relaxed) {
        for protocol in [ICMP, ICMPV6] {
            ip::register(protocol, Handler { receive, fail });
        }
    }
}

/// What a socket asks of the table: an identifier is nobody else's whatever the address, unless both may share theirs, which they may if nobody says otherwise.
pub(crate) fn wish(wish: Wish, options: &Options) -> Wish {
    Wish {
        ip: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        only_v6: false,
        reuse_address: options.kept(SOL_SOCKET, SO_REUSEADDR) != Some(0),
        reuse_port: false,
        ..wish
    }
}

pub(crate) fn check_flags(flags: u32) -> Result<()> {
    if flags & MSG_OOB != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
    }
    Ok(())
}

/// The address that a socket is to be bound to; every identifier is free to all.
pub(crate) fn parse_for_bind(family: u16, bytes: &[u8]) -> Result<SocketAddr> {
    let wanted = address::parse(family, bytes)?;
    let is_own = wanted.ip().is_unspecified() || address::is_own(wanted.ip());
    if !is_own || wanted.is_ipv4() != (family == AF_INET) {
        return Err(Error::new(Errno::EADDRNOTAVAIL, "the machine has no such address"));
    }
    Ok(wanted)
}

/// Where an echo goes: ports do not matter.
pub(crate) fn target(family: u16, to: SocketAddr) -> Result<SocketAddr> {
    if to.is_ipv4() != (family == AF_INET) {
        return Err(Error::new(Errno::EINVAL, "the address is of the older protocol"));
    }
    Ok(address::or_own(to))
}

/// The question that a program wrote, with the identifier that is the socket's.
pub(crate) fn question(protocol: u8, bytes: &[u8], identifier: u16) -> Result<Message<'_>> {
    if bytes.len() > LONGEST {
        return Err(Error::new(Errno::EMSGSIZE, "longer than a packet"));
    }
    let kind = if protocol == ICMP { ECHO } else { ECHO_NEWER };
    match bytes {
        [given, 0, _, _, _, _, high, low, body @ ..] if *given == kind => Ok(Message {
            kind,
            code: 0,
            rest: u32::from(identifier) << 16 | u32::from(u16::from_be_bytes([*high, *low])),
            body,
        }),
        _ => Err(Error::new(Errno::EINVAL, "the message asks for no echo")),
    }
}

/// An answer came.
fn receive(packet: &Received<'_>) {
    let Some(identifier) = u16_at(packet.payload, 4) else {
        return;
    };
    let from = address::scoped(packet.source, 0, packet.interface);
    let coming = Coming {
        to: SocketAddr::new(packet.destination, identifier),
        from,
        interface: packet.interface,
        what: What::Echo(packet.protocol),
    };
    if let Some(socket) = PORTS.find(&coming) {
        socket.take_echo(Letter::new(packet, packet.payload.to_vec(), from));
    }
}

/// A message of ours did not arrive.
fn fail(failed: &Failed<'_>) {
    raw_socket::fail(failed);
    let (protocol, kind) = if failed.source.is_ipv4() {
        (ICMP, ECHO)
    } else {
        (ICMPV6, ECHO_NEWER)
    };
    let Some(identifier) = u16_at(failed.payload, 4).filter(|_| failed.payload.first() == Some(&kind)) else {
        return;
    };
    let peer = address::scoped(failed.destination, 0, failed.interface);
    let coming = Coming {
        to: SocketAddr::new(failed.source, identifier),
        from: peer,
        interface: failed.interface,
        what: What::Echo(protocol),
    };
    if let Some(socket) = PORTS.find(&coming) {
        socket.hear_of_failure(failed, failed.payload, peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_for_echoes_go_out_and_with_the_own_identifier() {
        let bytes = [ECHO, 0, 9, 9, 7, 7, 1, 2, b'x'];
        let asked = question(ICMP, &bytes, 0x1234).map(|asked| (asked.kind, asked.rest, asked.body));
        assert_eq!(asked, Ok((ECHO, 0x1234_0102, &b"x"[..])));
        let other = [ECHO, 1, 0, 0, 0, 0, 0, 0];
        for (protocol, bytes) in [
            (ICMPV6, &bytes[..]),
            (ICMP, &bytes[..7]),
            (ICMP, &[0; 8]),
            (ICMP, &other),
        ] {
            assert!(question(protocol, bytes, 1).is_err(), "{protocol} {bytes:?}");
        }
    }

    #[test]
    fn identifiers_are_shared_unless_somebody_says_otherwise() {
        let plain = Wish {
            ip: IpAddr::V6(Ipv6Addr::LOCALHOST),
            only_v6: true,
            reuse_address: false,
            reuse_port: true,
            uid: 0,
            range: (0, 0),
            device: None,
        };
        let options = Options::default();
        assert!(wish(plain, &options).reuse_address && !wish(plain, &options).reuse_port);
        options.keep(SOL_SOCKET, SO_REUSEADDR, 0);
        assert!(!wish(plain, &options).reuse_address);
    }
}
