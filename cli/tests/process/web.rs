//! Links to the page that `tessera web` hands out: what each lets its holder see and order on a real farm.

use crate::farm::Farm;
use crate::page::Site;
use crate::sandbox::Sandbox;

const SHOT: &str = "scenes/mosaic.toml --width 32 --height 16 --spp 1";

/// A farm with a job of the sandbox's own key, `j1`, and one of another's, `j2`.
fn farm_of_two() -> Farm {
    let farm = Farm::with("--http 127.0.0.1:0");
    let other = Sandbox::new();
    assert_eq!(farm.submit(SHOT), "j1");
    assert_eq!(other.succeed(&format!("submit {SHOT} --to {}", farm.artist_link)), "j2\n");
    farm
}

fn states(farm: &Farm) -> Vec<String> {
    let jobs = farm.list("jobs");
    jobs.iter().rev().map(|job| job["state"].as_str().unwrap().to_owned()).collect()
}

/// What a job shows of itself beyond the lists: statuses of its picture, of why it waits and of its log.
fn looks(site: &Site, job: u64) -> [u16; 3] {
    ["frames/1/picture.png", "why", "log"].map(|of| site.get(&format!("/api/v1/jobs/{job}/{of}")).status)
}

/// Every order that the interface takes, with a body that is right.
fn orders(job: u64) -> Vec<(String, &'static str)> {
    let of_job = |order, body| (format!("/api/v1/jobs/{job}/{order}"), body);
    vec![
        of_job("pause", ""),
        of_job("resume", ""),
        of_job("cancel", ""),
        of_job("priority", "{\"priority\":5}"),
        of_job("requeue", "{\"frames\":\"1\"}"),
        ("/api/v1/workers/1/drain".to_owned(), ""),
        ("/api/v1/workers/1/undrain".to_owned(), ""),
        (format!("/api/v1/operators/{}/ban", "0a".repeat(32)), "{\"reason\":\"sold\"}"),
        (format!("/api/v1/operators/{}/readmit", "0a".repeat(32)), ""),
    ]
}

#[test]
fn an_artists_link_sees_into_and_orders_its_own_jobs_alone() {
    let mut farm = farm_of_two();
    let wrangler = Site::of(&mut farm);
    let link = farm.sandbox.succeed("web");
    let artist = Site::at(link.trim());
    assert_eq!(artist.address, wrangler.address);
    assert_ne!(artist.token, wrangler.token);
    assert_eq!(farm.sandbox.succeed("web"), link, "the link is made anew and stays the same");

    let about = artist.get("/api/v1/farm").json();
    assert_eq!(about["role"], "artist");
    let jobs = wrangler.get("/api/v1/jobs").json();
    assert_eq!((&jobs["jobs"][1]["job"], &jobs["jobs"][1]["owner"]), (&1.into(), &about["key"]), "{jobs}");
    assert_eq!((looks(&artist, 1), looks(&artist, 2)), ([200; 3], [403; 3]));

    for (path, body) in orders(2) {
        let answer = artist.post(&path, body);
        assert_eq!(answer.status, 403, "{path}: {}", answer.head);
    }
    assert_eq!(states(&farm), ["queued", "queued"]);
    assert_eq!(artist.post("/api/v1/jobs/1/pause", "").status, 204);
    assert_eq!(states(&farm), ["paused", "queued"]);
    assert_eq!(artist.post("/api/v1/jobs/1/cancel", "").status, 204);
    assert_eq!(states(&farm), ["cancelled", "queued"]);
}

#[test]
fn a_link_for_looking_orders_nothing_and_sees_what_its_maker_sees() {
    let farm = farm_of_two();
    let own = Site::at(farm.sandbox.succeed("web --read-only").trim());
    let wall = Site::at(farm.sandbox.succeed(&format!("web --read-only --to {}", farm.wrangler_link)).trim());
    for (site, foreign) in [(&own, 403), (&wall, 200)] {
        assert_eq!(site.get("/api/v1/farm").json()["role"], "read-only");
        assert_eq!((looks(site, 1), looks(site, 2)), ([200; 3], [foreign; 3]));
        for (path, body) in orders(1).into_iter().chain(orders(2)) {
            let answer = site.post(&path, body);
            assert_eq!(answer.status, 403, "{path}: {}", answer.head);
        }
    }
    assert_eq!(states(&farm), ["queued", "queued"]);
    let wrangler = Site::at(farm.sandbox.succeed(&format!("web --to {}", farm.wrangler_link)).trim());
    assert_eq!(wrangler.get("/api/v1/farm").json()["role"], "wrangler");
    assert_eq!(wrangler.post("/api/v1/jobs/2/pause", "").status, 204);
    assert_eq!(states(&farm), ["queued", "paused"]);
}

#[test]
fn a_farm_without_a_page_says_so() {
    let farm = Farm::new();
    let refused = farm.sandbox.run("web");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(4), ""));
    let expected =
        "tessera: the farm serves no page; ask its owner to start `tessera scheduler` with --http\n";
    assert_eq!(refused.stderr, expected);
}
