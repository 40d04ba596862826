//! Providers of the configuration file, with a stand-in for an agent; and what programs only claim.

use std::fs;

use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::session::{Activity, EvidenceSource, Session, Status, WaitingFor};

use crate::harness::Home;

/// It says what it does in three ways, and repeats what it is told.
const PARROT: &str = r#"#!/bin/bash
stty -icanon
printf '\033[?2004h\033]2;at rest\007arguments: %s\r\n> ' "$*"
while IFS= read -r line; do
    line=${line#$'\033[200~'}
    line=${line%$'\033[201~'}
    case $line in
        leave) exit 0 ;;
        ask) printf '\r\nAllow it? y/n\r\n'; IFS= read -r -n 1 answer; printf '\033[2J\033[H' ;;
    esac
    printf '\033]7501;state=working\033\\\r\nit says: %s\r\n' "$line"
    printf '\033]2;at rest\007> '
done
"#;

const CONFIGURATION: &str = r#"
[providers.parrot]
description = "A parrot"
command = ["parrot", "--first"]
resume = ["parrot", "--again"]
model = ["--model", "{model}"]
quit = ["l", "e", "a", "v", "e", "enter"]
composer.mark = ">"

[[providers.parrot.signals]]
osc_7501 = "working"
means = "working"

[[providers.parrot.signals]]
title = "^at rest$"
means = "idle"

[[providers.parrot.signals]]
screen = "^Allow it"
means = "permission"
"#;

fn home() -> Home {
    let mut home = Home::new();
    home.add_program("parrot", PARROT);
    fs::write(home.path("config.toml"), CONFIGURATION).unwrap();
    home.start_daemon();
    home
}

#[test]
fn a_provider_of_the_configuration_file_is_like_a_built_in_one() {
    let home = home();
    assert!(home.ok(["providers"]).contains("A parrot"));
    let started = home.ok(["start", "-p", "parrot", "--model", "large", "--json", "--", "more"]);
    let session: Session = serde_json::from_str(&started).unwrap();
    let id = &session.id.to_string();
    assert_eq!(session.model.as_deref(), Some("large"));
    home.until_printed(&session, "arguments: --first --model large more");
    home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);
    let sent: Sent = serde_json::from_str(&home.ok(["send", id, "hello", "--json"])).unwrap();
    assert_eq!(sent.receipt, Receipt::TurnStarted);
    home.ok(["wait", id, "--until", "text=it says: hello", "--timeout", "30"]);

    home.ok(["send", id, "ask", "--wait", "waiting", "--timeout", "30"]);
    let waits = home.session(id);
    assert_eq!((waits.activity, waits.waiting_for), (Activity::Waiting, Some(WaitingFor::Permission)));
    let proof = home.explain(id).evidence.pop().unwrap();
    assert_eq!(
        (proof.source, proof.what.as_str()),
        (EvidenceSource::Screen, "its screen shows 'Allow it? y/n'")
    );
    assert!(home.fails(1, ["send", id, "no answer"]).contains("is waiting for an answer"));
    home.ok(["keys", id, "y"]);
    home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);

    home.ok(["stop", id]);
    let stopped = home.session(id);
    assert_eq!((stopped.status, stopped.exit.unwrap().code), (Status::Stopped, Some(0)));
    home.ok(["resume", id]);
    home.until_printed(&session, "arguments: --again --model large more");
}

/// As Claude Code under load.
#[test]
fn an_agent_that_says_it_is_idle_before_it_paints_gets_what_is_sent_then() {
    let home = home();
    let slow = PARROT.replacen("\nprintf", "\nprintf '\\033]2;at rest\\007'; sleep 2; printf", 1);
    fs::write(home.path("bin/parrot"), slow).unwrap();
    let started: Session = serde_json::from_str(&home.ok(["start", "-p", "parrot", "--json"])).unwrap();
    let id = &started.short_id;
    home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);
    let sent: Sent = serde_json::from_str(&home.ok(["send", id, "hello", "--json"])).unwrap();
    assert_eq!(sent.receipt, Receipt::TurnStarted);
    // What somebody types is a draft as before.
    home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);
    home.ok(["keys", id, "x"]);
    assert!(home.fails(1, ["send", id, "more"]).contains("has a draft in its composer"));
}

#[test]
fn a_provider_can_be_tried_without_being_started() {
    let home = home();
    let printed = "\u{1b}]2;at rest\u{7}work\r\nAllow it? y/n\r\n\u{7}";
    let ran = home.run_with(["providers", "test", "parrot"], printed.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for line in [
        "start    parrot --first",
        "resume   parrot --again",
        "byte 12: it reported the title 'at rest' → idle",
        "1 of 2 reports match a rule",
        "at the end: its screen shows 'Allow it? y/n' → waiting for permission",
        "result: idle, it reported the title 'at rest'",
    ] {
        assert!(ran.stdout.lines().any(|said| said == line), "{line}: {}", ran.stdout);
    }
    // Of a program that does the same, the same is known.
    fs::write(home.path("printed"), printed).unwrap();
    fs::write(home.path("bin/parrot"), "#!/bin/bash\ncat printed; read x\n").unwrap();
    let dir = home.path("").display().to_string();
    let live: Session =
        serde_json::from_str(&home.ok(["start", "-p", "parrot", "-d", &dir, "--json"])).unwrap();
    home.ok(["wait", &live.short_id, "--until", "text=Allow it", "--timeout", "30"]);
    home.ok(["wait", &live.short_id, "--until", "quiet=0.5", "--timeout", "30"]);
    assert_eq!(home.session(&live.short_id).activity, Activity::Idle);
    let only_the_screen = home.run_with(["providers", "test", "parrot"], b"Allow it? y/n\r\n");
    let counts = "result: waiting for permission, its screen shows 'Allow it? y/n'";
    assert!(only_the_screen.stdout.lines().any(|said| said == counts), "{}", only_the_screen.stdout);
    let nothing = home.run_with(["providers", "test", "parrot"], b"work");
    assert!(nothing.stdout.contains("result: unknown, no evidence"), "{}", nothing.stdout);
    home.fails(2, ["providers", "test", "nobody"]);
}

#[test]
fn a_configuration_that_cannot_be_names_the_provider() {
    let home = Home::new();
    for (text, wrong) in [
        (
            "[providers.shell]\ncommand = [\"bash\"]\n",
            "line 2: providers.shell: this provider is built in; choose another name",
        ),
        ("[providers.codex]\ncommand = [\"codex\"]\n", "line 2: providers.codex: this provider is built in"),
        ("[providers.codex]\nhooks = true\n", "line 2: providers.codex: unknown key 'hooks'"),
        (
            "\n[providers.parrot]\nhooks = true\n",
            "line 3: providers.parrot: no built-in provider has this name",
        ),
    ] {
        fs::write(home.path("config.toml"), text).unwrap();
        let said = home.run(["daemon"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains(wrong), "{}", said.stderr);
    }
}

#[test]
fn a_daemon_that_could_not_start_with_its_providers_is_not_restarted() {
    let home = home();
    let pid = home.status().pid;
    let file = home.path("config.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, "[providers.codex]\nhooks = true\n").unwrap();
    let said = home.fails(1, ["daemon", "restart"]);
    assert!(said.contains("could not start again") && said.contains("unknown key 'hooks'"), "{said}");
    assert_eq!(home.status().pid, pid);
    fs::write(&file, before).unwrap();
    home.ok(["daemon", "restart"]);
}

/// What a program claims counts for its own session at most.
#[test]
fn claims_prove_nothing_about_others() {
    let home = home();
    let parrot: Session = serde_json::from_str(&home.ok(["start", "-p", "parrot", "--json"])).unwrap();
    home.ok(["wait", &parrot.short_id, "--until", "idle", "--timeout", "30"]);
    let liar =
        home.bash("printf '\\033]7501;state=working:app=codex\\033\\\\\\033]2;⠂ busy\\007claimed'; read x");
    home.until_printed(&liar, "claimed");
    home.until(&liar, "its claim is told", |session| session.program_status.is_some());
    assert_eq!(home.session(&parrot.short_id).activity, Activity::Idle);
}
