//! From options to the plan of an image: which files it holds, and what its kernel is told.

use std::path::{Path, PathBuf};
use std::time::Instant;

use image::files::{self, Request, Taken};
use image::package::{self, Wanted};
use image::{Node, Taker, Tree, skeleton};
use machine::KernelLine;

use crate::arguments::ContentArgs;
use crate::environment::{self, Environment};
use crate::failure::Failure;
use crate::user;

const HOSTNAME: &str = "chiton";

/// The plan.
pub(crate) struct Plan {
    pub(crate) tree: Tree,
    pub(crate) line: KernelLine,
}

/// Plans the image for `command`.
pub(crate) fn make(options: &ContentArgs, command: &[String]) -> Result<Plan, Failure> {
    let started = Instant::now();
    let mut environment = Environment::default();
    environment.apply(&options.env_file, &options.env)?;
    let own_path = environment.get("PATH").is_some();
    environment.set_default("PATH", environment::PATH);
    let library_path = environment.get("LD_LIBRARY_PATH").map(str::to_string);
    let library_path = library_path.or_else(|| std::env::var("LD_LIBRARY_PATH").ok());
    let here = std::env::current_dir().map_err(|error| {
        Failure::other(
            format!("the current directory is gone: {}", image::in_words(&error)),
            "Change to another one",
        )
    })?;

    let mut tree = Tree::new();
    let mut taker = Taker::new(search_path(&environment, own_path), library_path.as_deref());
    let mut taken = take_systems(options, &mut tree, &mut taker)?;
    taken.extend(take_files(options, &mut tree, &mut taker, &here)?);
    for file in taken.iter().filter(|file| file.named) {
        taker.note_program(&tree, &file.path);
    }

    let name = command.first().map(String::as_str).unwrap_or_default();
    let has_system = !options.package.is_empty() || options.rootfs.is_some();
    let inside = if name.contains('/') && (has_system || options.workdir.is_some()) {
        taker.find_in_tree_at(&tree, Path::new(options.workdir.as_deref().unwrap_or("/")), name)
    } else if has_system {
        taker.find_in_tree(&tree, name, environment.get("PATH").unwrap_or_default())
    } else {
        None
    };
    let program = match inside {
        Some(program) => program,
        None => taker.find(&tree, Path::new(name), &here)?,
    };
    taker.take_program(&mut tree, &program)?;
    if !own_path {
        extend_path(&mut environment, &taker, name, &program);
    }
    taken.extend(taker.take_runtimes(&mut tree)?);
    take_needs(options.verbose, &mut tree, &mut taker, &taken)?;
    skeleton::add(&mut tree, options.hostname.as_deref().unwrap_or(HOSTNAME))?;
    if let Some(directory) = &options.workdir {
        add_directory(&mut tree, directory)?;
    }
    taker.finish(&mut tree)?;
    if let Some(path) = library_path.filter(|_| taker.needs_library_path()) {
        environment.set_default("LD_LIBRARY_PATH", &path);
    }

    let mut args = command.to_vec();
    if let Some(first) = args.first_mut() {
        *first = guest_name(&tree, &environment, name, &program);
    }
    let line = kernel_line(options, &tree, environment, args)?;
    if options.verbose {
        eprintln!(
            "chiton: the program is {}; planned in {:.1?}",
            program.display(),
            started.elapsed()
        );
    }
    Ok(Plan { tree, line })
}

/// Where programs are looked for: in the host's search path and then the guest's, unless the user chose the guest's.
fn search_path(environment: &Environment, own_path: bool) -> Vec<PathBuf> {
    let host = std::env::var("PATH").unwrap_or_default();
    let guest = environment.get("PATH").unwrap_or_default();
    let (first, second) = if own_path {
        (guest, host.as_str())
    } else {
        (host.as_str(), guest)
    };
    let entries = first.split(':').chain(second.split(':'));
    entries
        .filter(|entry| entry.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// Puts the directories in front of `PATH` where programs were found by name that the guest would not find.
fn extend_path(environment: &mut Environment, taker: &Taker, name: &str, program: &Path) {
    let of_program = program.parent().filter(|_| !name.contains('/')).map(Path::to_path_buf);
    for directory in of_program.iter().chain(&taker.search_also) {
        let path = environment.get("PATH").unwrap_or_default().to_string();
        let directory = directory.to_string_lossy();
        if !path.split(':').any(|entry| entry == directory) {
            environment.set("PATH", &format!("{directory}:{path}"));
        }
    }
}

/// Takes the root that the image begins with, and packages over it.
fn take_systems(options: &ContentArgs, tree: &mut Tree, taker: &mut Taker) -> Result<Vec<Taken>, Failure> {
    let wanted = options
        .package
        .iter()
        .map(|text| Wanted::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    let mut taken = match &options.rootfs {
        Some(root) => files::take_root(tree, root)?,
        None => Vec::new(),
    };
    let packages = package::take(tree, &mut taker.host, &wanted)?;
    if options.verbose && !packages.names.is_empty() {
        eprintln!("chiton: packages: {}", packages.names.join(", "));
    }
    taken.extend(packages.taken);
    taker.note_complete(&taken);
    Ok(taken)
}

fn take_files(options: &ContentArgs, tree: &mut Tree, taker: &mut Taker, here: &Path) -> Result<Vec<Taken>, Failure> {
    let files = options.file.iter().map(|text| Request::file(text));
    let volumes = options.volume.iter().map(|text| Request::volume(text));
    let mut taken = Vec::new();
    for request in files.chain(volumes) {
        taken.extend(request?.take(tree, &mut taker.host, here)?);
    }
    Ok(taken)
}

/// Libraries of the programs and libraries among the user's files. A named file must be complete; for what lay in a
/// directory, a missing library is only told.
fn take_needs(verbose: bool, tree: &mut Tree, taker: &mut Taker, taken: &[Taken]) -> Result<(), Failure> {
    for file in taken {
        let looks_like_code = tree
            .get(&file.path)
            .is_some_and(|node| node.attributes.mode & 0o111 != 0)
            || file
                .path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().contains(".so"));
        if !looks_like_code {
            continue;
        }
        match taker.take_needs(tree, &file.path) {
            Err(error) if file.named => return Err(error.into()),
            Err(error) if verbose => eprintln!("chiton: {error}"),
            _ => {}
        }
    }
    Ok(())
}

/// A working directory is a path in the guest.
pub(crate) fn check_directory(directory: &str) -> Result<(), Failure> {
    if directory.starts_with('/') {
        return Ok(());
    }
    Err(Failure::other(
        format!("the working directory {directory} is not absolute"),
        "Begin it with a slash",
    ))
}

fn add_directory(tree: &mut Tree, directory: &str) -> Result<(), Failure> {
    check_directory(directory)?;
    let node = Node::directory(image::Attributes::made_up(0o755));
    Ok(tree.insert_missing(Path::new(directory), node)?)
}

/// The name by which the guest finds the program: as the user wrote it if that leads there, else its path.
fn guest_name(tree: &Tree, environment: &Environment, name: &str, program: &Path) -> String {
    let wanted = tree.resolve(program).map(|(real, _)| real);
    let path = environment.get("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .find_map(|entry| tree.resolve(&Path::new(entry).join(name)).map(|(real, _)| real));
    let leads_there = name.starts_with('/') || !name.contains('/') && found == wanted;
    if leads_there {
        name.to_string()
    } else {
        program.to_string_lossy().into_owned()
    }
}

fn kernel_line(
    options: &ContentArgs,
    tree: &Tree,
    mut environment: Environment,
    args: Vec<String>,
) -> Result<KernelLine, Failure> {
    let user = user::find(
        options.user.as_deref(),
        &tree.text(Path::new("/etc/passwd")),
        &tree.text(Path::new("/etc/group")),
    )?;
    let hostname = options.hostname.clone().unwrap_or(HOSTNAME.into());
    environment.set_default("HOME", &user.home);
    environment.set_default("HOSTNAME", &hostname);
    Ok(KernelLine {
        args,
        env: environment.pairs(),
        cwd: options.workdir.clone(),
        user: options.user.is_some().then_some(user.ids),
        hostname: Some(hostname),
        ..KernelLine::default()
    })
}
