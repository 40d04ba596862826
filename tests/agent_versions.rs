//! Which versions of the real agents are installed and which run, and what they say of themselves.

use codepiper_protocol::wire::daemon::{Check, Provider, ProviderCheck};
use codepiper_protocol::wire::session::Session;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::eventually;

#[test]
fn the_installed_agents_say_their_version_and_who_is_signed_in() {
    let bed = Bed::new(&CLAUDE_CODE);
    let check = |name: &str| {
        let providers: Vec<Provider> = serde_json::from_str(&bed.home.ok(["providers", "--json"])).unwrap();
        providers.into_iter().find(|provider| provider.name == name).unwrap().check
    };
    let works = |check: &ProviderCheck, what: &str| {
        check.features.iter().find(|feature| feature.what == what).unwrap().works
    };
    let resets = "when a usage limit resets";
    let claude = check("claude-code").unwrap();
    assert_eq!(claude.version.as_deref(), Some("2.1.197"));
    assert!(claude.tested.contains(&"2.1.197".to_owned()));
    assert_eq!((works(&claude, "permission mode"), works(&claude, resets)), (Some(true), Some(false)));
    // By the plan's token in the environment; the key there is not a subscription's.
    let sign_in = claude.sign_in.unwrap();
    assert_eq!((sign_in.signed_in, sign_in.how.as_str()), (true, "token of a plan"));
    let codex = check("codex").unwrap();
    assert_eq!(codex.version.as_deref(), Some("0.169.0"));
    let sign_in = codex.sign_in.unwrap();
    assert_eq!((sign_in.signed_in, sign_in.how.as_str()), (false, "Not logged in"));
    assert_eq!(check("shell"), None);

    let list = bed.home.ok(["providers"]);
    assert!(list.contains("2.1.197, without: what a dialog is about; when a usage limit resets"), "{list}");
    bed.install("newest");
    let newest = check("claude-code").unwrap();
    assert_eq!((newest.version.as_deref(), works(&newest, resets)), (Some("2.1.332"), Some(true)));
    assert_eq!(check("codex").unwrap().version.as_deref(), Some("0.171.0"));
}

#[test]
fn claude_code_is_upgraded_while_sessions_run() {
    upgraded(&CLAUDE_CODE, &NEWEST_CLAUDE_CODE, ["2.1.197", "2.1.332"]);
}

#[test]
fn codex_is_upgraded_while_sessions_run() {
    upgraded(&CODEX, &NEWEST_CODEX, ["0.169.0", "0.171.0"]);
}

fn upgraded(agent: &Agent, newest: &Agent, [old, new]: [&str; 2]) {
    let bed = Bed::new(agent);
    let before = bed.start(&[]);
    bed.says(&before.short_id, "before");
    bed.install(newest.set);
    let after = bed.start(&[]);
    bed.says(&after.short_id, "after");
    bed.says(&before.short_id, "goes on");
    let said =
        |version: &str, session: &Session| format!("{} {version}: {}", agent.provider, session.short_id);
    eventually("both versions are known", || {
        let versions = versions(&bed);
        (versions.contains(&said(old, &before)) && versions.contains(&said(new, &after))).then_some(())
    });
    // The next run of the same session has the new one, and the conversation.
    bed.stop(&before.short_id);
    bed.home.ok(["resume", &before.short_id]);
    bed.says(&before.short_id, "and on");
    let request = bed.request("and on");
    assert_eq!(request["earlier"], serde_json::json!(["before", "goes on"]), "{request}");
    assert!(!versions(&bed).contains(old), "{}", versions(&bed));
}

/// What `doctor` says of them.
fn versions(bed: &Bed) -> String {
    let checks: Vec<Check> = serde_json::from_str(&bed.home.ok(["doctor", "--json"])).unwrap();
    let versions = checks.into_iter().find(|check| check.name == "agent versions");
    versions.map(|check| check.detail).unwrap_or_default()
}
