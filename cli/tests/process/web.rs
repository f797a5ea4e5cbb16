//! Links to the page that `tessera web` hands out: what each lets its holder see and order on a real farm.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

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
    let endless = farm.sandbox.succeed("web --days 0");
    assert_eq!(farm.sandbox.succeed("web --days 0"), endless, "the link is made anew and stays the same");
    let until_ms = |link: &str| Site::at(link.trim()).get("/api/v1/farm").json()["until_ms"].as_u64();
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let days = |link: &str| until_ms(link).map(|until_ms| (until_ms - unix_ms + 43_200_000) / 86_400_000);
    assert_eq!((days(&endless), days(&link)), (None, Some(30)));
    assert_eq!(days(&farm.sandbox.succeed("web --days 2")), Some(2));

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

#[test]
fn revoked_links_are_worth_nothing_also_after_a_restart() {
    let mut farm = farm_of_two();
    let printed = Site::of(&mut farm);
    let other = Sandbox::new();
    let link = |sandbox: &Sandbox, options: &str| Site::at(sandbox.succeed(&format!("web {options}")).trim());
    let wrangler = format!("--to {}", farm.wrangler_link);
    let artist = format!("--to {}", farm.artist_link);
    let own = [link(&farm.sandbox, ""), link(&farm.sandbox, "--read-only --days 0")];
    let others = [link(&other, &artist), link(&farm.sandbox, &wrangler), printed];
    let statuses =
        |sites: &[Site]| sites.iter().map(|site| site.get("/api/v1/jobs").status).collect::<Vec<_>>();
    assert_eq!((statuses(&own), statuses(&others)), (vec![200; 2], vec![200; 3]));

    let mut stream = own[0].stream();
    let refused = farm.sandbox.run("web --revoke all");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(4), ""));
    assert!(refused.stderr.contains("the wrangler alone ends links of others"), "{}", refused.stderr);
    assert_eq!(farm.sandbox.run(&format!("web --revoke {}", "0a".repeat(32))).code, Some(4));
    assert_eq!(farm.sandbox.run("web --revoke me").code, Some(2));
    assert_eq!(statuses(&own), [200; 2]);
    assert_eq!(farm.sandbox.succeed("web --revoke"), "");
    assert_eq!((statuses(&own), statuses(&others)), (vec![401; 2], vec![200; 3]));
    let said = own[0].get("/api/v1/jobs").json();
    assert_eq!(said["detail"], "this token is revoked; `tessera web` prints another");
    // A stream ends at the next news.
    farm.sandbox.succeed("pause j1");
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(statuses(&[link(&farm.sandbox, "")]), [200]);

    // The scheduler of the same data on the same addresses knows it too.
    let port = |address: &str| address.rsplit_once(':').unwrap().1.to_owned();
    let listen = port(farm.artist_link.split('/').nth(2).unwrap());
    let arguments = format!("scheduler --data @farm --listen 127.0.0.1:{listen} --http {}", own[0].address);
    farm.scheduler.interrupt();
    let scheduler = std::mem::replace(&mut farm.scheduler, farm.sandbox.start("devices"));
    assert_eq!(scheduler.end().0, Some(0));
    farm.scheduler = farm.sandbox.start(&arguments);
    farm.scheduler.line(|line| line.starts_with("page ").then_some(()));
    assert_eq!((statuses(&own), statuses(&others)), (vec![401; 2], vec![200; 3]));

    let key = others[0].get("/api/v1/farm").json()["key"].as_str().unwrap().to_owned();
    farm.sandbox.succeed(&format!("web --revoke {key} {wrangler}"));
    assert_eq!(statuses(&others), [401, 200, 200]);
    farm.sandbox.succeed(&format!("web --revoke {wrangler}"));
    assert_eq!(statuses(&others), [401; 3]);
    let anew = [link(&other, &artist), link(&farm.sandbox, &wrangler)];
    assert_eq!(statuses(&anew), [200; 2]);
    farm.sandbox.succeed(&format!("web --revoke all {wrangler}"));
    assert_eq!(statuses(&anew), [401; 2]);
}
