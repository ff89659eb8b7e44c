//! Random numbers for choices that only have to be fair: steal victims, the order of select arms.
//!
//! Eight bytes of state, one multiplication a number, not for secrets. The generator is wyrand, by
//! Wang Yi (public domain, `wyhash.h`, final version 4); the reduction to a range is the
//! multiply-shift of Lemire, "Fast random integer generation in an interval" (2019), without its
//! rejection step: the bias is below `n / 2^32`, which no scheduling decision can notice, and a
//! division costs more than the number itself.

/// A generator; owned by one thread or one P at a time.
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    /// Starts a sequence; every seed is a good one.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the next 64 random bits.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x2d35_8dcc_aa6c_78a5);
        let product = u128::from(self.state) * u128::from(self.state ^ 0x8bb8_4b93_962e_acc9);
        (product >> 64) as u64 ^ product as u64
    }

    /// Returns a number below `n`, or 0 if `n` is 0.
    #[inline]
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        (((self.next() >> 32) * u64::from(n)) >> 32) as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Rng;

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::new(0);
        for n in [1, 2, 3, 61, 256, u32::MAX] {
            for _ in 0..1_000 {
                assert!(rng.below(n) < n);
            }
        }
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn every_residue_comes_about_equally_often() {
        let mut rng = Rng::new(42);
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[rng.below(6) as usize] += 1;
        }
        for count in seen {
            assert!((9_500..10_500).contains(&count), "{seen:?}");
        }
    }

    #[test]
    fn different_seeds_give_different_sequences() {
        let (mut a, mut b) = (Rng::new(1), Rng::new(2));
        assert!((0..4).any(|_| a.next() != b.next()));
    }

    #[test]
    fn equal_seeds_give_equal_sequences() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        assert!((0..64).all(|_| a.next() == b.next()));
    }
}
