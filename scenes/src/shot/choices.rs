//! The values of a shot's keys that are words: filters, outputs, light units and verification policies.

use std::fmt;
use std::str::FromStr;

use tessera_shared::messages::Mode;

/// The word is none of the key's.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("`{found}` is not one of {expected}")]
pub struct ParseChoiceError {
    found: String,
    expected: &'static str,
}

fn unknown<T>(found: &str, expected: &'static str) -> Result<T, ParseChoiceError> {
    Err(ParseChoiceError { found: found.chars().take(40).collect(), expected })
}

/// The pixel filter. There is one so far: a box of one pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    Box,
}

impl FromStr for Filter {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Filter, ParseChoiceError> {
        if text == "box" {
            Ok(Filter::Box)
        } else {
            unknown(text, "`box`; other filters are not rendered yet")
        }
    }
}

/// A file that each frame is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// OpenEXR, 32-bit floats.
    Exr,
    /// OpenEXR, 16-bit floats.
    ExrHalf,
    /// PNG: exposure and the sRGB transfer.
    Png,
}

impl FromStr for Output {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Output, ParseChoiceError> {
        match text {
            "exr" => Ok(Output::Exr),
            "exr-half" => Ok(Output::ExrHalf),
            "png" => Ok(Output::Png),
            _ => unknown(text, "`exr`, `exr-half`, `png`"),
        }
    }
}

/// What the intensities of punctual lamps mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LightUnits {
    /// Divided by 683, as Blender's importer does.
    #[default]
    Blender,
    /// Taken as watts.
    Radiometric,
}

impl FromStr for LightUnits {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<LightUnits, ParseChoiceError> {
        match text {
            "blender" => Ok(LightUnits::Blender),
            "radiometric" => Ok(LightUnits::Radiometric),
            _ => unknown(text, "`blender`, `radiometric`"),
        }
    }
}

/// `exact` or `fast`.
pub(super) fn parse_mode(text: &str) -> Result<Mode, ParseChoiceError> {
    match text {
        "exact" => Ok(Mode::Exact),
        "fast" => Ok(Mode::Fast),
        _ => unknown(text, "`exact`, `fast`"),
    }
}

/// How results are checked (DESIGN §2). The farm decides what each costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Verify {
    None,
    /// One block a tile.
    #[default]
    Spot,
    /// So many blocks a tile, at least 1.
    Blocks(u32),
    /// Everything twice.
    Double,
    /// As many checks as this probability of catching a forger needs, above 0 and below 1.
    Confidence(f64),
}

impl FromStr for Verify {
    type Err = ParseChoiceError;
    fn from_str(text: &str) -> Result<Verify, ParseChoiceError> {
        let expected =
            "`none`, `spot`, `blocks=N` with N from 1, `double`, `confidence=P` with P between 0 and 1";
        match (text, text.split_once('=')) {
            ("none", _) => Ok(Verify::None),
            ("spot", _) => Ok(Verify::Spot),
            ("double", _) => Ok(Verify::Double),
            (_, Some(("blocks", n))) => match n.parse() {
                Ok(n) if n >= 1 => Ok(Verify::Blocks(n)),
                _ => unknown(text, expected),
            },
            (_, Some(("confidence", p))) => match p.parse() {
                Ok(p) if p > 0.0 && p < 1.0 => Ok(Verify::Confidence(p)),
                _ => unknown(text, expected),
            },
            _ => unknown(text, expected),
        }
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verify::None => f.write_str("none"),
            Verify::Spot => f.write_str("spot"),
            Verify::Blocks(n) => write!(f, "blocks={n}"),
            Verify::Double => f.write_str("double"),
            Verify::Confidence(p) => write!(f, "confidence={p}"),
        }
    }
}
