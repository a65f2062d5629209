//! What programs want in the headers of datagrams besides what all have: options of IPv4 (`IP_OPTIONS`), headers of IPv6 (RFC 3542), flows, and lengths. Kept by the socket, or along with a datagram,
//! which then takes the place of what is kept.
//!
//! Streams keep such things too, so that who asks finds them, but their segments go without: those that end within the machine never become packets. Ways by several addresses are kept in IPv4's options
//! and not to be had in IPv6's headers.

use crate::options::{IPPROTO_IP, IPPROTO_IPV6};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use header_options::newer::{self, Headers};
use header_options::older::{self, Wrong};
use ip::{Extra, Route};
use ipc::options::{NO_VALUE, Options, SHORT, number_of};
use lock::SpinLock;
use vfs::capability;

/// `IP_OPTIONS`, and options that came, sent back.
const OPTIONS: u32 = 4;
pub(crate) const RETOPTS: u32 = 7;

/// Names at the level of IPv6.
pub(crate) mod name {
    pub(crate) const HOPOPTS_OLD: u32 = 3;
    pub(crate) const DSTOPTS_OLD: u32 = 4;
    pub(crate) const RTHDR_OLD: u32 = 5;
    pub(crate) const MTU: u32 = 24;
    pub(crate) const FLOWINFO_SEND: u32 = 33;
    pub(crate) const PKTINFO: u32 = 50;
    pub(crate) const HOPOPTS: u32 = 54;
    pub(crate) const RTHDRDSTOPTS: u32 = 55;
    pub(crate) const RTHDR: u32 = 57;
    pub(crate) const DSTOPTS: u32 = 59;
    pub(crate) const PATHMTU: u32 = 61;
    pub(crate) const DONTFRAG: u32 = 62;
}

/// Beside a name: what belongs to it and is no option itself.
const BESIDE: u32 = 0x1000;

const NOT_ALLOWED: Error = Error::new(Errno::EPERM, "such headers need CAP_NET_RAW");
const NO_ROUTES: Error = Error::new(Errno::EINVAL, "ways by several addresses are not sent");

/// What datagrams are to have.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    pub(crate) older: Option<older::Options>,
    pub(crate) newer: Headers,
    /// For those on the way of a routing header, which there is none of.
    before_routing: Vec<u8>,
}

/// What a socket keeps of that.
#[derive(Default)]
pub struct Kept {
    wishes: SpinLock<Option<Arc<Wishes>>>,
    /// What fits to somebody, if that was less than what was sent last and nobody was told.
    path: SpinLock<Option<(u32, SocketAddr)>>,
}

impl core::fmt::Debug for Kept {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Kept")
    }
}

/// Whether who asks may send what others may not.
pub(crate) fn may_all() -> bool {
    let process = task::current::exists().then(process::current).flatten();
    process.is_none_or(|process| process.credentials().has(capability::NET_RAW))
}

/// Options that a program gives.
pub(crate) fn older_options(given: &[u8]) -> Result<older::Options> {
    let may_all = may_all();
    let is_own = |ip| ip::is_own(IpAddr::V4(ip));
    let options = older::Options::check(given, may_all, &is_own).map_err(|wrong| match wrong {
        Wrong::Route => NO_ROUTES,
        Wrong::At(_) => Error::new(Errno::EINVAL, "the options are wrong"),
    })?;
    if options.first().is_some() && !may_all {
        return Err(NOT_ALLOWED);
    }
    Ok(options)
}

impl Wishes {
    /// A header that goes along with a datagram, if its kind is one; each once.
    pub(crate) fn take(&mut self, kind: u32, body: &[u8]) -> Option<Result<()>> {
        const WRONG: Error = Error::new(Errno::EINVAL, "what goes along is no header");
        let place = match kind {
            name::HOPOPTS | name::HOPOPTS_OLD => &mut self.newer.hop,
            name::DSTOPTS | name::DSTOPTS_OLD => &mut self.newer.last,
            name::RTHDRDSTOPTS => &mut self.before_routing,
            name::RTHDR | name::RTHDR_OLD => return Some(Err(NO_ROUTES)),
            _ => return None,
        };
        Some(match newer::header_of(body) {
            _ if matches!(kind, name::HOPOPTS | name::HOPOPTS_OLD | name::DSTOPTS_OLD) && !place.is_empty() => {
                Err(WRONG)
            }
            None => Err(WRONG),
            Some(_) if !may_all() => Err(NOT_ALLOWED),
            Some(header) => {
                *place = header.to_vec();
                Ok(())
            }
        })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.older.is_none() && self.newer.is_empty() && self.before_routing.is_empty()
    }

    /// Whether they are for a way by several addresses.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.older.as_ref().is_some_and(|options| options.first().is_some())
    }

    /// Where a datagram to somebody goes first.
    #[must_use]
    pub fn towards(&self, to: IpAddr) -> IpAddr {
        let first = self.older.as_ref().and_then(older::Options::first);
        match first.filter(|_| to.is_ipv4()) {
            Some(first) => IpAddr::V4(first),
            None => to,
        }
    }

    /// Bytes of headers that a datagram to somebody has besides.
    #[must_use]
    pub(crate) fn len(&self, to: IpAddr) -> usize {
        match to {
            IpAddr::V4(_) => self.older.as_ref().map_or(0, |options| options.given().len()),
            IpAddr::V6(_) => self.newer.hop.len() + self.newer.last.len(),
        }
    }

    /// The headers of a datagram of a protocol to somebody.
    #[must_use]
    pub fn build(&self, to: IpAddr, own: IpAddr, protocol: u8) -> Built {
        let (hop, before, first) = match to {
            IpAddr::V6(_) => self.newer.chain(protocol),
            IpAddr::V4(_) => (Vec::new(), Vec::new(), protocol),
        };
        let options = match (&self.older, to, own) {
            (Some(options), IpAddr::V4(to), IpAddr::V4(own)) => options.filled(to, own, ip::time_of_day()),
            _ => Vec::new(),
        };
        Built {
            extra: Extra { options, hop },
            before,
            protocol: first,
            to: self.towards(to),
        }
    }
}

/// Headers of a datagram.
#[derive(Clone, Debug)]
pub struct Built {
    /// What is IP's.
    pub extra: Extra,
    /// What comes before the transport protocol's header and belongs to what may be cut.
    pub before: Vec<u8>,
    /// The protocol that IP's header names.
    pub protocol: u8,
    /// To whom it goes first.
    pub to: IpAddr,
}

impl Built {
    /// Those that all have.
    pub(crate) fn plain(to: IpAddr, protocol: u8) -> Self {
        Self {
            extra: Extra::default(),
            before: Vec::new(),
            protocol,
            to,
        }
    }
}

impl Kept {
    /// What datagrams are to have, if a program said so.
    #[inline]
    pub fn wishes(&self, options: &Options) -> Option<Arc<Wishes>> {
        if options.has_way() {
            self.wishes.lock().clone()
        } else {
            None
        }
    }

    /// The value of an option, if it is one of these.
    #[cold]
    #[inline(never)]
    pub fn get(&self, level: u32, name: u32, peer: Option<IpAddr>) -> Option<Result<Vec<u8>>> {
        let wishes = self.wishes.lock();
        let kept = |what: fn(&Wishes) -> &[u8]| Ok(wishes.as_ref().map_or(Vec::new(), |wishes| what(wishes).to_vec()));
        Some(match (level, name) {
            (IPPROTO_IP, OPTIONS) => kept(|wishes| wishes.older.as_ref().map_or(&[], older::Options::given)),
            (IPPROTO_IPV6, name::HOPOPTS) => kept(|wishes| &wishes.newer.hop),
            (IPPROTO_IPV6, name::DSTOPTS) => kept(|wishes| &wishes.newer.last),
            (IPPROTO_IPV6, name::RTHDRDSTOPTS) => kept(|wishes| &wishes.before_routing),
            (IPPROTO_IPV6, name::RTHDR) => Ok(Vec::new()),
            (IPPROTO_IPV6, name::PATHMTU) => path_of(peer),
            _ => return None,
        })
    }

    /// Sets an option, if it is one of these.
    #[cold]
    #[inline(never)]
    pub fn set(&self, options: &Options, level: u32, name: u32, value: &[u8]) -> Option<Result<()>> {
        let result = match (level, name) {
            (IPPROTO_IP, OPTIONS) => self.set_older(value),
            (IPPROTO_IPV6, name::HOPOPTS | name::DSTOPTS | name::RTHDRDSTOPTS | name::RTHDR) => {
                self.set_newer(name, value)
            }
            (IPPROTO_IPV6, name::PKTINFO) => set_interface(options, value),
            (IPPROTO_IPV6, name::MTU) => number_of(value).and_then(|asked| match asked {
                0 | 1280.. => {
                    options.keep(IPPROTO_IPV6, name::MTU + BESIDE, asked);
                    Ok(())
                }
                _ => Err(NO_VALUE),
            }),
            (IPPROTO_IPV6, name::DONTFRAG | name::FLOWINFO_SEND) => {
                options.note_way();
                return None;
            }
            _ => return None,
        };
        options.note_way();
        Some(result)
    }

    /// Changes what is kept; datagrams on their way have what they had.
    fn change(&self, change: impl FnOnce(&mut Wishes)) {
        let mut kept = self.wishes.lock();
        change(Arc::make_mut(kept.get_or_insert_default()));
    }

    fn set_older(&self, value: &[u8]) -> Result<()> {
        let given = if value.is_empty() {
            None
        } else {
            Some(older_options(value)?)
        };
        self.change(|wishes| wishes.older = given);
        Ok(())
    }

    fn set_newer(&self, name: u32, value: &[u8]) -> Result<()> {
        if name == name::RTHDR {
            return if value.is_empty() { Ok(()) } else { Err(NO_ROUTES) };
        }
        if !may_all() {
            return Err(NOT_ALLOWED);
        }
        if !value.is_empty() && !newer::is_header(value) {
            return Err(Error::new(Errno::EINVAL, "the value is no header"));
        }
        let header = newer::header_of(value).unwrap_or_default().to_vec();
        self.change(|wishes| match name {
            name::HOPOPTS => wishes.newer.hop = header,
            name::DSTOPTS => wishes.newer.last = header,
            _ => wishes.before_routing = header,
        });
        Ok(())
    }

    /// Somebody cannot be sent so much: who asks for that is told with what comes next (`IPV6_RECVPATHMTU`).
    #[cold]
    pub fn note_path(&self, fits: u32, to: SocketAddr) {
        *self.path.lock() = Some((fits, to));
    }

    /// What fits, to be told: a `struct ip6_mtuinfo`.
    #[cold]
    #[inline(never)]
    pub fn take_path(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (fits, to) = self.path.lock().take()?;
        let address = crate::address::show(abi::socket::AF_INET6, SocketAddr::new(to.ip(), 0));
        Some(([&address[..], &fits.to_ne_bytes()].concat(), address))
    }
}

/// By which interface a socket sends if nothing else says so (`IPV6_PKTINFO`).
fn set_interface(options: &Options, value: &[u8]) -> Result<()> {
    const AT: usize = 16;
    let index = number_of(value.get(AT..).unwrap_or_default()).map_err(|_| SHORT)?;
    crate::device::check_other(options, index as u32)?;
    options.keep(IPPROTO_IPV6, name::PKTINFO + BESIDE, index);
    Ok(())
}

/// The interface that was set so.
pub(crate) fn interface(options: &Options) -> Option<u32> {
    let kept = options.kept(IPPROTO_IPV6, name::PKTINFO + BESIDE)?;
    Some(kept as u32).filter(|index| *index != 0)
}

/// The longest packet that goes to somebody: a `struct ip6_mtuinfo` without the address, as on Linux.
fn path_of(peer: Option<IpAddr>) -> Result<Vec<u8>> {
    const ADDRESS: usize = 28;
    let mut info = alloc::vec![0; ADDRESS];
    info.extend(crate::options::path_mtu(peer)?.to_ne_bytes());
    Ok(info)
}

/// The longest packet that a socket wants to send by a way (`IPV6_MTU`).
#[must_use]
pub fn most(options: &Options, to: IpAddr) -> u32 {
    if to.is_ipv4() || !options.has_way() {
        return u32::MAX;
    }
    let kept = options.kept(IPPROTO_IPV6, name::MTU + BESIDE);
    kept.filter(|most| *most > 0).map_or(u32::MAX, |most| most as u32)
}

/// What fits by a way, if so many bytes with their headers do not, and nobody may cut them (`IPV6_DONTFRAG`).
#[cold]
#[inline(never)]
#[must_use]
pub fn too_long(options: &Options, asked: Option<bool>, len: usize, to: IpAddr, route: &Route) -> Option<u32> {
    const HEADER: usize = 40;
    let keeps_whole = asked.unwrap_or_else(|| options.is_set(IPPROTO_IPV6, name::DONTFRAG));
    let fits = route.mtu.min(most(options, to));
    (to.is_ipv6() && keeps_whole && HEADER + len > fits as usize).then_some(fits)
}

/// The flow of what a socket sends to an address as it was given (`IPV6_FLOWINFO_SEND`); as it was connected without one.
#[must_use]
pub fn flow(options: &Options, given: Option<&[u8]>) -> u32 {
    const FLOW: u32 = 0xf_ffff;
    if !options.has_way() || !options.is_set(IPPROTO_IPV6, name::FLOWINFO_SEND) {
        return 0;
    }
    match given {
        Some(address) => {
            let info = address.get(4..).and_then(|rest| rest.first_chunk());
            info.map_or(0, |info| u32::from_be_bytes(*info) & FLOW)
        }
        None => options.kept(IPPROTO_IPV6, name::FLOWINFO_SEND + BESIDE).unwrap_or(0) as u32,
    }
}

/// A socket was connected to an address as it was given.
pub fn keep_flow(options: &Options, given: &[u8]) {
    if options.has_way() {
        let flow = flow(options, Some(given));
        options.keep(IPPROTO_IPV6, name::FLOWINFO_SEND + BESIDE, flow as i32);
    }
}
