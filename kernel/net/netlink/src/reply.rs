//! Answers being made: headers, ends of lists, datagrams of the right length.

use abi::{Errno, Error};
use alloc::vec::Vec;
use netlink_view::{Builder, Header, Message, flag, kind};

/// What the smallest buffers that programs give for an answer hold.
const DATAGRAM: usize = 3584;

/// That an error has more than a number (`NLM_F_ACK_TLVS`), and words among that (`NLMSGERR_ATTR_MSG`).
const IN_WORDS: u16 = 0x200;
const WORDS: u16 = 1;

/// What a program wants to be told of an error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Told {
    /// Not the whole request that it comes from.
    pub(crate) capped: bool,
    pub(crate) in_words: bool,
}

/// Answers to one request.
pub(crate) struct Reply {
    request: Header,
    /// The port of who asked.
    port: u32,
    list: bool,
    /// What is told of an error beside its number.
    said: Option<&'static str>,
    builder: Builder,
    datagrams: Vec<Vec<u8>>,
}

impl Reply {
    /// `may_list` says whether the flags for a list mean that: where something is to be made they are others (`NLM_F_EXCL`).
    pub(crate) fn new(request: Header, port: u32, may_list: bool) -> Self {
        Self {
            request,
            port,
            list: may_list && request.flags & flag::DUMP != 0,
            said: None,
            builder: Builder::default(),
            datagrams: Vec::new(),
        }
    }

    /// Begins an answer; its attributes are added to what this gives.
    pub(crate) fn message(&mut self, kind: u16, body: &[u8]) -> &mut Builder {
        let flags = if self.list { flag::MULTI } else { 0 };
        self.begin(kind, flags, body)
    }

    /// Has an error told in words too, for those who can hear them: Linux does that with some.
    pub(crate) fn say(&mut self, error: Error) -> Error {
        self.said = Some(error.why());
        error
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
    pub(crate) fn end(mut self, message: &Message<'_>, outcome: Result<(), Errno>, told: Told) -> Vec<Vec<u8>> {
        match outcome {
            Ok(()) if self.list => {
                self.begin(kind::DONE, flag::MULTI, &[0; 4]);
            }
            Ok(()) if self.request.flags & flag::ACK == 0 => {}
            outcome => self.end_with_error(message, outcome.err(), told),
        }
        if !self.builder.is_empty() {
            self.datagrams.push(self.builder.take());
        }
        self.datagrams
    }

    fn end_with_error(&mut self, message: &Message<'_>, errno: Option<Errno>, told: Told) {
        let number = errno.map_or(0, |errno| -i32::from(errno.0));
        let only_header = told.capped || errno.is_none();
        let words = self.said.filter(|_| told.in_words && errno.is_some());
        let about = message.whole.get(..netlink_view::HEADER).unwrap_or_default();
        let about = if only_header { about } else { message.whole };
        let capped = if only_header { flag::CAPPED } else { 0 };
        let flags = capped | if words.is_some() { IN_WORDS } else { 0 };
        let body = [&number.to_ne_bytes(), about].concat();
        let answer = self.begin(kind::ERROR, flags, &body);
        if let Some(words) = words {
            answer.text(WORDS, words);
        }
    }
}
