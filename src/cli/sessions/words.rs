//! What a list says of one session.

use codepiper_protocol::wire::meters::{Meters, PullRequest};
use codepiper_protocol::wire::session::{Activity, Session};
use jiff::Timestamp;

use crate::cli::time;

pub(super) fn activity(session: &Session) -> String {
    const LONGEST_COMMAND: usize = 24;
    let foreground = session.foreground.as_ref().map(|foreground| foreground.command.as_deref());
    let text = match (session.activity, foreground) {
        _ if !session.status.is_live() => return "-".to_owned(),
        (Activity::Waiting, _) => match session.waiting_for {
            Some(_) if session.limit.is_some() => {
                format!("waiting ({})", session.limit.as_ref().map(ToString::to_string).unwrap_or_default())
            }
            Some(what) => format!("waiting ({what})"),
            None => session.activity.to_string(),
        },
        _ if !session.background.is_empty() => {
            let (first, more) = (&session.background[0], session.background.len() - 1);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{} (background: {first}{more})", session.activity)
        }
        (Activity::Idle, Some(None)) => "at its prompt".to_owned(),
        (Activity::Working, Some(Some(command))) => match command.char_indices().nth(LONGEST_COMMAND) {
            Some((end, _)) => format!("running {}…", &command[..end]),
            None => format!("running {command}"),
        },
        (activity, _) => activity.to_string(),
    };
    match session.program_status.as_ref().and_then(|status| status.progress) {
        Some(progress) => format!("{text} {progress}%"),
        None => text,
    }
}

/// The permission mode, where it is not the usual one.
pub(super) fn mode(session: &Session) -> &str {
    let mode =
        session.permission_mode.as_deref().filter(|mode| session.status.is_live() && *mode != "default");
    mode.unwrap_or_default()
}

/// `context 44%, 5h 42%`: what is stale has a question mark.
pub(super) fn usage(session: &Session, now: Timestamp) -> String {
    let Some(meters) = &session.meters else { return String::new() };
    let context = meters.context.map(|context| format!("context {}%", context.percent()));
    let quota = meters.quota.iter().map(|quota| {
        let window = match quota.window.as_str() {
            "five_hour" => "5h",
            "seven_day" => "7d",
            other => other,
        };
        let stale = if quota.is_stale(now) { "?" } else { "" };
        format!("{window} {:.0}%{stale}", quota.used_percent)
    });
    context.into_iter().chain(quota).collect::<Vec<_>>().join(", ")
}

pub(super) fn quota(meters: &Meters, now: Timestamp) -> Option<String> {
    let told = meters.quota.iter().map(|quota| {
        let resets = match quota.resets_at {
            Some(reset) if reset > now => format!(", resets {}", time::clock(reset)),
            _ => String::new(),
        };
        let age = time::age(quota.at, now);
        let stale = if quota.is_stale(now) { format!("; stale: {age} old") } else { String::new() };
        format!("{} {:.0}%{resets}{stale}", quota.window, quota.used_percent)
    });
    Some(told.collect::<Vec<_>>().join("; ")).filter(|told| !told.is_empty())
}

pub(super) fn pull_request(pull_request: &PullRequest) -> String {
    let url = pull_request.url.as_ref().map(|url| format!(": {url}")).unwrap_or_default();
    format!("#{}{url}", pull_request.number)
}

pub(super) fn foreground(session: &Session, now: Timestamp) -> Option<String> {
    let foreground = session.foreground.as_ref()?;
    let what = foreground.command.as_deref().unwrap_or("a shell at its prompt");
    Some(format!("{what} (pid {}, for {})", foreground.pid, time::age(foreground.since, now)))
}

pub(super) fn program_status(session: &Session, now: Timestamp) -> Option<String> {
    let status = session.program_status.as_ref()?;
    let app = status.app.as_ref().map(|app| format!("{app}: ")).unwrap_or_default();
    Some(format!("{app}{status}, {} ago", time::age(status.at, now)))
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::super::tests::session;
    use super::*;

    #[test]
    fn a_shell_says_what_runs() {
        let activity = |json: &str| {
            let shell = session(r#"{"waiting_for": null, "provider": "shell"}"#);
            let mut value = serde_json::to_value(shell).unwrap();
            let changes: serde_json::Map<_, _> = serde_json::from_str(json).unwrap();
            value.as_object_mut().unwrap().extend(changes);
            activity(&serde_json::from_value(value).unwrap())
        };
        let prompt = r#""foreground": {"command": null, "pid": 7, "since": "2026-11-22T09:00:00Z"}"#;
        assert_eq!(activity(&format!(r#"{{"activity": "idle", {prompt}}}"#)), "at its prompt");
        assert_eq!(activity(&format!(r#"{{"activity": "unknown", {prompt}}}"#)), "unknown");
        let runs = prompt.replace("null", r#""cargo test --workspace --all""#);
        let said = r#""program_status": {"id": null, "state": "working", "kind": null, "progress": 40, "app": null,
            "title": null, "message": null, "source": "terminal", "at": "2026-11-22T09:00:00Z"}"#;
        let shown = activity(&format!(r#"{{"activity": "working", {runs}, {said}}}"#));
        assert_eq!(shown, "running cargo test --workspace -… 40%");
    }

    #[test]
    fn what_an_agent_has_used_has_a_column_where_it_is_known() {
        let quota = r#"{"window": "five_hour", "used_percent": 42.4, "resets_at": "2026-11-22T10:30:00Z",
            "at": "2026-11-22T09:59:00Z"}"#;
        let meters = format!(
            r#"{{"meters": {{"context": {{"used": 88000, "size": 200000}}, "quota": [{quota}], "cost_usd": null,
                "pull_request": null}}}}"#
        );
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let text = table(&[session(&meters), session("{}")], now, None).plain(None);
        assert!(text[0].contains("ACTIVITY              USAGE                AGE"), "{text:?}");
        assert!(text[1].contains("waiting (permission)  context 44%, 5h 42%  1h"), "{text:?}");
        let known = session(&meters).meters.unwrap();
        assert_eq!(super::quota(&known, now).unwrap(), "five_hour 42%, resets 2026-11-22T10:30:00Z");
        let later = "2026-11-22T10:30:00Z".parse().unwrap();
        assert_eq!(super::quota(&known, later).unwrap(), "five_hour 42%; stale: 31m old");
        assert_eq!(usage(&session(&meters), later), "context 44%, 5h 42%?");
    }
}
