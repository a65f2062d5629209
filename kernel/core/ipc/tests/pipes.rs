//! Pipes, fifos and counters, without blocking: each wait is an `EAGAIN` here.

use abi::Errno;
use abi::fcntl::OpenFlags;
use ipc::eventfd;
use pipe::{End, PIPE_BUF, pipe};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::{Arc, Once};
use usermem::{Sink, Source};
use vfs::{Events, File};

static BOOT: Once = Once::new();

fn boot() {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

fn ends() -> (Arc<File>, Arc<File>) {
    boot();
    pipe(OpenFlags::NONBLOCK).expect("a pipe")
}

fn read(file: &File, len: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; len];
    let read = file.read(&mut Sink::kernel(&mut bytes)).map_err(|error| error.errno)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn write(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    file.write(&mut Source::kernel(bytes)).map_err(|error| error.errno)
}

#[test]
fn bytes_come_out_in_order_and_the_end_is_seen() {
    let (reader, writer) = ends();
    assert_eq!(read(&reader, 1), Err(Errno::EAGAIN));
    assert_eq!(write(&writer, b"hello "), Ok(6));
    assert_eq!(write(&writer, b"world"), Ok(5));
    assert_eq!(read(&reader, 7), Ok(b"hello w".to_vec()));
    assert_eq!(reader.ready(), Events::READABLE);
    drop(writer);
    assert_eq!(read(&reader, 100), Ok(b"orld".to_vec()));
    assert_eq!(reader.ready(), Events::HUP);
    assert_eq!(read(&reader, 100), Ok(vec![]));
    assert_eq!(read(&reader, 0), Ok(vec![]));
}

#[test]
fn ends_refuse_the_other_direction() {
    let (reader, writer) = ends();
    assert_eq!(write(&reader, b"x"), Err(Errno::EBADF));
    assert_eq!(read(&writer, 1), Err(Errno::EBADF));
    assert_eq!(
        reader.read_at(0, &mut Sink::kernel(&mut [0])).expect_err("no").errno,
        Errno::ESPIPE
    );
    assert_eq!(reader.seek(0, 0).expect_err("no").errno, Errno::ESPIPE);
    assert_eq!(reader.truncate(0).expect_err("no").errno, Errno::EINVAL);
    assert_eq!(reader.sync().expect_err("no").errno, Errno::EINVAL);
}

#[test]
fn without_a_reader_writing_breaks() {
    let (reader, writer) = ends();
    drop(reader);
    assert_eq!(write(&writer, b"x"), Err(Errno::EPIPE));
    assert_eq!(writer.ready(), Events::WRITABLE | Events::ERR);
}

#[test]
fn small_writes_go_in_one_piece_and_large_ones_as_far_as_they_fit() {
    let (reader, writer) = ends();
    assert_eq!(write(&writer, &vec![1; 65536 - 100]), Ok(65436));
    assert_eq!(write(&writer, &[2; 101]), Err(Errno::EAGAIN));
    assert_eq!(write(&writer, &[2; PIPE_BUF]), Err(Errno::EAGAIN));
    assert_eq!(write(&writer, &[2; 100]), Ok(100));
    assert_eq!(writer.ready(), Events::empty());
    assert_eq!(read(&reader, 5000).map(|bytes| bytes.len()), Ok(5000));
    assert_eq!(
        write(&writer, &[3; 2 * PIPE_BUF]),
        Ok(4096),
        "a page that was read in part has no room"
    );
}

#[test]
fn the_capacity_changes_and_keeps_what_is_inside() {
    let (reader, writer) = ends();
    let end: &End = writer.downcast().expect("an end");
    assert_eq!(end.capacity(), 65536);
    assert_eq!(write(&writer, &[7; 6000]), Ok(6000));
    assert_eq!(
        end.set_capacity(4096, true).expect_err("too much inside").errno,
        Errno::EBUSY
    );
    assert_eq!(end.set_capacity(5000, false), Ok(8192));
    assert_eq!(write(&writer, &[8; 5000]), Ok(2192));
    assert_eq!(
        end.set_capacity(2 << 20, false).expect_err("too large").errno,
        Errno::EPERM
    );
    assert_eq!(read(&reader, 8192).map(|bytes| (bytes[5999], bytes[6000])), Ok((7, 8)));
}

#[test]
fn counters_count_and_semaphores_step() {
    boot();
    let flags = OpenFlags::NONBLOCK;
    let counter = eventfd(3, false, flags);
    assert_eq!(write(&counter, &5u64.to_ne_bytes()), Ok(8));
    assert_eq!(read(&counter, 7), Err(Errno::EINVAL));
    assert_eq!(read(&counter, 16), Ok(8u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&counter, 8), Err(Errno::EAGAIN));
    assert_eq!(write(&counter, &u64::MAX.to_ne_bytes()), Err(Errno::EINVAL));
    assert_eq!(write(&counter, &[0; 7]), Err(Errno::EINVAL));
    assert_eq!(write(&counter, &(u64::MAX - 1).to_ne_bytes()), Ok(8));
    assert_eq!(counter.ready(), Events::IN);
    assert_eq!(write(&counter, &1u64.to_ne_bytes()), Err(Errno::EAGAIN));
    let semaphore = eventfd(2, true, flags);
    assert_eq!(read(&semaphore, 8), Ok(1u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&semaphore, 8), Ok(1u64.to_ne_bytes().to_vec()));
    assert_eq!(read(&semaphore, 8), Err(Errno::EAGAIN));
}

proptest! {
    #[test]
    fn a_pipe_is_a_queue_of_bytes(steps in prop::collection::vec((any::<bool>(), 1..20000usize), 1..60)) {
        let (reader, writer) = ends();
        let mut model = VecDeque::new();
        let mut next = 0u8;
        for (writes, len) in steps {
            if writes {
                let bytes: Vec<u8> = (0..len).map(|at| next.wrapping_add(at as u8)).collect();
                if let Ok(written) = write(&writer, &bytes) {
                    model.extend(&bytes[..written]);
                    next = next.wrapping_add(written as u8);
                    // A page that was read in part has no room for more.
                    prop_assert!(written == len || model.len() > 65536 - 4096);
                }
            } else if let Ok(bytes) = read(&reader, len) {
                let expected: Vec<u8> = model.drain(..len.min(model.len())).collect();
                prop_assert_eq!(bytes, expected);
            } else {
                prop_assert!(model.is_empty());
            }
        }
    }
}
