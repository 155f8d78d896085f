//! Splitting `POSTGRES_INITDB_ARGS` into words as a shell would: spaces, quotes, backslashes, no expansion.

/// Returns the words; `None` for a quote that is never closed.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        end if end == letter => break,
                        '\\' if letter == '"' => word.push(letters.next()?),
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let text = r#"--a  --b="x y" 'c d'\ e "q\"r" """#;
        assert_eq!(
            split(text).unwrap(),
            ["--a", "--b=x y", "c d e", "q\"r", ""]
        );
    }

    #[test]
    fn an_open_quote_is_no_list_of_words() {
        assert_eq!(split("--a 'b"), None);
    }
}
