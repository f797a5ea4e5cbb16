//! Runs every test after installing what they need by name. Knows nothing of what a test does.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{api, tidy};

/// Whether missing system packages may be installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Install {
    Missing,
    Nothing,
}

/// A system package that some tests need and how to see that it is there.
struct Requirement {
    package: &'static str,
    gives: &'static str,
    present: fn() -> bool,
    without: &'static str,
}

/// What audits the page, from npm: by name, its minor version fixed, so that no finding comes by itself.
const AXE: &str = "axe-core@~4.14";
/// Where the tests look for it, below the root.
const AXE_FOLDER: &str = "target/npm";

const REQUIREMENTS: [Requirement; 4] = [
    Requirement {
        package: "libvulkan1",
        gives: "the Vulkan loader",
        present: || {
            any_file(
                &[
                    "/usr/lib",
                    "/usr/lib64",
                    "/lib",
                    "/usr/lib/x86_64-linux-gnu",
                    "/usr/lib/aarch64-linux-gnu",
                ],
                "libvulkan.so.1",
            )
        },
        without: "tests on a Vulkan device are skipped",
    },
    Requirement {
        package: "mesa-vulkan-drivers",
        gives: "lavapipe, a Vulkan device in software",
        present: || any_file(&["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"], "lvp_icd"),
        without: "tests that compare the CPU backend with a Vulkan device are skipped",
    },
    Requirement {
        package: "chromium",
        gives: "the browser that the page is tested in",
        present: || any_file(&["/usr/bin", "/usr/local/bin"], "chromium"),
        without: "tests of the page in a browser are skipped",
    },
    Requirement {
        package: "prometheus",
        gives: "what reads a farm's numbers and answers the dashboard",
        present: || any_file(&["/usr/bin", "/usr/local/bin"], "prometheus"),
        without: "the test of the dashboard before a real Prometheus is skipped",
    },
];

fn any_file(folders: &[&str], prefix: &str) -> bool {
    folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
}

/// Installs, tidies and tests.
pub fn run(root: &Path, install: Install) -> Result<()> {
    let missing = provide(install);
    let axe = provide_axe(root, install);
    tidy::run(root)?;
    cargo(root, &["fmt", "--all", "--check"]).context("run `cargo fmt --all`")?;
    // With what fuzz targets call, so that it keeps compiling.
    cargo(root, &["test", "--workspace", "--features", "tessera-scenes/fuzzing", "--no-fail-fast"])?;
    api::run(root, api::Drive::SHORT, install)?;
    for requirement in missing {
        println!("skipped: {} ({} is not installed)", requirement.without, requirement.package);
    }
    if let Err(error) = axe {
        println!("skipped: what axe-core finds on the page ({error:#})");
    }
    Ok(())
}

/// What a change should pass besides the tests.
pub fn lint(root: &Path) -> Result<()> {
    tidy::run(root)?;
    cargo(root, &["fmt", "--all", "--check"]).context("run `cargo fmt --all`")?;
    cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Installs the missing requirements where that is allowed and possible; returns those still missing.
fn provide(install: Install) -> Vec<&'static Requirement> {
    let missing: Vec<&Requirement> =
        REQUIREMENTS.iter().filter(|requirement| !(requirement.present)()).collect();
    if missing.is_empty() {
        return missing;
    }
    let packages: Vec<&str> = missing.iter().map(|requirement| requirement.package).collect();
    for requirement in &missing {
        println!("missing: {} ({})", requirement.package, requirement.gives);
    }
    if install == Install::Missing {
        if let Err(error) = apt_install(&packages) {
            println!("could not install {}: {error:#}", packages.join(" "));
            println!("install it as root with: apt-get install {}", packages.join(" "));
        }
    }
    missing.into_iter().filter(|requirement| !(requirement.present)()).collect()
}

/// Fetches axe-core with npm where it is not there yet and may be.
fn provide_axe(root: &Path, install: Install) -> Result<()> {
    let folder = root.join(AXE_FOLDER);
    if folder.join("node_modules/axe-core/axe.min.js").is_file() {
        return Ok(());
    }
    if install == Install::Nothing {
        bail!("it is not in {AXE_FOLDER}, and nothing is to be installed");
    }
    println!("missing: {AXE} (what audits the page)");
    std::fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    let status = npm.arg(&folder).arg(AXE).stdin(Stdio::null()).status().context("npm did not start")?;
    if !status.success() {
        bail!("npm install {AXE} ended with {status}");
    }
    Ok(())
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let apt = |args: &[&str]| -> Result<()> {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        let status =
            command.status().context("apt-get did not start; this is not Debian, or not its path")?;
        if !status.success() {
            bail!("apt-get {} ended with {status}; it needs root and a reachable archive", args.join(" "));
        }
        Ok(())
    };
    apt(&["update", "-q"])?;
    let install: Vec<&str> =
        ["install", "-q", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(&install)
}

/// Runs the cargo that runs us, with the environment that it was started in itself: what it sets for this package would have
/// crates that read it built anew, as `ring` is.
pub fn cargo(root: &Path, args: &[&str]) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let ours = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(ours).for_each(|name| {
        cargo.env_remove(name);
    });
    let status = cargo.args(args).current_dir(root).status().context("cargo did not start")?;
    if !status.success() {
        bail!("`cargo {}` ended with {status}", args.join(" "));
    }
    Ok(())
}
