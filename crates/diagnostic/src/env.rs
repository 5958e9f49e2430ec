//! `${VAR}` and `${VAR:default}` in values (Logstash's `substitution_variables.rb`).

/// Where variables come from. The environment is passed in, so that a test owns it.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// `text` with its variables replaced; the error is the name of a variable that is neither set nor has a default.
///
/// # Errors
/// The name of the first variable that has no value.
pub fn substitute(text: &str, env: Env<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let inner = &rest[at + 2..];
        let Some(end) = inner.find('}') else { break };
        let body = &inner[..end];
        let (name, default) = match body.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (body, None),
        };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
        out.push_str(&rest[..at]);
        if is_name {
            match env(name).or_else(|| default.map(str::to_owned)) {
                Some(value) => out.push_str(&value),
                None => return Err(name.to_owned()),
            }
        } else {
            out.push_str(&rest[at..at + 2 + end + 1]);
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let env = |name: &str| (name == "HOST").then(|| "es01".to_owned());
        assert_eq!(substitute(text, &env).as_deref().map_err(String::as_str), expect);
    }

    #[test]
    fn forms() {
        check("http://${HOST}:${PORT:9200}/", Ok("http://es01:9200/"));
        check("${HOST:x}${EMPTY:}", Ok("es01"));
        check("${NONE}", Err("NONE"));
        check("$HOST ${not closed", Ok("$HOST ${not closed"));
        check("a regex ^${ 1}", Ok("a regex ^${ 1}"));
    }
}
