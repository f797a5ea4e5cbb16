//! The plan of a job for people and machines: what it costs, what its checks would catch. Words and figures alone; the odds
//! are the scheduler core's, and where the figures come from is not known here.

use serde_json::json;
use tessera_scheduler_core::Config;
use tessera_scheduler_core::odds::{Checkers, Forgery, Sampling};
use tessera_shared::grid::{BLOCK_PX, Grid};
use tessera_shared::messages::Verify;

use crate::estimate::Estimate;
use crate::progress::{amount, duration};

/// Shares of the strangers' checking capacity that are assumed to collude with a forger.
const COLLUDING: [f64; 3] = [0.0, 0.1, 0.3];
/// Shares of its blocks that a node forges.
const FORGED: [f64; 3] = [0.01, 0.05, 1.0];
/// Tiles that it delivers.
const TILES: [u32; 3] = [10, 100, 1000];
/// Share of the checks that a scheduler's referee does unless it is told otherwise.
const TRUSTED: f64 = 0.05;

/// What a farm says of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FarmFacts {
    /// Share of the checks that trusted referees do, 0 to 1.
    pub trusted: f64,
    /// Connected workers, and their rate together.
    pub workers: usize,
    pub rays_per_second: f64,
}

/// What is to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub name: String,
    pub grid: Grid,
    pub frames: u64,
    pub samples: u32,
    /// Passes of a tile.
    pub passes: u32,
}

/// How it is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Checking {
    /// The policy as the artist wrote it.
    policy: String,
    sampling: Sampling,
    trusted: f64,
    source: Source,
}

/// Where the share of trusted checks is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Flag,
    Farm,
    Default,
}

impl Checking {
    /// The share of trusted checks is the flag's, else the farm's, else a new farm's.
    pub fn new(
        policy: String,
        sampling: Sampling,
        trusted_percent: Option<u32>,
        farm: Option<&FarmFacts>,
    ) -> Checking {
        let (trusted, source) = match (trusted_percent, farm) {
            (Some(percent), _) => (f64::from(percent) / 100.0, Source::Flag),
            (None, Some(farm)) => (farm.trusted, Source::Farm),
            (None, None) => (TRUSTED, Source::Default),
        };
        Checking { policy, sampling, trusted, source }
    }
}

/// What a policy draws of every tile of an operator past its probation, at least.
pub fn sampling(verify: Verify) -> Sampling {
    Sampling::of(verify, &Config::new([0; 32]))
}

/// Everything that the table says.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub work: Work,
    pub checking: Checking,
    pub estimate: Estimate,
    pub farm: Option<FarmFacts>,
}

impl Plan {
    /// Blocks of a whole tile.
    fn tile_blocks(&self) -> u32 {
        let edge = self.work.grid.tile_px / BLOCK_PX;
        let (columns, rows) = self.work.grid.blocks();
        edge.min(columns) * edge.min(rows)
    }

    fn overhead(&self) -> f64 {
        self.checking.sampling.overhead(&self.work.grid)
    }

    /// Blocks of the job that are rendered a second time.
    fn blocks_checked(&self) -> f64 {
        let (columns, rows) = self.work.grid.blocks();
        let all =
            f64::from(columns) * f64::from(rows) * f64::from(self.work.passes) * self.work.frames as f64;
        all * self.overhead()
    }

    fn seconds_here(&self) -> f64 {
        self.estimate.rays * (1.0 + self.overhead()) / self.estimate.rays_per_second
    }

    /// `None` where the farm's workers have not been measured.
    fn seconds_farm(&self) -> Option<f64> {
        let rate = self.farm.map_or(0.0, |farm| farm.rays_per_second);
        (rate > 0.0).then(|| self.estimate.rays * (1.0 + self.overhead()) / rate)
    }

    fn survives(&self, forgery: Forgery, colluding: f64, tiles: u32) -> f64 {
        let checkers = Checkers { colluding, trusted: self.checking.trusted };
        checkers.survives(self.checking.sampling, self.tile_blocks(), forgery, tiles)
    }

    /// What a node may forge; where one block at most is drawn, how the blocks lie makes no difference.
    fn forgeries(&self) -> Vec<(String, Forgery)> {
        let mut rows = Vec::new();
        for share in FORGED {
            let percent = format!("{:.0} %", share * 100.0);
            match share {
                1.0 => rows.push(("all".to_owned(), Forgery::WholeTiles(share))),
                _ if self.checking.sampling.blocks <= 1 => rows.push((percent, Forgery::WholeTiles(share))),
                _ => {
                    rows.push((format!("{percent}, scattered"), Forgery::Scattered(share)));
                    rows.push((format!("{percent}, whole tiles"), Forgery::WholeTiles(share)));
                }
            }
        }
        rows
    }

    /// For people: lines without the last line's end.
    pub fn table(&self) -> String {
        let mut lines = vec![("shot", self.shot_line())];
        lines.extend(self.cost_lines());
        lines.extend(self.check_lines());
        let heads = lines.into_iter().map(|(head, said)| format!("{head:<10}{said}\n"));
        format!("{}\n{}", heads.collect::<String>(), self.odds())
    }

    fn shot_line(&self) -> String {
        let work = &self.work;
        let (width, height) = (work.grid.width_px, work.grid.height_px);
        let (frames, samples) = (count(work.frames, "frame"), count(work.samples.into(), "sample"));
        let (tiles, passes) =
            (count(work.grid.tile_count().into(), "tile"), count(work.passes.into(), "pass"));
        format!("{}: {frames} of {width}×{height} pixels at {samples}, {tiles} of {passes} each", work.name)
    }

    fn cost_lines(&self) -> Vec<(&'static str, String)> {
        let Plan { estimate, farm, .. } = self;
        let rate = |rays: f64| format!("{} rays/s", amount(rays));
        let (blocks, frames) =
            (count(estimate.blocks as u64, "block"), count(estimate.frames as u64, "frame"));
        let samples = count(estimate.samples.into(), "sample");
        let rays = amount(estimate.rays);
        let error = 200.0 * estimate.deviation;
        let here = duration(self.seconds_here());
        let mut lines = vec![
            ("rays", format!("{rays} ± {error:.0} %, from {blocks} of {frames} rendered here at {samples}")),
            ("time", format!("{here} on this machine's CPU at {}", rate(estimate.rays_per_second))),
        ];
        if let (Some(seconds), Some(farm)) = (self.seconds_farm(), farm) {
            let workers = count(farm.workers as u64, "worker");
            let rate = rate(farm.rays_per_second);
            lines.push(("", format!("{} on the farm's {workers} at {rate}", duration(seconds))));
        }
        lines
    }

    fn check_lines(&self) -> Vec<(&'static str, String)> {
        let Plan { checking, estimate, .. } = self;
        let whole = self.tile_blocks();
        let drawn = checking.sampling.blocks.min(whole);
        let checked = amount(self.blocks_checked());
        let share = 100.0 * self.overhead();
        let again = amount(estimate.rays * self.overhead());
        let source = match checking.source {
            Source::Flag => "as you say",
            Source::Farm => "as the farm says",
            Source::Default => "as on a new farm; --to asks yours, --trusted assumes another share",
        };
        vec![
            (
                "checks",
                format!("{}: {drawn} of the {whole} blocks of a tile, {checked} in all", checking.policy),
            ),
            ("overhead", format!("{share:.1} % of the rays, {again}")),
            ("trusted", format!("{:.0} % of the checks, {source}", 100.0 * checking.trusted)),
        ]
    }

    /// How likely a forger lives on.
    fn odds(&self) -> String {
        if self.checking.sampling == Sampling::NONE {
            return "Nothing is checked: a node that forges is never exposed. With strangers, choose another --verify."
                .into();
        }
        let mut text = String::from(
            "How likely a node that forges so much of its blocks is not exposed, after so many tiles, where nobody,\n\
             10 % or 30 % of the strangers that check collude with it:\n\n",
        );
        text.push_str(&format!("{:<19}", ""));
        for colluding in COLLUDING {
            let head = if colluding > 0.0 {
                format!("{:.0} % collude", 100.0 * colluding)
            } else {
                "nobody colludes".into()
            };
            text.push_str(&format!("{head:>27}"));
        }
        text.push_str(&format!("\n{:<19}", "forges"));
        for tiles in COLLUDING.iter().flat_map(|_| TILES) {
            text.push_str(&format!("{tiles:>9}"));
        }
        for (name, forgery) in self.forgeries() {
            text.push_str(&format!("\n{name:<19}"));
            for (colluding, tiles) in COLLUDING.iter().flat_map(|c| TILES.map(|tiles| (*c, tiles))) {
                text.push_str(&format!("{:>9}", chance(self.survives(forgery, colluding, tiles))));
            }
        }
        text
    }

    /// For machines: one object.
    pub fn json(&self) -> serde_json::Value {
        let Plan { work, checking, estimate, farm } = self;
        let mut survival = Vec::new();
        for (spread, forgery) in
            [("scattered", Forgery::Scattered as fn(f64) -> Forgery), ("tiles", Forgery::WholeTiles)]
        {
            for forged in FORGED {
                for colluding in COLLUDING {
                    survival.extend(TILES.iter().map(|tiles| {
                        let survives = self.survives(forgery(forged), colluding, *tiles);
                        json!({"forged": forged, "spread": spread, "colluding": colluding, "tiles": tiles, "survives": survives})
                    }));
                }
            }
        }
        json!({
            "event": "plan", "name": work.name, "width": work.grid.width_px, "height": work.grid.height_px,
            "frames": work.frames, "samples": work.samples, "tiles": work.grid.tile_count(), "passes": work.passes,
            "rays": estimate.rays, "rays_deviation": estimate.rays * estimate.deviation,
            "rays_per_second": estimate.rays_per_second, "seconds": self.seconds_here(),
            "farm": farm.map(|farm| json!({
                "workers": farm.workers, "rays_per_second": farm.rays_per_second, "seconds": self.seconds_farm(),
                "trusted": farm.trusted,
            })),
            "verify": checking.policy, "blocks_checked": self.blocks_checked(), "overhead": self.overhead(),
            "trusted": checking.trusted, "survival": survival,
        })
    }
}

/// A number and its noun.
fn count(number: u64, noun: &str) -> String {
    let plural = match (number, noun) {
        (1, _) => "",
        (_, "pass") => "es",
        _ => "s",
    };
    format!("{number} {noun}{plural}")
}

/// A probability: per cent, and where that says nothing, its power of ten.
fn chance(probability: f64) -> String {
    match probability {
        p if p >= 0.0005 => format!("{:.1} %", 100.0 * p),
        p if p < 1e-12 => "< 1e-12".into(),
        p => format!("{p:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn plan(verify: &str, sampling: Sampling, trusted_percent: Option<u32>, farm: Option<FarmFacts>) -> Plan {
        Plan {
            work: Work {
                name: "mosaic".into(),
                grid: Grid::new(960, 540, 64).unwrap(),
                frames: 24,
                samples: 64,
                passes: 1,
            },
            checking: Checking::new(verify.into(), sampling, trusted_percent, farm.as_ref()),
            estimate: Estimate {
                rays: 5.2e9,
                deviation: 0.02,
                rays_per_second: 4e6,
                blocks: 288,
                frames: 3,
                samples: 8,
            },
            farm,
        }
    }

    #[test]
    fn a_spot_checked_job_of_a_farm() {
        let farm = FarmFacts { trusted: 0.2, workers: 3, rays_per_second: 6e7 };
        let plan = plan("spot", sampling(Verify::Blocks(1)), None, Some(farm));
        expect![[r#"
            shot      mosaic: 24 frames of 960×540 pixels at 64 samples, 135 tiles of 1 pass each
            rays      5.20 G ± 4 %, from 288 blocks of 3 frames rendered here at 8 samples
            time      22 min 01 s on this machine's CPU at 4.00 M rays/s
                      1 min 28 s on the farm's 3 workers at 60.0 M rays/s
            checks    spot: 1 of the 64 blocks of a tile, 3.24 k in all
            overhead  1.7 % of the rays, 86.0 M
            trusted   20 % of the checks, as the farm says

            How likely a node that forges so much of its blocks is not exposed, after so many tiles, where nobody,
            10 % or 30 % of the strangers that check collude with it:

                                           nobody colludes               10 % collude               30 % collude
            forges                    10      100     1000       10      100     1000       10      100     1000
            1 %                   90.4 %   36.6 %     4e-5   91.2 %   39.7 %     1e-4   92.7 %   46.6 %     5e-4
            5 %                   59.9 %    0.6 %  < 1e-12   62.4 %    0.9 %  < 1e-12   67.9 %    2.1 %  < 1e-12
            all                  < 1e-12  < 1e-12  < 1e-12    1e-11  < 1e-12  < 1e-12     6e-7  < 1e-12  < 1e-12"#]].assert_eq(&plan.table());
    }

    #[test]
    fn more_blocks_without_a_farm() {
        expect![[r#"
            shot      mosaic: 24 frames of 960×540 pixels at 64 samples, 135 tiles of 1 pass each
            rays      5.20 G ± 4 %, from 288 blocks of 3 frames rendered here at 8 samples
            time      23 min 06 s on this machine's CPU at 4.00 M rays/s
            checks    blocks=4: 4 of the 64 blocks of a tile, 13.0 k in all
            overhead  6.6 % of the rays, 344 M
            trusted   5 % of the checks, as on a new farm; --to asks yours, --trusted assumes another share

            How likely a node that forges so much of its blocks is not exposed, after so many tiles, where nobody,
            10 % or 30 % of the strangers that check collude with it:

                                           nobody colludes               10 % collude               30 % collude
            forges                    10      100     1000       10      100     1000       10      100     1000
            1 %, scattered        66.9 %    1.8 %  < 1e-12   69.6 %    2.6 %  < 1e-12   75.1 %    5.7 %  < 1e-12
            1 %, whole tiles      90.4 %   36.6 %     4e-5   91.3 %   40.3 %     1e-4   93.1 %   48.8 %    0.1 %
            5 %, scattered        12.9 %     1e-9  < 1e-12   15.9 %     1e-8  < 1e-12   24.1 %     7e-7  < 1e-12
            5 %, whole tiles      59.9 %    0.6 %  < 1e-12   62.9 %    1.0 %  < 1e-12   69.5 %    2.6 %  < 1e-12
            all                  < 1e-12  < 1e-12  < 1e-12    6e-11  < 1e-12  < 1e-12     4e-6  < 1e-12  < 1e-12"#]].assert_eq(&plan("blocks=4", sampling(Verify::Blocks(4)), None, None).table());
    }

    #[test]
    fn everything_twice_on_a_trusted_farm() {
        let text = plan("double", sampling(Verify::Double), Some(100), None).table();
        expect![[r#"
            shot      mosaic: 24 frames of 960×540 pixels at 64 samples, 135 tiles of 1 pass each
            rays      5.20 G ± 4 %, from 288 blocks of 3 frames rendered here at 8 samples
            time      43 min 20 s on this machine's CPU at 4.00 M rays/s
            checks    double: 64 of the 64 blocks of a tile, 196 k in all
            overhead  100.0 % of the rays, 5.20 G
            trusted   100 % of the checks, as you say

            How likely a node that forges so much of its blocks is not exposed, after so many tiles, where nobody,
            10 % or 30 % of the strangers that check collude with it:

                                           nobody colludes               10 % collude               30 % collude
            forges                    10      100     1000       10      100     1000       10      100     1000
            1 %, scattered         0.2 %  < 1e-12  < 1e-12    0.2 %  < 1e-12  < 1e-12    0.2 %  < 1e-12  < 1e-12
            1 %, whole tiles      90.4 %   36.6 %     4e-5   90.4 %   36.6 %     4e-5   90.4 %   36.6 %     4e-5
            5 %, scattered       < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12
            5 %, whole tiles      59.9 %    0.6 %  < 1e-12   59.9 %    0.6 %  < 1e-12   59.9 %    0.6 %  < 1e-12
            all                  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12  < 1e-12"#]].assert_eq(&text);
    }

    #[test]
    fn nothing_is_checked() {
        let text = plan("none", sampling(Verify::None), None, None).table();
        expect!["Nothing is checked: a node that forges is never exposed. With strangers, choose another --verify."].assert_eq(text.rsplit_once('\n').unwrap().1);
    }

    #[test]
    fn a_plan_for_machines_has_every_row() {
        let value = plan("spot", sampling(Verify::Blocks(1)), Some(10), None).json();
        let rows = value["survival"].as_array().unwrap();
        assert_eq!(rows.len(), 2 * 3 * 3 * 3);
        let row =
            rows.iter().find(|row| row["forged"] == 0.05 && row["colluding"] == 0.3 && row["tiles"] == 100);
        let survives = row.unwrap()["survives"].as_f64().unwrap();
        assert!((survives - (1.0f64 - 0.05 * 0.73).powi(100)).abs() < 1e-12, "{survives}");
    }
}
