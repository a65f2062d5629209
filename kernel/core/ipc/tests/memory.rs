//! Memory of pipes. It is counted for the whole simulated machine, so this test has a program to itself.

use abi::fcntl::OpenFlags;
use usermem::{Sink, Source};

#[test]
fn memory_of_an_emptied_pipe_goes_back() {
    let info = hal::boot::info();
    frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    let (reader, writer) = pipe::pipe(OpenFlags::NONBLOCK).expect("a pipe");
    assert_eq!(writer.write(&mut Source::kernel(&[1; 60000])), Ok(60000));
    let full = frames::usage().free;
    assert_eq!(reader.read(&mut Sink::kernel(&mut [0; 60000])), Ok(60000));
    assert!(frames::usage().free >= full + 10);
}
