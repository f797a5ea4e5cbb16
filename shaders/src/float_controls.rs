//! Asks a driver for the float behaviour that the exact subset assumes (SPV_KHR_float_controls), on words that the gate
//! has passed. Knows no device: the caller says what its driver has.

const HEADER_WORDS: usize = 5;
const OP_EXTENSION: u32 = 10;
const OP_EXT_INST_IMPORT: u32 = 11;
const OP_MEMORY_MODEL: u32 = 14;
const OP_ENTRY_POINT: u32 = 15;
const OP_EXECUTION_MODE: u32 = 16;
const OP_CAPABILITY: u32 = 17;
/// `SignedZeroInfNanPreserve`: capability and execution mode.
const PRESERVE: (u32, u32) = (4466, 4461);
/// `RoundingModeRTE`: capability and execution mode.
const ROUND_TO_EVEN: (u32, u32) = (4467, 4462);

/// What `VkPhysicalDeviceFloatControlsProperties` promises for 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloatControls {
    /// `shaderRoundingModeRTEFloat32`: results are rounded to nearest, ties to even.
    pub rounding_mode_rte: bool,
    /// `shaderSignedZeroInfNanPreserveFloat32`: −0, Inf and NaN come out as IEEE 754 says.
    pub signed_zero_inf_nan_preserve: bool,
}

/// The module with the execution modes of `controls` on its entry point; as it is where there are none.
///
/// # Panics
/// If `words` are no module of one entry point, which modules of this crate are.
pub fn request(words: &[u32], controls: FloatControls) -> Vec<u32> {
    let mut wanted = Vec::new();
    if controls.rounding_mode_rte {
        wanted.push(ROUND_TO_EVEN);
    }
    if controls.signed_zero_inf_nan_preserve {
        wanted.push(PRESERVE);
    }
    if wanted.is_empty() {
        return words.to_vec();
    }
    let mut out = words[..HEADER_WORDS].to_vec();
    let (mut extended, mut moded) = (false, false);
    let mut entry = None;
    let mut at = HEADER_WORDS;
    while at < words.len() {
        let (length, opcode) = ((words[at] >> 16) as usize, words[at] & 0xffff);
        if !extended && matches!(opcode, OP_EXT_INST_IMPORT | OP_MEMORY_MODEL | OP_EXTENSION) {
            extended = true;
            for &(capability, _) in &wanted {
                out.extend([2 << 16 | OP_CAPABILITY, capability]);
            }
            out.extend(extension("SPV_KHR_float_controls"));
        }
        if opcode == OP_ENTRY_POINT {
            entry = Some(words[at + 2]);
        }
        if let Some(entry) = entry.filter(|_| !moded && opcode == OP_EXECUTION_MODE) {
            moded = true;
            for &(_, mode) in &wanted {
                out.extend([4 << 16 | OP_EXECUTION_MODE, entry, mode, 32]);
            }
        }
        out.extend_from_slice(&words[at..at + length]);
        at += length;
    }
    assert!(extended && moded, "a compute module has a memory model and a workgroup size");
    out
}

/// `OpExtension name`.
fn extension(name: &str) -> Vec<u32> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(name.len() / 4 * 4 + 4, 0);
    let text =
        bytes.chunks_exact(4).map(|chunk| u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    std::iter::once((1 + bytes.len() as u32 / 4) << 16 | OP_EXTENSION).chain(text).collect()
}
