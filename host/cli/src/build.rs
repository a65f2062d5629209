//! `chiton build`: an image with its command inside.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use image::{Node, write};

use crate::arguments::BuildArgs;
use crate::failure::{Failure, Outcome};
use crate::plan;
use crate::progress::Progress;

/// The file of an image from which the kernel (and `chiton run IMAGE`) learns what to run.
pub(crate) const COMMAND_FILE: &str = "/.chiton/cmdline";

pub(crate) fn build(options: &BuildArgs) -> Outcome {
    let mut plan = plan::make(&options.content, &options.command)?;
    let text = plan.line.tokens().join("\n") + "\n";
    plan.tree.insert(Path::new(COMMAND_FILE), Node::text(0o644, text))?;

    // Beside the target, so that the rename is atomic and a failed build leaves an old image alone.
    let mut name = options.output.clone().into_os_string();
    name.push(".part");
    let unfinished = PathBuf::from(name);
    let cannot = |error: std::io::Error| {
        Failure::other(
            format!("cannot write {}: {}", options.output.display(), image::in_words(&error)),
            "Choose another place with -o",
        )
    };
    let mut file = File::create(&unfinished).map_err(cannot)?;
    let mut progress = Progress::new("building the image");
    let written = write(&plan.tree, &mut file, &mut |done, total| progress.report(done, total));
    let finished = written.map_err(Failure::from).and_then(|size| {
        fs::rename(&unfinished, &options.output).map_err(cannot)?;
        Ok(size)
    });
    drop(progress);
    match finished {
        Ok(size) => {
            if options.content.verbose {
                eprintln!("chiton: {} has {size} bytes", options.output.display());
            }
            Ok(0)
        }
        Err(failure) => {
            fs::remove_file(&unfinished).ok();
            Err(failure)
        }
    }
}
