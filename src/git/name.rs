//! Names that cannot be bad: of files in a work tree, and of commits.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use codepiper_protocol::os_text;

use super::error::{Failure, invalid};

/// What Linux takes.
const LONGEST_PATH: usize = 4096;

/// A file inside of a work tree, relative to its root. It leads neither out of the tree nor into `.git`;
/// whether a symbolic link on the way does is for whoever opens it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// From the text form of the API.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bytes = os_text::decode(text);
        Self::from_bytes(bytes.as_bytes()).ok_or_else(|| {
            let start: String = text.chars().take(80).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            invalid(format!("'{}{more}' is not a file inside the work tree", start.escape_debug()))
        })
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let good = |part: &[u8]| {
            !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git")
        };
        let fits = !bytes.is_empty() && bytes.len() < LONGEST_PATH && !bytes.contains(&0);
        (fits && bytes.split(|byte| *byte == b'/').all(good)).then(|| Self(bytes.to_owned()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The text form of the API.
    pub fn text(&self) -> String {
        text_of(&self.0)
    }
}

/// Bytes of a path, or of the name of a reference, as the API writes them.
pub fn text_of(bytes: &[u8]) -> String {
    os_text::encode(OsStr::from_bytes(bytes))
}

/// Longer names of commits are none, in bytes.
const LONGEST_REVISION: usize = 1024;

/// What may name a commit: no option, no search, no path, no blank. A branch that begins with `@` is named in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    pub fn parse(text: &str) -> Option<Self> {
        let bad = |letter: char| letter.is_control() || letter.is_whitespace() || letter == ':';
        let fits = !text.is_empty() && text.len() <= LONGEST_REVISION && !text.starts_with(['-', '@']);
        (fits && !text.contains(bad) && !text.contains("^{/") && !text.contains(".."))
            .then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_tree() {
        let long = "a".repeat(10_000);
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a//b",
            "a/",
            ".git/config",
            "a/.GIT/x",
            "a\0b",
            &long,
        ] {
            assert!(TreePath::parse(bad).is_err(), "{bad:?}");
        }
        for good in
            ["a", "--output=x", "a b/ü", ".gitignore", "a/.github/x", "-", "…/\u{10F7E9}", "a\nb", ":x"]
        {
            assert_eq!(TreePath::parse(good).unwrap().text(), good);
        }
        assert_eq!(TreePath::parse("caf\u{10F7E9}").unwrap().as_bytes(), b"caf\xe9");
    }

    #[test]
    fn a_revision_is_no_option_and_no_search() {
        let long = "a".repeat(10_000);
        for bad in ["", "--output=x", "-x", "@{1}", "HEAD:x", "a b", ":/x", "HEAD^{/x}", "a..b", "a\0", &long]
        {
            assert_eq!(Revision::parse(bad), None, "{bad}");
        }
        for good in [
            "HEAD",
            "main",
            "refs/heads/start",
            "refs/heads/@weird",
            "HEAD~3",
            "v1^",
            "abc123",
            "feature/x",
            &long[..LONGEST_REVISION],
        ] {
            assert!(Revision::parse(good).is_some(), "{good}");
        }
    }
}
