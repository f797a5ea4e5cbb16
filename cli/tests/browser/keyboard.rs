//! Every action of the page by keys alone: no pointer touches it. What has the focus can be seen, and goes back where it was when
//! a dialog closes.

use crate::farm::Farm;
use crate::page::Page;

const SKIPPED: &str = "the page by keyboard";
const SHOT: &str = "scenes/mosaic.toml --width 64 --height 48 --spp 2 --tile 16 --frames 1-2";

/// Opens the job in this row of the queue, from wherever the page is.
fn open_job(page: &mut Page, row: usize) {
    page.tab_to("link('Queue')");
    page.key("Enter");
    page.wait("text('h1') === 'Queue' && seen('.row .link').length > 0");
    page.tab_to("seen('.row .link').find((node) => node.tabIndex === 0)");
    page.key("Home");
    for _ in 0..row {
        page.key("ArrowDown");
    }
    page.has_focus(&format!("seen('.row .link')[{row}]"));
    page.key("Enter");
    page.wait("seen('.page .actions button').length > 0");
}

/// Goes to a button, opens its dialog and gives up once: the focus goes into the dialog and comes back.
fn ask(page: &mut Page, button: &str, first: &str) {
    let button = format!("button('{button}')");
    page.tab_to(&button);
    page.key("Enter");
    page.wait("document.querySelector('dialog[open]')");
    page.has_focus(first);
    page.key("Escape");
    page.wait("!document.querySelector('dialog')");
    page.has_focus(&button);
    page.key("Enter");
    page.wait("document.querySelector('dialog[open]')");
}

/// Once the dialog is gone, something of the actions has the focus.
fn done(page: &mut Page, then: &str) {
    page.wait("!document.querySelector('dialog')");
    page.wait(then);
    page.wait("document.activeElement.closest('.actions')");
    assert_eq!(page.value("marked()"), true, "no mark of the focus on {}", page.value("focused()"));
}

#[test]
fn jobs_are_decided_on_by_keys() {
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.wrangler_page(), SKIPPED) else { return };
    let (first, second) = (farm.submit(SHOT), farm.submit(SHOT));
    page.wait("seen('.row .link').length === 2");
    // The newest is the first row.
    open_job(&mut page, 1);
    ask(&mut page, "Pause …", "button('Pause')");
    page.key("Enter");
    done(&mut page, "text('.state.large') === 'paused'");
    page.has_focus("button('Resume …')");
    page.key("Enter");
    page.wait("button('Resume')");
    page.key("Enter");
    done(&mut page, "text('.state.large') === 'queued'");
    assert_eq!(farm.job(first)["state"], "queued");

    ask(&mut page, "Priority …", "document.querySelector('dialog input')");
    page.type_text("7");
    page.key("Enter");
    done(&mut page, "text('.facts').includes('Priority7')");
    assert_eq!(farm.job(first)["priority"], 7);

    // What may do harm is not what Enter does.
    ask(&mut page, "Cancel job …", "button('Not now')");
    page.key("Enter");
    page.wait("!document.querySelector('dialog')");
    page.has_focus("button('Cancel job …')");
    assert_eq!(farm.job(first)["state"], "queued");

    open_job(&mut page, 0);
    ask(&mut page, "Cancel job …", "button('Not now')");
    page.tab_to("button('Cancel the job')");
    page.key("Enter");
    done(&mut page, "text('.state.large') === 'cancelled'");
    assert_eq!(farm.job(second)["state"], "cancelled");
    // Everywhere.
    page.key("?");
    page.wait("document.querySelector('dialog.keys[open]')");
    page.has_focus("button('Close')");
    page.key("Escape");
    page.wait("!document.querySelector('dialog')");
    page.has_focus("button('Requeue frames …')");
    page.tab_to("button('Log out')");
    page.key("Enter");
    page.wait("document.getElementById('token')");
    page.has_focus("document.getElementById('token')");
}

#[test]
fn frames_are_requeued_and_workers_drained_by_keys() {
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.wrangler_page(), SKIPPED) else { return };
    let job = farm.submit(SHOT);
    let worker = farm.worker("node");
    page.wait("text('.row.job .state') === 'completed'");

    page.tab_to("link('Workers')");
    page.key("Enter");
    page.wait("text('h1') === 'Workers' && seen('.row .link').length === 1");
    page.tab_to("seen('.row .link')[0]");
    page.key("Enter");
    ask(&mut page, "Drain …", "button('Drain')");
    page.key("Enter");
    done(&mut page, "text('.detail .state') === 'drained'");

    open_job(&mut page, 0);
    ask(&mut page, "Requeue frames …", "document.querySelector('dialog input')");
    page.type_text("2");
    page.key("Enter");
    done(&mut page, "text('.facts').includes('Frames1 of 2')");
    assert_eq!(farm.job(job)["frames_done"], 1);

    page.tab_to("link('Workers')");
    page.key("Enter");
    page.wait("text('h1') === 'Workers'");
    page.tab_to("seen('.row .link')[0]");
    page.key("Enter");
    ask(&mut page, "Undrain …", "button('Undrain')");
    page.key("Enter");
    done(&mut page, "text('.detail .state') !== 'drained'");
    page.tab_to("button('Close')");
    page.key("Enter");
    page.wait("!seen('.detail').length");
    page.has_focus("seen('.row .link')[0]");
    page.tab_to("link('Queue')");
    page.key("Enter");
    page.wait("text('.row.job .state') === 'completed'");
    an_operator_is_banned_and_readmitted(&mut page);
    assert_eq!(worker.end().0, Some(4), "its worker is sent away");
}

fn an_operator_is_banned_and_readmitted(page: &mut Page) {
    page.tab_to("link('Workers')");
    page.key("Enter");
    page.wait("text('h1') === 'Workers'");
    page.tab_to("seen('.row .link')[0]");
    page.key("Enter");
    ask(page, "Ban operator …", "document.querySelector('dialog input')");
    page.type_text("it overheats");
    page.key("Enter");
    done(page, "text('.detail .state') === 'banned'");
    page.wait("text('.detail').includes('it overheats')");
    ask(page, "Readmit operator …", "button('Readmit')");
    page.key("Enter");
    done(page, "text('.detail .state') === 'left'");
}

#[test]
fn a_frame_is_looked_at_by_keys() {
    let farm = Farm::new();
    let Some(mut page) = Page::open(&farm.wrangler_page(), SKIPPED) else { return };
    let job = farm.submit(SHOT);
    let worker = farm.worker("node");
    page.wait("text('.row.job .state') === 'completed'");
    open_job(&mut page, 0);
    page.tab_to("seen('.strip .link').find((node) => node.tabIndex === 0)");
    page.key("End");
    page.key("ArrowLeft");
    page.has_focus("seen('.strip .link')[0]");
    page.key("Enter");
    page.wait("document.querySelector('.stage')?.dataset.finished === 'true'");

    let stage = "document.querySelector('.stage')";
    page.tab_to(stage);
    moves_the_picture(&mut page);
    page.key("]");
    page.wait("text('h1') === 'Frame 2' && document.querySelector('.stage').dataset.finished === 'true'");
    page.has_focus(stage);
    page.key("[");
    page.wait("text('h1') === 'Frame 1' && document.querySelector('.stage').dataset.finished === 'true'");
    exposes(&mut page);
    compares(&mut page, job);
    page.tab_to(stage);
    page.key("t");
    page.wait("seen('.tile-table .link').length > 0");
    page.has_focus("document.querySelector('.tile-table .link[tabindex=\"0\"]')");
    page.key("ArrowDown");
    page.key("Enter");
    page.tab_to(stage);
    page.key("t");
    page.has_focus(stage);
    page.key("Home");
    page.key("Enter");
    page.wait("text('h1') === 'Workers' && text('.detail h2') === 'node'");
    drop(worker);
}

/// Zoom, place, the tile under the cursor and what lies over the picture, on the stage.
fn moves_the_picture(page: &mut Page) {
    page.key("1");
    page.wait("text('.scale') === '100 %'");
    page.key("+");
    page.wait("text('.scale') === '125 %'");
    page.key("-");
    page.wait("text('.scale') === '100 %'");
    page.key("0");
    let fit = page.value("text('.scale')");
    assert_ne!(fit, "100 %");
    page.key("+");
    page.wait("document.querySelector('.stage.zoomed')");
    let before = page.canvas("document.querySelector('.stage canvas')");
    page.key("Shift+ArrowDown");
    page.value(
        "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))",
    );
    assert!(page.canvas("document.querySelector('.stage canvas')") != before, "the picture has not moved");
    page.key("0");
    page.key("ArrowRight");
    page.key("ArrowRight");
    page.wait("text('.panel.tile h2') === 'Tile 1' && text('.panel.tile [aria-live]').startsWith('Tile 1, column 2')");
    page.key("ArrowDown");
    page.wait("text('.panel.tile h2') === 'Tile 5'");
    page.key("o");
    page.wait("seen('select').some((node) => node.value === 'workers')");
    page.key("Escape");
    page.wait("text('.panel.tile h2') === 'Tile'");
}

/// A step of the slider is a quarter of a stop, and the picture is as the display transform makes it.
fn exposes(page: &mut Page) {
    let before = page.canvas("document.getElementById('picture')");
    page.tab_to("document.querySelector('input[aria-label^=Exposure]')");
    page.key("ArrowRight");
    page.wait("text('output.value') === '+0.25 EV'");
    page.wait(&format!("base64(picture().data) !== '{}'", before.base64()));
    let after = page.canvas("document.getElementById('picture')");
    let brighter = before.rgba.iter().zip(&after.rgba).all(|(before, after)| before <= after);
    assert!(brighter && after != before, "a quarter of a stop more is brighter");
    page.key("ArrowLeft");
    page.wait(&format!("base64(picture().data) === '{}'", before.base64()));
}

/// The wipe and the difference, opened, moved and closed.
fn compares(page: &mut Page, job: u64) {
    page.tab_to("button('Compare')");
    page.key("Enter");
    page.wait("text('.compare .said').startsWith('Left: this frame.')");
    page.tab_to("document.querySelector('.compare input.wipe')");
    page.key("ArrowLeft");
    page.wait("document.querySelector('.compare input.wipe').value === '49'");
    page.key("Home");
    page.wait("document.querySelector('.compare input.wipe').value === '0'");
    page.tab_to("document.querySelector('.compare select')");
    page.key("ArrowDown");
    // Nothing in the scene moves from frame to frame, but each has random numbers of its own.
    page.wait("/differ.*by \\d+ of 255/.test(text('.compare .said'))");
    let address = page.value("location.hash");
    assert_eq!(address, format!("#/jobs/{job}/frames/1?with={job}/2&by=difference"));
    page.tab_to("document.querySelector('.compare').querySelector('button')");
    page.key("Enter");
    page.wait("!seen('.compare').length");
    page.has_focus("button('Compare')");
}
