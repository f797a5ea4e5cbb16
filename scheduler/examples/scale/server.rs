//! The scheduler's process: the real one but for its referee, which renders nothing, and its folder, which lies in memory unless told
//! otherwise, so that the disk of the machine is not what is measured.

use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tessera_scheduler::{Config, Limits, Referee, Role, SchedulerOptions, Storage, serve_with};
use tessera_shared::film::BlockPixels;
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;

/// The referee of a farm whose blocks are all the same.
struct Constant;

impl Referee for Constant {
    fn render(&mut self, _: &Arc<Package>, blocks: &[BlockPass]) -> Result<Vec<BlockPixels>> {
        Ok(vec![crate::load::pixels(); blocks.len()])
    }
}

/// Prints the artist's and the workers' link and the page's, and serves until standard input ends.
pub async fn run(lease_tiles_max: u32, data: &Path) -> Result<()> {
    let options = SchedulerOptions {
        data: data.to_owned(),
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        http: Some((Ipv4Addr::LOCALHOST, 0).into()),
        connections_max: 20_000,
        limits: Limits { strangers_max: 20_000, ..Limits::default() },
        ..SchedulerOptions::default()
    };
    // What is measured as a worker's rate is how long it waits for a turn: leases are as large as they may be all the same.
    let config = |secret| Config {
        lease_tiles_max,
        lease_target_ms: 3_600_000,
        held_max: 1 << 20,
        ..Config::new(secret)
    };
    let storage = Storage::folders(data)?;
    let scheduler = serve_with(options, Box::new(Constant), storage, config).await?;
    println!("{}", scheduler.link(Role::Artist));
    println!("{}", scheduler.link(Role::Worker));
    println!("{}", scheduler.page().expect("it is served"));
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    drop(scheduler);
    Ok(())
}
