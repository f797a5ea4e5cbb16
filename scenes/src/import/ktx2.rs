//! KTX 2.0 images with Basis Universal payloads, as `KHR_texture_basisu` allows them: the container is checked here, the
//! largest level transcoded to bytes by the crate `basisu`.

use basisu::{DecodeFlags, TargetFormat, Transcoder};

/// The first twelve bytes of every KTX 2.0 file.
pub const IDENTIFIER: [u8; 12] = *b"\xABKTX 20\xBB\r\n\x1A\n";

/// Khronos Data Format colour models.
const MODEL_ETC1S: u32 = 163;
const MODEL_UASTC: u32 = 166;
/// Supercompression schemes.
const SCHEME_NONE: u32 = 0;
const SCHEME_BASIS_LZ: u32 = 1;
const SCHEME_ZSTANDARD: u32 = 2;
/// Levels of the largest image that is read.
const LEVELS_MAX: u32 = 16;

/// A container whose header has been checked: every offset lies in the file.
pub struct Container<'a> {
    bytes: &'a [u8],
    pub width: u32,
    pub height: u32,
}

impl<'a> Container<'a> {
    /// Checks the header, the level index and the data format (KTX 2.0 §3; `KHR_texture_basisu`).
    pub fn parse(bytes: &'a [u8]) -> Result<Container<'a>, String> {
        let word = |at: usize| {
            let word = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
            word.map(u32::from_le_bytes).ok_or_else(|| "it is truncated".to_owned())
        };
        let long = |at: usize| Ok::<u64, String>(u64::from(word(at)?) | u64::from(word(at + 4)?) << 32);
        let within = |what: &str, start: u64, length: u64| match start.checked_add(length) {
            Some(end) if end <= bytes.len() as u64 => Ok(()),
            _ => Err(format!("its {what} ends beyond the file")),
        };
        if word(12)? != 0 {
            return Err(format!("it holds the Vulkan format {}; Basis Universal is read", word(12)?));
        }
        let (width, height, levels, scheme) = (word(20)?, word(24)?, word(40)?, word(44)?);
        if (word(28)?, word(36)?) != (0, 1) || word(32)? > 1 {
            return Err("it is an array, a cube or a volume; single pictures are read".into());
        }
        if !(1..=LEVELS_MAX).contains(&levels) {
            return Err(format!("it has {levels} levels; 1 to {LEVELS_MAX} are read"));
        }
        for level in 0..levels as usize {
            within("level", long(80 + level * 24)?, long(88 + level * 24)?)?;
        }
        let descriptor = u64::from(word(48)?);
        within("data format descriptor", descriptor, u64::from(word(52)?))?;
        within("global data", long(64)?, long(72)?)?;
        let model = word(descriptor as usize + 12)? & 255;
        let blocks = u64::from(width).div_ceil(4) * u64::from(height).div_ceil(4);
        match (model, scheme) {
            (MODEL_ETC1S, SCHEME_BASIS_LZ) => {}
            (MODEL_UASTC, SCHEME_NONE | SCHEME_ZSTANDARD) => {
                let decompressed = if scheme == SCHEME_NONE { long(88)? } else { long(96)? };
                if blocks.checked_mul(16) != Some(decompressed) {
                    return Err(format!("its level has {decompressed} bytes for {blocks} blocks of 16"));
                }
            }
            _ => {
                return Err(format!(
                    "it has the colour model {model} with supercompression {scheme}; ETC1S with BasisLZ, and UASTC plain or with Zstandard are read"
                ));
            }
        }
        Ok(Container { bytes, width, height })
    }

    /// The largest level as red, green, blue and alpha bytes.
    pub fn rgba(&self) -> Result<Vec<u8>, String> {
        // Keys and values say nothing that a picture needs, so the transcoder is not shown them.
        let mut bytes = self.bytes.to_vec();
        bytes[56..64].fill(0);
        // The transcoder adds and indexes by what broken codebooks say, unchecked: where it panics, the picture is refused.
        let transcoded = std::panic::catch_unwind(|| {
            let transcoder = Transcoder::new(&bytes).map_err(|error| format!("{error:?}"))?;
            let rgba = transcoder.transcode(0, TargetFormat::Rgba32, DecodeFlags::NONE);
            rgba.map_err(|error| format!("its pixels do not transcode: {error:?}"))
        });
        transcoded.unwrap_or_else(|_| Err("its pixels do not transcode: its codebooks are broken".into()))
    }
}
