//! Choices that can be made again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (SplitMix64): good enough to choose moments, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// `$REPRISE_SEED`, or a new one.
    pub fn seed() -> u64 {
        let given = std::env::var("REPRISE_SEED").ok().and_then(|text| text.parse().ok());
        given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64)
    }

    /// The dice of one of several who throw.
    pub fn of(seed: u64, number: u64) -> Self {
        Self(seed ^ number.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }
}
