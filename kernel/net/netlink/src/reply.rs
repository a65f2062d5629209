//! Answers being made: headers, ends of lists, datagrams of the right length.

use abi::Errno;
use alloc::vec::Vec;
use netlink_view::{Builder, Header, Message, flag, kind};

/// What the smallest buffers that programs give for an answer hold.
const DATAGRAM: usize = 3584;

/// Answers to one request.
pub(crate) struct Reply {
    request: Header,
    /// The port of who asked.
    port: u32,
    list: bool,
    builder: Builder,
    datagrams: Vec<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(request: Header, port: u32) -> Self {
        Self {
            request,
            port,
            list: request.flags & flag::DUMP == flag::DUMP,
            builder: Builder::default(),
            datagrams: Vec::new(),
        }
    }

    /// Begins an answer; its attributes are added to what this gives.
    pub(crate) fn message(&mut self, kind: u16, body: &[u8]) -> &mut Builder {
        let flags = if self.list { flag::MULTI } else { 0 };
        self.begin(kind, flags, body)
    }

    fn begin(&mut self, kind: u16, flags: u16, body: &[u8]) -> &mut Builder {
        if self.builder.len() > DATAGRAM - 1024 {
            self.datagrams.push(self.builder.take());
        }
        let header = Header {
            kind,
            flags,
            sequence: self.request.sequence,
            port: self.port,
        };
        self.builder.message(header, body);
        &mut self.builder
    }

    /// Ends with how it came out: the end of a list, an error, or that all went well if that was asked for.
    pub(crate) fn end(mut self, message: &Message<'_>, outcome: Result<(), Errno>, capped: bool) -> Vec<Vec<u8>> {
        match outcome {
            Ok(()) if self.list => {
                self.begin(kind::DONE, flag::MULTI, &[0; 4]);
            }
            Ok(()) if self.request.flags & flag::ACK == 0 => {}
            outcome => self.end_with_error(message, outcome.err(), capped),
        }
        if !self.builder.is_empty() {
            self.datagrams.push(self.builder.take());
        }
        self.datagrams
    }

    fn end_with_error(&mut self, message: &Message<'_>, errno: Option<Errno>, capped: bool) {
        let number = errno.map_or(0, |errno| -i32::from(errno.0));
        let only_header = capped || errno.is_none();
        let about = message.whole.get(..netlink_view::HEADER).unwrap_or_default();
        let about = if only_header { about } else { message.whole };
        let flags = if only_header { flag::CAPPED } else { 0 };
        let body = [&number.to_ne_bytes(), about].concat();
        self.begin(kind::ERROR, flags, &body);
    }
}
