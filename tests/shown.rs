//! What a person is shown of an ask, and what the record keeps of it.

use serde_json::{Value, json};

use crate::agents::{Bed, CLAUDE_CODE, NEWEST_CLAUDE_CODE};
use crate::asks::asked;
use crate::harness::{Home, eventually};

fn audited(home: &Home, kind: &str) -> Vec<Value> {
    let records = home.ok(["audit", "--type", kind, "--json"]);
    records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["data"].clone()).collect()
}

#[test]
fn all_that_is_allowed_is_shown_and_on_record() {
    for agent in [&CLAUDE_CODE, &NEWEST_CLAUDE_CODE] {
        let bed = Bed::new(agent);
        let home = &bed.home;
        let id = bed.start(&[]).id.to_string();
        home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
        let loose = json!({"command": "touch loose", "description": "d", "dangerouslyDisableSandbox": true});
        let url = "http://127.0.0.1:9/page";
        let fetch = json!({"url": url, "prompt": "x".repeat(5000)});
        let prompt = format!("tool: Bash {loose} ;; tool: WebFetch {fetch}");
        home.ok(["send", &id, &prompt, "--wait", "waiting", "--timeout", "20"]);
        let ask = asked(home, "the first");
        let all = "touch loose\n\ndangerouslyDisableSandbox: true";
        assert_eq!((ask.title.as_str(), ask.text.as_str(), &ask.always), ("touch loose", all, &None));
        home.ok(["approve", &ask.id]);
        let ask = asked(home, "the second");
        assert_eq!(ask.title, url);
        assert!(home.ok(["approve", &ask.id]).contains(&format!("allowed: {url}")));
        let records = audited(home, "ask.answered");
        assert_eq!((&records[0]["text"], &records[0]["gate"]), (&json!(all), &json!("person")));
        assert_eq!((&records[1]["title"], &records[1]["tool"]), (&json!(url), &json!("WebFetch")));
        assert_eq!(records[1]["text"].as_str().unwrap(), &ask.text[..4096]);
        assert_eq!(records[1]["text_sha256"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn what_only_the_screen_asks_is_shown_as_it_stands_there() {
    let config = r#"
        [providers.asks]
        command = ["sh", "-c", "printf 'Go on?\\n> 1. yes\\n'; printf '\\033]7501;state=blocked\\033\\\\'; exec cat"]
        [[providers.asks.signals]]
        osc_7501 = "blocked"
        means = "waiting"
    "#;
    let mut home = Home::new();
    std::fs::write(home.path("config.toml"), config).unwrap();
    home.start_daemon();
    let dir = home.path("").display().to_string();
    home.ok(["start", "-p", "asks", "-d", &dir, "--name", "asks"]);
    let shown = eventually("it asks", || {
        let shown = home.run(["inbox", "show", "asks"]);
        shown.stdout.contains("Go on?").then_some(shown.stdout)
    });
    assert!(shown.contains("Evidence: it reported"), "{shown}");
    assert!(shown.contains("Go on?\n> 1. yes\n"), "{shown}");
}
