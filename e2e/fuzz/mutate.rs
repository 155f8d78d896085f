//! Makes one input of others.

/// Splitmix64: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    /// The dice of one case.
    pub fn of(seed: u64, case: u64) -> Self {
        let mut dice = Self(seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.roll();
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n.max(1) as u64).unwrap()
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Numbers at which arithmetic ends.
const NUMBERS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "127",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854771712",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e999",
    "-0",
    "0.1",
    "00",
    "0x10",
    "NaN",
];

/// Pieces that mean something to some grammar.
const PIECES: [&str; 48] = [
    "\n",
    "\r\n",
    "\0",
    "\t",
    " ",
    ": ",
    "- ",
    "---\n",
    "...\n",
    "? ",
    "# ",
    "\"",
    "'",
    "\\",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!<x> ",
    "|\n",
    ">-\n",
    "%YAML 1.2\n",
    "~",
    "null",
    "true",
    "\u{feff}",
    "é",
    "\u{202e}",
    "𝕏",
    "\u{85}",
    "\u{2028}",
    "=",
    "/",
    "..",
    "-",
    "%",
    "$",
    "kB",
    "GB",
    "min",
    "inf",
    "max",
    "@",
];

/// Returns an input made of the corpus by one to eight changes.
pub fn mutated(corpus: &[Vec<u8>], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one_of(corpus).clone();
    for _ in 0..=dice.below(4) + dice.below(4) {
        change(&mut bytes, corpus, words, dice);
    }
    // Beyond this only the time grows, and the sizes that matter have tests of their own.
    bytes.truncate(16 << 10);
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let end = at + dice.below((bytes.len() - at).min(64) + 1);
    match dice.below(14) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let piece = bytes[at..end].to_vec();
            insert(bytes, at, &piece);
        }
        3 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        4 => {
            let piece = dice.one_of(&PIECES).as_bytes();
            let piece = piece.repeat([1, 1, 1, 2, 200][dice.below(5)]);
            insert(bytes, at, &piece);
        }
        5 | 6 if !words.is_empty() => insert(bytes, at, dice.one_of(words).as_bytes()),
        7 => {
            let other = dice.one_of(corpus);
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        8 => swap_lines(bytes, dice),
        9 => {
            let random: Vec<u8> = (0..dice.below(9)).map(|_| dice.roll() as u8).collect();
            insert(bytes, at, &random);
        }
        _ => replace_number(bytes, dice),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// Puts another number where one is: the change that stays inside the grammar.
fn replace_number(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let from = dice.below(bytes.len());
    let Some(start) = bytes.iter().skip(from).position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let length = bytes[start..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let number = dice.one_of(&NUMBERS).bytes();
    bytes.splice(start..start + length, number);
}

fn swap_lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
    lines.swap(a, b);
    *bytes = lines.join(&b'\n');
}

/// Returns the same failure with less text: pieces are left out as long as it still fails.
pub fn smaller(mut bytes: Vec<u8>, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut piece = bytes.len() / 2;
    let mut tries = 0;
    while piece > 0 {
        let mut at = 0;
        while at < bytes.len() && tries < 5000 {
            let mut less = bytes.clone();
            less.drain(at..(at + piece).min(bytes.len()));
            tries += 1;
            if fails(&less) {
                bytes = less;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    bytes
}

#[test]
fn a_failure_is_made_small() {
    let found = smaller(b"a long text with a needle in it".to_vec(), |bytes| {
        bytes.windows(6).any(|w| w == b"needle")
    });
    assert_eq!(found, b"needle");
}

#[test]
fn the_same_seed_makes_the_same_input() {
    let corpus = [b"spec: {memory: 1GB}".to_vec(), b"a: 1".to_vec()];
    let make = |case| mutated(&corpus, &["x"], &mut Dice::of(7, case));
    assert!((0..100).all(|case| make(case) == make(case)));
    assert!((0..100).any(|case| make(case) != make(case + 1)));
}
