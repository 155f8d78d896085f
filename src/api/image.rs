//! Image references, checked as far as text can be: what Docker would refuse to parse is refused here.

/// Checks `[registry[:port]/]path[:tag][@sha256:digest]`.
///
/// # Errors
/// What is wrong with it.
pub fn check_image(text: &str) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("`{text}` is no image reference: {what}"));
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return wrong("after `@` comes `sha256:` and 64 hex digits");
    }
    let last = rest.rsplit('/').next().unwrap_or_default();
    let (name, tag) = match last.split_once(':') {
        Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag)),
        None => (rest, None),
    };
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return wrong("a tag has 1 to 128 letters, digits, `_`, `.` and `-`");
    }
    let mut parts: Vec<&str> = name.split('/').collect();
    let has_registry =
        parts.len() > 1 && (parts[0].contains(['.', ':']) || parts[0] == "localhost");
    if has_registry {
        let registry = parts.remove(0);
        if !registry
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-'))
        {
            return wrong("the registry is no host name");
        }
    }
    if parts.iter().all(|part| is_component(part)) {
        Ok(text.to_owned())
    } else {
        wrong("names are lower case letters and digits, joined by `.`, `_` or `-`")
    }
}

fn is_component(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_inner)
        && text.ends_with(is_inner)
        && text
            .chars()
            .all(|c| is_inner(c) || matches!(c, '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64
        && hex
            .chars()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_takes_is_taken() {
        let digest = format!("aza-pg@sha256:{}", "0a".repeat(32));
        for good in [
            "aza-pg:18",
            "aza-pg",
            "localhost:5000/db/aza_pg:18.6-1",
            "registry.example.com/team/pg:latest",
            "localhost/pg",
            &digest,
        ] {
            assert!(check_image(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        for bad in [
            "",
            "Aza-pg:18",
            "aza pg",
            "aza-pg:",
            "aza-pg:-x",
            "/pg",
            "pg/",
            "pg@sha256:12",
            "pg:18:1",
            "-pg",
            "a//b",
            "pg@",
            "--privileged",
        ] {
            assert!(check_image(bad).is_err(), "{bad}");
        }
    }
}
