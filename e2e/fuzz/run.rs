//! Runs the cases of one target, and keeps the bounds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use crate::mutate::{Dice, mutated, smaller};

/// The seed where none is given. Any would do; one that changes would make CI a lottery.
const SEED: u64 = 18;
/// The longest that a case may take. They take microseconds; a machine under load takes a thousand times as long.
const SLOW: Duration = Duration::from_secs(5);
/// After which a case counts as one that never ends.
const HANGS: Duration = Duration::from_secs(60);
/// By how much the whole run may raise the process's peak, in kB. Inputs have 16 kB.
const MEMORY: u64 = 64 << 10;

/// What is thrown at a parser.
pub struct Target<'t> {
    pub name: &'static str,
    /// Cases in the ordinary tests: a few seconds, without optimization.
    pub few: u64,
    pub corpus: Vec<Vec<u8>>,
    /// Words of its grammar.
    pub words: Vec<&'t str>,
    /// Tries one input, and panics where a promise is broken.
    pub check: &'t dyn Fn(&[u8]),
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Runs all cases.
pub fn run(target: &Target<'_>) {
    let name = target.name;
    let seed = number("AZA_FUZZ_SEED").unwrap_or(SEED);
    let cases = number("AZA_FUZZ_CASES").unwrap_or(target.few);
    let first = number("AZA_FUZZ_FIRST").unwrap_or(0);
    let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| (target.check)(input))).is_err();
    for real in &target.corpus {
        assert!(!fails(real), "{name}: a real input fails: {}", shown(real));
    }
    let watched = watch(name, seed);
    let (begun, before, mut longest) = (Instant::now(), peak(), Duration::ZERO);
    for case in first..first + cases {
        let input = mutated(&target.corpus, &target.words, &mut Dice::of(seed, case));
        watched.begin(case, &input);
        let began = Instant::now();
        let failed = fails(&input);
        let took = began.elapsed();
        longest = longest.max(took);
        if failed || took > SLOW {
            watched.end();
            let why = if failed { "it fails" } else { "it is slow" };
            let small = if failed {
                quietly(|| smaller(input, fails))
            } else {
                input
            };
            report(name, seed, case, why, &small);
        }
    }
    watched.end();
    let grew = peak().saturating_sub(before);
    println!(
        "fuzz {name}: {cases} cases from seed {seed} in {:.1} s, longest {:.1} ms, peak {} MB (grew {:.1} MB)",
        begun.elapsed().as_secs_f64(),
        longest.as_secs_f64() * 1000.0,
        peak() >> 10,
        grew as f64 / 1024.0
    );
    assert!(grew < MEMORY, "{name}: the peak grew by {grew} kB");
}

/// Without a word about each of the panics on the way.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = act();
    std::panic::set_hook(hook);
    done
}

fn report(name: &str, seed: u64, case: u64, why: &str, input: &[u8]) -> ! {
    let path = env::temp_dir().join(format!("aza-fuzz-{name}-{seed}-{case}"));
    fs::write(&path, input).unwrap();
    panic!(
        "fuzz {name}: {why}: case {case} of seed {seed} (again: AZA_FUZZ_SEED={seed} AZA_FUZZ_FIRST={case} \
         AZA_FUZZ_CASES=1), saved as {}: {}",
        path.display(),
        shown(input)
    );
}

fn shown(input: &[u8]) -> String {
    let text = input.escape_ascii().to_string();
    text.chars().take(2000).collect()
}

/// The most memory that this process has ever had, in kB. With `make fuzz` two targets share it.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The case in hand, for the thread that sees it hang.
struct Watched {
    case: AtomicU64,
    input: Mutex<Vec<u8>>,
}

const NONE: u64 = u64::MAX;

impl Watched {
    fn begin(&self, case: u64, input: &[u8]) {
        let mut kept = self.input.lock().unwrap();
        kept.clear();
        kept.extend_from_slice(input);
        self.case.store(case, Ordering::Relaxed);
    }

    fn end(&self) {
        self.case.store(NONE, Ordering::Relaxed);
    }
}

/// A case that never ends cannot be caught: it is told, and ends the process.
fn watch(name: &'static str, seed: u64) -> Arc<Watched> {
    let watched = Arc::new(Watched {
        case: AtomicU64::new(NONE),
        input: Mutex::new(Vec::new()),
    });
    let seen = Arc::downgrade(&watched);
    thread::spawn(move || {
        let (mut last, mut since) = (NONE, Instant::now());
        while let Some(watched) = seen.upgrade() {
            let case = watched.case.load(Ordering::Relaxed);
            if case != last {
                (last, since) = (case, Instant::now());
            } else if case != NONE && since.elapsed() > HANGS {
                let input = watched.input.lock().unwrap().clone();
                let _ = catch_unwind(|| report(name, seed, case, "it hangs", &input));
                process::abort();
            }
            drop(watched);
            thread::sleep(Duration::from_millis(500));
        }
    });
    watched
}
