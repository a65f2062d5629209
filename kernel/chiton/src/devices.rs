//! The devices that the hypervisor named, and the driver for each kind.
//!
//! A driver is one row of [`start`]. A device that nobody knows, or that does not work, is a warning and no reason not to run the program.

use crate::config::Config;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use cmdline::VirtioMmio;
use hal::console::Stream;
use ip::Plan;
use link::{Event, Interface};
use lock::Once;
use virtio::mmio::Mmio;
use virtio::{Direct, Dma, Transport};
use virtio_console::Port;
use virtio_net::{Hooks, VirtioCard};
use virtio_rng::Rng;
use virtio_vsock::VsockCard;

/// What an interrupt of a device does.
type Work = Box<dyn Fn() + Send + Sync>;

/// Finds what is there and starts it; gives the network cards, in their order.
pub(crate) fn start_all(config: &Config) -> Vec<Arc<Interface>> {
    let bulk = config.devices.first().filter(|_| config.bulk_output);
    if let Some(&device) = bulk {
        // It is not even looked at before there is much output or input.
        tty::bulk::set_way(Box::new(move || {
            open_console(&device)
                .inspect_err(|error| trace::warn!("the device at {:#x}: {}", device.address, error.why()))
                .ok()
                .flatten()
        }));
    }
    let mut cards = Vec::new();
    for device in config.devices.iter().skip(usize::from(bulk.is_some())) {
        match start_at(device, &mut cards) {
            Ok(true) => {}
            Ok(false) => trace::info!("nothing that is known is at {:#x}", device.address),
            Err(error) => trace::warn!("the device at {:#x}: {}", device.address, error.why()),
        }
    }
    cards
}

/// Configures the network cards as was said, in their order. The clock must have settled.
pub(crate) fn configure(cards: &[Arc<Interface>], config: &Config) {
    let host_name = config.host_name.as_deref();
    if !cards.is_empty() {
        ip::set_rules(config.allowed.clone(), config.denied.clone());
        ip::choose_servers(&config.name_servers);
    }
    for (number, card) in cards.iter().enumerate() {
        inet::start();
        if host_name.is_none() {
            ip::set_name_hook(dispatch::start::set_host_name);
        }
        let plan = Plan::parse(config.networks.get(number).map_or(b"", Vec::as_slice));
        ip::start(card, &plan, host_name.unwrap_or_default());
    }
}

/// Lets what programs have sent leave the machine, which ends.
pub(crate) fn farewell() {
    vsock::way::farewell();
    if link::interface::all().iter().any(|interface| !interface.is_loopback()) {
        inet::farewell();
    }
}

fn start_at(device: &VirtioMmio, cards: &mut Vec<Arc<Interface>>) -> Result<bool> {
    let len = u32::try_from(device.size).unwrap_or(0);
    let Some(registers) = hal::device::Registers::map(device.address, len) else {
        return Ok(false);
    };
    let Some(transport) = Mmio::probe(registers)? else {
        return Ok(false);
    };
    let Some(work) = start(Arc::new(transport), cards)? else {
        return Ok(false);
    };
    let work = Arc::new(work);
    let at_interrupt = Arc::clone(&work);
    if let Ok(line) = u8::try_from(device.line) {
        dispatch::entry::set_line(line, move || at_interrupt());
    }
    if !hal::device::listen(device.line) {
        trace::warn!(
            "the device at {:#x} has line {}, which does not exist",
            device.address,
            device.line
        );
    }
    // What it did before its line was let in.
    work();
    Ok(true)
}

/// A console for much output and input.
struct Streams(virtio_console::Console);

impl tty::bulk::Bulk for Streams {
    fn write(&self, stream: Stream, bytes: &[u8]) -> bool {
        let port = match stream {
            Stream::Error => Port::Error,
            _ => Port::Output,
        };
        self.0.write(port, bytes).is_ok()
    }

    fn flush(&self) {
        self.0.flush();
    }

    fn drain(&self) {
        self.0.drain();
    }

    fn read(&self, into: &mut [u8]) -> usize {
        self.0.read(into)
    }
}

fn open_console(device: &VirtioMmio) -> Result<Option<Arc<dyn tty::bulk::Bulk>>> {
    let len = u32::try_from(device.size).unwrap_or(0);
    let Some(registers) = hal::device::Registers::map(device.address, len) else {
        return Ok(None);
    };
    let Some(transport) = Mmio::probe(registers)?.filter(|transport| transport.kind() == virtio_console::KIND) else {
        return Ok(None);
    };
    let console = virtio_console::Console::start(Arc::new(transport), Arc::new(Direct))?;
    let streams = Arc::new(Streams(console));
    let at_interrupt = Arc::clone(&streams);
    if let Ok(line) = u8::try_from(device.line) {
        dispatch::entry::set_line(line, move || {
            at_interrupt.0.interrupt();
            tty::console::take_input();
        });
    }
    if !hal::device::listen(device.line) {
        trace::warn!("the console has line {}, which does not exist", device.line);
    }
    Ok(Some(streams))
}

/// The driver for a kind of device.
fn start(transport: Arc<dyn Transport>, cards: &mut Vec<Arc<Interface>>) -> Result<Option<Work>> {
    let dma: Arc<dyn Dma> = Arc::new(Direct);
    Ok(match transport.kind() {
        virtio_net::KIND => Some(start_card(transport, dma, cards)?),
        virtio_rng::KIND => {
            let rng = Rng::start(transport, dma)?;
            Some(Box::new(move || rng.interrupt()))
        }
        virtio_vsock::KIND => {
            let card = VsockCard::start(transport, dma)?;
            if !vsock::way::set_card(Arc::clone(&card) as _) {
                return Err(Error::new(Errno::EEXIST, "one device that leads to the host is enough"));
            }
            Some(Box::new(move || card.interrupt()))
        }
        _ => None,
    })
}

/// A network card becomes an interface, whose frames are taken from the interrupt.
fn start_card(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>, cards: &mut Vec<Arc<Interface>>) -> Result<Work> {
    let place: Arc<Once<Arc<Interface>>> = Arc::new(Once::new());
    let with = |then: fn(&Arc<Interface>)| {
        let known = Arc::clone(&place);
        move || known.get().map_or((), then)
    };
    let link = with(|interface| interface.tell(Event::Changed));
    let hooks = Hooks {
        received: Box::new(with(Interface::poll)),
        sent: Box::new(with(Interface::has_room_again)),
        link: Box::new(move |up| {
            trace::info!("a link is {}", if up { "up" } else { "down" });
            link();
        }),
        announce: Box::new(with(|interface| interface.tell(Event::Announce))),
    };
    let card = Arc::new(VirtioCard::start(transport, dma, hooks)?);
    let interface = link::interface::add(Arc::clone(&card) as _);
    let _ = place.set(Arc::clone(&interface));
    cards.push(interface);
    Ok(Box::new(move || card.interrupt()))
}
