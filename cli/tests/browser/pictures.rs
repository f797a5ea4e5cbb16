//! Makes the pictures of the page that the documents show: `TESSERA_PICTURES=docs cargo test -p tessera --test browser pictures`.
//! Without the variable there is nothing to do.

use std::path::Path;

use crate::farm::Farm;
use crate::page::{Page, Scheme};
use crate::sandbox::root;

#[test]
fn pictures_for_the_documents() {
    let Some(folder) = std::env::var_os("TESSERA_PICTURES") else { return };
    let folder = root().join(Path::new(&folder));
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.artist_page(), "pictures for the documents") else { return };
    let take = |page: &mut Page, name: &str| {
        let path = folder.join(format!("page-{name}.webp"));
        std::fs::write(path, page.webp()).unwrap();
    };
    let workers: Vec<_> = ["atelier", "north-1", "north-2"].map(|name| farm.worker(name)).into();
    let strip = farm.submit("scenes/pebbles.toml --width 320 --height 180 --spp 16 --frames 1-6");
    page.window(1280, 800, 1.0);
    page.value(&format!("(location.hash = '#/jobs/{strip}')"));
    page.wait(
        "text('.state.large') === 'completed' && document.querySelectorAll('.strip .done').length === 6",
    );
    let shot = "scenes/mosaic.toml --width 960 --height 540 --spp 32 --pass-spp 16";
    let still = farm.submit(shot);
    let paused = farm.submit("scenes/marbles.toml --width 960 --height 540 --spp 256 --frames 1-24");
    farm.sandbox.succeed(&format!("pause j{paused}"));
    farm.submit("scenes/pebbles.toml --spp 512 --frames 1-48");

    page.value(&format!("(location.hash = '#/jobs/{still}/frames/1')"));
    page.wait("text('h1') === 'Frame 1' && opaque() > 960 * 540 * 0.62");
    workers.iter().for_each(|worker| worker.stand_still());
    page.point("document.querySelector('.stage')", 0.52, 0.62);
    page.wait("text('.panel.tile h2').startsWith('Tile ')");
    take(&mut page, "frame-dark");
    page.value("(location.hash = '#/jobs')");
    page.wait("seen('.row.job').length === 4");
    page.scheme(Scheme::Light);
    take(&mut page, "queue-light");
    workers.iter().for_each(|worker| worker.go_on());
    page.window(390, 780, 2.0);
    page.scheme(Scheme::Dark);
    page.value(&format!("(location.hash = '#/jobs/{still}')"));
    page.wait("text('.state.large') === 'completed' && seen('.preview').length > 0");
    page.value(&format!("(location.hash = '#/jobs/{still}/frames/1')"));
    page.wait("document.querySelector('.stage')?.dataset.finished === 'true'");
    take(&mut page, "frame-phone");
    page.window(1280, 800, 1.0);
    page.scheme(Scheme::Light);
    page.wait("document.querySelector('.stage').clientWidth > 800");
    take(&mut page, "frame-light");
}
