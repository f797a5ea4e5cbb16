//! What axe-core finds on every view and dialog: nothing serious. Dark and light, on a desk and on a phone. The farm has a finished
//! frame, one that fills in, and failures to tell of.

use serde_json::Value;

use crate::farm::Farm;
use crate::page::{Page, Scheme};
use crate::sandbox::root;

/// Where `cargo xtask test` puts it.
const AXE: &str = "target/npm/node_modules/axe-core/axe.min.js";

/// Findings of the loaded page, but for minor ones.
const RUN: &str = r#"axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, impact, nodes }) =>
    `${impact} ${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`).join("\n")}`))"#;

/// Where the views are, and what stands there once they are loaded. The first job is finished, the second one paused half-way.
const VIEWS: [(&str, &str); 9] = [
    ("/jobs", "seen('.row .link').length === 2"),
    ("/jobs/1", "seen('.failures pre').length > 0 && seen('.preview canvas').length > 0"),
    ("/jobs/2", "seen('.callout, .why li').length > 0"),
    ("/jobs/1/frames/1", "document.querySelector('.stage').dataset.finished === 'true'"),
    ("/jobs/2/frames/1?with=1/1&by=wipe", "text('.compare .said').startsWith('Left')"),
    ("/jobs/2/frames/1?with=1/1&by=difference", "/differ/.test(text('.compare .said'))"),
    ("/workers", "seen('.row.worker').length > 0"),
    ("/workers/1", "text('.detail h2') === 'cramped'"),
    ("/events", "seen('.events li').length > 3"),
];

/// Dialogs of the job that is paused, by the button that opens each.
const DIALOGS: [&str; 4] = ["Resume …", "Priority …", "Requeue frames …", "Cancel job …"];

struct Examiner {
    page: Page,
    axe: String,
    findings: Vec<String>,
}

impl Examiner {
    fn look(&mut self, at: &str) {
        self.page.run(&self.axe);
        let found = self.page.value(RUN);
        let found = found.as_array().unwrap().iter().filter_map(Value::as_str);
        self.findings.extend(found.map(|finding| format!("{at}: {finding}")));
    }

    /// What finds nothing must be able to find something.
    fn notices_what_is_wrong(&mut self) {
        self.page.value("document.body.append(new Image())");
        self.look("a picture without words");
        let found = std::mem::take(&mut self.findings);
        assert!(found.iter().any(|finding| finding.contains("critical image-alt")), "{found:?}");
    }

    /// Every view in one window.
    fn walk(&mut self, address: &str, window: &str) {
        let (site, token) = address.split_once("/#").unwrap();
        for (view, loaded) in VIEWS {
            self.page.go("about:blank");
            let view = view.replace('?', "%3F").replace('&', "%26");
            self.page.go(&format!("{site}/#{token}&to={view}"));
            self.page.wait(&format!("document.querySelector('h1') && {loaded}"));
            self.look(&format!("{window} {view}"));
            if view == "/jobs/2" {
                self.dialogs(window);
            } else if view == "/jobs/1/frames/1" {
                self.page.click("button('Table')");
                self.page.wait("seen('.tile-table .row').length > 1");
                self.look(&format!("{window} table"));
            }
        }
        self.page.click("button('Log out')");
        self.page.wait("document.getElementById('token')");
        self.look(&format!("{window} login"));
        self.page.click("document.getElementById('token')");
        self.page.type_text("wrong");
        self.page.key("Enter");
        self.page.wait("seen('.login .error').length");
        self.look(&format!("{window} login refused"));
    }

    fn dialogs(&mut self, window: &str) {
        for button in DIALOGS {
            self.page.click(&format!("button('{button}')"));
            self.page.wait("document.querySelector('dialog[open]')");
            self.look(&format!("{window} dialog {button}"));
            self.page.key("Escape");
            self.page.wait("!document.querySelector('dialog')");
        }
        self.page.key("?");
        self.page.wait("document.querySelector('dialog.keys')");
        self.look(&format!("{window} keys"));
        self.page.key("Escape");
        self.page.wait("!document.querySelector('dialog')");
    }
}

/// A farm with something of everything to show.
fn farm() -> (Farm, Vec<crate::sandbox::Running>) {
    let farm = Farm::new();
    let mut cramped = farm.cramped_worker("cramped");
    let shot = "scenes/mosaic.toml --width 320 --height 200";
    let failing = farm.submit(&format!("{shot} --spp 4"));
    cramped.line(|line| line.contains("cannot keep the blob").then_some(()));
    let worker = farm.worker("node");
    farm.sandbox.succeed(&format!("watch j{failing} --wait"));
    let second = farm.submit(&format!("{shot} --seed 7 --spp 200 --pass-spp 2"));
    let mut watch = farm.sandbox.start(&format!("watch j{second} --wait --json"));
    watch.line(|line| {
        let status: Value = serde_json::from_str(line).ok()?;
        (status["samples_done"].as_u64() > Some(0)).then_some(())
    });
    farm.sandbox.succeed(&format!("pause j{second}"));
    (farm, vec![cramped, worker])
}

#[test]
fn axe_finds_nothing_serious() {
    let Ok(axe) = std::fs::read_to_string(root().join(AXE)) else {
        eprintln!("skipped: what axe-core finds, as it is not there (cargo xtask test gets it with npm)");
        return;
    };
    let Some(page) = Page::open("about:blank", "what axe-core finds") else { return };
    let (farm, _workers) = farm();
    let address = farm.wrangler_page();
    let mut examiner = Examiner { page, axe, findings: Vec::new() };
    examiner.notices_what_is_wrong();
    for (scheme, word) in [(Scheme::Dark, "dark"), (Scheme::Light, "light")] {
        examiner.page.scheme(scheme);
        for (width, height, device) in [(1280, 900, "desk"), (390, 844, "phone")] {
            examiner.page.window(width, height, 1.0);
            examiner.walk(&address, &format!("{word} {device}"));
        }
    }
    assert!(examiner.findings.is_empty(), "{}", examiner.findings.join("\n"));
}
