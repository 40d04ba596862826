//! Who pays: what is left of the environment when an agent is started.

use std::os::unix::fs::PermissionsExt;

use codepiper_protocol::wire::session::{Billing, Session};

use crate::harness::Home;

/// A home whose `claude` and `codex` print the keys that they were given, and the daemon has some.
fn home(keys: &[(&str, &str)]) -> Home {
    let mut home = Home::new();
    let bin = home.path("bin");
    std::fs::create_dir(&bin).unwrap();
    for name in ["claude", "codex"] {
        let program = bin.join(name);
        std::fs::write(&program, "#!/bin/sh\nenv | grep -E 'KEY|USE_' | sort\necho done\nread line\n")
            .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    home.set_environment(&[&[("PATH", path.as_str())], keys].concat());
    home.start_daemon();
    home
}

const KEYS: [(&str, &str); 4] = [
    ("ANTHROPIC_API_KEY", "a"),
    ("CLAUDE_CODE_USE_BEDROCK", "1"),
    ("OPENAI_API_KEY", "o"),
    ("OTHER_KEY", "x"),
];

/// What the program printed of its environment, and the session.
fn started(home: &Home, provider: &str, flags: &[&str]) -> (String, Session) {
    let session: Session =
        serde_json::from_str(&home.ok([&["start", "--json", "-p", provider], flags].concat())).unwrap();
    home.until_printed(&session, "done");
    (home.output(&session).replace('\r', ""), session)
}

#[test]
fn the_subscription_pays_unless_api_is_chosen() {
    let home = home(&KEYS);
    let (seen, session) = started(&home, "claude-code", &[]);
    assert_eq!(session.billing, Some(Billing::Subscription));
    assert!(seen.contains("OPENAI_API_KEY=o\nOTHER_KEY=x\n"), "{seen}");
    assert!(!seen.contains("ANTHROPIC") && !seen.contains("BEDROCK"), "{seen}");
    let (seen, session) = started(&home, "claude-code", &["--billing", "api"]);
    assert_eq!(session.billing, Some(Billing::Api));
    assert!(seen.contains("ANTHROPIC_API_KEY=a\nCLAUDE_CODE_USE_BEDROCK=1\n"), "{seen}");
    // It is in the record: the next run is paid the same way.
    home.ok(["kill", &session.short_id]);
    home.ok(["resume", &session.short_id]);
    assert_eq!(home.session(&session.short_id).billing, Some(Billing::Api));
    let (seen, _) = started(&home, "codex", &["--billing", "subscription"]);
    assert!(seen.contains("ANTHROPIC_API_KEY=a") && !seen.contains("OPENAI"), "{seen}");
    let shell = home.bash("env; echo done; read line");
    home.until_printed(&shell, "done");
    assert!(home.output(&shell).contains("ANTHROPIC_API_KEY=a"), "a shell is nobody's agent");
    assert_eq!(shell.billing, None);
    assert!(
        home.fails(2, ["start", "-p", "shell", "--billing", "api", "--", "true"])
            .contains("shell has no billing modes")
    );
}

#[test]
fn api_without_a_credential_starts_nothing_and_says_where_it_looked() {
    let home = home(&[]);
    for (provider, variable, file) in [
        ("claude-code", "ANTHROPIC_API_KEY", ".claude/settings.json"),
        ("codex", "OPENAI_API_KEY", ".codex/auth.json"),
    ] {
        let message = home.fails(1, ["start", "-p", provider, "--billing", "api"]);
        assert!(message.contains(variable) && message.contains(file), "{message}");
        assert!(message.contains("--billing subscription"), "{message}");
    }
    assert!(home.sessions().is_empty());
}
