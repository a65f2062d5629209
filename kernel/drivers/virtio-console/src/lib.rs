//! virtio-console: output to the host, in large pieces (virtio 1.2, 5.3).
//!
//! The device has several ports (`VIRTIO_CONSOLE_F_MULTIPORT`), of which this uses number 1: its transmit queue takes pages of bytes. (Number 0 is a console for people, which
//! QEMU lets lose what the host does not take at once.) Three messages on the control queue open the port; what the device says there is not listened to. Bytes gather in a page; a page that is full, or that its writer wants to leave, goes to the device,
//! and comes back to be filled again when the host has taken everything in it. So a writer goes on while the host takes what it wrote, and waits only when all pages
//! are on their way. The device is never asked to interrupt: whoever wants a page looks.
//!
//! Input and window sizes stay with the serial line; no receive queue is set up.
//!
//! Lock: the queue's with the pages, a leaf. Nobody waits for the device while holding it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use virtio::{Device, Dma, Queue, Segment, Shared, Transport};

/// Its number among virtio devices.
pub const KIND: u32 = 3;

/// There are several ports, and control queues.
const MULTIPORT: u64 = 1 << 1;
const PORT: u32 = 1;
/// Port 0 has queues 0 and 1, then come the control queues, and then two for each further port.
const CONTROL: u16 = 3;
const TRANSMIT: u16 = 5;
/// What is said about the device and the port: that each is ready, and that the port is open.
const MESSAGES: [(u32, u16); 3] = [(0, DEVICE_READY), (PORT, PORT_READY), (PORT, PORT_OPEN)];
const DEVICE_READY: u16 = 0;
const PORT_READY: u16 = 3;
const PORT_OPEN: u16 = 6;
const MESSAGE_BYTES: u32 = 8;
/// Pages that can be on their way.
const PAGES: u16 = 32;
const PAGE_BYTES: usize = 4096;

/// A device that takes output.
#[derive(Debug)]
pub struct Console {
    device: Device,
    /// Holds the page of messages.
    _control: Queue<Option<Shared>>,
    state: SpinLock<State>,
}

#[derive(Debug)]
struct State {
    queue: Queue<Shared>,
    free: Vec<Shared>,
    /// The page that is being filled, and how far it is.
    page: Option<(Shared, usize)>,
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
        let mut control = device.queue(CONTROL, 4)?;
        control.hush();
        let mut queue = device.queue(TRANSMIT, PAGES)?;
        queue.hush();
        let pages = (0..queue.size()).map_while(|_| Shared::new(device.dma()).ok());
        let free: Vec<Shared> = pages.collect();
        if free.is_empty() {
            return Err(Error::new(Errno::ENOMEM, "no memory for output"));
        }
        device.ready();
        open_port(&device, &mut control)?;
        let state = State {
            queue,
            free,
            page: None,
        };
        Ok(Self {
            device,
            _control: control,
            state: SpinLock::new(state),
        })
    }

    /// Takes bytes, and waits for the host where it has to. What does not fill a page stays until [`Console::flush`].
    ///
    /// # Errors
    /// `EIO` for a device that does what it cannot; some of the bytes may have left.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut state = self.state.lock();
            let taken = state.fill(rest)?;
            if taken == 0 {
                self.notify(&mut state);
                drop(state);
                lock::relax();
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Lets everything that was written leave.
    pub fn flush(&self) {
        let mut state = self.state.lock();
        state.send();
        self.notify(&mut state);
    }

    /// The same, and waits until the host has it.
    pub fn drain(&self) {
        self.flush();
        loop {
            let mut state = self.state.lock();
            // A device that does what it cannot is waited for no longer.
            if state.collect().is_err() || state.queue.in_flight() == 0 {
                return;
            }
            drop(state);
            lock::relax();
        }
    }

    fn notify(&self, state: &mut State) {
        if state.queue.should_notify() {
            self.device.transport().notify(TRANSMIT);
        }
    }
}

/// Says that the port is open.
fn open_port(device: &Device, control: &mut Queue<Option<Shared>>) -> Result<()> {
    let page = Shared::new(device.dma())?;
    let mut segments = [Segment::read(&page, 0, MESSAGE_BYTES); MESSAGES.len()];
    let places = (0..).step_by(MESSAGE_BYTES as usize);
    for ((port, event), (segment, place)) in MESSAGES.into_iter().zip(segments.iter_mut().zip(places)) {
        page.page().write(place, &port.to_le_bytes());
        page.page().write(place + 4, &event.to_le_bytes());
        page.page().write(place + 6, &1_u16.to_le_bytes());
        *segment = Segment::read(&page, place as u32, MESSAGE_BYTES);
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

impl State {
    /// Takes as many bytes as fit into a page; none when all pages are on their way.
    fn fill(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.page.is_none() {
            if self.free.is_empty() {
                self.collect()?;
            }
            self.page = self.free.pop().map(|page| (page, 0));
        }
        let Some((page, filled)) = &mut self.page else {
            return Ok(0);
        };
        let len = bytes.len().min(PAGE_BYTES - *filled);
        page.page().write(*filled, bytes.get(..len).unwrap_or_default());
        *filled += len;
        if *filled == PAGE_BYTES {
            self.send();
        }
        Ok(len)
    }

    /// Gives the page to the device, if there is something in it.
    fn send(&mut self) {
        if let Some((page, filled)) = self.page.take() {
            let segment = Segment::read(&page, 0, u32::try_from(filled).unwrap_or(0));
            // A queue that takes nothing is broken, which the next look says.
            let _ = self.queue.add(&[segment], page);
        }
    }

    /// Takes back the pages that the host is done with.
    fn collect(&mut self) -> Result<()> {
        while let Some(used) = self.queue.take()? {
            self.free.push(used.data);
        }
        Ok(())
    }
}
