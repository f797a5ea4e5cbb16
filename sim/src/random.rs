//! The simulation's only source of chance: SplitMix64 (Steele, Lea, Flood 2014).

/// A generator; equal seeds give equal streams.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// SplitMix64's output function: a bijection that scatters its input.
pub fn scatter(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(scatter(seed ^ 0x5eed))
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    /// A number in `start..end`; `start` if the range is empty.
    pub fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.word() % end.saturating_sub(start).max(1)
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, chances: u64) -> bool {
        self.word() % 1000 < chances
    }

    pub fn secret(&mut self) -> [u8; 32] {
        let mut secret = [0; 32];
        secret.chunks_exact_mut(8).for_each(|bytes| bytes.copy_from_slice(&self.word().to_le_bytes()));
        secret
    }
}
