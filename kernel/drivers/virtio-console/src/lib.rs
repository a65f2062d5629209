//! virtio-console: the application's streams, in large pieces (virtio 1.2, 5.3).
//!
//! The device has several ports (`VIRTIO_CONSOLE_F_MULTIPORT`). Number 1 is standard output and, the other way, standard input; number 2 is standard error. (Number 0 is a console for
//! people, which QEMU lets lose what the host does not take at once.) Messages on the control queue open the ports; what the device says there is not listened to.
//!
//! *Out* ([`outlet`]): bytes gather in a page; a page that is full, or that its writer wants to leave, goes to the device, and comes back to be filled again when the host has
//! taken everything in it. So a writer goes on while the host takes what it wrote, and waits only when all pages are on their way. No interrupt is asked for: whoever wants a page
//! looks.
//!
//! *In* ([`inlet`]): pages wait in the device, which interrupts when it has filled one. A page that nobody has read goes back only when somebody does, so that the host is held up and
//! nothing is lost.
//!
//! Locks: that of each queue with its pages, leaves. Nobody waits for the device while holding one.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod inlet;
mod outlet;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use inlet::Inlet;
use lock::SpinLock;
use outlet::Outlet;
use virtio::{Device, Dma, Queue, Segment, Shared, Transport};

/// Its number among virtio devices.
pub const KIND: u32 = 3;

/// There are several ports, and control queues.
const MULTIPORT: u64 = 1 << 1;
/// Port 0 has queues 0 and 1, then come the control queues, and then two for each further port: what comes in, what goes out.
const CONTROL: u16 = 3;
const RECEIVE: u16 = 4;
const TRANSMIT: [u16; 2] = [5, 7];
/// What is said about the device and its ports: that each is ready, and that each port is open.
const DEVICE_READY: u16 = 0;
const PORT_READY: u16 = 3;
const PORT_OPEN: u16 = 6;
const MESSAGE_BYTES: usize = 8;
const MOST_MESSAGES: usize = 1 + 2 * TRANSMIT.len();

pub(crate) const PAGE_BYTES: usize = 4096;

/// Where output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// A device that takes output and gives input.
#[derive(Debug)]
pub struct Console {
    device: Device,
    /// Holds the page of messages.
    _control: Queue<Option<Shared>>,
    /// Standard output, and standard error if the device has a port for it.
    outlets: Vec<SpinLock<Outlet>>,
    inlet: SpinLock<Inlet>,
}

impl Console {
    /// Begins with a device.
    ///
    /// # Errors
    /// What is wrong with the device, or `ENOMEM`.
    pub fn start(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>) -> Result<Self> {
        let device = Device::begin(transport, dma, MULTIPORT)?;
        if !device.has(MULTIPORT) {
            return Err(Error::new(Errno::EOPNOTSUPP, "the console has a single port"));
        }
        let mut control = device.queue(CONTROL, 8)?;
        control.hush();
        let inlet = Inlet::new(&device, RECEIVE)?;
        let mut outlets = Vec::with_capacity(TRANSMIT.len());
        outlets.push(SpinLock::new(Outlet::new(&device, TRANSMIT[0])?));
        // A device without a third port has no queue for it.
        outlets.extend(Outlet::new(&device, TRANSMIT[1]).ok().map(SpinLock::new));
        device.ready();
        open_ports(&device, &mut control, outlets.len())?;
        let console = Self {
            device,
            _control: control,
            outlets,
            inlet: SpinLock::new(inlet),
        };
        if console.inlet.lock().begin() {
            console.device.transport().notify(RECEIVE);
        }
        Ok(console)
    }

    /// Takes bytes, and waits for the host where it has to. What does not fill a page stays until [`Console::flush`].
    ///
    /// # Errors
    /// `ENXIO` if the device has no such port, `EIO` if it does what it cannot; some of the bytes may have left then.
    pub fn write(&self, port: Port, bytes: &[u8]) -> Result<()> {
        let outlet = self
            .outlets
            .get(port as usize)
            .ok_or(Error::new(Errno::ENXIO, "the console has no such port"))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut outlet = outlet.lock();
            let taken = outlet.fill(rest)?;
            if taken == 0 {
                self.notify(&mut outlet);
                drop(outlet);
                lock::relax();
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Lets everything that was written leave.
    pub fn flush(&self) {
        for outlet in &self.outlets {
            let mut outlet = outlet.lock();
            outlet.send();
            self.notify(&mut outlet);
        }
    }

    /// The same, and waits until the host has it.
    pub fn drain(&self) {
        self.flush();
        for outlet in &self.outlets {
            while !outlet.lock().is_done() {
                lock::relax();
            }
        }
    }

    /// Gives input that has come; how many bytes. A device that does what it cannot has nothing more to give.
    pub fn read(&self, into: &mut [u8]) -> usize {
        let mut inlet = self.inlet.lock();
        let count = inlet.read(into);
        if inlet.should_notify() {
            self.device.transport().notify(RECEIVE);
        }
        count
    }

    /// The device interrupted: whoever waits for input may look.
    pub fn interrupt(&self) {
        self.device.transport().acknowledge();
    }

    fn notify(&self, outlet: &mut Outlet) {
        if let Some(queue) = outlet.wants_notice() {
            self.device.transport().notify(queue);
        }
    }
}

/// Says that the first ports after number 0 are open.
fn open_ports(device: &Device, control: &mut Queue<Option<Shared>>, count: usize) -> Result<()> {
    let mut messages = Vec::with_capacity(MOST_MESSAGES);
    messages.push((0, DEVICE_READY));
    for port in (1_u32..).take(count) {
        messages.extend([(port, PORT_READY), (port, PORT_OPEN)]);
    }
    let page = Shared::new(device.dma())?;
    let mut segments = Vec::with_capacity(MOST_MESSAGES);
    for ((port, event), place) in messages.into_iter().zip((0..).step_by(MESSAGE_BYTES)) {
        page.page().write(place, &port.to_le_bytes());
        page.page().write(place + 4, &event.to_le_bytes());
        page.page().write(place + 6, &1_u16.to_le_bytes());
        segments.push(Segment::read(&page, place as u32, MESSAGE_BYTES as u32));
    }
    // The last message keeps the page of all.
    let mut page = Some(page);
    for (index, segment) in segments.iter().enumerate() {
        let keeps = if index + 1 == segments.len() { page.take() } else { None };
        if control.add(&[*segment], keeps).is_err() {
            return Err(Error::new(Errno::EIO, "the console takes no messages"));
        }
    }
    if control.should_notify() {
        device.transport().notify(CONTROL);
    }
    Ok(())
}
