//! The line discipline against what a Linux terminal does with the same keys.

use abi::ioctl::{
    ECHO, ECHOCTL, ECHOE, ECHOKE, ECHOPRT, EXTPROC, ICANON, ICRNL, IGNCR, ISIG, IUCLC, IUTF8, IXANY, IXON, NOFLSH,
    OLCUC, OPOST, PARMRK, Termios2, VEOL, VMIN, VTIME,
};
use abi::signal::Signal;
use tty::discipline::{CAPACITY, Discipline, Effects};

struct Screen {
    discipline: Discipline,
    shown: Vec<u8>,
    signals: Vec<Signal>,
}

impl Screen {
    fn new() -> Self {
        Self {
            discipline: Discipline::new(),
            shown: Vec::new(),
            signals: Vec::new(),
        }
    }

    fn with(change: impl Fn(&mut Termios2)) -> Self {
        let mut screen = Self::new();
        screen.change(change);
        screen
    }

    fn change(&mut self, change: impl Fn(&mut Termios2)) {
        let mut termios = *self.discipline.termios();
        change(&mut termios);
        self.discipline.set_termios(termios);
    }

    fn type_in(&mut self, keys: &[u8]) -> &mut Self {
        for key in keys {
            let mut effects = Effects::default();
            self.discipline.input(*key, &mut effects);
            self.shown.extend(self.discipline.take_echo());
            self.signals.extend(effects.signals);
        }
        self
    }

    fn read(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        let (taken, _) = self.discipline.take(&mut bytes)?;
        bytes.truncate(taken);
        Some(bytes)
    }

    fn shown(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.shown)).into_owned()
    }
}

#[test]
fn a_line_is_read_when_it_is_complete_and_one_at_a_time() {
    let mut screen = Screen::new();
    screen.type_in(b"one");
    assert_eq!(screen.read(100), None);
    screen.type_in(b"\rtwo\n");
    assert_eq!(screen.shown(), "one\r\ntwo\r\n");
    assert_eq!(screen.read(2).as_deref(), Some(&b"on"[..]));
    assert_eq!(screen.read(100).as_deref(), Some(&b"e\n"[..]));
    assert_eq!(screen.read(100).as_deref(), Some(&b"two\n"[..]));
    assert_eq!(screen.read(100), None);
}

#[test]
fn erasing_rubs_out_what_was_shown() {
    let mut screen = Screen::new();
    screen.type_in(b"ab\x7f");
    assert_eq!(screen.shown(), "ab\x08 \x08");
    screen.type_in(b"\x01\x7f");
    assert_eq!(screen.shown(), "^A\x08 \x08\x08 \x08");
    screen.type_in(b"\x7f\x7f\x7f");
    assert_eq!(screen.shown(), "\x08 \x08", "an empty line is not erased further");
    screen.type_in(b"x\t\x7f");
    assert_eq!(screen.shown(), "x\t\x08\x08\x08\x08\x08\x08\x08");
    screen.type_in(b"\x15some words, here  \x17");
    assert!(screen.shown().ends_with(&"\x08 \x08".repeat(6)));
    screen.type_in(b"\n");
    assert_eq!(screen.read(100).as_deref(), Some(&b"some words, \n"[..]));
}

#[test]
fn killing_a_line_empties_it() {
    let mut screen = Screen::new();
    screen.type_in(b"abc\x15");
    assert_eq!(screen.shown(), format!("abc{}", "\x08 \x08".repeat(3)));
    let mut plain = Screen::with(|termios| termios.lflag &= !ECHOKE);
    plain.type_in(b"abc\x15");
    assert_eq!(plain.shown(), "abc^U\r\n");
    plain.type_in(b"\n");
    assert_eq!(plain.read(10).as_deref(), Some(&b"\n"[..]));
}

#[test]
fn a_character_of_several_bytes_is_erased_as_one() {
    let mut screen = Screen::with(|termios| termios.iflag |= IUTF8);
    screen.type_in("aé€".as_bytes()).type_in(b"\x7f");
    assert_eq!(screen.shown(), "aé€\x08 \x08");
    screen.type_in(b"\n");
    assert_eq!(screen.read(10).as_deref(), Some("aé\n".as_bytes()));
}

#[test]
fn the_end_of_file_key_ends_a_line_without_a_byte() {
    let mut screen = Screen::new();
    screen.type_in(b"abc\x04");
    assert_eq!(screen.read(3).as_deref(), Some(&b"abc"[..]));
    assert_eq!(screen.read(3), None, "the end of a piece is not the end of the file");
    screen.type_in(b"\x04");
    assert_eq!(screen.read(3).as_deref(), Some(&b""[..]));
    assert_eq!(screen.shown(), "abc");
}

#[test]
fn keys_raise_signals_and_drop_what_was_typed() {
    let mut screen = Screen::new();
    screen.type_in(b"abc\x03");
    assert_eq!(screen.shown(), "abc^C");
    screen.type_in(b"\x1c\x1a\n");
    assert_eq!(screen.signals, [Signal::INT, Signal::QUIT, Signal::TSTP]);
    assert_eq!(screen.read(10).as_deref(), Some(&b"\n"[..]));
    let mut kept = Screen::with(|termios| termios.lflag |= NOFLSH);
    kept.type_in(b"abc\x03\n");
    assert_eq!(kept.read(10).as_deref(), Some(&b"abc\n"[..]));
    let mut off = Screen::with(|termios| termios.lflag &= !ISIG);
    off.type_in(b"\x03\n");
    assert_eq!(off.read(10).as_deref(), Some(&b"\x03\n"[..]));
    assert!(off.signals.is_empty());
}

#[test]
fn a_literal_key_loses_its_meaning() {
    let mut screen = Screen::new();
    screen.type_in(b"\x16\x03\x16\x7f\n");
    assert_eq!(screen.shown(), "^\x08^C^\x08^?\r\n");
    assert_eq!(screen.read(10).as_deref(), Some(&b"\x03\x7f\n"[..]));
    assert!(screen.signals.is_empty());
}

#[test]
fn raw_bytes_come_as_they_are_typed() {
    let mut screen = Screen::with(|termios| {
        termios.lflag &= !(ICANON | ECHO | ISIG);
        termios.iflag &= !(ICRNL | IXON);
        termios.cc[VMIN] = 1;
    });
    screen.type_in(b"a\r\x03\x13\x7f");
    assert_eq!(screen.read(100).as_deref(), Some(&b"a\r\x03\x13\x7f"[..]));
    assert_eq!(screen.read(100), None);
    assert_eq!(screen.shown(), "");
}

#[test]
fn a_raw_read_waits_for_as_many_as_it_is_told() {
    let mut screen = Screen::with(|termios| {
        termios.lflag &= !ICANON;
        termios.cc[VMIN] = 3;
    });
    screen.type_in(b"ab");
    assert!(!screen.discipline.is_readable());
    assert!(screen.discipline.has_input());
    screen.type_in(b"c");
    assert!(screen.discipline.is_readable());
    let patience = screen.discipline.patience();
    assert_eq!((patience.least, patience.first, patience.further), (3, None, None));
    screen.change(|termios| termios.cc[VTIME] = 5);
    assert_eq!(screen.discipline.patience().further, Some(500_000_000));
    screen.change(|termios| termios.cc[VMIN] = 0);
    let patience = screen.discipline.patience();
    assert_eq!((patience.least, patience.first), (1, Some(500_000_000)));
    screen.change(|termios| termios.cc[VTIME] = 0);
    assert_eq!(screen.discipline.patience().first, Some(0));
    screen.change(|termios| termios.cc[VMIN] = 100);
    let patience = screen.discipline.patience();
    assert_eq!((patience.least, patience.most), (64, 64), "Linux reads in pieces of 64");
}

#[test]
fn changing_the_mode_keeps_what_was_typed() {
    let mut screen = Screen::new();
    screen.type_in(b"line\nrest");
    screen.change(|termios| termios.lflag &= !ICANON);
    assert_eq!(screen.read(7).as_deref(), Some(&b"line\nre"[..]));
    screen.change(|termios| termios.lflag |= ICANON);
    assert_eq!(screen.read(7).as_deref(), Some(&b"st"[..]));
}

#[test]
fn output_is_stopped_and_started_by_keys() {
    let mut screen = Screen::new();
    screen.type_in(b"\x13");
    assert!(screen.discipline.is_stopped());
    screen.type_in(b"a");
    assert!(screen.discipline.is_stopped());
    screen.type_in(b"\x11");
    assert!(!screen.discipline.is_stopped());
    assert_eq!(screen.shown(), "a");
}

#[test]
fn newlines_are_translated_both_ways() {
    let mut screen = Screen::new();
    screen.discipline.output(b"a\nb\tc\r", &mut screen.shown);
    assert_eq!(screen.shown(), "a\r\nb\tc\r");
    screen.change(|termios| termios.oflag |= 0o14000);
    screen.discipline.output(b"ab\tc", &mut screen.shown);
    assert_eq!(screen.shown(), "ab      c");
    screen.change(|termios| termios.oflag &= !OPOST);
    screen.discipline.output(b"a\n", &mut screen.shown);
    assert_eq!(screen.shown(), "a\n");
    let mut ignoring = Screen::with(|termios| termios.iflag |= IGNCR);
    ignoring.type_in(b"a\rb\n");
    assert_eq!(ignoring.read(10).as_deref(), Some(&b"ab\n"[..]));
}

#[test]
fn another_key_may_end_a_line() {
    let mut screen = Screen::with(|termios| {
        termios.cc[VEOL] = b';';
        termios.lflag &= !(ECHOE | ECHOCTL);
    });
    screen.type_in(b"a;b\x7f");
    assert_eq!(screen.read(10).as_deref(), Some(&b"a;"[..]));
    assert_eq!(screen.shown(), "a;b\x7f", "without ECHOE the key itself is shown");
}

#[test]
fn too_long_a_line_can_still_be_ended() {
    let mut screen = Screen::new();
    screen.type_in(&[b'x'; 2 * CAPACITY]).type_in(b"\n");
    let line = screen.read(2 * CAPACITY).expect("a line");
    assert_eq!((line.len(), line.last()), (CAPACITY, Some(&b'\n')));
}

#[test]
fn what_printers_showed_as_erased_stands_between_slashes() {
    let mut screen = Screen::with(|termios| termios.lflag |= ECHOPRT);
    screen.type_in(b"abc\x7f\x7fd\n");
    assert_eq!(screen.shown(), "abc\\cb/d\r\n");
    assert_eq!(screen.read(10).as_deref(), Some(&b"ad\n"[..]));
}

#[test]
fn a_byte_of_all_ones_is_doubled_where_errors_are_marked() {
    let mut screen = Screen::with(|termios| termios.iflag |= PARMRK);
    screen.type_in(b"a\xffb\n");
    assert_eq!(screen.read(10).as_deref(), Some(&b"a\xff\xffb\n"[..]));
}

#[test]
fn letters_are_folded_both_ways() {
    let mut screen = Screen::with(|termios| {
        termios.iflag |= IUCLC;
        termios.oflag |= OLCUC;
    });
    screen.type_in(b"HeLLo\n");
    assert_eq!(screen.read(10).as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(screen.shown(), "HELLO\r\n");
}

#[test]
fn what_another_processes_is_only_passed_on() {
    let mut screen = Screen::with(|termios| termios.lflag |= EXTPROC);
    screen.type_in(b"ab\x7f\x03");
    assert_eq!(screen.shown(), "");
    assert_eq!(screen.read(10).as_deref(), Some(&b"ab\x7f\x03"[..]));
    assert!(screen.signals.is_empty());
}

#[test]
fn any_key_starts_output_again_if_so_set_but_not_what_a_program_stopped() {
    let mut screen = Screen::with(|termios| termios.iflag |= IXANY);
    screen.type_in(b"\x13");
    assert!(screen.discipline.is_stopped());
    screen.type_in(b"a");
    assert!(!screen.discipline.is_stopped());
    assert!(screen.discipline.hold(true));
    screen.type_in(b"a\x11");
    assert!(screen.discipline.is_stopped());
    assert!(screen.discipline.hold(false));
    assert!(!screen.discipline.is_stopped());
}
