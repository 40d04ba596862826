//! What a program makes of a text before it uses it as a path or an address.

use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;
use url::Url;

/// A longer text is taken as it is, which no system opens.
const LONGEST: usize = 64 * 1024;

/// A byte order mark is a blank to JavaScript.
pub fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

/// The text as it is, without blanks and quotes around it, with its letters in the usual form (NFC), with `%2e` decoded,
/// `$HOME` replaced, and the path of a URL that is none of the web.
pub fn forms(text: &str) -> Vec<String> {
    let bare = text.trim_matches(is_blank);
    let mut forms = vec![text.to_owned()];
    if bare.len() > LONGEST {
        return forms;
    }
    forms.push(bare.nfc().collect());
    if is_web(&forms[1]) {
        forms.dedup();
        return forms;
    }
    if text.contains('%') {
        forms.push(percent_decode_str(&forms[1]).decode_utf8_lossy().into_owned());
    }
    let paths: Vec<String> = forms.iter().filter_map(|form| behind_host(form)).map(str::to_owned).collect();
    let ends = paths.iter().filter_map(|path| path.find(['?', '#']).map(|end| path[..end].to_owned()));
    forms.extend(ends.collect::<Vec<_>>());
    forms.extend(paths);
    // Some tools know the variable, take quotes off, or read a text of C, which ends at a NUL.
    let home = ["$HOME", "${HOME}"].iter().find_map(|home| bare.strip_prefix(home));
    forms.extend(home.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|rest| format!("~{rest}")));
    let unquoted = bare.trim_matches(['"', '\'', '`']);
    forms.extend([unquoted, bare.split('\0').next().unwrap_or(bare)].map(str::to_owned));
    let mut known = HashSet::new();
    forms.retain(|form| known.insert(form.clone()));
    forms
}

fn is_web(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web))
}

/// `file://host/x`, `file:/x`
fn behind_host(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let path = match rest.strip_prefix("//") {
        Some(rest) => &rest[rest.find('/')?..],
        None if scheme.eq_ignore_ascii_case("file") => rest,
        None => return None,
    };
    is_scheme.then_some(path)
}

/// The addresses that programs may read in a text: without what they leave out, decoded, and as browsers write them.
pub fn urls(text: &str) -> Vec<String> {
    let text = text.trim_matches(is_blank);
    if text.len() > LONGEST {
        return Vec::new();
    }
    let ignored = |letter: &char| {
        !matches!(letter, '\t' | '\r' | '\n' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
    };
    let bare: String = text.chars().filter(ignored).collect();
    let decoded: String = percent_decode_str(&bare).decode_utf8_lossy().nfkc().collect();
    let parse = |text: &str| Url::parse(text).ok().map(String::from);
    // Some tools add the scheme.
    let added = parse(&format!("https://{bare}")).map(|url| url["https://".len()..].to_owned());
    let parsed = parse(&bare).into_iter().chain(added).collect::<Vec<_>>();
    let full_stops = decoded.replace('。', ".");
    [vec![decoded, full_stops], parsed].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_forms_that_programs_give_it() {
        for (text, form) in [
            ("\u{a0}/etc", "/etc"),
            ("\u{feff}~/.bashrc\n", "~/.bashrc"),
            ("cafe\u{301}", "café"),
            ("file://localhost/etc/x", "/etc/x"),
            ("FILE:///home/u/%2essh/id", "/home/u/.ssh/id"),
            ("file%3A/etc/x", "/etc/x"),
            ("vscode-remote://h/etc", "/etc"),
            ("file:///etc/x?y#z", "/etc/x"),
            ("${HOME}/x", "~/x"),
            ("'/etc/x'", "/etc/x"),
            ("/etc/x\0.txt", "/etc/x"),
        ] {
            assert!(forms(text).iter().any(|known| known == form), "{text:?}: {:?}", forms(text));
        }
        assert_eq!(forms("https://x/etc/x"), ["https://x/etc/x"]);
    }

    #[test]
    fn an_address_is_read_as_browsers_do() {
        for text in [
            "https://evil%2ecom/",
            "https://%65vil.com",
            "https://evil。com/",
            "https://ｅvil.com/",
            "https://ev\til.com/",
            "HTTPS:\\\\EVIL.COM:443\\x",
            "evil.com%2f",
            "https://good.com@evil.com./",
            "https://ev\u{ad}il.com",
        ] {
            let found = urls(text);
            assert!(found.iter().any(|url| url.to_lowercase().contains("evil.com")), "{text:?}: {found:?}");
        }
        assert!(urls("http://0x7f.1/").iter().any(|url| url.starts_with("http://127.0.0.1")));
    }
}
