//! Files of variables, as `.env`: `NAME=VALUE` a line, `export` before it if one likes, `#` for comments.
//! Values may stand in quotes, also over several lines; in double quotes `\n`, `\t`, `\r`, `\"`, `\\` and
//! `\$` are escapes. Nothing is expanded.

use std::collections::BTreeMap;

use codepiper_protocol::wire::env_set::EnvValue;

/// # Errors
/// The line and what is wrong with it, without its value.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, EnvValue>, String> {
    let mut variables = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let line = rest.split('\n').next().unwrap_or_default();
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            rest = behind_line(rest);
            continue;
        }
        let (name, _) = line.split_once('=').ok_or_else(|| format!("line {number} has no '='"))?;
        let behind = rest[name.len() + 1..].trim_start_matches([' ', '\t']);
        let name = name.trim();
        let name = name.strip_prefix("export ").map_or(name, str::trim);
        let (value, behind) = match behind.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                quoted(&behind[1..], quote).ok_or_else(|| format!("unterminated quote in line {number}"))?
            }
            _ => {
                let line = behind.split('\n').next().unwrap_or_default();
                let value = line.split(" #").next().unwrap_or_default().trim_end();
                (value.to_owned(), &behind[line.len()..])
            }
        };
        let left = behind.split('\n').next().unwrap_or_default().trim();
        if !left.is_empty() && !left.starts_with('#') {
            return Err(format!("unexpected text after the quote in line {number}"));
        }
        variables.insert(name.to_owned(), EnvValue(value));
        rest = behind_line(behind);
    }
    Ok(variables)
}

fn behind_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// The value, and what comes behind the closing quote.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Some((value, &text[place + 1..])),
            '\\' if quote == '"' => match letters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_variables_are_read_as_people_write_them() {
        let text = "# comment\r\n\nA=1\nexport B = two words # not this\nC='a $B \"#'\r\nD=\"x\\n\\\"y\\\" \\$Z \\q\" # c\n\
                    E=\nF=a#b=c\nKEY=\"-----BEGIN\nabc\n-----END\"\n  G=\"\"\nA=2";
        let values: Vec<(String, String)> =
            parse(text).unwrap().into_iter().map(|(name, EnvValue(value))| (name, value)).collect();
        let wanted = [
            ("A", "2"),
            ("B", "two words"),
            ("C", "a $B \"#"),
            ("D", "x\n\"y\" $Z \\q"),
            ("E", ""),
            ("F", "a#b=c"),
            ("G", ""),
            ("KEY", "-----BEGIN\nabc\n-----END"),
        ];
        let wanted: Vec<_> = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(values, wanted);
        assert!(parse("").unwrap().is_empty());
        for (bad, said) in [
            ("A=1\nhunter2\n", "line 2 has no '='"),
            ("A='x\ny'\nB=\"hunter2", "unterminated quote in line 3"),
            ("A=\"x\" hunter2", "text after the quote in line 1"),
        ] {
            let problem = parse(bad).unwrap_err();
            assert!(problem.contains(said) && !problem.contains("hunter2"), "{problem}");
        }
    }
}
