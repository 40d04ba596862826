//! Versions of tmux.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of tmux, ordered by what it can do: `3.3 < 3.3a < next-3.4 < 3.4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    major: u32,
    minor: u32,
    stage: Stage,
    /// The letter of a fix release, or nothing.
    letter: Option<char>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// `next-3.4`: somewhere on the way to 3.4.
    Development,
    /// `3.4-rc`.
    Candidate,
    Release,
}

impl Version {
    /// The oldest that CodePiper works with: flow control and subscriptions came with it.
    pub fn is_supported(&self) -> bool {
        self.at_least(3, 2)
    }

    /// Whether everything of the release `major.minor` is in. False for its development states.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.rank() >= (major, minor, Stage::Release, None)
    }

    fn rank(&self) -> (u32, u32, Stage, Option<char>) {
        (self.major, self.minor, self.stage, self.letter)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.text.cmp(&other.text))
    }
}

/// As tmux wrote it.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidVersion(String);

impl fmt::Display for InvalidVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a version of tmux; versions look like 3.3a or next-3.5", self.0)
    }
}

impl std::error::Error for InvalidVersion {}

/// Takes what `#{version}` says, and what `tmux -V` prints.
impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion(text.to_owned());
        let name = text.trim().strip_prefix("tmux ").unwrap_or(text.trim());
        if let Some(system) = name.strip_prefix("openbsd-") {
            return of_openbsd(system)
                .map(|version| Self { text: name.to_owned(), ..version })
                .ok_or_else(invalid);
        }
        let (stage, numbers) = match (name.strip_prefix("next-"), name.split_once("-rc")) {
            (Some(numbers), _) => (Stage::Development, numbers),
            (None, Some((numbers, _))) => (Stage::Candidate, numbers),
            (None, None) => (Stage::Release, name),
        };
        let (major, rest) = numbers.split_once('.').ok_or_else(invalid)?;
        let minor = rest.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let mut letters = rest[minor.len()..].chars();
        let letter = letters.next();
        if letters.next().is_some() {
            return Err(invalid());
        }
        Ok(Self {
            major: major.parse().map_err(|_| invalid())?,
            minor: minor.parse().map_err(|_| invalid())?,
            stage,
            letter,
            text: name.to_owned(),
        })
    }
}

/// tmux is part of OpenBSD and carries the system's number there. Taken for 3.2 since 6.9 (2021),
/// which is careful: newer features stay unused.
fn of_openbsd(system: &str) -> Option<Version> {
    let (major, minor) = system.split_once('.')?;
    let new = (major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?) >= (6, 9);
    let minor = if new { 2 } else { 0 };
    Some(Version { major: 3, minor, stage: Stage::Release, letter: None, text: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn versions_are_ordered_by_time() {
        let ascending = [
            "1.8", "2.9a", "3.1c", "3.2-rc", "3.2", "3.2a", "3.3", "3.3a", "next-3.4", "3.4-rc", "3.4",
            "3.10",
        ]
        .map(version);
        for pair in ascending.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn support_begins_with_3_2() {
        for text in ["3.2", "3.3a", "tmux 3.3a\n", "next-3.7", "openbsd-7.5", "4.0"] {
            assert!(version(text).is_supported(), "{text}");
        }
        for text in ["3.1c", "2.9a", "next-3.2", "openbsd-6.8"] {
            assert!(!version(text).is_supported(), "{text}");
        }
        assert!(!version("next-3.7").at_least(3, 7));
        assert_eq!(version("tmux 3.3a\n").to_string(), "3.3a");
    }

    #[test]
    fn other_text_is_refused() {
        for bad in ["", "tmux", "3", "3.", ".3", "3.3ab", "master", "openbsd-x"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
