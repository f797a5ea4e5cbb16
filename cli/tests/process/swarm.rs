//! A swarm of forgers that come back under new keys: the picture is right, nobody honest is blamed, and the job ends.

use serde_json::Value;

use crate::farm::Farm;
use crate::forger::Swarm;

/// Tiles that all newcomers together may have lent and not found right, before any is accepted.
const NEWCOMERS_TILES: u64 = 32;

fn sum(workers: &[Value], name: &str, field: &str) -> u64 {
    workers.iter().filter(|worker| worker["name"] == name).map(|worker| worker[field].as_u64().unwrap()).sum()
}

#[test]
fn a_swarm_of_new_keys_spoils_no_pixel_and_holds_nobody_up_for_long() {
    let farm = Farm::new();
    let honest = ["one", "two"].map(|name| farm.worker(name, "--backend cpu --threads 1"));
    let first = farm.submit("scenes/mosaic.toml --width 96 --height 64 --spp 2 --tile 16 --frames 1-2");
    farm.sandbox.succeed(&format!("watch {first} --wait"));

    let swarm = Swarm::new(&farm, 3);
    let shot = "scenes/mosaic.toml --width 192 --height 128 --spp 4 --tile 16 --frames 1-3";
    let job = farm.submit(&format!("{shot} --package @package"));
    let watched = farm.sandbox.succeed(&format!("watch {job} --wait --json"));
    let keys = swarm.ends();
    let last: Value = serde_json::from_str(watched.lines().last().unwrap()).unwrap();
    let total = last["tiles_total"].as_u64().unwrap();
    assert_eq!((last["state"].as_str(), last["tiles_done"].as_u64()), (Some("completed"), Some(total)));

    let workers = farm.list("workers");
    let accepted = |name| sum(&workers, name, "tiles_accepted");
    assert!(keys >= 3, "no member of the swarm was turned out twice over: {keys} keys");
    assert_eq!(accepted("swarm"), 0, "{workers:?}");
    assert!(accepted("one") + accepted("two") >= total, "{workers:?}");
    for name in ["one", "two"] {
        let worker = workers.iter().find(|worker| worker["name"] == name).unwrap();
        assert!(["idle", "busy"].contains(&worker["state"].as_str().unwrap()), "{worker}");
        assert_eq!(worker["tiles_rejected"], 0, "{worker}");
    }
    let rejected = sum(&workers, "swarm", "tiles_rejected");
    eprintln!("{keys} keys turned out, {rejected} tile-passes rejected beside {total} accepted");
    assert!(rejected <= NEWCOMERS_TILES + total / 8, "{rejected} beside {total}: {workers:?}");

    let films = farm.sandbox.succeed(&format!("fetch {job} -o @out --outputs exr"));
    assert_eq!(films, farm.sandbox.succeed(&format!("render {shot} --backend cpu -o @out/alone.exr")));
    let images = "@out/mosaic.0001.exr @out/mosaic.0002.exr @out/mosaic.0003.exr";
    farm.sandbox.succeed(&format!("verify @out/mosaic.receipt.json {images} --package @package"));
    drop(honest);
}
