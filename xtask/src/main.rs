//! The project's own commands. `cargo xtask help` lists them; the README names the ones that people need.

mod api;
mod golden;
mod pack;
mod sim;
mod test;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test           installs what the tests need, checks the tree and runs every test
  test --no-install  the same, installing nothing
  tidy           checks file and function lengths, openings, names and prose
  lint           cargo fmt --check, clippy without warnings, tidy
  golden         records the golden digests of a new kernel version
  sim --seeds N [--first S]   runs random farms of the simulator, every fault at once; prints the trace of the first that fails
  api [--examples N] [--seed S]   drives the HTTP interface of a farm against its own document as each role, with schemathesis
  pack DIR       packs stripped binaries, small scenes, the Vulkan loader and check.sh for a machine that builds nothing
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = root();
    let outcome = match args.as_slice() {
        ["test"] => test::run(&root, test::Install::Missing),
        ["test", "--no-install"] => test::run(&root, test::Install::Nothing),
        ["tidy"] => tidy::run(&root),
        ["lint"] => test::lint(&root),
        ["golden"] => golden::record(&root),
        ["sim", arguments @ ..] => sim::hunt(&root, arguments),
        ["api", arguments @ ..] => {
            api::Drive::of(arguments).and_then(|drive| api::build_and_run(&root, drive))
        }
        ["pack", dir] => pack::run(&root, Path::new(dir)),
        ["help"] | ["--help"] | [] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: no command `{}`\n\n{HELP}", other.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's root: the folder above this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}
