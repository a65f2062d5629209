//! Calls that name files, with the errno that Linux gives and in its order.

mod ground;

use abi::Errno;
use abi::fcntl::{OpenFlags, RenameFlags, ResolveFlags};
use ground::{Ground, errno};
use std::sync::Arc;
use usermem::{Sink, Source};
use vfs::{Context, Credentials, How, Kind, Mount, MountFlags, mount_at, unmount};

#[test]
fn a_path_leads_through_dots_slashes_and_symbolic_links() {
    let g = Ground::new();
    g.directory("/a");
    g.directory("/a/b");
    g.file("/a/b/f", b"hello");
    g.symlink("/l", "a/./b//");
    g.symlink("/a/up", "../a/b/f");
    for path in [
        "/a/b/f",
        "//a///b/f",
        "/a/../a/b/./f",
        "/l/f",
        "/a/up",
        "/../../a/b/f",
        "a/b/f",
    ] {
        assert_eq!(g.read(path), b"hello", "{path}");
    }
    assert_eq!(g.errno("/a/b/f/"), Errno::ENOTDIR);
    assert_eq!(g.errno("/a/b/f/x"), Errno::ENOTDIR);
    assert_eq!(g.errno("/a/b/f/."), Errno::ENOTDIR);
    assert_eq!(g.errno("/a/x/f"), Errno::ENOENT);
    assert_eq!(g.errno(""), Errno::ENOENT);
    assert_eq!(g.errno(&format!("/{}", "n".repeat(256))), Errno::ENAMETOOLONG);
    assert_eq!(g.errno(&format!("/{}", "n".repeat(255))), Errno::ENOENT);
    g.symlink("/loop", "loop");
    assert_eq!(g.errno("/loop"), Errno::ELOOP);
    assert_eq!(g.errno("/a/up/"), Errno::ENOTDIR);
}

#[test]
fn forty_links_are_followed_and_forty_one_are_not() {
    let g = Ground::new();
    g.file("/l0", b"end");
    for n in 1..=41 {
        g.symlink(&format!("/l{n}"), &format!("l{}", n - 1));
    }
    assert_eq!(g.read("/l40"), b"end");
    assert_eq!(g.errno("/l41"), Errno::ELOOP);
}

#[test]
fn open_refuses_in_the_order_of_linux() {
    let g = Ground::new();
    g.directory("/d");
    g.file("/f", b"x");
    g.symlink("/l", "f");
    g.symlink("/dangling", "nowhere");
    let open = |path: &str, flags| g.open(path, flags).map(drop).err().map(|error| error.errno);
    use OpenFlags as F;
    assert_eq!(open("/d", F::RDWR), Some(Errno::EISDIR));
    assert_eq!(open("/d", F::CREAT), Some(Errno::EISDIR));
    assert_eq!(open("/d", F::CREAT | F::EXCL), Some(Errno::EEXIST));
    assert_eq!(open("/d/", F::CREAT), Some(Errno::EISDIR));
    assert_eq!(open("/new/", F::CREAT), Some(Errno::EISDIR));
    assert_eq!(open("/f", F::DIRECTORY), Some(Errno::ENOTDIR));
    assert_eq!(open("/f", F::CREAT | F::DIRECTORY), Some(Errno::EINVAL));
    assert_eq!(open("/l", F::NOFOLLOW), Some(Errno::ELOOP));
    assert_eq!(open("/l", F::NOFOLLOW | F::DIRECTORY), Some(Errno::ENOTDIR));
    assert_eq!(open("/l", F::NOFOLLOW | F::PATH), None);
    assert_eq!(open("/l", F::CREAT | F::EXCL), Some(Errno::EEXIST));
    assert_eq!(open("/dangling", F::CREAT | F::EXCL), Some(Errno::EEXIST));
    assert_eq!(open("/dangling", F::empty()), Some(Errno::ENOENT));
    assert_eq!(open("/dangling", F::CREAT | F::WRONLY), None);
    assert_eq!(g.read("/nowhere"), b"");
    assert_eq!(open(".", F::CREAT), Some(Errno::EISDIR));
    assert_eq!(open("/f", F::TMPFILE_BIT | F::DIRECTORY), Some(Errno::EINVAL));
    assert_eq!(
        open("/f", F::TMPFILE_BIT | F::DIRECTORY | F::RDWR),
        Some(Errno::ENOTDIR)
    );
}

#[test]
fn a_file_without_a_name_lives_until_it_is_closed() {
    let g = Ground::new();
    let file = g.open("/f", OpenFlags::CREAT | OpenFlags::RDWR).expect("made");
    file.write(&mut Source::kernel(b"still here")).expect("written");
    g.context.unlink(&g.context.cwd, b"/f").expect("unlinked");
    assert_eq!(g.errno("/f"), Errno::ENOENT);
    assert_eq!(file.attributes().nlink, 0);
    assert_eq!(g.context.path_text(file.path()), b"/f (deleted)");
    let mut buffer = [0; 10];
    assert_eq!(file.read_at(0, &mut Sink::kernel(&mut buffer)), Ok(10));
    assert_eq!(&buffer, b"still here");
    let used = g.used();
    drop(file);
    assert_eq!(g.used(), used - 1, "its page is free again");
    let nameless = OpenFlags::TMPFILE_BIT | OpenFlags::DIRECTORY | OpenFlags::RDWR;
    let file = g.open("/", nameless).expect("made");
    assert_eq!((file.attributes().nlink, file.kind()), (0, Kind::Regular));
    g.context.link(file.path(), &g.context.cwd, b"/named").expect("linked");
    assert_eq!(file.attributes().nlink, 1);
}

#[test]
fn names_are_made_and_removed_with_the_errors_of_linux() {
    let g = Ground::new();
    let (c, at) = (&g.context, &g.context.cwd);
    g.directory("/d");
    g.file("/d/f", b"");
    assert_eq!(errno(c.mkdir(at, b"/d", 0o755)), Errno::EEXIST);
    assert_eq!(errno(c.mkdir(at, b"/", 0o755)), Errno::EEXIST);
    assert_eq!(errno(c.mkdir(at, b"/d/.", 0o755)), Errno::EEXIST);
    assert_eq!(errno(c.mkdir(at, b"/x/y", 0o755)), Errno::ENOENT);
    assert!(c.mkdir(at, b"/e/", 0o755).is_ok());
    assert_eq!(errno(c.rmdir(at, b"/d")), Errno::ENOTEMPTY);
    assert_eq!(errno(c.rmdir(at, b"/d/f")), Errno::ENOTDIR);
    assert_eq!(errno(c.rmdir(at, b"/d/.")), Errno::EINVAL);
    assert_eq!(errno(c.rmdir(at, b"/d/..")), Errno::ENOTEMPTY);
    assert_eq!(errno(c.rmdir(at, b"/")), Errno::EBUSY);
    assert_eq!(errno(c.unlink(at, b"/d")), Errno::EISDIR);
    assert_eq!(errno(c.unlink(at, b"/d/f/")), Errno::ENOTDIR);
    assert_eq!(errno(c.unlink(at, b"/none")), Errno::ENOENT);
    assert!(c.unlink(at, b"/d/f").is_ok());
    let inside = c.resolve(at, b"/d", true).expect("there");
    assert!(c.rmdir(at, b"/d").is_ok());
    assert_eq!(errno(c.mkdir(&inside, b"x", 0o755)), Errno::ENOENT);
    assert_eq!(errno(c.symlink(b"", at, b"/s")), Errno::ENOENT);
    assert_eq!(errno(c.symlink(b"t", at, b"/s/")), Errno::ENOENT);
    let root = c.resolve(at, b"/", true).expect("there");
    assert_eq!(errno(c.link(&root, at, b"/hard")), Errno::EPERM);
}

#[test]
fn rename_moves_replaces_and_exchanges() {
    let g = Ground::new();
    let c = &g.context;
    let mv = |from: &str, to: &str, flags| c.rename(&c.cwd, from.as_bytes(), &c.cwd, to.as_bytes(), flags);
    let plain = RenameFlags::empty();
    g.directory("/a");
    g.directory("/a/sub");
    g.directory("/b");
    g.file("/a/f", b"one");
    g.file("/b/g", b"two");
    let open = g.open("/a/f", OpenFlags::empty()).expect("there");
    mv("/a/f", "/b/g", plain).expect("replaced");
    assert_eq!(g.read("/b/g"), b"one");
    assert_eq!(g.errno("/a/f"), Errno::ENOENT);
    assert_eq!(c.path_text(open.path()), b"/b/g");
    assert_eq!(errno(mv("/a", "/a/sub/x", plain)), Errno::EINVAL);
    assert_eq!(errno(mv("/a/sub", "/a", plain)), Errno::ENOTEMPTY);
    assert_eq!(errno(mv("/a", "/b", plain)), Errno::ENOTEMPTY);
    assert_eq!(errno(mv("/a", "/b/g", plain)), Errno::ENOTDIR);
    assert_eq!(errno(mv("/b/g", "/a", plain)), Errno::EISDIR);
    assert_eq!(errno(mv("/b/g", "/a/", plain)), Errno::ENOTDIR);
    assert_eq!(errno(mv("/b/g", "/b", RenameFlags::NOREPLACE)), Errno::EEXIST);
    assert_eq!(errno(mv("/none", "/b/g", plain)), Errno::ENOENT);
    assert_eq!(errno(mv("/", "/x", plain)), Errno::EBUSY);
    mv("/b/g", "/a/sub", RenameFlags::EXCHANGE).expect("exchanged");
    assert_eq!(g.read("/a/sub"), b"one");
    assert!(c.resolve(&c.cwd, b"/b/g/.", true).is_ok());
    assert_eq!(c.stat(&c.cwd, b"/b", true).expect("there").nlink, 3);
    assert_eq!(c.stat(&c.cwd, b"/a", true).expect("there").nlink, 2);
    assert_eq!(g.names("/b"), ["g"]);
}

#[test]
fn permissions_and_the_sticky_bit_refuse() {
    let g = Ground::new();
    g.directory("/open");
    g.directory("/closed");
    g.file("/closed/f", b"secret");
    g.file("/open/theirs", b"");
    let place = |path: &str| g.context.resolve(&g.context.cwd, path.as_bytes(), true).expect("there");
    g.context.chmod(&place("/open"), 0o1777).expect("changed");
    g.context.chmod(&place("/closed"), 0o700).expect("changed");
    let user = Context {
        credentials: Arc::new(Credentials::user(1000, 1000, vec![])),
        ..g.context.clone()
    };
    let at = &user.cwd;
    assert_eq!(errno(user.resolve(at, b"/closed/f", true)), Errno::EACCES);
    assert_eq!(errno(user.mkdir(at, b"/x", 0o755)), Errno::EACCES);
    assert_eq!(errno(user.unlink(at, b"/open/theirs")), Errno::EPERM);
    assert!(user.mkdir(at, b"/open/mine", 0o777).is_ok());
    assert_eq!(user.stat(at, b"/open/mine", true).expect("there").mode & 0o7777, 0o755);
    assert!(user.rmdir(at, b"/open/mine").is_ok());
    assert_eq!(errno(user.chmod(&place("/open/theirs"), 0o777)), Errno::EPERM);
    assert_eq!(errno(user.access(at, b"/closed", 4, true, true)), Errno::EACCES);
    assert!(user.access(at, b"/open", 7, true, true).is_ok());
    assert_eq!(
        errno(user.open(at, b"/open/theirs", How::new(OpenFlags::RDWR))),
        Errno::EACCES
    );
}

#[test]
fn a_mount_covers_a_directory_and_dots_lead_out_of_it() {
    let g = Ground::new();
    g.directory("/m");
    g.file("/m/below", b"");
    g.file("/f", b"outer");
    let c = &g.context;
    let mount = Mount::new(tmpfs::Tmpfs::new(8, 0o755), MountFlags::READ_ONLY, b"inner");
    let place = c.resolve(&c.cwd, b"/m", true).expect("there");
    mount_at(&place, &mount).expect("mounted");
    assert_eq!(g.errno("/m/below"), Errno::ENOENT);
    assert_eq!(g.read("/m/../f"), b"outer");
    let inside = c.resolve(&c.cwd, b"/m", true).expect("there");
    assert_eq!(c.path_text(&inside), b"/m");
    assert_eq!(errno(c.mkdir(&inside, b"x", 0o755)), Errno::EROFS);
    assert_eq!(errno(c.rmdir(&c.cwd, b"/m")), Errno::EBUSY);
    assert_eq!(
        errno(c.rename(&c.cwd, b"/f", &inside, b"f", RenameFlags::empty())),
        Errno::EXDEV
    );
    assert_eq!(
        errno(c.resolve_within(&c.cwd, b"/m/.", true, ResolveFlags::NO_XDEV)),
        Errno::EXDEV
    );
    unmount(&inside).expect("unmounted");
    assert_eq!(g.read("/m/below"), b"");
}

#[test]
fn a_walk_can_be_kept_below_a_directory() {
    let g = Ground::new();
    g.directory("/jail");
    g.file("/jail/f", b"");
    g.symlink("/jail/out", "/f");
    g.symlink("/jail/up", "../x");
    let c = &g.context;
    let jail = c.resolve(&c.cwd, b"/jail", true).expect("there");
    let within = |path: &[u8], flags| c.resolve_within(&jail, path, true, flags).map(drop);
    assert!(within(b"f", ResolveFlags::BENEATH).is_ok());
    for path in [&b"/f"[..], b"..", b"out", b"up", b"../jail/f"] {
        assert_eq!(errno(within(path, ResolveFlags::BENEATH)), Errno::EXDEV, "{path:?}");
    }
    for path in [&b"/f"[..], b"../f", b"out", b"../../f"] {
        assert!(within(path, ResolveFlags::IN_ROOT).is_ok(), "{path:?}");
    }
    assert_eq!(errno(within(b"out", ResolveFlags::NO_SYMLINKS)), Errno::ELOOP);
}

#[test]
fn a_directory_is_listed_once_while_it_changes() {
    let g = Ground::new();
    g.directory("/d");
    for n in 0..100 {
        g.file(&format!("/d/f{n}"), b"");
    }
    let directory = g.open("/d", OpenFlags::DIRECTORY).expect("there");
    let mut seen = Vec::new();
    loop {
        let mut batch = 0;
        directory
            .read_directory(&mut |entry| {
                if batch == 7 {
                    return false;
                }
                batch += 1;
                seen.push(String::from_utf8_lossy(entry.name).into_owned());
                true
            })
            .expect("listed");
        if batch == 0 {
            break;
        }
        // What was listed is removed; the rest must still come, once.
        for name in seen.iter().filter(|name| name.starts_with('f')) {
            let _gone_before = g.context.unlink(&g.context.cwd, format!("/d/{name}").as_bytes());
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 102);
}

#[test]
fn forgetting_what_nobody_uses_changes_nothing() {
    let g = Ground::new();
    g.directory("/a");
    g.file("/a/kept", b"1");
    vfs::set_root(&g.context.root.mount);
    vfs::shrink();
    assert_eq!(g.read("/a/kept"), b"1");
    assert_eq!(g.names("/a"), ["kept"]);
}

#[test]
fn removed_directories_and_unmounted_trees_are_forgotten() {
    let g = Ground::new();
    let c = &g.context;
    g.directory("/d");
    g.directory("/e");
    assert_eq!(g.errno("/d/none"), Errno::ENOENT);
    assert_eq!(g.errno("/e/none"), Errno::ENOENT);
    let entry = |path: &str| c.resolve(&c.cwd, path.as_bytes(), true).expect("there").dentry;
    let (removed, replaced) = (Arc::downgrade(&entry("/d")), Arc::downgrade(&entry("/e")));
    let open = c.resolve(&c.cwd, b"/d", true).expect("there");
    c.rmdir(&c.cwd, b"/d").expect("removed");
    assert_eq!(errno(c.resolve(&open, b"later", true)), Errno::ENOENT);
    drop(open);
    assert!(removed.upgrade().is_none(), "nothing holds the removed directory");
    g.directory("/f");
    c.rename(&c.cwd, b"/f", &c.cwd, b"/e", RenameFlags::empty())
        .expect("replaced");
    assert!(replaced.upgrade().is_none(), "nothing holds the replaced directory");
    let mount = Mount::new(tmpfs::Tmpfs::new(8, 0o755), MountFlags::empty(), b"inner");
    mount_at(&c.resolve(&c.cwd, b"/e", true).expect("there"), &mount).expect("mounted");
    g.directory("/e/a");
    g.file("/e/a/b", b"x");
    let inside = Arc::downgrade(&entry("/e/a/b"));
    let top = c.resolve(&c.cwd, b"/e", true).expect("there");
    unmount(&top).expect("unmounted");
    assert!(inside.upgrade().is_none(), "nothing holds what was mounted");
}

#[test]
fn a_tree_deeper_than_any_stack_is_dropped() {
    let g = Ground::new();
    let c = &g.context;
    let file_system = tmpfs::Tmpfs::new(8, 0o755);
    let mount = Mount::new(file_system, MountFlags::empty(), b"deep");
    g.directory("/m");
    mount_at(&c.resolve(&c.cwd, b"/m", true).expect("there"), &mount).expect("mounted");
    let top = c.resolve(&c.cwd, b"/m", true).expect("there");
    let mut at = top.clone();
    for _ in 0..100_000 {
        c.mkdir(&at, b"d", 0o755).expect("made");
        at = c.resolve(&at, b"d", true).expect("there");
    }
    drop(at);
    unmount(&top).expect("unmounted");
    drop((top, mount));
}
