use super::*;

/// What may be asked for by an agent about its own session, by a login, and by anybody. Agents may
/// nothing about another session; the owner may everything.
const AGENT: u8 = 4;
const LOGIN: u8 = 2;
const ANYBODY: u8 = 1;

/// Every route: the method, the path with `{}` for a session, and who may.
const ROUTES: [(&str, &str, u8); 116] = [
    ("GET", "/ws", AGENT | LOGIN),
    ("GET", "/api/sessions", LOGIN),
    ("POST", "/api/sessions", LOGIN),
    ("GET", "/api/sessions/{}", AGENT | LOGIN),
    ("PATCH", "/api/sessions/{}", LOGIN),
    ("DELETE", "/api/sessions/{}", LOGIN),
    ("GET", "/api/sessions/{}/explain", AGENT | LOGIN),
    ("GET", "/api/sessions/{}/attach", LOGIN),
    ("POST", "/api/sessions/{}/stop", LOGIN),
    ("POST", "/api/sessions/{}/kill", LOGIN),
    ("POST", "/api/sessions/{}/resume", LOGIN),
    ("POST", "/api/sessions/{}/fork", LOGIN),
    ("POST", "/api/sessions/{}/resize", LOGIN),
    ("POST", "/api/sessions/{}/input", LOGIN),
    ("POST", "/api/sessions/{}/labels", LOGIN),
    ("DELETE", "/api/sessions/{}/queue", LOGIN),
    ("POST", "/api/sessions/{}/queue", LOGIN),
    ("POST", "/api/sessions/{}/model", LOGIN),
    ("POST", "/api/sessions/{}/images", LOGIN),
    ("POST", "/api/sessions/{}/files", LOGIN),
    ("POST", "/api/sessions/{}/keys", LOGIN),
    ("POST", "/api/sessions/{}/hooks", AGENT),
    ("POST", "/api/sessions/{}/status", AGENT),
    ("POST", "/api/sessions/{}/notify", AGENT),
    ("POST", "/api/sessions/{}/fit", LOGIN),
    ("DELETE", "/api/sessions/{}/fit", LOGIN),
    ("GET", "/api/sessions/{}/output", LOGIN),
    ("GET", "/api/sessions/{}/search", LOGIN),
    ("GET", "/api/sessions/{}/policies", LOGIN),
    ("GET", "/api/sessions/{}/timeline", LOGIN),
    ("GET", "/api/sessions/{}/conversation", LOGIN),
    ("GET", "/api/sessions/{}/conversation/images/x", LOGIN),
    ("GET", "/api/sessions/{}/git", LOGIN),
    ("GET", "/api/sessions/{}/git/branches", LOGIN),
    ("GET", "/api/sessions/{}/git/log", LOGIN),
    ("GET", "/api/sessions/{}/git/commits/x", LOGIN),
    ("GET", "/api/sessions/{}/git/diff", LOGIN),
    ("GET", "/api/sessions/{}/git/file", LOGIN),
    ("GET", "/api/sessions/{}/git/lines", LOGIN),
    ("GET", "/api/sessions/{}/git/image", LOGIN),
    ("GET", "/api/sessions/{}/git/discarded", LOGIN),
    ("POST", "/api/sessions/{}/git/stage", LOGIN),
    ("POST", "/api/sessions/{}/git/unstage", LOGIN),
    ("POST", "/api/sessions/{}/git/discard", LOGIN),
    ("POST", "/api/sessions/{}/git/discarded/x/restore", LOGIN),
    ("POST", "/api/sessions/{}/git/commit", LOGIN),
    ("POST", "/api/sessions/{}/git/seen", LOGIN),
    ("POST", "/api/sessions/{}/git/marks", LOGIN),
    ("GET", "/api/sessions/{}/review", AGENT | LOGIN),
    ("POST", "/api/sessions/{}/review", LOGIN),
    ("PATCH", "/api/sessions/{}/review/x", LOGIN),
    ("DELETE", "/api/sessions/{}/review/x", LOGIN),
    ("POST", "/api/sessions/{}/review/x/address", AGENT | LOGIN),
    ("POST", "/api/sessions/{}/review/send", LOGIN),
    ("GET", "/api/timelines", LOGIN),
    ("GET", "/api/env-sets", LOGIN),
    ("POST", "/api/env-sets", LOGIN),
    ("GET", "/api/env-sets/x", LOGIN),
    ("PATCH", "/api/env-sets/x", LOGIN),
    ("DELETE", "/api/env-sets/x", LOGIN),
    ("GET", "/api/worktrees", LOGIN),
    ("DELETE", "/api/worktrees/x", LOGIN),
    ("POST", "/api/worktrees/x/merge", LOGIN),
    ("GET", "/api/directories", LOGIN),
    ("GET", "/api/directories/recent", LOGIN),
    ("GET", "/api/daemon", LOGIN),
    ("POST", "/api/daemon/stop", 0),
    ("POST", "/api/daemon/restart", LOGIN),
    ("GET", "/api/providers", LOGIN),
    ("GET", "/api/doctor", LOGIN),
    ("GET", "/api/events", LOGIN),
    ("GET", "/api/auth", LOGIN | ANYBODY),
    ("POST", "/api/auth/setup", LOGIN | ANYBODY),
    ("POST", "/api/auth/setup/totp", LOGIN | ANYBODY),
    ("POST", "/api/auth/setup/finish", LOGIN | ANYBODY),
    ("POST", "/api/auth/sign-in", LOGIN | ANYBODY),
    ("POST", "/api/auth/sign-out", LOGIN | ANYBODY),
    ("GET", "/api/auth/logins", LOGIN),
    ("GET", "/api/auth/factors", LOGIN),
    ("DELETE", "/api/auth/logins", LOGIN),
    ("DELETE", "/api/auth/logins/x", LOGIN),
    ("POST", "/api/auth/password", LOGIN),
    ("POST", "/api/auth/totp", LOGIN),
    ("POST", "/api/auth/totp/confirm", LOGIN),
    ("POST", "/api/auth/recovery-codes", LOGIN),
    ("POST", "/api/auth/bootstrap", 0),
    ("GET", "/api/audit", LOGIN),
    ("GET", "/api/audit/verify", LOGIN),
    ("GET", "/api/asks", LOGIN),
    ("GET", "/api/asks/x", LOGIN),
    ("POST", "/api/asks/x/answer", LOGIN),
    ("POST", "/api/asks/x/acknowledge", LOGIN),
    ("POST", "/api/asks/x/snooze", LOGIN),
    ("POST", "/api/halt", LOGIN),
    ("GET", "/api/notifications", LOGIN),
    ("PUT", "/api/notifications/device", LOGIN),
    ("DELETE", "/api/notifications/devices/x", LOGIN),
    ("POST", "/api/notifications/test", LOGIN),
    ("POST", "/api/notifications/receipts", LOGIN | ANYBODY),
    ("GET", "/api/policies", LOGIN),
    ("GET", "/api/policies/ready", LOGIN),
    ("POST", "/api/policies/check", LOGIN),
    ("POST", "/api/policies/form", LOGIN),
    ("POST", "/api/policies/write", LOGIN),
    ("POST", "/api/policies/test", LOGIN),
    ("GET", "/api/policies/x", LOGIN),
    ("PUT", "/api/policies/x", LOGIN),
    ("DELETE", "/api/policies/x", LOGIN),
    ("POST", "/api/policies/x/attach", LOGIN),
    ("POST", "/api/auth/reset-password", 0),
    ("POST", "/api/auth/reset-mfa", 0),
    ("GET", "/api/prompts", LOGIN),
    ("PUT", "/api/prompts/x", LOGIN),
    ("PATCH", "/api/prompts/x", LOGIN),
    ("DELETE", "/api/prompts/x", LOGIN),
    // The dashboard's files.
    ("GET", "/sessions", LOGIN | ANYBODY),
];

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

fn agent_may(name: &str, path: &str) -> bool {
    agents_may(&method(name), path, |reference| reference == "own")
}

#[test]
fn everybody_may_what_the_table_says() {
    for (name, path, who) in ROUTES {
        let own = path.replace("{}", "own");
        assert_eq!(agent_may(name, &own), who & AGENT > 0, "{name} {path}");
        assert_eq!(logins_may(&method(name), &own), who & LOGIN > 0, "{name} {path}");
        assert_eq!(anybody_may(&method(name), &own), who & ANYBODY > 0, "{name} {path}");
        for name in METHODS {
            let known = |of: u8| ROUTES.iter().any(|row| (row.0, row.1) == (name, path) && row.2 & of > 0);
            assert!(known(AGENT) || !agent_may(name, &own), "{name} {path}");
            assert!(known(ANYBODY) || !anybody_may(&method(name), &own), "{name} {path}");
        }
    }
}

/// `docs/api.md` has the same table, in words.
#[test]
fn the_documentation_has_this_table() {
    let docs = include_str!("../../../docs/api.md");
    let mut documented = Vec::new();
    for row in docs.lines().filter(|line| line.starts_with("| `") && line.contains(" /")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Some((name, path)) = cells[0].trim_matches('`').split_once(' ') else { continue };
        let bit = |word: &str| match word.trim() {
            "agent" => AGENT,
            "login" => LOGIN,
            "anybody" => ANYBODY,
            "" => 0,
            other => panic!("{other} in {row}"),
        };
        let who = cells[3].split(',').map(bit).sum::<u8>();
        documented.push((name.to_owned(), path.replace("{ref}", "{}").replace("{id}", "x"), who));
    }
    let mut routes: Vec<_> = ROUTES
        .into_iter()
        .filter(|row| crate::api::web::is_api(row.1))
        .map(|(name, path, who)| (name.to_owned(), path.to_owned(), who))
        .collect();
    routes.sort();
    documented.sort();
    assert_eq!(documented, routes);
}

#[test]
fn agents_may_nothing_about_other_sessions() {
    for (name, path, _) in ROUTES.into_iter().filter(|row| row.1.contains("{}")) {
        for other in ["other", "", "..", "own%2F..%2Fother", "own/../other", "own/"] {
            assert!(!agent_may(name, &path.replace("{}", other)), "{name} {path} {other}");
        }
    }
}

#[test]
fn nobody_gets_into_the_api_by_another_spelling() {
    for path in
        ["/api", "/api/", "/api/sessions/", "/api//sessions", "/ws", "/api/auth/", "/api/auth/logins/"]
    {
        assert!(!anybody_may(&Method::GET, path), "{path}");
    }
}

/// The table has every route that is there: whoever adds one decides.
#[test]
fn the_table_names_every_route() {
    let sources = [
        include_str!("../sessions.rs"),
        include_str!("../reports.rs"),
        include_str!("../input.rs"),
        include_str!("../notifications.rs"),
        include_str!("../conversation.rs"),
        include_str!("../system.rs"),
        include_str!("../stream.rs"),
        include_str!("../auth.rs"),
        include_str!("../directories.rs"),
        include_str!("../env_sets.rs"),
        include_str!("../worktrees.rs"),
        include_str!("../git.rs"),
        include_str!("../review.rs"),
        include_str!("../policies.rs"),
        include_str!("../saved_prompts.rs"),
        include_str!("../asks.rs"),
        include_str!("../audit.rs"),
        include_str!("../../api.rs"),
    ];
    let routes = sources.map(|source| source.split("#[cfg(test)]").next().unwrap_or_default());
    let verbs = |name: &str| routes.iter().map(|source| source.matches(name).count()).sum::<usize>();
    let made: usize =
        ["get", "post", "put", "patch", "delete"].map(|verb| verbs(&format!("warp::{verb}()"))).iter().sum();
    // `stop` and `kill` are one filter.
    assert_eq!(made + 1, ROUTES.len());
}

#[test]
fn escapes_in_paths_are_decoded() {
    assert_eq!(percent_decode("a%20b%2Fc%zz%4"), "a b/c%zz%4");
    assert_eq!(percent_decode("%C3%A9"), "é");
}
