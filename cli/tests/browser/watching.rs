//! One job on the page from its submission to its last pixel: tiles come in, it is paused and resumed there, and what is seen
//! in the end is what the files hold.

use exr::prelude::{ReadChannels, ReadLayers, read};
use tessera_shared::display::Display;

use crate::farm::Farm;
use crate::page::{Page, Pixels};

const WIDTH: u32 = 240;
const HEIGHT: u32 = 136;

/// An EXR file as the display transform shows it.
fn displayed(path: &std::path::Path) -> Pixels {
    let (display, width) = (Display::new(0.0), WIDTH as usize);
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .rgba_channels(
            |size, _| vec![0; size.area() * 4],
            move |bytes: &mut Vec<u8>, at, (r, g, b, _): (f32, f32, f32, f32)| {
                let start = (at.y() * width + at.x()) * 4;
                let shown = [display.byte(r), display.byte(g), display.byte(b), 255];
                bytes[start..start + 4].copy_from_slice(&shown);
            },
        )
        .first_valid_layer()
        .all_attributes()
        .from_file(path)
        .unwrap();
    let layer = image.layer_data;
    assert_eq!((layer.size.width(), layer.size.height()), (WIDTH as usize, HEIGHT as usize));
    Pixels { width: WIDTH, height: HEIGHT, rgba: layer.channel_data.pixels }
}

#[test]
fn a_job_is_watched_paused_and_resumed_and_its_picture_is_the_files() {
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.artist_page(), "watching a job in a browser") else { return };
    page.wait("text('h1') === 'Queue'");
    let shot =
        format!("scenes/mosaic.toml --width {WIDTH} --height {HEIGHT} --spp 128 --pass-spp 4 --tile 16");
    let job = farm.submit(&shot);

    page.click("link('mosaic')");
    page.wait("text('.state.large') === 'queued' && document.querySelector('.why li')");
    page.click("seen('.strip .link')[0]");
    page.wait("document.querySelector('.stage canvas') && picture()");
    assert_eq!(page.value("opaque()"), 0, "nothing is rendered, so nothing is seen");

    let worker = farm.worker("node");
    let all = WIDTH * HEIGHT;
    let some = page.wait(&format!("((pixels) => pixels > 0 && pixels < {all} && pixels)(opaque())"));
    page.wait(&format!("opaque() > {some}"));
    worker.stand_still();
    assert_eq!(farm.job(job)["state"], "running", "tiles came only when the job was over");

    page.click("link('mosaic')");
    page.click("button('Pause …')");
    page.click("button('Pause')");
    page.wait("text('.state.large') === 'paused' && button('Resume …')");
    worker.go_on();
    assert_eq!(farm.job(job)["state"], "paused");
    page.click("button('Resume …')");
    page.click("button('Resume')");
    page.wait("text('.state.large') === 'completed'");
    let listed = farm.job(job);
    assert_eq!((&listed["state"], &listed["samples_done"]), (&"completed".into(), &listed["samples_total"]));

    page.click("seen('.strip .link')[0]");
    page.wait("document.querySelector('.stage').dataset.finished === 'true'");
    farm.sandbox.succeed(&format!("fetch j{job} -o @fetched --outputs exr"));
    let file = displayed(&farm.sandbox.path("fetched/mosaic.exr"));
    assert!(page.canvas("document.getElementById('picture')") == file, "the page holds another picture");
    shows_one_to_one(&mut page, &file);
    tells_who_rendered(&mut page);
}

/// At one to one and with nothing over it, what the screen shows is the picture to the last pixel.
fn shows_one_to_one(page: &mut Page, file: &Pixels) {
    page.click("button('1:1')");
    page.wait("text('.scale') === '100 %'");
    let whole = Pixels::of_png(&page.screenshot());
    let place = page.value(
        "((box) => [box.x, box.y, box.width, box.height])(document.querySelector('.stage').getBoundingClientRect())",
    );
    let number = |at: usize| place[at].as_f64().unwrap();
    let left = (number(0) + (number(2) - f64::from(WIDTH)) / 2.0).round() as u32;
    let top = (number(1) + (number(3) - f64::from(HEIGHT)) / 2.0).round() as u32;
    assert!(whole.part(left, top, WIDTH, HEIGHT) == *file, "the screen shows another picture");
}

/// The tile under the pointer is told in words.
fn tells_who_rendered(page: &mut Page) {
    page.point("document.querySelector('.stage')", 0.5, 0.5);
    page.wait("text('.panel.tile h2').startsWith('Tile ')");
    let facts = page.value("text('.panel.tile .facts')");
    let facts = facts.as_str().unwrap();
    assert!(facts.contains("accepted") && facts.contains("node (worker 1)"), "{facts}");
}
