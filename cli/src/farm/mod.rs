//! The commands that run a farm or talk to one, and what they share: the user's folder, the link, the connection.

mod dry_run;
pub mod fetch;
pub mod journal;
pub mod lists;
pub mod operators;
pub mod orders;
mod plan;
pub mod scheduler;
pub mod submit;
mod trust;
pub mod watch;
pub mod web;
mod webhooks;
pub mod why;
pub mod worker;

use std::path::PathBuf;

pub use trust::TrustArguments;
pub use webhooks::WebhookArguments;

use anyhow::{Context, Result, bail};
use tessera_scheduler::client::Client;
use tessera_scheduler::{Identity, Link};

use crate::args::FarmArguments;
use crate::failure::{Exit, Failure, OrExit};

/// Largest configuration file that is read.
const CONFIG_BYTES_MAX: u64 = 64 << 10;

/// This user's folder for the artist's key and `config.toml`.
fn home() -> Result<PathBuf> {
    if let Some(home) = set("TESSERA_HOME") {
        return Ok(home.into());
    }
    folder("XDG_CONFIG_HOME", ".config")
}

/// A folder of the XDG base directories for `tessera`.
fn folder(variable: &str, below_home: &str) -> Result<PathBuf> {
    if let Some(base) = set(variable) {
        return Ok(PathBuf::from(base).join("tessera"));
    }
    let home =
        set("HOME").context("HOME is not set; set TESSERA_HOME to a folder that this user can write")?;
    Ok(PathBuf::from(home).join(below_home).join("tessera"))
}

fn set(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// The artist link: the flag, else the environment, else the configuration file.
pub fn link(arguments: &FarmArguments) -> Result<Link> {
    let text = match (&arguments.to, std::env::var("TESSERA_FARM")) {
        (Some(link), _) => link.clone(),
        (None, Ok(link)) if !link.is_empty() => link,
        _ => configured()?,
    };
    text.trim().parse().context("the farm's link")
}

fn configured() -> Result<String> {
    let path = home()?.join("config.toml");
    let wanted = "give the farm's artist link with --to, in TESSERA_FARM, or as `farm = \"tessera://…\"` in";
    let Ok(length) = std::fs::metadata(&path).map(|metadata| metadata.len()) else {
        bail!("no farm is named; {wanted} {}", path.display());
    };
    if length > CONFIG_BYTES_MAX {
        bail!("{}: {length} bytes; at most {CONFIG_BYTES_MAX} are read", path.display());
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let table: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    match table.get("farm").and_then(|farm| farm.as_str()) {
        Some(farm) => Ok(farm.to_string()),
        None => bail!("no farm is named; {wanted} {}", path.display()),
    }
}

/// This user's key, made at its first use.
pub fn identity() -> Result<Identity, Failure> {
    let home = home().or_exit(Exit::Output)?;
    Identity::load_or_create(&home).or_exit(Exit::Output)
}

/// Connects as an artist and does something.
pub fn with_client<T>(
    arguments: &FarmArguments,
    work: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let link = link(arguments).or_exit(Exit::Usage)?;
    let identity = identity()?;
    runtime()?.block_on(async {
        let client = Client::connect(&link, &identity).await.or_exit(Exit::Farm)?;
        let outcome = work(&client).await;
        client.close().await;
        outcome
    })
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().or_exit(Exit::Device)
}
