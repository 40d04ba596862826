//! What a device wants to be told of.

use codepiper_protocol::wire::ask::Ask;
use codepiper_protocol::wire::notification::{NotificationRules, QuietHours};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::config;

/// A device can mute so many sessions.
const MOST_MUTED: usize = 1000;

/// # Errors
/// Which of the rules cannot be followed.
pub fn check(rules: &NotificationRules) -> Result<(), Problem> {
    let invalid = |detail: String| Err(Problem::new(Code::Invalid, detail));
    if rules.muted.len() > MOST_MUTED {
        return invalid(format!("{} sessions are muted; the limit is {MOST_MUTED}", rules.muted.len()));
    }
    let Some(quiet) = &rules.quiet else { return Ok(()) };
    for time in [&quiet.from, &quiet.to] {
        if self::time(time).is_none() {
            return invalid(format!("invalid time of day '{}'; use one like 22:00", time.escape_debug()));
        }
    }
    if zone(&quiet.time_zone).is_none() {
        let name = quiet.time_zone.escape_debug();
        return invalid(format!(
            "this machine does not know the time zone '{name}'; is its time zone data installed?"
        ));
    }
    Ok(())
}

/// Of the configuration file.
///
/// # Errors
/// Which of them cannot be followed.
pub fn of_config(config: &config::Notifications) -> anyhow::Result<NotificationRules> {
    let zone = || TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
    let quiet = config.quiet.as_ref().map(|quiet| QuietHours {
        from: quiet.from.clone(),
        to: quiet.to.clone(),
        time_zone: quiet.time_zone.clone().unwrap_or_else(zone),
    });
    let rules = NotificationRules { kinds: config.kinds.clone(), muted: Vec::new(), quiet };
    check(&rules).map_err(|problem| anyhow::anyhow!("notifications.quiet: {}", problem.detail))?;
    Ok(rules)
}

/// Why a device is not told of it; `None`: it is.
pub fn against(rules: &NotificationRules, ask: &Ask, now: Timestamp) -> Option<String> {
    if !rules.kinds.contains(&ask.kind) {
        return Some(format!("'{}' is off for it", ask.kind));
    }
    if rules.muted.contains(&ask.session) {
        return Some("the session is muted there".to_owned());
    }
    rules
        .quiet
        .as_ref()
        .filter(|quiet| is_quiet(quiet, now))
        .map(|quiet| format!("quiet hours until {}", quiet.to))
}

/// Of what cannot be read, nothing is quiet: rather a notification too many.
fn is_quiet(quiet: &QuietHours, now: Timestamp) -> bool {
    let (Some(from), Some(to)) = (time(&quiet.from), time(&quiet.to)) else { return false };
    let Some(zone) = zone(&quiet.time_zone) else { return false };
    let now = now.to_zoned(zone).time();
    match from <= to {
        true => from <= now && now < to,
        false => from <= now || now < to,
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" => Some(TimeZone::UTC),
        _ => TimeZone::get(name).ok(),
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        text.parse::<i8>()
            .ok()
            .filter(|_| text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit()))
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: &str, to: &str) -> QuietHours {
        QuietHours { from: from.to_owned(), to: to.to_owned(), time_zone: "UTC".to_owned() }
    }

    #[test]
    fn the_night_has_two_days() {
        let is =
            |quiet: &QuietHours, time: &str| is_quiet(quiet, format!("2026-11-30T{time}Z").parse().unwrap());
        let night = quiet("22:00", "07:00");
        assert!(is(&night, "22:00:00") && is(&night, "23:59:59") && is(&night, "06:59:59"));
        assert!(!is(&night, "07:00:00") && !is(&night, "21:59:59"));
        let noon = quiet("12:00", "13:30");
        assert!(is(&noon, "13:29:00") && !is(&noon, "13:30:00") && !is(&noon, "03:00:00"));
        assert!(!is(&quiet("08:00", "08:00"), "08:00:00"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let rules = |quiet| NotificationRules { quiet: Some(quiet), ..NotificationRules::default() };
        assert!(check(&rules(quiet("22:00", "07:00"))).is_ok());
        for wrong in ["", "7:00", "24:00", "12:60", "12", "+1:00", "12:00:00"] {
            let problem = check(&rules(quiet("22:00", wrong))).unwrap_err();
            assert!(problem.detail.contains(&format!("'{wrong}'")), "{problem:?}");
        }
        let elsewhere = QuietHours { time_zone: "Mars/Olympus".to_owned(), ..quiet("22:00", "07:00") };
        assert!(check(&rules(elsewhere)).unwrap_err().detail.contains("Mars/Olympus"));
    }
}
