//! How long an artist waits from `tessera submit` to the first pixels on the page. Prints the times and asserts none;
//! `TESSERA_RUNS=9` measures that many jobs.

use std::time::Instant;

use crate::farm::Farm;
use crate::page::Page;

const SHOT: &str = "scenes/mosaic.toml";

#[test]
fn pixels_come_soon_after_submit() {
    let runs = std::env::var("TESSERA_RUNS").map_or(1, |runs| runs.parse().expect("a number of runs"));
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.artist_page(), "the time to the first pixels") else { return };
    page.wait("text('h1') === 'Queue'");
    let _worker = farm.worker("node");
    let mut times = Vec::new();
    for run in 0..runs {
        let began = Instant::now();
        let job = farm.submit(&format!("{SHOT} --seed {run}"));
        let submitted_ms = began.elapsed().as_millis();
        page.value(&format!("(location.hash = '#/jobs/{job}/frames/1')"));
        page.wait("text('h1') === 'Frame 1' && opaque() > 0");
        let shown_ms = began.elapsed().as_millis();
        println!(
            "run {run}: submit took {submitted_ms} ms, the first pixels stood there after {shown_ms} ms"
        );
        times.push(shown_ms);
        farm.sandbox.succeed(&format!("cancel j{job}"));
        // The next one finds an idle farm.
        page.value("(location.hash = '#/workers')");
        page.wait("!picture() && seen('.row.worker .state')[0]?.textContent === 'idle'");
    }
    times.sort_unstable();
    println!("median of {runs}: {} ms", times[times.len() / 2]);
}
