//! Whether the clock can be believed. A machine may start with a wrong one, and one that is a year ahead for a moment
//! must not make all that is stored a year old.

/// In milliseconds.
pub const DAY: i64 = 24 * 60 * 60 * 1000;

/// What a time says of generations.
#[derive(Debug, Default, PartialEq)]
pub struct Reading {
    /// Why it is not believed.
    pub doubt: Option<String>,
    /// For each generation, oldest first: it is older than `days`.
    pub outdated: Vec<bool>,
}

/// Looks at `now` by the times at which generations were begun and written to last, oldest first. Milliseconds since 1970.
///
/// A leap of a quarter of `days` (a day to a week) after all that was written is believed when it was a day ago: by then
/// somebody has noticed a wrong clock, and a machine that was off has something new.
pub fn read(generations: &[(i64, i64)], now: i64, days: u32) -> Reading {
    let leap = (i64::from(days) * DAY / 4).clamp(DAY, 7 * DAY);
    let mut stamps: Vec<i64> =
        generations.iter().flat_map(|(created, updated)| [*created, *updated]).collect();
    stamps.retain(|stamp| *stamp <= now);
    stamps.sort_unstable();
    let mut since = now;
    while let Some(stamp) = stamps.pop() {
        if since - stamp > leap {
            let doubt = (now - since < DAY).then(|| ahead(since - stamp));
            return Reading { doubt, outdated: outdated(generations, now, days) };
        }
        since = stamp;
    }
    let latest = generations.iter().map(|(_, updated)| *updated).max().unwrap_or(now);
    let doubt = (latest - now > DAY)
        .then(|| format!("the clock is {} days behind stored entries", (latest - now) / DAY));
    Reading { doubt, outdated: outdated(generations, now, days) }
}

fn ahead(by: i64) -> String {
    format!("the clock is {} days ahead of stored entries; it will be trusted after one day", by / DAY)
}

/// Generations are in order, so a time that is not was told by a clock that was wrong.
fn outdated(generations: &[(i64, i64)], now: i64, days: u32) -> Vec<bool> {
    let since = now - i64::from(days) * DAY;
    let mut least = i64::MIN;
    let old = generations.iter().enumerate().map(|(index, (_, updated))| {
        let followed =
            || generations[index + 1..].iter().map(|(created, _)| *created).find(|created| *created <= now);
        let at = if *updated > now { followed().unwrap_or(now) } else { *updated };
        least = least.max(at);
        least < since
    });
    old.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days on which generations were begun; each was written to for a day.
    fn on(days: &[i64]) -> Vec<(i64, i64)> {
        days.iter().map(|day| (day * DAY, (day + 1) * DAY - 1)).collect()
    }

    fn says(days: &[i64], now: i64) -> (bool, Vec<bool>) {
        let Reading { doubt, outdated } = read(&on(days), now * DAY, 30);
        (doubt.is_some(), outdated)
    }

    #[test]
    fn a_clock_that_leaps_is_not_believed_for_a_day() {
        assert_eq!(says(&[100, 101, 102], 103), (false, vec![false; 3]));
        assert_eq!(
            says(&[100, 106, 112, 118, 124, 130], 135),
            (false, vec![true, false, false, false, false, false])
        );
        // A year ahead, at once, and after it was written to by that clock.
        assert!(says(&[100, 101], 467).0 && says(&[100, 101, 467], 467).0);
        // The machine was off, or the clock has been like that for a day.
        assert_eq!(says(&[100, 101, 467], 468), (false, vec![true, true, false]));
        assert_eq!(says(&[], 467), (false, vec![]));
    }

    #[test]
    fn what_a_wrong_clock_wrote_is_as_old_as_what_is_beside_it() {
        // A year ahead for a moment.
        assert_eq!(says(&[100, 467, 101, 102], 103).1, [false; 4]);
        assert_eq!(says(&[100, 467, 101, 120, 126, 132], 135).1, [true, true, true, false, false, false]);
        // In 1970 for a moment.
        assert_eq!(says(&[100, 0, 101, 102], 103).1, [false; 4]);
        // It is behind now.
        assert_eq!(says(&[100, 101], 3), (true, vec![false; 2]));
    }
}
