//! What stands against an operator, in terms that anybody can recheck, and as sentences for people. Judges nothing.

use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId, NodeKey};
use tessera_shared::lease::{BlockPass, TilePass};

/// Why an operator is out.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Evidence {
    /// The pixels that arrived were not those it had committed to.
    PixelsUnlikeCommit { job: JobId, lease: LeaseId, pass: TilePass },
    /// The referee found other digests for the blocks.
    WrongPixels { job: JobId, lease: LeaseId, recipe: Recipe, blocks: Vec<WrongBlock>, judge: Judge },
    /// It checked blocks and the referee found other digests for them.
    WrongCheck { job: JobId, lease: LeaseId, recipe: Recipe, blocks: Vec<WrongBlock>, judge: Judge },
    /// The referee rendered the whole tile-pass and found other digests; [`crate::tile_root`] stands for them. `other` is the
    /// root of the delivery that was contradicted or that contradicted it.
    WrongTile {
        job: JobId,
        lease: LeaseId,
        recipe: Recipe,
        pass: TilePass,
        said: Digest,
        other: Digest,
        referee: Digest,
        judge: Judge,
    },
    /// It was asked for blocks whose digests were known for certain, and said others.
    WrongKnown { job: JobId, lease: LeaseId, recipe: Recipe, blocks: Vec<WrongBlock>, judge: Judge },
    /// None: the farm's wrangler wants it out, for this reason.
    Ordered { reason: String },
}

/// Who refereed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Judge {
    /// The scheduler's own CPU.
    Scheduler,
    /// A worker of this operator, which the farm's owner trusted then.
    Trusted(NodeKey),
}

/// What fixes a block's bits besides its place: whoever has the package and a kernel of that version can render it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Recipe {
    /// Digest of the manifest.
    pub package: Digest,
    pub kernel_version: u32,
}

/// A block for which an operator and the referee differ.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WrongBlock {
    pub block: BlockPass,
    pub said: Digest,
    /// What the other side said: its checker of a renderer, its renderer of a checker. None where the referee alone checked,
    /// and of a known block.
    pub other: Option<Digest>,
    /// What the referee found, now or when the block became known.
    pub referee: Digest,
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Evidence::Ordered { reason } => write!(f, "by order of the farm's wrangler: {reason}"),
            Evidence::PixelsUnlikeCommit { job, lease, pass } => write!(
                f,
                "{job}, {lease}: the pixels of tile {} of frame {} are not those it committed to",
                pass.tile.0, pass.frame.0
            ),
            Evidence::WrongPixels { job, lease, recipe, blocks, judge } => {
                write!(f, "{job}, {lease}: it rendered blocks of {recipe} wrongly")?;
                describe(f, ["it rendered", "a checker"], blocks, judge)
            }
            Evidence::WrongCheck { job, lease, recipe, blocks, judge } => {
                write!(f, "{job}, {lease}: it checked blocks of {recipe} wrongly")?;
                describe(f, ["it said", "who rendered it"], blocks, judge)
            }
            Evidence::WrongKnown { job, lease, recipe, blocks, judge } => {
                write!(f, "{job}, {lease}: it was wrong about known blocks of {recipe}")?;
                describe(f, ["it said", "the other side"], blocks, judge)
            }
            Evidence::WrongTile { job, lease, recipe, pass, said, other, referee, judge } => write!(
                f,
                "{job}, {lease}: it rendered tile {} of frame {}, samples {}..{}, of {recipe} wrongly; roots over the \
                 tile's blocks: its own {said}, another delivery's {other}, that of {judge} {referee}",
                pass.tile.0, pass.frame.0, pass.sample_start, pass.sample_end
            ),
        }
    }
}

impl std::fmt::Display for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Judge::Scheduler => f.write_str("the referee"),
            Judge::Trusted(operator) => write!(f, "the trusted operator {operator}"),
        }
    }
}

impl std::fmt::Display for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "package {} under kernel {}", self.package, self.kernel_version)
    }
}

/// Blocks that a message names; the records keep all.
const BLOCKS_NAMED: usize = 2;

/// Names the blocks and what each side said of them: `who` the wrong one, `other` the other one.
fn describe(
    f: &mut std::fmt::Formatter<'_>,
    [who, other]: [&str; 2],
    blocks: &[WrongBlock],
    judge: &Judge,
) -> std::fmt::Result {
    for wrong in blocks.iter().take(BLOCKS_NAMED) {
        let (at, frame) = (wrong.block.block, wrong.block.frame.0);
        let (start, end) = (wrong.block.sample_start, wrong.block.sample_end);
        write!(f, "; block ({}, {}) of frame {frame}, samples {start}..{end}: ", at.x, at.y)?;
        write!(f, "{who} {}", wrong.said)?;
        if let Some(digest) = wrong.other {
            write!(f, ", {other} {digest}")?;
        }
        write!(f, ", {judge} {}", wrong.referee)?;
    }
    match blocks.len().saturating_sub(BLOCKS_NAMED) {
        0 => Ok(()),
        more => write!(f, "; and {more} more"),
    }
}
