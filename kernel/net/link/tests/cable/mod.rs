//! A card on a cable: what the stack sends is kept, and what is put in comes.
#![expect(unreachable_pub, reason = "a module of several test programs")]

use frames::Page;
use link::{Abilities, Card, Counters, Frame, Part};
use std::collections::VecDeque;
use std::sync::Mutex;

pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

pub struct Cable {
    mtu: u32,
    out: Mutex<Vec<Vec<u8>>>,
    inward: Mutex<VecDeque<Vec<u8>>>,
}

impl Cable {
    pub fn new(mtu: u32) -> Self {
        Self {
            mtu,
            out: Mutex::default(),
            inward: Mutex::default(),
        }
    }

    pub fn put(&self, bytes: Vec<u8>) {
        self.inward.lock().expect("whole").push_back(bytes);
    }

    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.out.lock().expect("whole"))
    }
}

impl Card for Cable {
    fn mac(&self) -> [u8; 6] {
        MAC
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            checksum: false,
            cuts: [false; 3],
            mtu: self.mtu,
            most: self.mtu,
        }
    }

    fn has_link(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn transmit(&self, frame: Frame) -> Result<(), Frame> {
        let mut bytes = vec![0; frame.len() as usize];
        frame.read(0, &mut bytes);
        self.out.lock().expect("whole").push(bytes);
        Ok(())
    }

    fn receive(&self) -> Option<Frame> {
        let bytes = self.inward.lock().expect("whole").pop_front()?;
        let mut frame = Frame::default();
        for piece in bytes.chunks(4096) {
            let page = Page::zeroed().expect("there is memory");
            page.write(0, piece);
            frame.parts.push(Part::new(page, 0, piece.len() as u32));
        }
        Some(frame)
    }
}
