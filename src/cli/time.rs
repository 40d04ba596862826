//! Times that people read and write.

use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A moment: a time like `2026-11-22T10:00:00Z`, or how long ago like `10m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Since(pub Timestamp);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, Timestamp::now())
    }
}

impl Since {
    fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self(time));
        }
        match text.parse::<SignedDuration>() {
            Ok(ago) if !ago.is_negative() => now.checked_sub(ago).ok().map(Self),
            _ => None,
        }
        .ok_or_else(|| "use a time like 2026-11-22T10:00:00Z, or an age like 10m or 2h".to_owned())
    }
}

/// Seconds with a fraction, as on the command line.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let invalid = || format!("'{text}' is not a number of seconds");
    let seconds: f64 = text.parse().map_err(|_| invalid())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

/// How long ago, in one unit.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// To the second, in UTC.
pub(super) fn clock(time: Timestamp) -> String {
    format!("{time:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        let now = at("2026-11-22T10:00:00Z");
        let parse = |text| Since::parse(text, now).map(|since| since.0);
        assert_eq!(parse("10m"), Ok(at("2026-11-22T09:50:00Z")));
        assert_eq!(parse("1h30m"), Ok(at("2026-11-22T08:30:00Z")));
        assert_eq!(parse("2026-11-22T11:00:00+02:00"), Ok(at("2026-11-22T09:00:00Z")));
        for bad in ["", "10", "-10m", "yesterday", "9999999999999h"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let now = at("2026-11-22T10:00:00Z");
        for (since, expected) in [
            ("2026-11-22T10:00:05Z", "0s"),
            ("2026-11-22T09:59:01Z", "59s"),
            ("2026-11-22T09:00:01Z", "59m"),
            ("2026-11-20T10:00:01Z", "47h"),
            ("2026-11-12T10:00:00Z", "10d"),
        ] {
            assert_eq!(age(at(since), now), expected);
        }
        assert_eq!(clock(at("2026-11-22T10:00:00.9Z")), "2026-11-22T10:00:00Z");
    }

    #[test]
    fn seconds_are_not_negative() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["", "-1", "nan", "inf", "1s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
