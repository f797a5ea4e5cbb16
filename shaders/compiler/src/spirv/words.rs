//! Reading SPIR-V words as instructions. Knows the physical layout (SPIR-V §2.3) and no instruction's meaning.

/// Words before the first instruction: magic, version, generator, bound, schema.
pub const HEADER_WORDS: usize = 5;

/// One instruction of a module.
#[derive(Clone, Copy, Debug)]
pub struct Instruction<'a> {
    /// Index of its first word in the module.
    pub at: usize,
    /// Opcode number.
    pub opcode: u16,
    /// Words after the first.
    pub operands: &'a [u32],
}

/// Why words are no SPIR-V module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The header is missing or not of this byte order.
    #[error("the words do not begin with a SPIR-V header in this byte order")]
    Header,
    /// An instruction of no words, or one that runs past the end.
    #[error("the instruction at word {0} has a length of {1} words, which does not fit")]
    Length(usize, usize),
}

/// Splits a module into its instructions.
pub fn instructions(words: &[u32]) -> Result<Vec<Instruction<'_>>, Malformed> {
    if words.len() < HEADER_WORDS || words[0] != spirv::MAGIC_NUMBER {
        return Err(Malformed::Header);
    }
    let mut out = Vec::new();
    let mut at = HEADER_WORDS;
    while at < words.len() {
        let length = (words[at] >> 16) as usize;
        if length == 0 || at + length > words.len() {
            return Err(Malformed::Length(at, length));
        }
        let opcode = (words[at] & 0xffff) as u16;
        out.push(Instruction { at, opcode, operands: &words[at + 1..at + length] });
        at += length;
    }
    Ok(out)
}

/// The first word of an instruction of `length` words in all.
pub fn head(op: spirv::Op, length: usize) -> u32 {
    (length as u32) << 16 | op as u32
}

/// The nul-terminated string at the start of `words`, and how many words it takes.
pub fn string(words: &[u32]) -> (String, usize) {
    let mut bytes = Vec::new();
    for (index, word) in words.iter().enumerate() {
        for byte in word.to_le_bytes() {
            if byte == 0 {
                return (String::from_utf8_lossy(&bytes).into_owned(), index + 1);
            }
            bytes.push(byte);
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), words.len())
}
