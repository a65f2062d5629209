//! `/proc` and `/sys` over a made-up process.

use abi::fcntl::OpenFlags;
use abi::resource::{RLIM_INFINITY, RLIM_NLIMITS, Rlimit};
use abi::{Errno, Result};
use procfs::{Mapping, ProcSource, Process, Status};
use std::sync::{Arc, Mutex, OnceLock};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, File, FileSystem, How, Mount, MountFlags, Path, mount_at};

struct Made;
struct Program {
    thread: u32,
}

static CONTEXT: OnceLock<Context> = OnceLock::new();
static OPEN: OnceLock<Arc<File>> = OnceLock::new();
static NAME: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl ProcSource for Made {
    fn processes(&self) -> Vec<u32> {
        vec![7]
    }

    fn find(&self, number: u32) -> Option<Arc<dyn Process>> {
        (number == 7 || number == 9).then(|| Arc::new(Program { thread: number }) as _)
    }

    fn current(&self) -> Option<(u32, u32)> {
        Some((7, 9))
    }

    fn hostname(&self) -> Vec<u8> {
        b"shell".to_vec()
    }
}

impl Process for Program {
    fn status(&self) -> Status {
        Status {
            name: b"a (b\n".to_vec(),
            state: b'R',
            process: 7,
            thread: self.thread,
            thread_count: 2,
            affinity: 0b1011,
            ..Status::default()
        }
    }

    fn credentials(&self) -> Arc<Credentials> {
        Arc::new(Credentials::user(1000, 100, vec![100, 4]))
    }

    fn threads(&self) -> Vec<u32> {
        vec![7, 9]
    }

    fn command_line(&self) -> Vec<u8> {
        b"prog\0-x\0".to_vec()
    }

    fn environment(&self) -> Vec<u8> {
        b"A=1\0".to_vec()
    }

    fn auxiliary_vector(&self) -> Vec<u8> {
        vec![0; 16]
    }

    fn mappings(&self) -> Vec<Mapping> {
        let file = Mapping {
            start: 0x40_0000,
            end: 0x40_1000,
            rights: *b"r-xp",
            offset: 0x1000,
            device: abi::stat::makedev(0, 21),
            inode: 77,
            name: b"/bin/prog".to_vec(),
        };
        let anonymous = Mapping {
            start: 0x7fff_0000_0000,
            end: 0x7fff_0000_2000,
            rights: *b"rw-p",
            ..Mapping::default()
        };
        vec![file, anonymous]
    }

    fn resident(&self, _range: std::ops::Range<u64>) -> u64 {
        1
    }

    fn executable(&self) -> Option<Path> {
        let context = CONTEXT.get()?;
        context.resolve(&context.root, b"/proc/version", true).ok()
    }

    fn root(&self) -> Path {
        CONTEXT.get().expect("set up").root.clone()
    }

    fn working_directory(&self) -> Path {
        self.root()
    }

    fn descriptors(&self) -> Vec<u32> {
        vec![3]
    }

    fn file(&self, descriptor: u32) -> Option<(Arc<File>, bool)> {
        (descriptor == 3).then(|| (Arc::clone(OPEN.get().expect("set up")), true))
    }

    fn limits(&self) -> [Rlimit; RLIM_NLIMITS] {
        let mut limits = [Rlimit {
            soft: RLIM_INFINITY,
            hard: RLIM_INFINITY,
        }; RLIM_NLIMITS];
        limits[7] = Rlimit { soft: 1024, hard: 4096 };
        limits
    }

    fn set_name(&self, name: &[u8]) -> Result<()> {
        *NAME.lock().expect("not poisoned") = name.to_vec();
        Ok(())
    }
}

fn mount(file_system: Arc<dyn FileSystem>) -> Arc<Mount> {
    Mount::new(file_system, MountFlags::empty(), b"none")
}

/// A tree that has nothing but `/proc` and `/sys`.
fn context() -> &'static Context {
    CONTEXT.get_or_init(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        procfs::register(Arc::new(Made));
        drop(OPEN.set(open_file()));
        tree()
    })
}

fn open_file() -> Arc<File> {
    let place = vfs::anonymous_place(b"pipe:", abi::stat::S_IFIFO | 0o600);
    File::new(place, OpenFlags::empty(), None)
}

fn tree() -> Context {
    struct Top;
    impl FileSystem for Top {
        fn name(&self) -> &'static str {
            "top"
        }
        fn root(&self) -> Arc<dyn vfs::Inode> {
            Arc::new(Directory)
        }
        fn statfs(&self) -> abi::stat::Statfs {
            abi::stat::Statfs::default()
        }
    }
    struct Directory;
    impl vfs::Inode for Directory {
        fn kind(&self) -> vfs::Kind {
            vfs::Kind::Directory
        }
        fn attributes(&self) -> vfs::Attributes {
            vfs::Attributes::new(1, 1, 0o40755)
        }
        fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn vfs::Inode>>> {
            let known = name == b"proc" || name == b"sys";
            Ok(known.then(|| Arc::new(Self) as _))
        }
    }
    let mount_of = mount(Arc::new(Top));
    let root = Path {
        dentry: Arc::clone(mount_of.root()),
        mount: mount_of,
    };
    let context = Context::new(root, Arc::new(Credentials::root()));
    let at = |path: &[u8]| context.resolve(&context.root, path, true).expect("there");
    mount_at(&at(b"/proc"), &mount(procfs::procfs())).expect("mounted");
    mount_at(&at(b"/sys"), &mount(procfs::sysfs())).expect("mounted");
    context
}

fn text(path: &str) -> String {
    let context = context();
    let file = context
        .open(&context.root, path.as_bytes(), How::new(OpenFlags::empty()))
        .unwrap_or_else(|error| panic!("{path}: {error:?}"));
    let mut content = Vec::new();
    loop {
        // In small pieces, so that positions count.
        let mut piece = [0; 100];
        match file.read(&mut Sink::kernel(&mut piece)).expect("read") {
            0 => break,
            len => content.extend_from_slice(&piece[..len]),
        }
    }
    String::from_utf8(content).expect("text")
}

/// Reads every file below a directory; returns how many there were.
fn read_everything(path: &str) -> usize {
    let context = context();
    let directory = context
        .open(&context.root, path.as_bytes(), How::new(OpenFlags::DIRECTORY))
        .expect("opened");
    let mut entries = Vec::new();
    directory
        .read_directory(&mut |entry| {
            entries.push((String::from_utf8_lossy(entry.name).into_owned(), entry.kind));
            true
        })
        .expect("listed");
    let mut count = 0;
    for (name, kind) in entries {
        let path = format!("{path}/{name}");
        match kind {
            _ if name == "." || name == ".." => {}
            vfs::Kind::Directory => count += read_everything(&path),
            vfs::Kind::Symlink => drop(context.readlink(&context.root, path.as_bytes()).expect("a link")),
            _ => {
                text(&path);
                count += 1;
            }
        }
    }
    count
}

#[test]
fn every_file_can_be_read() {
    assert!(read_everything("/proc") > 60);
    assert!(read_everything("/sys") > 10);
}

#[test]
fn a_process_shows_itself() {
    assert_eq!(text("/proc/self/cmdline"), "prog\0-x\0");
    assert_eq!(text("/proc/7/environ"), "A=1\0");
    assert_eq!(
        text("/proc/self/maps"),
        "00400000-00401000 r-xp 00001000 00:15 77                                 /bin/prog\n\
         7fff00000000-7fff00002000 rw-p 00000000 00:00 0 \n"
    );
    let stat = text("/proc/self/stat");
    let (head, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    assert_eq!(head, "7 (a (b\n");
    assert_eq!(fields.split(' ').count(), 50);
    assert!(text("/proc/thread-self/stat").starts_with("9 (a (b\n) R "));
    let status = text("/proc/self/status");
    for line in [
        "Name:\ta (b\\n",
        "State:\tR (running)",
        "Uid:\t1000\t1000\t1000\t1000",
        "Groups:\t100 4 ",
        "Threads:\t2",
        "Cpus_allowed_list:\t0-1,3",
    ] {
        assert!(status.lines().any(|found| found == line), "{line} is not in\n{status}");
    }
    let limits = text("/proc/self/limits");
    assert!(limits.starts_with("Limit                     Soft Limit           Hard Limit           Units     \n"));
    assert!(limits.contains("Max open files            1024                 4096                 files     \n"));
    assert!(limits.contains("Max nice priority         unlimited            unlimited            \n"));
}

#[test]
fn links_jump_to_what_is_open() {
    let context = context();
    let link = |path: &[u8]| {
        let text = context.readlink(&context.root, path).expect("a link");
        String::from_utf8(text).expect("text")
    };
    assert_eq!(link(b"/proc/self"), "7");
    assert_eq!(link(b"/proc/thread-self"), "7/task/9");
    assert_eq!(link(b"/proc/self/exe"), "/proc/version");
    assert_eq!(link(b"/proc/self/cwd"), "/");
    assert!(link(b"/proc/self/fd/3").starts_with("pipe:["));
    assert!(text("/proc/self/exe").starts_with("Linux version 6.12.0-chiton "));
    let kind = context
        .stat(&context.root, b"/proc/self/fd/3", true)
        .expect("there")
        .kind();
    assert_eq!(kind, vfs::Kind::Fifo);
    let missing = context.readlink(&context.root, b"/proc/self/fd/4");
    assert_eq!(missing.expect_err("closed").errno, Errno::ENOENT);
    assert!(text("/proc/self/fdinfo/3").starts_with("pos:\t0\nflags:\t02000000\nmnt_id:\t"));
}

#[test]
fn mounts_are_listed_with_their_places() {
    assert_eq!(
        text("/proc/mounts"),
        "none / top rw 0 0\nnone /proc proc rw 0 0\nnone /sys sysfs rw 0 0\n"
    );
    let info = text("/proc/self/mountinfo");
    assert!(
        info.lines()
            .nth(1)
            .is_some_and(|line| line.ends_with(" / /proc rw - proc none rw")),
        "{info}"
    );
}

#[test]
fn settings_are_written() {
    let context = context();
    let open = |path: &[u8]| context.open(&context.root, path, How::new(OpenFlags::WRONLY | OpenFlags::TRUNC));
    let comm = open(b"/proc/self/comm").expect("opened");
    assert_eq!(comm.write(&mut Source::kernel(b"a name that is too long\n")), Ok(24));
    assert_eq!(*NAME.lock().expect("not poisoned"), b"a name that is ");
    let score = open(b"/proc/self/oom_score_adj").expect("opened");
    assert_eq!(
        score.write(&mut Source::kernel(b"2000\n")).expect_err("too high").errno,
        Errno::EINVAL
    );
    let fixed = open(b"/proc/meminfo").expect("opened");
    assert_eq!(
        fixed.write(&mut Source::kernel(b"x")).expect_err("fixed").errno,
        Errno::EIO
    );
}

#[test]
fn the_machine_is_described() {
    assert_eq!(text("/proc/sys/kernel/hostname"), "shell\n");
    assert_eq!(text("/proc/sys/kernel/ostype"), "Linux\n");
    assert_eq!(text("/sys/devices/system/cpu/online"), "0-3\n");
    let memory = text("/proc/meminfo");
    assert!(memory.starts_with("MemTotal:          65532 kB\nMemFree: "), "{memory}");
    assert_eq!(text("/proc/cpuinfo").matches("processor\t: ").count(), 4);
    let (one, other) = (
        text("/proc/sys/kernel/random/uuid"),
        text("/proc/sys/kernel/random/uuid"),
    );
    assert_ne!(one, other);
    assert_eq!((one.len(), &one[14..15]), (37, "4"));
    assert_eq!(
        text("/proc/sys/kernel/random/boot_id"),
        text("/proc/sys/kernel/random/boot_id")
    );
}
