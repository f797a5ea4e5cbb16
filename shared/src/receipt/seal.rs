//! What a signature covers: each field of a receipt has a seal, its digest; a statement is the roots of the trees over a job's
//! and a frame's seals. So who changes a field is found out, and the field is named. Knows no signature scheme.

use std::collections::BTreeSet;

use super::facts::{Field, FrameFacts, JobFacts};
use super::merkle::{Tree, TreeOf};
use crate::digest::Digest;
use crate::ids::NodeKey;

const FIELD: &[u8] = b"tessera receipt 1 field\0";
const STATEMENT: &[u8] = b"tessera receipt 1\0";

/// A signed statement about the frames of a job, each signed by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The ed25519 key that signed.
    pub key: NodeKey,
    pub job: JobFacts,
    /// A digest a field of `job`.
    pub job_seals: Vec<Digest>,
    /// Ascending by number, no number twice.
    pub frames: Vec<SignedFrame>,
}

/// A frame's facts with what makes them a proof.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedFrame {
    pub facts: FrameFacts,
    /// A digest a field of `facts`.
    pub seals: Vec<Digest>,
    /// Of the [`Statement`], by ed25519.
    pub signature: [u8; 64],
}

/// The bytes that are signed for one frame: a name, the root over the job's seals, the root over the frame's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement(pub Vec<u8>);

/// What is wrong with a receipt in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the field `{field}` of the job is not what was signed")]
    JobField { field: &'static str },
    #[error("frame {frame}: the field `{field}` is not what was signed")]
    Field { frame: u32, field: &'static str },
    #[error(
        "frame {frame}: the signature is not this key's, or what it signs was changed together with its seals"
    )]
    Signature { frame: u32 },
    #[error("frame {frame}: the field `{field}` does not add up with the others")]
    Contradiction { frame: u32, field: &'static str },
}

impl Receipt {
    /// A receipt of one frame.
    pub fn sign(
        key: NodeKey,
        job: JobFacts,
        facts: FrameFacts,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Receipt {
        let (job_seals, seals) = (seals(&job.fields()), seals(&facts.fields()));
        let signature = sign(&Statement::of(&job_seals, &seals).0);
        Receipt { key, job, job_seals, frames: vec![SignedFrame { facts, seals, signature }] }
    }

    /// Takes another receipt's frames, in the place of its own of the same number. False, and nothing taken, where it is of
    /// another job or key.
    pub fn merge(&mut self, other: Receipt) -> bool {
        let alike = self.key == other.key && self.job == other.job && self.job_seals == other.job_seals;
        if alike {
            let taken: BTreeSet<u32> = other.frames.iter().map(|frame| frame.facts.frame).collect();
            self.frames.retain(|frame| !taken.contains(&frame.facts.frame));
            self.frames.extend(other.frames);
            self.frames.sort_by_key(|frame| frame.facts.frame);
        }
        alike
    }

    /// Everything that is wrong with the receipt in itself; `verify` tells whether a signature of bytes is the key's.
    pub fn faults(&self, verify: impl Fn(&NodeKey, &[u8], &[u8; 64]) -> bool) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend(broken(&self.job.fields(), &self.job_seals).map(|field| Fault::JobField { field }));
        for SignedFrame { facts, seals, signature } in &self.frames {
            let frame = facts.frame;
            let before = faults.len();
            faults.extend(broken(&facts.fields(), seals).map(|field| Fault::Field { frame, field }));
            if !verify(&self.key, &Statement::of(&self.job_seals, seals).0, signature) {
                faults.push(Fault::Signature { frame });
            }
            if faults.len() == before {
                let contradictions = facts.contradictions(&self.job).into_iter();
                faults.extend(contradictions.map(|field| Fault::Contradiction { frame, field }));
            }
        }
        faults
    }
}

impl Statement {
    fn of(job: &[Digest], frame: &[Digest]) -> Statement {
        let (job, frame) = (Tree::new(TreeOf::Job, job).root(), Tree::new(TreeOf::Frame, frame).root());
        Statement([STATEMENT, &job.0, &frame.0].concat())
    }
}

fn seal((name, bytes): &Field) -> Digest {
    let lengths = [name.len() as u64, bytes.len() as u64].map(u64::to_le_bytes);
    Digest::of_parts([FIELD, &lengths[0], name.as_bytes(), &lengths[1], bytes])
}

fn seals(fields: &[Field]) -> Vec<Digest> {
    fields.iter().map(seal).collect()
}

/// Names of the fields whose seals are of other bytes.
fn broken(fields: &[Field], seals: &[Digest]) -> impl Iterator<Item = &'static str> {
    let pairs = fields.iter().zip(seals);
    pairs.filter(|(field, sealed)| seal(field) != **sealed).map(|(field, _)| field.0)
}
