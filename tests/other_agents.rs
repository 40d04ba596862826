//! Agents that people add as providers of their own, by the examples of the documentation.

use std::fs;
use std::path::Path;

use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::session::{Activity, Session, WaitingFor};
use serde_json::json;

use crate::agents::{Bed, NEWEST_CLAUDE_CODE};
use crate::harness::eventually;

/// The example configuration, as people copy it.
fn example(name: &str) -> String {
    let docs = include_str!("../docs/sessions.md");
    let begin = docs.find(&format!("    [providers.{name}]")).unwrap();
    let lines = docs[begin..].lines().take_while(|line| line.starts_with("    ") && is_of(line, name));
    lines.map(|line| format!("{}\n", line.trim_start())).collect()
}

/// Every table in it is this provider's.
fn is_of(line: &str, name: &str) -> bool {
    let line = line.trim();
    !line.starts_with('[') || line.trim_matches(['[', ']']).starts_with(&format!("providers.{name}"))
}

/// A daemon that knows the example, and the model at this address.
fn bed(name: &str) -> (Bed, String) {
    let mut bed = Bed::prepared(&NEWEST_CLAUDE_CODE);
    let others = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/others/node_modules");
    let bin = others.join(if name == "opencode" { "opencode-linux-x64/bin" } else { ".bin" });
    assert!(bin.join(name).exists(), "{name} is not installed; `make npm` installs it");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let model = bed.model().to_owned();
    // Nothing of the other agents'.
    bed.home.set_environment(&[
        ("PATH", &path),
        ("COLORTERM", "truecolor"),
        ("GEMINI_API_KEY", "not-a-key"),
        ("GOOGLE_GEMINI_BASE_URL", &model),
        ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ]);
    fs::write(bed.home.path("config.toml"), example(name)).unwrap();
    (bed, model)
}

fn start(bed: &Bed, name: &str) -> Session {
    let dir = bed.project.to_str().unwrap();
    serde_json::from_str(&bed.home.ok(["start", "--json", "-p", name, "-d", dir])).unwrap()
}

fn until_it(bed: &Bed, session: &Session, activity: Activity, waiting_for: Option<WaitingFor>) {
    bed.home.until(session, &format!("it is {activity}"), |session| {
        (session.activity, session.waiting_for) == (activity, waiting_for)
    });
}

/// Its program comes in a package for each kind of processor.
#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "not installed for this processor")]
fn opencode_has_a_conversation() {
    let (mut bed, model) = bed("opencode");
    let config = bed.home.path("user/.config/opencode");
    fs::create_dir_all(&config).unwrap();
    let config = config.join("opencode.json");
    let options = json!({"baseURL": format!("{model}/v1"), "apiKey": "not-a-key"});
    let settings = json!({
        "autoupdate": false, "share": "disabled", "model": "anthropic/claude-sonnet-4-5",
        "provider": {"anthropic": {"options": options}}, "permission": {"bash": "ask"},
    });
    fs::write(config, settings.to_string()).unwrap();
    bed.home.start_daemon();
    let session = start(&bed, "opencode");
    let id = &session.id.to_string();
    until_it(&bed, &session, Activity::Idle, None);
    let sent: Sent = serde_json::from_str(&bed.home.ok(["send", id, "hello there", "--json"])).unwrap();
    assert!(sent.receipt >= Receipt::Submitted, "{sent:?}");
    bed.home.ok(["wait", id, "--until", "text=You said: hello there", "--timeout", "30"]);
    until_it(&bed, &session, Activity::Idle, None);
    bed.home.ok(["send", id, "slow: 60 100", "--wait", "text=word3", "--timeout", "30"]);
    until_it(&bed, &session, Activity::Working, None);
    let queued: Sent =
        serde_json::from_str(&bed.home.ok(["send", id, "run: touch asked", "--json"])).unwrap();
    assert_eq!(queued.receipt, Receipt::Queued);
    until_it(&bed, &session, Activity::Waiting, Some(WaitingFor::Permission));
    assert!(!bed.project.join("asked").exists());
    bed.home.ok(["keys", id, "enter"]);
    eventually("it is allowed", || bed.project.join("asked").exists().then_some(()));
    until_it(&bed, &session, Activity::Idle, None);
    assert_eq!(bed.turns("hello there"), 1);
    bed.home.ok(["stop", id]);
}

/// Without an account: its question at the start, and its prompt.
#[test]
fn gemini_begins() {
    let (mut bed, _) = bed("gemini");
    let folder = bed.home.path("user/.gemini");
    fs::create_dir_all(&folder).unwrap();
    let settings = json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"disableAutoUpdate": true},
        "privacy": {"usageStatisticsEnabled": false},
    });
    fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
    bed.home.start_daemon();
    let session = start(&bed, "gemini");
    let id = &session.id.to_string();
    until_it(&bed, &session, Activity::Waiting, Some(WaitingFor::Question));
    bed.home.ok(["kill", id]);
    // When that is answered, it starts anew.
    let trusted = json!({ bed.project.to_str().unwrap(): "TRUST_FOLDER" });
    fs::write(folder.join("trustedFolders.json"), trusted.to_string()).unwrap();
    let session = start(&bed, "gemini");
    let id = &session.id.to_string();
    until_it(&bed, &session, Activity::Idle, None);
    // It hides its cursor, so that its composer cannot be read: what is sent leaves it all the same.
    let sent: Sent = serde_json::from_str(&bed.home.ok(["send", id, "hello there", "--json"])).unwrap();
    assert_eq!(sent.receipt, Receipt::Written);
    // Its model is not there: it asks which other one it shall take.
    bed.home.ok(["wait", id, "--until", "text=You said|have access", "--timeout", "30"]);
    until_it(&bed, &session, Activity::Waiting, Some(WaitingFor::Question));
    bed.home.ok(["kill", id]);
}
