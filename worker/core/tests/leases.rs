//! A lease's life on a worker, a few events each.

use expect_test::{Expect, expect};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, Rays};
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, TileIndex};
use tessera_shared::lease::{BlockPass, Lease, TilePass, Work};
use tessera_worker_core::{Action, Config, Core, Event};

const PACKAGE: Digest = Digest([1; 32]);

/// A worker and what it did, a line an event.
struct Told {
    core: Core,
    now_ms: u64,
    lines: String,
}

impl Told {
    fn new() -> Told {
        Told::with(Config::default())
    }

    fn with(config: Config) -> Told {
        Told { core: Core::new(config), now_ms: 0, lines: String::new() }.event("connected", Event::Connected)
    }

    fn event(mut self, name: &str, event: Event) -> Told {
        let output = self.core.handle(self.now_ms, event);
        let actions: Vec<String> = output.actions.iter().map(describe).collect();
        let actions = if actions.is_empty() { "nothing".into() } else { actions.join(", ") };
        self.lines.push_str(&format!("{name}: {actions}\n"));
        self
    }

    fn after(mut self, ms: u64) -> Told {
        self.now_ms += ms;
        self.event("time passes", Event::Tick)
    }

    /// A tile of four blocks.
    fn lease(self, id: u64) -> Told {
        self.event("lease", Event::Lease(lease(id, Work::Render(vec![tile(4)]))))
    }

    fn check(self, id: u64, x: u16) -> Told {
        let block = BlockAt { x, y: 0 };
        let block = BlockPass { frame: FrameNumber(1), block, sample_start: 0, sample_end: 4 };
        self.event("check", Event::Lease(lease(id, Work::Check(vec![block]))))
    }

    fn package(self) -> Told {
        let grid = Grid::new(32, 16, 16).unwrap();
        self.event("package", Event::PackageReady { package: PACKAGE, grid })
    }

    fn rendered(self, id: u64, blocks: usize) -> Told {
        let digests = vec![Digest([2; 32]); blocks];
        self.event("rendered", Event::Rendered { lease: LeaseId(id), digests, rays: Rays::default() })
    }

    fn is(self, expected: Expect) {
        expected.assert_eq(&self.lines);
    }
}

fn tile(samples: u32) -> TilePass {
    TilePass { frame: FrameNumber(1), tile: TileIndex(0), sample_start: 0, sample_end: samples }
}

fn lease(id: u64, work: Work) -> Lease {
    Lease { id: LeaseId(id), job: JobId(1), package: PACKAGE, duration_ms: 1000, work }
}

fn describe(action: &Action) -> String {
    match action {
        Action::Fetch { .. } => "fetch".into(),
        Action::Render { lease, items, .. } => format!("render {lease} ({} blocks)", items.len()),
        Action::Abort { lease } => format!("abort {lease}"),
        Action::SendResults { commit } => format!("send {} ({} tiles)", commit.lease, commit.tiles.len()),
        Action::SendChecked(checked) => format!("answer {} ({} blocks)", checked.lease, checked.blocks.len()),
        Action::SendFailed { lease, failure } => format!("fail {lease} ({}): {}", failure.class, failure.log),
        Action::DropPixels { lease } => format!("drop {lease}"),
        Action::Examine => "examine".into(),
        Action::Leave => "leave".into(),
    }
}

#[test]
fn leases_wait_for_their_package_and_render_in_order() {
    Told::new().lease(1).lease(2).check(3, 1).package().rendered(1, 4).rendered(2, 4).rendered(3, 1).is(
        expect![[r#"
            connected: nothing
            lease: fetch
            lease: nothing
            check: nothing
            package: render l1 (4 blocks)
            rendered: send l1 (1 tiles), render l2 (4 blocks)
            rendered: send l2 (1 tiles), render l3 (1 blocks)
            rendered: drop l3, answer l3 (1 blocks)
        "#]],
    );
}

#[test]
fn results_that_end_while_the_scheduler_is_away_are_sent_when_it_is_back() {
    Told::new()
        .package()
        .lease(1)
        .lease(2)
        .event("disconnected", Event::Disconnected)
        .rendered(1, 4)
        .event("connected", Event::Connected)
        .event("sent", Event::ResultsSent { lease: LeaseId(1) })
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            lease: nothing
            disconnected: nothing
            rendered: nothing
            connected: send l1 (1 tiles)
            sent: drop l1
        "#]]);
}

#[test]
fn a_revoked_lease_stops_and_the_next_starts() {
    Told::new()
        .package()
        .lease(1)
        .lease(2)
        .event("revoke", Event::Revoke(LeaseId(1)))
        .rendered(1, 4)
        .rendered(2, 4)
        .event("revoke", Event::Revoke(LeaseId(2)))
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            lease: nothing
            revoke: abort l1, render l2 (4 blocks)
            rendered: nothing
            rendered: send l2 (1 tiles)
            revoke: drop l2
        "#]]);
}

#[test]
fn a_lease_that_waits_past_its_deadline_is_dropped_and_one_that_renders_goes_on() {
    Told::new().package().lease(1).lease(2).after(1500).rendered(1, 4).is(expect![[r#"
        connected: nothing
        package: nothing
        lease: render l1 (4 blocks)
        lease: nothing
        time passes: nothing
        rendered: send l1 (1 tiles)
    "#]]);
}

/// A scene may be crafted so that it is never rendered: its device is freed, and the next lease has it.
#[test]
fn a_lease_that_renders_for_twice_its_time_is_given_up() {
    Told::new().package().lease(1).after(1500).lease(2).after(500).rendered(1, 4).is(expect![[r#"
        connected: nothing
        package: nothing
        lease: render l1 (4 blocks)
        time passes: nothing
        lease: nothing
        time passes: abort l1, fail l1 (node): it was not rendered in twice the 1 s that the lease is for; shorten the job's passes (pass_spp), render l2 (4 blocks)
        rendered: nothing
    "#]]);
}

#[test]
fn what_cannot_be_rendered_is_said() {
    Told::new()
        .package()
        .check(1, 9)
        .event("empty", Event::Lease(lease(2, Work::Render(Vec::new()))))
        .lease(3)
        .rendered(3, 5)
        .lease(4)
        .event(
            "device lost",
            Event::RenderFailed {
                lease: LeaseId(4),
                failure: Failure::new(FailureClass::Node, "the device was lost"),
            },
        )
        .is(expect![[r#"
            connected: nothing
            package: nothing
            check: fail l1 (job): the lease names block (9, 0), the frame has 4×2
            empty: fail l2 (job): the lease is empty
            lease: render l3 (4 blocks)
            rendered: fail l3 (node): the renderer answered another number of blocks than the lease has
            lease: render l4 (4 blocks)
            device lost: fail l4 (node): the device was lost
        "#]]);
}

#[test]
fn a_package_that_fails_fails_its_leases_and_is_fetched_again() {
    Told::new()
        .lease(1)
        .event(
            "bad package",
            Event::PackageFailed {
                package: PACKAGE,
                failure: Failure::new(FailureClass::Job, "it does not validate"),
            },
        )
        .lease(2)
        .is(expect![[r#"
            connected: nothing
            lease: fetch
            bad package: fail l1 (job): it does not validate
            lease: fetch
        "#]]);
}

/// Room for the results of two leases, and two devices.
fn two_results() -> Config {
    Config { slots: 3, results_bytes_max: 2 * 4 * BLOCK_BYTES as u64, ..Config::default() }
}

#[test]
fn without_a_connection_results_that_were_due_first_make_room_for_later_ones() {
    Told::with(two_results())
        .package()
        .lease(1)
        .after(1)
        .lease(3)
        .after(1)
        .lease(2)
        .event("disconnected", Event::Disconnected)
        .rendered(2, 4)
        .rendered(1, 4)
        .rendered(3, 4)
        .event("connected", Event::Connected)
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            time passes: nothing
            lease: render l3 (4 blocks)
            time passes: nothing
            lease: render l2 (4 blocks)
            disconnected: nothing
            rendered: nothing
            rendered: nothing
            rendered: drop l1
            connected: send l3 (1 tiles), send l2 (1 tiles)
        "#]]);
}

#[test]
fn a_lease_waits_while_results_pile_up_and_starts_when_they_are_taken() {
    Told::with(two_results())
        .package()
        .lease(1)
        .lease(2)
        .rendered(1, 4)
        .rendered(2, 4)
        .lease(3)
        .event("sent", Event::ResultsSent { lease: LeaseId(1) })
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            lease: render l2 (4 blocks)
            rendered: send l1 (1 tiles)
            rendered: send l2 (1 tiles)
            lease: nothing
            sent: drop l1, render l3 (4 blocks)
        "#]]);
}

/// A farm whose records are lost counts from the start: an old result under a new lease's id would be taken for a forgery.
#[test]
fn a_new_lease_under_an_old_id_replaces_what_was_held() {
    let another = Lease { duration_ms: 7, ..lease(1, Work::Render(vec![tile(8)])) };
    Told::new()
        .package()
        .lease(1)
        .event("disconnected", Event::Disconnected)
        .rendered(1, 4)
        .event("another farm's lease", Event::Lease(another))
        .event("connected", Event::Connected)
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            disconnected: nothing
            rendered: nothing
            another farm's lease: drop l1, render l1 (4 blocks)
            connected: nothing
        "#]]);
}

/// A worker whose devices are examined every second on average, over and over.
fn examined() -> Told {
    Told::with(Config { slots: 2, examine_every_ms: 1_000, seed: 7, ..Config::default() })
}

#[test]
fn an_examination_waits_until_no_device_renders_and_the_leases_wait_for_it() {
    examined()
        .package()
        .lease(1)
        .lease(2)
        .after(1_500)
        .lease(3)
        .rendered(1, 4)
        .rendered(2, 4)
        .after(10)
        .event("examined", Event::Examined { exact: true })
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            lease: render l2 (4 blocks)
            time passes: nothing
            lease: nothing
            rendered: send l1 (1 tiles)
            rendered: send l2 (1 tiles), examine
            time passes: nothing
            examined: render l3 (4 blocks)
        "#]]);
}

#[test]
fn a_worker_whose_device_fails_holds_nothing_and_leaves() {
    examined()
        .package()
        .lease(1)
        .rendered(1, 4)
        .after(1_500)
        .lease(2)
        .event("examined", Event::Examined { exact: false })
        .lease(3)
        .after(5_000)
        .is(expect![[r#"
            connected: nothing
            package: nothing
            lease: render l1 (4 blocks)
            rendered: send l1 (1 tiles)
            time passes: examine
            lease: nothing
            examined: drop l1, leave
            lease: nothing
            time passes: nothing
        "#]]);
}

#[test]
fn examinations_come_at_times_that_nobody_can_foretell() {
    let times = |seed: u64| -> Vec<u64> {
        let config = Config { examine_every_ms: 1_000, seed, ..Config::default() };
        let (mut core, mut now_ms, mut times) = (Core::new(config), 0, Vec::new());
        while times.len() < 100 {
            let output = core.handle(now_ms, Event::Tick);
            if output.actions == [Action::Examine] {
                times.push(now_ms);
                core.handle(now_ms, Event::Examined { exact: true });
            }
            now_ms = core.handle(now_ms, Event::Tick).wake_at.unwrap();
        }
        times
    };
    let apart = |times: &[u64]| -> Vec<u64> { times.windows(2).map(|pair| pair[1] - pair[0]).collect() };
    let (one, other) = (apart(&times(1)), apart(&times(2)));
    assert!(one.iter().all(|apart| (500..1_500).contains(apart)), "{one:?}");
    assert_ne!(one, other);
    let (least, most) = (one.iter().min().unwrap(), one.iter().max().unwrap());
    assert!(least < &600 && most > &1_400, "{one:?}");
    assert_eq!(one, apart(&times(1)));
}
