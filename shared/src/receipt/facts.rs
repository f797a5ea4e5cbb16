//! What a receipt says of a job and of a frame, field by field, and each field's canonical bytes. Knows neither seals nor
//! signatures.

use serde::{Deserialize, Serialize};

use super::blocks::Roots;
use super::text;
use crate::digest::Digest;
use crate::film::Rays;
use crate::grid::{Grid, GridError};
use crate::ids::{JobId, NodeKey};
use crate::messages::Mode;
use crate::package::Settings;

/// Who made the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `tessera render`, on one machine whose key signs: nobody else checked.
    Render,
    /// A farm, as the job of this id; the scheduler's key signs.
    Farm(JobId),
}

/// What holds for every frame. The doc of a field says what of an image it decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFacts {
    #[serde(with = "text::shown")]
    pub origin: Origin,
    /// For people.
    pub name: String,
    /// The package's id, which alone decides scene, cameras and settings.
    #[serde(with = "text::shown")]
    pub package: Digest,
    pub kernel_version: u32,
    pub width_px: u32,
    pub height_px: u32,
    /// Edge of a tile; no bit of the image depends on it, counts of tile-passes do.
    pub tile_px: u32,
    pub samples: u32,
    /// Samples of a pass; no bit of the image depends on it, counts of tile-passes do.
    pub pass_samples: u32,
    pub seed: u32,
    pub max_bounces: u32,
    pub roulette_start: u32,
    pub film_scale_log2: u32,
    pub sample_clamp: f32,
    /// [`super::FILTER`].
    pub filter: String,
    /// [`super::MODE_EXACT`] or [`super::MODE_FAST`].
    pub mode: String,
    /// How the job's results were checked, as its policy is written; `none` for `render`.
    pub verify: String,
}

/// What holds for one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameFacts {
    pub frame: u32,
    /// When this was signed, by the signer's clock: seconds since 1970 UTC.
    pub signed_unix_s: u64,
    /// Tile-passes of the frame that were accepted once, found wrong and rendered anew. Of two receipts of a frame the one
    /// with more, or as many and signed later, is the newer.
    pub overturned: u64,
    /// [`crate::film::Film::digest`].
    #[serde(with = "text::shown")]
    pub film: Digest,
    /// Roots of the trees over the frame's blocks.
    #[serde(with = "text::shown")]
    pub film_tree: Digest,
    #[serde(with = "text::shown")]
    pub exr_tree: Digest,
    #[serde(with = "text::shown")]
    pub exr_half_tree: Digest,
    /// Rays of the accepted tile-passes.
    #[serde(with = "text::rays")]
    pub rays: Rays,
    /// By operator, ascending.
    pub rendered: Vec<Rendered>,
    /// By checker, ascending.
    pub checked: Vec<Checked>,
}

/// What one operator rendered of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendered {
    #[serde(with = "text::key")]
    pub operator: NodeKey,
    pub tile_passes: u64,
    #[serde(with = "text::rays")]
    pub rays: Rays,
}

/// On whose word tile-passes of a frame were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// The policy asked for no check of them.
    Nobody,
    /// The farm's own referee rendered what was drawn, or all, to the same digests.
    Referee,
    /// Another operator did.
    Operator(NodeKey),
}

/// Tile-passes that one checker found equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    #[serde(with = "text::shown")]
    pub by: Checker,
    pub tile_passes: u64,
}

/// A field's name, as the text form and messages have it, and its canonical bytes.
pub(super) type Field = (&'static str, Vec<u8>);

impl JobFacts {
    /// Facts of mode exact and this program's kernel version.
    pub fn new(origin: Origin, name: &str, package: Digest, settings: &Settings, verify: &str) -> JobFacts {
        JobFacts {
            origin,
            name: name.to_owned(),
            package,
            kernel_version: crate::KERNEL_VERSION,
            width_px: settings.grid.width_px,
            height_px: settings.grid.height_px,
            tile_px: settings.grid.tile_px,
            samples: settings.samples,
            pass_samples: settings.pass_samples,
            seed: settings.seed,
            max_bounces: settings.max_bounces,
            roulette_start: settings.roulette_start,
            film_scale_log2: settings.film_scale_log2,
            sample_clamp: settings.sample_clamp,
            filter: super::FILTER.to_owned(),
            mode: super::MODE_EXACT.to_owned(),
            verify: verify.to_owned(),
        }
    }

    /// The same of another mode.
    pub fn in_mode(self, mode: Mode) -> JobFacts {
        let mode = match mode {
            Mode::Exact => super::MODE_EXACT,
            Mode::Fast => super::MODE_FAST,
        };
        JobFacts { mode: mode.to_owned(), ..self }
    }

    pub fn grid(&self) -> Result<Grid, GridError> {
        Grid::new(self.width_px, self.height_px, self.tile_px)
    }

    /// Tile-passes of a frame.
    pub fn tile_passes(&self) -> u64 {
        let tiles = |edge: u32| u64::from(edge.div_ceil(self.tile_px.max(1)));
        let passes = self.samples.div_ceil(self.pass_samples.clamp(1, self.samples.max(1)));
        tiles(self.width_px) * tiles(self.height_px) * u64::from(passes)
    }

    /// In the order of their seals.
    pub(super) fn fields(&self) -> Vec<Field> {
        let word = |value: u32| value.to_le_bytes().to_vec();
        vec![
            ("origin", self.origin.to_string().into_bytes()),
            ("name", self.name.clone().into_bytes()),
            ("package", self.package.0.to_vec()),
            ("kernel_version", word(self.kernel_version)),
            ("width_px", word(self.width_px)),
            ("height_px", word(self.height_px)),
            ("tile_px", word(self.tile_px)),
            ("samples", word(self.samples)),
            ("pass_samples", word(self.pass_samples)),
            ("seed", word(self.seed)),
            ("max_bounces", word(self.max_bounces)),
            ("roulette_start", word(self.roulette_start)),
            ("film_scale_log2", word(self.film_scale_log2)),
            ("sample_clamp", word(self.sample_clamp.to_bits())),
            ("filter", self.filter.clone().into_bytes()),
            ("mode", self.mode.clone().into_bytes()),
            ("verify", self.verify.clone().into_bytes()),
        ]
    }

    /// Names of the fields that another job's facts have otherwise.
    pub fn differences(&self, other: &JobFacts) -> Vec<&'static str> {
        let pairs = self.fields().into_iter().zip(other.fields());
        pairs.filter(|(ours, theirs)| ours != theirs).map(|(ours, _)| ours.0).collect()
    }
}

impl FrameFacts {
    pub fn roots(&self) -> Roots {
        Roots { film: self.film_tree, exr: self.exr_tree, exr_half: self.exr_half_tree }
    }

    /// In the order of their seals.
    pub(super) fn fields(&self) -> Vec<Field> {
        let long = |value: u64| value.to_le_bytes().to_vec();
        let digest = |digest: &Digest| digest.0.to_vec();
        let mut rendered = long(self.rendered.len() as u64);
        for Rendered { operator, tile_passes, rays } in &self.rendered {
            rendered.extend(operator.0);
            rendered.extend(tile_passes.to_le_bytes());
            rendered.extend(ray_bytes(rays));
        }
        let mut checked = long(self.checked.len() as u64);
        for Checked { by, tile_passes } in &self.checked {
            match by {
                Checker::Nobody => checked.push(0),
                Checker::Referee => checked.push(1),
                Checker::Operator(key) => {
                    checked.push(2);
                    checked.extend(key.0);
                }
            }
            checked.extend(tile_passes.to_le_bytes());
        }
        vec![
            ("frame", self.frame.to_le_bytes().to_vec()),
            ("signed_unix_s", long(self.signed_unix_s)),
            ("overturned", long(self.overturned)),
            ("film", digest(&self.film)),
            ("film_tree", digest(&self.film_tree)),
            ("exr_tree", digest(&self.exr_tree)),
            ("exr_half_tree", digest(&self.exr_half_tree)),
            ("rays", ray_bytes(&self.rays)),
            ("rendered", rendered),
            ("checked", checked),
        ]
    }

    /// Fields that do not fit the others: counts of tile-passes and of rays that do not add up.
    pub(super) fn contradictions(&self, job: &JobFacts) -> Vec<&'static str> {
        let sum = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0u64, u64::saturating_add);
        let wanted = job.tile_passes();
        let kinds: [fn(&Rays) -> u64; 3] = [|rays| rays.camera, |rays| rays.bounce, |rays| rays.shadow];
        let of_rendered =
            |kind: &fn(&Rays) -> u64| sum(&mut self.rendered.iter().map(|entry| kind(&entry.rays)));
        let mut found = Vec::new();
        if sum(&mut self.rendered.iter().map(|entry| entry.tile_passes)) != wanted {
            found.push("rendered");
        }
        if sum(&mut self.checked.iter().map(|entry| entry.tile_passes)) != wanted {
            found.push("checked");
        }
        if kinds.iter().any(|kind| of_rendered(kind) != kind(&self.rays)) {
            found.push("rays");
        }
        found
    }
}

fn ray_bytes(rays: &Rays) -> Vec<u8> {
    [rays.camera, rays.bounce, rays.shadow].into_iter().flat_map(u64::to_le_bytes).collect()
}
