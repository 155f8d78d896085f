//! Chance from a seed, the same on every machine: SplitMix64, which fits in four lines.

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = usize::try_from(self.below(from.len() as u64)).expect("a small number");
        from[at].clone()
    }

    /// A few of them, in their order.
    pub fn some<T: Clone>(&mut self, from: &[T], at_most: usize) -> Vec<T> {
        let left = from.iter().filter(|_| self.one_in(3));
        let mut some: Vec<T> = left.cloned().collect();
        some.truncate(at_most);
        some
    }

    /// A number between two.
    pub fn between(&mut self, least: f64, most: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are chance enough")]
        let part = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        least + (most - least) * part
    }
}
