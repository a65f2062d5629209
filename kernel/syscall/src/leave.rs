//! What is done before returning to a program.

use hal::thread::UserFrame;
use process::exit::{Status, exit_thread};
use process::{rseq, with_thread};
use task::Work;

/// A trap or a call is about to return to its program: does what is left to do first.
pub fn before_user(frame: &mut UserFrame) {
    loop {
        let work = task::with_current(|task| task.work());
        if work & Work::EXIT != 0 {
            exit_thread(Status::Exited(0));
        }
        if work & Work::SIGNAL != 0 {
            task::with_current(|task| task.clear_work(Work::SIGNAL));
            with_thread(|thread| signal::deliver(thread, frame));
        } else if work & Work::RESCHEDULE != 0 {
            task::with_current(|task| task.clear_work(Work::RESCHEDULE));
            if task::reschedule_if_needed() {
                with_thread(|thread| rseq::interrupt(thread, frame));
            }
        } else if work & Work::CPU != 0 {
            task::with_current(|task| task.clear_work(Work::CPU));
            with_thread(rseq::tell_cpu);
        } else {
            return;
        }
    }
}
