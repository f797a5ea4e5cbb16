//! What `tessera verify` found, in words and as JSON. Decides nothing but how it is said.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};
use tessera_shared::digest::Digest;
use tessera_shared::grid::{BLOCK_PX, BlockAt, Grid};
use tessera_shared::ids::{NodeKey, TileIndex};
use tessera_shared::receipt::{Checker, Fault, Origin, Receipt};

use crate::console;
use crate::failure::Outcome;

/// Findings that are said in words; JSON has them all.
const SAID_MAX: usize = 20;
/// Share of wrong blocks for which the chance is said that a draw misses them all.
const FORGED: f64 = 0.1;

/// One thing that is not as the receipt says.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    Receipt(Fault),
    Key {
        wanted: NodeKey,
        found: NodeKey,
    },
    /// The package says otherwise.
    Setting {
        field: &'static str,
    },
    /// A frame that was rendered again whole has another film, or took other rays.
    Fact {
        frame: u32,
        field: &'static str,
    },
    NoFrame {
        frame: u32,
    },
    BlockDigests {
        frame: u32,
        tree: TreeName,
    },
    /// An image of a frame that the receipt does not have.
    NotCovered {
        file: String,
        frame: u32,
    },
    ImageTile {
        file: String,
        frame: u32,
        tile: TileIndex,
        wrong: Vec<BlockAt>,
        of: u32,
    },
    SwappedTiles {
        file: String,
        frame: u32,
        tiles: (TileIndex, TileIndex),
    },
    /// The first of so many wrong pixels of a block.
    Pixel {
        file: String,
        frame: u32,
        at: (u32, u32),
        channel: &'static str,
        image: f32,
        here: f32,
        wrong: usize,
    },
    /// This machine renders other bits.
    Block {
        frame: u32,
        tile: TileIndex,
        at: BlockAt,
        receipt: Digest,
        here: Digest,
    },
}

/// A tree as its root's field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeName {
    Film,
    Exr,
    ExrHalf,
}

/// Blocks that were drawn at random and rendered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub seed: u64,
    pub blocks: u64,
    pub of: u64,
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub struct Report {
    pub json: bool,
    /// With whether all pixels are the receipt's.
    pub images: Vec<(PathBuf, bool)>,
    pub rendered: Option<Drawn>,
    /// Frames of the package, where it is here.
    pub frames_of_package: Option<usize>,
    pub findings: Vec<Finding>,
}

/// The tile of a block.
pub fn tile_of(grid: &Grid, at: BlockAt) -> TileIndex {
    let edge = grid.tile_px / BLOCK_PX;
    let (columns, _) = grid.tiles();
    TileIndex(u32::from(at.y) / edge * columns + u32::from(at.x) / edge)
}

pub fn hex(key: &NodeKey) -> String {
    Digest(key.0).hex()
}

impl Report {
    /// Says all of it; the outcome is whether nothing was found.
    pub fn print(&self, receipt: &Receipt) -> Outcome {
        let lines = match self.json {
            true => vec![self.json(receipt).to_string()],
            false => self.lines(receipt),
        };
        for line in lines {
            console::print(format_args!("{line}"));
        }
        if self.findings.is_empty() { Outcome::Done } else { Outcome::Negative }
    }

    fn lines(&self, receipt: &Receipt) -> Vec<String> {
        let mut lines = self.findings.iter().take(SAID_MAX).map(Finding::to_string).collect::<Vec<_>>();
        match self.findings.len() {
            0 => {}
            count => {
                if count > SAID_MAX {
                    lines.push(format!("and {} more; --json has them all", count - SAID_MAX));
                }
                lines.push("NOT verified".to_owned());
                return lines;
            }
        }
        lines.extend(claims(receipt));
        if let Some(all) = self.frames_of_package.filter(|all| *all > receipt.frames.len()) {
            lines
                .push(format!("frames: the receipt covers {} of {all} of its package", receipt.frames.len()));
        }
        lines.push(match self.images.len() {
            0 => "images: none was given, so the pixels of files were not looked at".to_owned(),
            count => format!("images: {count} compared, every pixel is as signed"),
        });
        lines.push(match self.rendered {
            Some(drawn) => drawn.sentence(),
            None => "blocks: none was rendered again".to_owned(),
        });
        lines.push("verified".to_owned());
        lines
    }

    fn json(&self, receipt: &Receipt) -> Value {
        let drawn =
            self.rendered.map(|drawn| json!({"blocks": drawn.blocks, "of": drawn.of, "draw": drawn.seed}));
        let image =
            |(path, equal): &(PathBuf, bool)| json!({"file": path.display().to_string(), "equal": equal});
        json!({
            "verified": self.findings.is_empty(),
            "signed_by": hex(&receipt.key),
            "origin": receipt.job.origin.to_string(),
            "package": receipt.job.package.to_string(),
            "kernel_version": receipt.job.kernel_version,
            "frames": receipt.frames.iter().map(|frame| frame.facts.frame).collect::<Vec<_>>(),
            "frames_of_package": self.frames_of_package,
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
            "rendered": drawn,
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        })
    }
}

impl Drawn {
    fn sentence(&self) -> String {
        let missed = (1.0 - FORGED).powf(self.blocks as f64) * 100.0;
        let chance = match self.blocks < self.of {
            true => format!("; were 10 % of all wrong, the chance to miss them is {missed:.2} %"),
            false => String::new(),
        };
        let Drawn { seed, blocks, of } = self;
        format!("blocks: {blocks} of {of} rendered again here and equal (--draw {seed}){chance}")
    }
}

/// What a receipt without fault says.
fn claims(receipt: &Receipt) -> Vec<String> {
    let job = &receipt.job;
    let whose = match job.origin {
        Origin::Render => "the machine that rendered".to_owned(),
        Origin::Farm(id) => format!("the farm that ran {id}"),
    };
    let operators: std::collections::BTreeSet<_> =
        receipt.frames.iter().flat_map(|frame| &frame.facts.rendered).map(|by| by.operator).collect();
    let (mut nobody, mut referee, mut others) = (0, 0, 0);
    for checked in receipt.frames.iter().flat_map(|frame| &frame.facts.checked) {
        match checked.by {
            Checker::Nobody => nobody += checked.tile_passes,
            Checker::Referee => referee += checked.tile_passes,
            Checker::Operator(_) => others += checked.tile_passes,
        }
    }
    vec![
        format!("signed: by {} ({whose})", hex(&receipt.key)),
        format!(
            "job: {}, {} frames of {}×{}, {} samples, kernel {}, package {}",
            job.name,
            receipt.frames.len(),
            job.width_px,
            job.height_px,
            job.samples,
            job.kernel_version,
            job.package
        ),
        format!(
            "tile-passes: operators that rendered {}; checked by other operators {others}, by the referee {referee}, by nobody {nobody}",
            operators.len()
        ),
    ]
}

impl TreeName {
    fn field(self) -> &'static str {
        match self {
            TreeName::Film => "film_tree",
            TreeName::Exr => "exr_tree",
            TreeName::ExrHalf => "exr_half_tree",
        }
    }
}

impl Finding {
    fn json(&self) -> Value {
        let mut value = match self {
            Finding::Receipt(Fault::JobField { field }) => json!({"kind": "field", "field": field}),
            Finding::Receipt(Fault::Field { frame, field }) => {
                json!({"kind": "field", "frame": frame, "field": field})
            }
            Finding::Receipt(Fault::Signature { frame }) => json!({"kind": "signature", "frame": frame}),
            Finding::Receipt(Fault::Contradiction { frame, field }) => {
                json!({"kind": "contradiction", "frame": frame, "field": field})
            }
            Finding::Key { .. } => json!({"kind": "key"}),
            Finding::Setting { field } => json!({"kind": "setting", "field": field}),
            Finding::Fact { frame, field } => json!({"kind": "fact", "frame": frame, "field": field}),
            Finding::NoFrame { frame } => json!({"kind": "no frame", "frame": frame}),
            Finding::BlockDigests { frame, tree } => {
                json!({"kind": "block digests", "frame": frame, "field": tree.field()})
            }
            Finding::NotCovered { file, frame } => {
                json!({"kind": "not covered", "file": file, "frame": frame})
            }
            Finding::ImageTile { file, frame, tile, wrong, .. } => {
                let wrong: Vec<_> = wrong.iter().map(|at| [at.x, at.y]).collect();
                json!({"kind": "tile", "file": file, "frame": frame, "tile": tile.0, "blocks": wrong})
            }
            Finding::SwappedTiles { file, frame, tiles } => {
                json!({"kind": "swapped tiles", "file": file, "frame": frame, "tiles": [tiles.0.0, tiles.1.0]})
            }
            Finding::Pixel { file, frame, at, channel, image, here, wrong } => json!({
                "kind": "pixel", "file": file, "frame": frame, "pixel": [at.0, at.1], "channel": channel,
                "image": image, "here": here, "wrong": wrong,
            }),
            Finding::Block { frame, tile, at, receipt, here } => json!({
                "kind": "block", "frame": frame, "tile": tile.0, "block": [at.x, at.y],
                "receipt": receipt.to_string(), "here": here.to_string(),
            }),
        };
        value["sentence"] = self.to_string().into();
        value
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Receipt(fault) => write!(f, "receipt: {fault}"),
            Finding::Key { wanted, found } => {
                write!(f, "receipt: signed by {}, and not by {}", hex(found), hex(wanted))
            }
            Finding::Setting { field } => {
                write!(f, "receipt: the field `{field}` of the job is not what its package says")
            }
            Finding::Fact { frame, field } => {
                write!(f, "frame {frame}: the field `{field}` is not what this machine renders")
            }
            Finding::NoFrame { frame } => write!(f, "receipt: its package has no frame {frame}"),
            Finding::BlockDigests { frame, tree } => {
                write!(f, "frame {frame}: the digests beside the receipt are not those of `{}`", tree.field())
            }
            Finding::NotCovered { file, frame } => {
                write!(f, "{file}: it is of frame {frame}, which the receipt does not have")
            }
            Finding::ImageTile { file, frame, tile, wrong, of } => {
                let first = wrong.first().map_or((0, 0), |at| (at.x, at.y));
                let count = wrong.len();
                write!(
                    f,
                    "{file}: frame {frame}, tile {}: {count} of {of} blocks are not as signed, ",
                    tile.0
                )?;
                write!(f, "the first is block ({}, {})", first.0, first.1)
            }
            Finding::SwappedTiles { file, frame, tiles: (a, b) } => {
                write!(f, "{file}: frame {frame}: tiles {} and {} have changed places", a.0, b.0)
            }
            Finding::Pixel { file, frame, at: (x, y), channel, image, here, wrong } => {
                write!(
                    f,
                    "{file}: frame {frame}, pixel ({x}, {y}): {channel} is {image} and renders to {here}"
                )?;
                match wrong {
                    1 => Ok(()),
                    _ => write!(f, "; {wrong} pixels of its block differ"),
                }
            }
            Finding::Block { frame, tile, at, receipt, here } => write!(
                f,
                "frame {frame}, tile {}, block ({}, {}): the receipt says {receipt}, this machine renders {here}",
                tile.0, at.x, at.y
            ),
        }
    }
}
