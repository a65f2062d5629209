//! Published ports: `-p [ADDRESS:][HOST]:GUEST[/PROTOCOL]`, as docker writes them.
//!
//! Every port is bound here for a moment before the machine starts, so that one that is taken is one clear sentence, and so that
//! "any free port" becomes a number which is told. Without an address a port is published on 127.0.0.1 only: what runs in the
//! machine is reachable from other machines when the user says so.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use machine::Protocol;

use super::address::port_number;
use crate::failure::Failure;

/// Ports that are published at most: QEMU gets all of them in one word, which may not be longer.
const MOST: usize = 500;

/// One `-p`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publish {
    address: IpAddr,
    /// First and last port of the host; `None` is any free one.
    host: Option<(u16, u16)>,
    /// First and last port of the guest.
    guest: (u16, u16),
    protocol: Protocol,
    text: String,
}

/// A port of the host that leads to one of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lead {
    pub(crate) host: SocketAddr,
    pub(crate) guest: u16,
    pub(crate) protocol: Protocol,
    /// The host's port was not the user's choice, so he is told.
    pub(crate) is_chosen: bool,
}

impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} leads to port {}/{} of the machine",
            self.host, self.guest, self.protocol
        )
    }
}

/// Ports that are ours until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    pub(crate) leads: Vec<Lead>,
    /// Sockets that keep others away until QEMU takes the ports.
    held: Vec<OwnedFd>,
    taken: HashSet<(Protocol, SocketAddr)>,
}

impl Publish {
    /// Reads one `-p`.
    ///
    /// # Errors
    /// It has another form.
    pub(crate) fn parse(text: &str) -> Result<Publish, Failure> {
        let form = || {
            let cause = format!("-p {text} does not say which port leads where");
            Failure::other(cause, "Write it as [ADDRESS:]HOST:GUEST[/udp], for example 8080:80")
        };
        let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            word if word.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
            word if word.eq_ignore_ascii_case("udp") => Protocol::Udp,
            other => {
                let cause = format!("-p {text}: the protocol {other} has no ports here");
                return Err(Failure::other(cause, "Give tcp or udp"));
            }
        };
        let (rest, guest) = ports.rsplit_once(':').unwrap_or(("", ports));
        let guest = range(guest, text)?.ok_or_else(form)?;
        let (address, host) = match rest.rsplit_once(':') {
            Some((address, host)) => (host_address(address).ok_or_else(form)?, host),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), rest),
        };
        let host = match host {
            "" | "0" => None,
            words => Some(range(words, text)?.ok_or_else(form)?),
        };
        if let Some((first, last)) = host {
            let (wanted, given) = (guest.1 - guest.0, last - first);
            if given != wanted && wanted != 0 {
                let cause = format!(
                    "-p {text} has {} ports for {}",
                    u32::from(given) + 1,
                    u32::from(wanted) + 1
                );
                return Err(Failure::other(cause, "Make both ranges equally long"));
            }
        }
        Ok(Publish {
            address,
            host,
            guest,
            protocol,
            text: text.to_string(),
        })
    }
}

impl Ports {
    /// Takes the ports of one `-p`.
    ///
    /// # Errors
    /// One is taken, or may not be had.
    pub(crate) fn take(&mut self, publish: &Publish) -> Result<(), Failure> {
        let (first, last) = publish.guest;
        match publish.host {
            // One of several will do.
            Some((low, high)) if first == last && low != high => {
                let found = (low..=high).any(|host| self.take_one(publish, host, first).is_ok());
                if found {
                    return Ok(());
                }
                let cause = format!(
                    "no port from {low} to {high} of {} is free for -p {}",
                    publish.address, publish.text
                );
                Err(Failure::other(cause, "Publish on others, or on 0 for any that is free"))
            }
            host => (first..=last).try_for_each(|guest| {
                let host = host.map_or(0, |(low, _)| low + (guest - first));
                self.take_one(publish, host, guest)
            }),
        }
    }

    fn take_one(&mut self, publish: &Publish, host: u16, guest: u16) -> Result<(), Failure> {
        let wanted = SocketAddr::new(publish.address, host);
        let protocol = publish.protocol;
        if self.leads.len() == MOST {
            let cause = format!(
                "-p {} is one port more than the {MOST} that can be published",
                publish.text
            );
            return Err(Failure::other(
                cause,
                "Publish fewer, or give the machine an address with --network NAME",
            ));
        }
        if self
            .taken
            .iter()
            .any(|(other, taken)| *other == protocol && is_same(*taken, wanted))
        {
            let cause = format!("-p {} publishes {wanted} a second time", publish.text);
            return Err(Failure::other(cause, "Leave one of the two out"));
        }
        let bound = match protocol {
            Protocol::Tcp => {
                TcpListener::bind(wanted).and_then(|socket| Ok((socket.local_addr()?, OwnedFd::from(socket))))
            }
            Protocol::Udp => {
                UdpSocket::bind(wanted).and_then(|socket| Ok((socket.local_addr()?, OwnedFd::from(socket))))
            }
        };
        let (host, held) = bound.map_err(|error| refused(&error, wanted, protocol))?;
        self.held.push(held);
        self.taken.insert((protocol, host));
        self.leads.push(Lead {
            host,
            guest,
            protocol,
            is_chosen: publish
                .host
                .is_none_or(|(low, high)| high - low != publish.guest.1 - publish.guest.0),
        });
        Ok(())
    }
}

fn refused(error: &io::Error, wanted: SocketAddr, protocol: Protocol) -> Failure {
    let (address, port) = (wanted.ip(), wanted.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::other(
            format!("port {port}/{protocol} of {address} is taken by another program"),
            "Publish on another one, or on 0 for any that is free",
        ),
        io::ErrorKind::PermissionDenied => Failure::other(
            format!("port {port}/{protocol} of {address} is for root only"),
            "Publish on one from 1024, or run the command as root",
        ),
        io::ErrorKind::AddrNotAvailable => Failure::other(
            format!("{address} is not an address of this machine"),
            "See the addresses with ip addr; 0.0.0.0 is all of them",
        ),
        _ => Failure::other(
            format!("{wanted}/{protocol} cannot be published: {}", image::in_words(error)),
            "Publish on another address or port",
        ),
    }
}

/// Whether two addresses with ports cannot both be had: the address that is all of them includes each.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    let family = one.is_ipv4() == other.is_ipv4();
    one.port() == other.port() && one.port() != 0 && (one.ip() == other.ip() || all && family)
}

/// `80` or `80-89`; nothing if it is neither.
///
/// # Errors
/// They are numbers, but not of ports.
fn range(text: &str, whole: &str) -> Result<Option<(u16, u16)>, Failure> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(bad) = [first, last]
        .into_iter()
        .find(|text| is_number(text) && port_number(text).is_none())
    {
        let cause = format!("-p {whole}: {bad} is not the number of a port here");
        return Err(Failure::other(cause, "Ports have numbers from 1 to 65535"));
    }
    let (Some(first), Some(last)) = (port_number(first), port_number(last)) else {
        return Ok(None);
    };
    if first > last {
        let cause = format!("-p {whole}: {first}-{last} goes backwards");
        return Err(Failure::other(cause, "Write the smaller number first"));
    }
    Ok(Some((first, last)))
}

/// An address of the host: IPv4, or IPv6 in brackets; nothing is 127.0.0.1.
fn host_address(text: &str) -> Option<IpAddr> {
    if text.is_empty() {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    if text == "localhost" {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = (String, Option<(u16, u16)>, (u16, u16), Protocol);

    fn parsed(text: &str) -> Parts {
        let publish = Publish::parse(text).unwrap();
        (
            publish.address.to_string(),
            publish.host,
            publish.guest,
            publish.protocol,
        )
    }

    #[test]
    fn the_forms_of_docker() {
        let here = || "127.0.0.1".to_string();
        assert_eq!(parsed("8080:80"), (here(), Some((8080, 8080)), (80, 80), Protocol::Tcp));
        assert_eq!(parsed("80"), (here(), None, (80, 80), Protocol::Tcp));
        assert_eq!(parsed(":80"), parsed("0:80"));
        assert_eq!(parsed("53:53/udp"), (here(), Some((53, 53)), (53, 53), Protocol::Udp));
        assert_eq!(parsed("8080:80/tcp"), parsed("8080:80"));
        assert_eq!(parsed("53:53/UDP"), parsed("53:53/udp"));
        assert_eq!(parsed("8000-8010:8000-8010").2, (8000, 8010));
        assert_eq!(parsed("80-81"), (here(), None, (80, 81), Protocol::Tcp));
        assert_eq!(parsed("0.0.0.0:1-3:11-13").1, Some((1, 3)));
        assert_eq!(parsed("1.2.3.4::80"), ("1.2.3.4".into(), None, (80, 80), Protocol::Tcp));
        assert_eq!(parsed("[::1]:8080:80").0, "::1");
        assert_eq!(
            parsed("8000-8010:80"),
            (here(), Some((8000, 8010)), (80, 80), Protocol::Tcp)
        );
        for bad in [
            "",
            ":",
            "x:80",
            "80:",
            "80:0",
            "70000:80",
            "1-3:1-2",
            "3-1:80",
            "::1:80:80",
            "[::1:80:80",
            "80:80/sctp",
            "80:80/tcp/tcp",
            "a:b:c:d",
        ] {
            assert!(Publish::parse(bad).is_err(), "{bad}");
        }
        for (bad, why) in [
            ("65536:80", "65536 is not the number"),
            ("80:0", ": 0 is not the number"),
            ("99999999999999999999:80", "is not the number"),
            ("9-8:80", "9-8 goes backwards"),
            ("1-3:1-2", "3 ports for 2"),
            ("-1:80", "does not say which port"),
        ] {
            let failure = Publish::parse(bad).unwrap_err().to_string();
            assert!(failure.contains(why), "{bad}: {failure}");
        }
    }

    #[test]
    fn the_address_of_all_includes_each() {
        let mut ports = Ports::default();
        ports.take(&Publish::parse("0.0.0.0::80").unwrap()).unwrap();
        let port = ports.leads[0].host.port();
        let failure = ports.take(&Publish::parse(&format!("{port}:80")).unwrap()).unwrap_err();
        assert!(failure.to_string().contains("a second time"), "{failure}");
        ports.take(&Publish::parse(&format!("{port}:80/udp")).unwrap()).unwrap();
        assert!(ports.leads[0].is_chosen && !ports.leads[1].is_chosen);
    }

    #[test]
    fn there_are_not_too_many() {
        let mut ports = Ports::default();
        let failure = ports.take(&Publish::parse("0:1-65535/udp").unwrap()).unwrap_err();
        assert!(failure.to_string().contains("one port more than the 500"), "{failure}");
    }

    #[test]
    fn a_range_without_a_free_port_is_named() {
        let two = (0..100).find_map(|_| {
            let one = TcpListener::bind("127.0.0.1:0").unwrap();
            let low = one.local_addr().unwrap().port();
            let other = TcpListener::bind(("127.0.0.1", low.checked_add(1)?)).ok()?;
            Some((low, one, other))
        });
        let (low, _one, _other) = two.unwrap();
        let text = format!("{low}-{}:90", low + 1);
        let failure = Ports::default().take(&Publish::parse(&text).unwrap()).unwrap_err();
        assert!(failure.to_string().starts_with("no port from"), "{failure}");
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let mut ports = Ports::default();
        let failure = ports.take(&Publish::parse(&format!("{port}:80")).unwrap()).unwrap_err();
        assert!(
            failure
                .to_string()
                .starts_with(&format!("port {port}/tcp of 127.0.0.1 is taken")),
            "{failure}"
        );
        ports.take(&Publish::parse("0:80-81").unwrap()).unwrap();
        ports.take(&Publish::parse(":53/udp").unwrap()).unwrap();
        let leads = &ports.leads;
        assert!(leads.len() == 3 && leads[0].guest == 80 && leads[1].guest == 81 && leads[0].host != leads[1].host);
        let again = format!("{}:90", leads[0].host.port());
        let failure = ports.take(&Publish::parse(&again).unwrap()).unwrap_err();
        assert!(failure.to_string().contains("a second time"), "{failure}");
    }

    #[test]
    fn one_free_port_of_a_range_will_do() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port().min(65000);
        let mut ports = Ports::default();
        let last = port + 20;
        ports
            .take(&Publish::parse(&format!("{port}-{last}:80")).unwrap())
            .unwrap();
        assert!(ports.leads.len() == 1 && ports.leads[0].host.port() > port);
    }
}
