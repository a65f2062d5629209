//! The boot, from the moment that the machine is ready.

use crate::config::Config;
use crate::{devices, root, settings};
use abi::Result;
use dispatch::start::{Application, HANDLERS, TRACED_HANDLERS};
use hal::boot;
use process::exit::Status;
use trace::Phase;
use tty::console::Setup;

#[global_allocator]
static HEAP: frames::heap::Heap = frames::heap::Heap;

/// The machine is ready: everything else begins here.
// SAFETY: no other symbol has this name; the machine's entry code calls it once.
#[unsafe(no_mangle)]
extern "C" fn kernel_main() -> ! {
    trace::mark(Phase::Machine);
    let info = boot::info();
    frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    let config = Config::parse(boot::command_line());
    procfs::set_command_line(boot::command_line());
    boot::finish();
    lock::set_relax(hal::tlb::answer);
    lock::order::set_cpu(hal::cpu::current);
    hal::thread::set_handlers(&HANDLERS);
    task::scheduler::start_on_this_cpu();
    apply(&config);
    let mut seed = [0; 32];
    hal::entropy::fill(&mut seed);
    random::seed(&seed);
    trace::mark(Phase::Memory);
    if let Err(error) = prepare(config, &info) {
        trace::line(&alloc::format!(
            "chiton: cannot start: {} – {error:?}",
            error.errno.text()
        ));
        hal::power::exit(CANNOT_START)
    }
    task::scheduler::idle()
}

/// Exit code for an image or a machine that nothing can be started from; the line before says why.
const CANNOT_START: u8 = 125;

/// Does what was told that concerns no file.
fn apply(config: &Config) {
    if config.split_console {
        hal::console::set_split();
    }
    if let Some(level) = config.log_level {
        trace::set_level(level);
    }
    if config.strace {
        hal::thread::set_handlers(&TRACED_HANDLERS);
    }
    if config.boot_chart {
        dispatch::start::show_boot_chart();
    }
    if let Some(name) = &config.host_name {
        dispatch::start::set_host_name(name);
    }
    let listed = || Some(hal::cpu::count_listed()).filter(|&count| count > 0);
    if let Some(count) = config.cpus.or_else(listed) {
        hal::cpu::set_count(count);
    }
}

/// Mounts the root, sets the console up, and makes the first process.
fn prepare(mut config: Config, info: &hal::BootInfo) -> Result<()> {
    let root = root::mount(info.image.as_ref())?;
    if config.arguments.is_empty() {
        config.extend_from_image(&root);
        apply(&config);
    }
    trace::mark(Phase::Root);
    let console = Setup {
        split: config.split_console,
        terminals: config.terminals,
        size: config.size,
    };
    tty::console::set_up(console);
    dispatch::entry::set_line(hal::console::INTERRUPT_LINE, tty::console::take_input);
    let cards = devices::start_all(&config);
    if !cards.is_empty() {
        root::link_resolver(&root);
    }
    hal::console::listen();
    process::exit::set_end(end);
    root::give_console(&root, &config.user)?;
    settings::apply(&root, &config.settings)?;
    let view = config.view(root)?;
    hal::clock::settle();
    devices::configure(&cards, &config);
    vdso::start();
    exec::set_vdso(vdso::map);
    let standard = devfs::standard_files(&view)?;
    dispatch::start::start(Application {
        begun: tty::console::begin,
        arguments: config.arguments,
        environment: config.environment,
        view,
        standard,
    })
}

/// The application has ended: so does the machine.
fn end(status: Status) -> ! {
    lock::order::observed(|order| trace::debug!("lock order: {order}"));
    if let Status::Signaled(signal) = status {
        trace::info!("the application was killed by {signal:?}");
    }
    tty::bulk::drain();
    devices::farewell();
    hal::power::exit(status.to_shell())
}
