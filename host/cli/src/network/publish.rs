//! Published ports: `-p [ADDRESS:][HOST]:GUEST[/PROTOCOL]`, as docker writes them.
//!
//! Every port is bound here for a moment before the machine starts, so that one that is taken is one clear sentence, and so that
//! "any free port" becomes a number which can be told. Without an address a port is published on 127.0.0.1 only: what runs in the
//! machine is reachable from other machines when the user says so.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use machine::Protocol;

use super::address::port_number;
use crate::failure::Failure;

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
        let (ports, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some((_, other)) => {
                let cause = format!("-p {text}: the protocol {other} has no ports here");
                return Err(Failure::other(cause, "Give tcp or udp"));
            }
        };
        let (rest, guest) = ports.rsplit_once(':').unwrap_or(("", ports));
        let guest = range(guest).ok_or_else(form)?;
        let (address, host) = match rest.rsplit_once(':') {
            Some((address, host)) => (host_address(address).ok_or_else(form)?, host),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), rest),
        };
        let host = match host {
            "" | "0" => None,
            text => Some(range(text).ok_or_else(form)?),
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
                let mut result = Ok(());
                for host in low..=high {
                    result = self.take_one(publish, host, first);
                    if result.is_ok() {
                        return result;
                    }
                }
                result
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
        if self.taken.contains(&(protocol, wanted)) {
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
        self.leads.push(Lead { host, guest, protocol });
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

/// `80` or `80-89`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port_number(first)?, port_number(last)?);
    (first <= last).then_some((first, last))
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
            "a:b:c:d",
        ] {
            assert!(Publish::parse(bad).is_err(), "{bad}");
        }
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
