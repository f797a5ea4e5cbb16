//! The text form of a receipt, JSON that people can read, and its bounded reader. The canonical bytes that are signed do not
//! depend on how the text is laid out. Knows no file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::facts::{Checker, FrameFacts, JobFacts, Origin};
use super::seal::{Receipt, SignedFrame};
use super::{FILTER, MODE_EXACT, MODE_FAST, RECEIPT_VERSION};
use crate::digest::Digest;
use crate::grid::GridError;
use crate::ids::{JobId, NodeKey};
use crate::package::manifest::{FRAMES_MAX, SAMPLES_MAX};

/// Largest text that is read.
pub const RECEIPT_BYTES_MAX: u64 = 256 << 20;
/// Largest scale of a film, as packages are held to.
const FILM_SCALE_LOG2_MAX: u32 = 40;

/// The text is not a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ParseReceiptError {
    #[error("a receipt of {0} bytes; at most {RECEIPT_BYTES_MAX} are read")]
    TooLarge(u64),
    #[error("it is no receipt: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "a receipt of version {0}; this program reads version {RECEIPT_VERSION}: use a tessera that wrote it, or a later one"
    )]
    Version(u32),
    #[error("{0} frames; a receipt has 1 to {FRAMES_MAX}")]
    Frames(usize),
    #[error("frame {0} follows frame {1}; the frames of a receipt ascend")]
    Order(u32, u32),
    #[error("{found} seals for the {fields} fields of {of}")]
    Seals { of: String, found: usize, fields: usize },
    #[error(transparent)]
    Grid(#[from] GridError),
    #[error("the field `{field}` is {value}; {range}")]
    Range { field: &'static str, value: String, range: &'static str },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    tessera_receipt: u32,
    #[serde(with = "key")]
    signed_by: NodeKey,
    job: JobFacts,
    job_seals: Seals,
    frames: Vec<FrameText>,
}

/// Digests as hex, the text's bulk.
#[derive(Serialize, Deserialize)]
struct Seals(Vec<Hex<32>>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrameText {
    facts: FrameFacts,
    seals: Seals,
    signature: Hex<64>,
}

/// Reads the version alone, so that a newer receipt is refused for that and not for a field that is new.
#[derive(Deserialize)]
struct VersionText {
    tessera_receipt: u32,
}

impl Receipt {
    /// Indented JSON with a last line's end.
    pub fn to_text(&self) -> String {
        let seals = |seals: &[Digest]| Seals(seals.iter().map(|seal| Hex(seal.0)).collect());
        let frame = |frame: &SignedFrame| FrameText {
            facts: frame.facts.clone(),
            seals: seals(&frame.seals),
            signature: Hex(frame.signature),
        };
        let text = Text {
            tessera_receipt: RECEIPT_VERSION,
            signed_by: self.key,
            job: self.job.clone(),
            job_seals: seals(&self.job_seals),
            frames: self.frames.iter().map(frame).collect(),
        };
        let mut text =
            serde_json::to_string_pretty(&text).expect("a receipt has no map whose keys are no text");
        text.push('\n');
        text
    }

    /// Reads a receipt. Memory stays within a small multiple of the text's length. Seals and signatures still need checking.
    pub fn from_text(text: &[u8]) -> Result<Receipt, ParseReceiptError> {
        if text.len() as u64 > RECEIPT_BYTES_MAX {
            return Err(ParseReceiptError::TooLarge(text.len() as u64));
        }
        match serde_json::from_slice::<VersionText>(text)?.tessera_receipt {
            RECEIPT_VERSION => {}
            other => return Err(ParseReceiptError::Version(other)),
        }
        let text: Text = serde_json::from_slice(text)?;
        let seals = |seals: Seals| seals.0.into_iter().map(|seal| Digest(seal.0)).collect();
        let frame = |frame: FrameText| SignedFrame {
            facts: frame.facts,
            seals: seals(frame.seals),
            signature: frame.signature.0,
        };
        let receipt = Receipt {
            key: text.signed_by,
            job: text.job,
            job_seals: seals(text.job_seals),
            frames: text.frames.into_iter().map(frame).collect(),
        };
        receipt.check()?;
        Ok(receipt)
    }

    /// What arithmetic on the facts relies on.
    fn check(&self) -> Result<(), ParseReceiptError> {
        if !(1..=FRAMES_MAX).contains(&self.frames.len()) {
            return Err(ParseReceiptError::Frames(self.frames.len()));
        }
        let numbers = || self.frames.iter().map(|frame| frame.facts.frame);
        if let Some((before, after)) =
            numbers().zip(numbers().skip(1)).find(|(before, after)| before >= after)
        {
            return Err(ParseReceiptError::Order(after, before));
        }
        let count = |of: &dyn Fn() -> String, found: usize, fields: usize| match found == fields {
            true => Ok(()),
            false => Err(ParseReceiptError::Seals { of: of(), found, fields }),
        };
        count(&|| "the job".to_owned(), self.job_seals.len(), self.job.fields().len())?;
        for frame in &self.frames {
            let of = || format!("frame {}", frame.facts.frame);
            count(&of, frame.seals.len(), frame.facts.fields().len())?;
        }
        let job = &self.job;
        job.grid()?;
        let within =
            |field, value: u32, range: std::ops::RangeInclusive<u32>, said| match range.contains(&value) {
                true => Ok(()),
                false => Err(ParseReceiptError::Range { field, value: value.to_string(), range: said }),
            };
        within("samples", job.samples, 1..=SAMPLES_MAX, "it must be 1 to 1048576")?;
        within("pass_samples", job.pass_samples, 1..=SAMPLES_MAX, "it must be 1 to 1048576")?;
        within("film_scale_log2", job.film_scale_log2, 0..=FILM_SCALE_LOG2_MAX, "it must be 0 to 40")?;
        let known = |field, text: &str, words: &[&str], range| match words.contains(&text) {
            true => Ok(()),
            false => Err(ParseReceiptError::Range { field, value: text.chars().take(80).collect(), range }),
        };
        known("filter", &job.filter, &[FILTER], "it must be `box`")?;
        known("mode", &job.mode, &[MODE_EXACT, MODE_FAST], "it must be `exact` or `fast`")
    }
}

/// So many bytes as lower-case hex.
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex<N>, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        hex(&text)
            .map(Hex)
            .ok_or_else(|| serde::de::Error::custom(format!("{} hex digits are wanted", 2 * N)))
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// A key whole, as 64 hex digits.
pub(super) mod key {
    use super::*;

    pub fn serialize<S: Serializer>(key: &NodeKey, serializer: S) -> Result<S::Ok, S::Error> {
        Hex(key.0).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NodeKey, D::Error> {
        Hex::deserialize(deserializer).map(|Hex(key)| NodeKey(key))
    }
}

/// What displays as it parses.
pub(super) mod shown {
    use super::*;

    pub fn serialize<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Rays by kind.
pub(super) mod rays {
    use super::*;
    use crate::film::Rays;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Text {
        camera: u64,
        bounce: u64,
        shadow: u64,
    }

    pub fn serialize<S: Serializer>(rays: &Rays, serializer: S) -> Result<S::Ok, S::Error> {
        let Rays { camera, bounce, shadow } = *rays;
        Text { camera, bounce, shadow }.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rays, D::Error> {
        let Text { camera, bounce, shadow } = Text::deserialize(deserializer)?;
        Ok(Rays { camera, bounce, shadow })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Render => f.write_str("render"),
            Origin::Farm(job) => write!(f, "farm {job}"),
        }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let job = text.strip_prefix("farm j").and_then(|digits| digits.parse().ok());
        match (text, job) {
            ("render", _) => Ok(Origin::Render),
            (_, Some(job)) => Ok(Origin::Farm(JobId(job))),
            _ => Err("an origin is `render` or `farm` and a job's id such as j7".to_owned()),
        }
    }
}

impl fmt::Display for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Checker::Nobody => f.write_str("nobody"),
            Checker::Referee => f.write_str("referee"),
            Checker::Operator(key) => write!(f, "operator {}", data_encoding::HEXLOWER.encode(&key.0)),
        }
    }
}

impl FromStr for Checker {
    type Err = String;

    fn from_str(text: &str) -> Result<Checker, String> {
        match (text, text.strip_prefix("operator ").and_then(hex)) {
            ("nobody", _) => Ok(Checker::Nobody),
            ("referee", _) => Ok(Checker::Referee),
            (_, Some(key)) => Ok(Checker::Operator(NodeKey(key))),
            _ => Err("a checker is `nobody`, `referee` or `operator` and 64 hex digits".to_owned()),
        }
    }
}
