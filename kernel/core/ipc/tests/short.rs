//! Pipes and local sockets where memory is short: a program of its own, for what all keep is the whole simulated machine's.

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::socket::Ucred;
use ipc::{Style, socket_pair};
use pipe::PIPE_BUF;
use std::collections::VecDeque;
use std::sync::Arc;
use usermem::{Sink, Source};
use vfs::{Events, File};

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

fn ends(is_pipe: bool) -> (Arc<File>, Arc<File>) {
    if is_pipe {
        return pipe::pipe(OpenFlags::NONBLOCK).expect("a pipe");
    }
    let [reader, writer] = socket_pair(Style::Stream, Ucred::default(), OpenFlags::NONBLOCK);
    (reader, writer)
}

/// Writes and reads as the dice say, where nobody may have more than so many bytes waiting.
fn run(seed: u64, is_pipe: bool, most: usize) {
    let mut dice = Dice(seed);
    let (reader, writer) = ends(is_pipe);
    let (mut model, mut next) = (VecDeque::new(), 0u8);
    for _ in 0..200 {
        let most_len = [100, PIPE_BUF, 20_000][dice.below(3)];
        let len = 1 + dice.below(most_len);
        if dice.below(2) == 0 {
            let bytes: Vec<u8> = (0..len).map(|at| next.wrapping_add(at as u8)).collect();
            let says_room = writer.ready().contains(Events::WRITABLE);
            match writer.write(&mut Source::kernel(&bytes)) {
                Ok(written) => {
                    model.extend(&bytes[..written]);
                    next = next.wrapping_add(written as u8);
                    assert!(
                        !is_pipe || len > PIPE_BUF || written == len,
                        "a small write goes in one piece"
                    );
                    assert!(written == len || !writer.ready().contains(Events::WRITABLE));
                }
                Err(error) => assert_eq!((error.errno, says_room), (Errno::EAGAIN, false)),
            }
            // The rest of a page that is there in any case may be used.
            assert!(model.len() < most + PIPE_BUF, "{} bytes wait", model.len());
        } else {
            let mut bytes = vec![0; len];
            match reader.read(&mut Sink::kernel(&mut bytes)) {
                Ok(read) => assert_eq!(bytes[..read], *model.drain(..read).collect::<Vec<u8>>()),
                Err(error) => assert_eq!((error.errno, model.len()), (Errno::EAGAIN, 0)),
            }
        }
        // What was read is not kept.
        let pages = model.len() / PIPE_BUF + 2;
        assert!(
            room::pages() <= pages,
            "{} pages for {} bytes",
            room::pages(),
            model.len()
        );
    }
    drop((reader, writer));
    assert_eq!((room::pages(), room::PIPES.kept(), room::LOCAL.kept()), (0, 0, 0));
}

#[test]
fn who_may_not_write_more_is_told_so_and_nothing_is_lost() {
    let info = hal::boot::info();
    frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    // Others keep so much.
    let some = room::STREAMS.limit(room::MOST);
    for (taken, most) in [(some + some / 4, room::LITTLE), (some * 3, room::ALWAYS)] {
        room::STREAMS.change(0, taken);
        for seed in 0..200 {
            run(seed, seed % 2 == 0, most);
        }
        room::STREAMS.change(taken, 0);
    }
}
