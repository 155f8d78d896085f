//! The nearest of the words that would be right, for a word that is not.

/// A longer word is no typo of ours, and comparing it would cost time.
const LONGEST: usize = 64;

/// Returns the candidate that the word was probably meant to be; `None` where none is near.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let plain = simplified(word);
    let far = (plain.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty())
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= far + 2)
        .map(|candidate| {
            (
                strsim::osa_distance(&plain, &simplified(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and separators are what people get wrong first: `mem_limit`, `shm-size`, `ShmSize`.
fn simplified(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 5] = ["memory", "memorySwap", "cpus", "shmSize", "deletionPolicy"];

    #[test]
    fn a_typo_finds_the_word_that_was_meant() {
        for (word, meant) in [
            ("memroy", "memory"),
            ("Memory", "memory"),
            ("shm_size", "shmSize"),
            ("cpu", "cpus"),
            ("deletePolicy", "deletionPolicy"),
            ("memoryswap", "memorySwap"),
        ] {
            assert_eq!(did_you_mean(word, FIELDS), Some(meant), "{word}");
        }
    }

    #[test]
    fn a_word_that_is_near_none_has_no_suggestion() {
        for word in ["", "replicas", "x", &"memory".repeat(100)] {
            assert_eq!(did_you_mean(word, FIELDS), None, "{word}");
        }
    }
}
