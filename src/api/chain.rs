//! An error with its causes, as people read it.

/// Returns the error and its causes in one line. A cause that its effect already quotes is left out.
#[must_use]
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let text = source.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = source.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the door")]
    struct Door(#[source] std::io::Error);

    #[test]
    fn causes_follow_and_are_not_said_twice() {
        let error = Door(std::io::Error::other("the key is lost"));
        assert_eq!(in_words(&error), "cannot open the door: the key is lost");
        assert_eq!(in_words(&std::io::Error::other("once")), "once");
    }
}
