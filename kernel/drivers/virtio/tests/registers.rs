//! The transport through registers in memory, against registers that behave as the specification says.
#![forbid(unsafe_code)]

mod fake;

use fake::Bus;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use virtio::mmio::{Mmio, Registers};
use virtio::transport::Interrupt;
use virtio::{Device, Transport, feature};

#[derive(Default)]
struct State {
    /// What was written, by offset; those of a queue with the queue's number in the upper half.
    written: BTreeMap<u64, u32>,
    interrupts: u32,
    generation: u32,
    /// Reads of the configuration that change it.
    restless: u32,
}

/// A device with two queues, of which the second has at most 24 entries.
#[derive(Clone)]
struct File {
    state: Arc<Mutex<State>>,
    version: u32,
    kind: u32,
}

impl File {
    fn new(version: u32, kind: u32) -> Self {
        Self {
            state: Arc::default(),
            version,
            kind,
        }
    }

    fn written(&self, queue: u64, offset: u64) -> Option<u32> {
        self.state
            .lock()
            .expect("whole")
            .written
            .get(&(queue << 32 | offset))
            .copied()
    }
}

fn is_of_queue(offset: u32) -> bool {
    matches!(offset, 0x38 | 0x44 | 0x80..=0xa4)
}

impl Registers for File {
    fn size(&self) -> u32 {
        0x108
    }

    fn read(&self, offset: u32) -> u32 {
        let state = self.state.lock().expect("whole");
        let selected = |register: u64| state.written.get(&register).copied().unwrap_or(0);
        match offset {
            0x000 => 0x7472_6976,
            0x004 => self.version,
            0x008 => self.kind,
            0x010 => match selected(0x14) {
                0 => 1 << 28 | 1 << 29 | 5,
                _ => 1 << 0 | 1 << 1 | 1 << 3,
            },
            0x034 => [256, 24, 0][selected(0x30).min(2) as usize],
            0x044 => selected(u64::from(selected(0x30)) << 32 | 0x44),
            0x060 => state.interrupts,
            0x070 => selected(0x70),
            0x0fc => state.generation,
            _ => 0,
        }
    }

    fn read_byte(&self, offset: u32) -> u8 {
        let mut state = self.state.lock().expect("whole");
        if state.restless > 0 {
            state.restless -= 1;
            state.generation += 1;
        }
        (offset - 0x100) as u8 + 0x10
    }

    fn write(&self, offset: u32, value: u32) {
        let mut state = self.state.lock().expect("whole");
        if offset == 0x64 {
            state.interrupts &= !value;
            return;
        }
        let queue = if is_of_queue(offset) {
            state.written.get(&0x30).copied().unwrap_or(0)
        } else {
            0
        };
        state.written.insert(u64::from(queue) << 32 | u64::from(offset), value);
    }
}

#[test]
fn a_slot_may_be_empty_old_or_something_else() {
    assert!(Mmio::probe(File::new(2, 0)).expect("a slot").is_none());
    assert_eq!(
        Mmio::probe(File::new(1, 4)).map(|_| ()).map_err(|e| e.errno),
        Err(abi::Errno::EOPNOTSUPP)
    );
    assert!(Mmio::probe(File::new(2, 4)).expect("a slot").is_some());
}

#[test]
fn a_device_is_begun_with_what_both_sides_know() {
    fake::boot();
    let file = File::new(2, 1);
    let bus = Arc::new(Bus::default());
    let transport = Arc::new(Mmio::probe(file.clone()).expect("a slot").expect("a device"));
    let device = Device::begin(transport, bus, 1 | 2).expect("it agrees");
    assert!(device.has(feature::VERSION_1 | feature::INDIRECT | feature::EVENT_INDEX | 1));
    assert!(!device.has(2) && !device.has(4) && !device.has(feature::PACKED));
    assert_eq!(file.written(0, 0x70), Some(1 | 2 | 8));

    let queue = device.queue::<()>(1, 100).expect("the second queue");
    assert_eq!((queue.size(), file.written(1, 0x38)), (16, Some(16)));
    let at = queue.addresses();
    let long = |offset| {
        u64::from(file.written(1, offset).expect("written"))
            | u64::from(file.written(1, offset + 4).expect("written")) << 32
    };
    assert_eq!(
        (long(0x80), long(0x90), long(0xa0)),
        (at.descriptors, at.driver, at.device)
    );
    assert_eq!(file.written(1, 0x44), Some(1));
    assert!(device.queue::<()>(2, 100).is_err(), "there is no third");
    device.ready();
    assert_eq!(file.written(0, 0x70), Some(1 | 2 | 4 | 8));
    drop(device);
    assert_eq!(file.written(0, 0x70), Some(0));
}

#[test]
fn interrupts_are_acknowledged_and_the_configuration_is_read_whole() {
    fake::boot();
    let file = File::new(2, 1);
    let transport = Arc::new(Mmio::probe(file.clone()).expect("a slot").expect("a device"));
    file.state.lock().expect("whole").interrupts = 3;
    let both = Interrupt {
        queues: true,
        configuration: true,
    };
    assert_eq!(
        (transport.acknowledge(), transport.acknowledge()),
        (both, Interrupt::default())
    );
    assert_eq!(transport.configuration(8), 0, "past the registers");

    let device = Device::begin(transport, Arc::new(Bus::default()), 0).expect("it agrees");
    file.state.lock().expect("whole").restless = 5;
    assert_eq!(device.configuration(2).expect("quiet in the end"), [0x12, 0x13, 0x14]);
    file.state.lock().expect("whole").restless = u32::MAX;
    assert!(device.configuration::<1>(0).is_err());
}
