//! Asks that are answered from everywhere at once: each ends once, and none is shown when it has ended.
//!
//! `make asks ASKS=1000 SEED=7` runs it for longer.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::ask::{Ask, AskDecision, AskKind};
use codepiper_protocol::wire::session::Session;
use fastrand::Rng;
use serde_json::json;

use crate::harness::{Browser, Home, eventually};

const SESSIONS: usize = 4;
/// It asks one thing after another with the hook of its settings, and takes the hook's answer or a key: what comes first.
const AGENT: &str = r#"
while [ $# -gt 0 ]; do [ "$1" = --settings ] && settings=$2; shift; done
hook=$(printf %s "$settings" | grep -o '"command":"[^"]*"' | cut -d'"' -f4 | head -1)
say() { printf '{"hook_event_name":"%s","cwd":"/","tool_name":"Bash","tool_input":{"command":"touch %s"}}' "$@" | sh -c "$hook"; }
stty -icanon -echo
for number in $(seq "$ROUNDS"); do
    what=$$-$number
    printf '{"hook_event_name":"UserPromptSubmit","prompt":"go"}' | sh -c "$hook"
    say PermissionRequest $what > "$RECORD/$what.reply" &
    waiting=$!
    answer=
    while [ -z "$answer" ]; do
        if read -rsn1 -t 0.02 key; then answer=terminal
        elif ! kill -0 $waiting 2>/dev/null; then
            answer=$(grep -o '"behavior":"[a-z]*"' "$RECORD/$what.reply" | cut -d'"' -f4)
            [ -n "$answer" ] || waiting=$$
        fi
    done
    [ $waiting = $$ ] || kill $waiting 2>/dev/null
    say PostToolUse $what
    printf '{"hook_event_name":"Stop"}' | sh -c "$hook"
    echo $answer > "$RECORD/$what"
done
echo all answered
sleep 1000
"#;

#[test]
fn what_is_answered_from_everywhere_ends_once() {
    random(80, 1);
}

#[test]
#[ignore = "takes minutes: make asks ASKS= SEED="]
fn what_is_answered_from_everywhere_ends_once_for_long() {
    let number = |name: &str, usual: u64| {
        std::env::var(name)
            .ok()
            .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    };
    random(number("ASKS", 1000) as usize, number("SEED", 1));
}

fn random(asks: usize, seed: u64) {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let record = home.path("record");
    fs::create_dir(&record).unwrap();
    let places = format!("RECORD={}\nROUNDS={}", record.display(), asks / SESSIONS);
    home.add_program("claude", &format!("#!/bin/bash\n{places}{AGENT}"));
    let sessions: Vec<Session> = (0..SESSIONS).map(|_| start(&home)).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for answerer in 0..3 {
            let (home, over) = (&home, &over);
            let browser = browser.saying(&[]);
            scope.spawn(move || answer(home, browser, &mut Rng::with_seed(seed * 10 + answerer), over));
        }
        let looking = scope.spawn(|| {
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                let done = ended(&record);
                let stale = open(&home).into_iter().find(|ask| done.contains_key(what(ask)));
                assert!(stale.is_none(), "it has ended: {stale:?}");
                looks += 1;
            }
            looks
        });
        for session in &sessions {
            while !home.output(session).contains("all answered") && !looking.is_finished() {
                thread::sleep(std::time::Duration::from_millis(50));
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(looking.join().unwrap() > 3);
    });
    assert_eq!(open(&home), []);
    each_has_one_end(&home, &ended(&record), asks);
}

fn start(home: &Home) -> Session {
    serde_json::from_str(&home.ok(["start", "-p", "claude-code", "--json"])).unwrap()
}

/// What is asked for, as the agent names it.
fn what(ask: &Ask) -> &str {
    ask.title.strip_prefix("touch ").unwrap_or_default()
}

fn open(home: &Home) -> Vec<Ask> {
    let asks: Vec<Ask> = serde_json::from_str(&home.ok(["inbox", "--json"])).unwrap();
    asks.into_iter().filter(|ask| ask.kind == AskKind::Permission).collect()
}

/// What has ended, by what was asked for: how, as the agent says.
fn ended(record: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(record).unwrap().map(|file| file.unwrap().path());
    let ends = files.filter(|file| file.extension().is_none()).map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(file).unwrap().trim().to_owned())
    });
    ends.filter(|(_, how)| !how.is_empty()).collect()
}

/// On the command line, in a browser or in the terminal, whichever comes.
fn answer(home: &Home, mut browser: Browser, random: &mut Rng, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let asks = open(home);
        let Some(ask) = random.choice(&asks) else { continue };
        let allow = random.bool();
        match random.u8(0..3) {
            0 => {
                let code = home.run([if allow { "approve" } else { "deny" }, &ask.id]).code;
                assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}");
            }
            1 => {
                let decision = if allow { "allow" } else { "deny" };
                let answer =
                    browser.post(&format!("/api/asks/{}/answer", ask.id), &json!({ "decision": decision }));
                assert!(matches!(answer.status, 200 | 404 | 409), "{answer:?}");
            }
            _ => {
                home.ok(["keys", &ask.session.to_string(), "y"]);
            }
        }
    }
}

/// In the journal, and not another one than the agent's.
fn each_has_one_end(home: &Home, ended: &BTreeMap<String, String>, asks: usize) {
    assert_eq!(ended.len(), asks);
    let ends = || -> BTreeMap<String, Vec<String>> {
        let logs = home.ok(["logs", "--source", "ask", "-n", "10000", "--json"]);
        let mut ends: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in logs.lines() {
            let (title, how) = match serde_json::from_str::<Event>(line).unwrap().body {
                Body::AskAnswered { title, decision: AskDecision::Allow, .. } => (title, "allow"),
                Body::AskAnswered { title, decision: AskDecision::Deny, .. } => (title, "deny"),
                Body::AskWithdrawn { title, what, .. } if what.waits() => (title, "terminal"),
                _ => continue,
            };
            let what = title.strip_prefix("touch ").unwrap().to_owned();
            ends.entry(what).or_default().push(how.to_owned());
        }
        ends
    };
    // A key that was there before the question has answered it before anybody was told.
    let untold = |ends: &BTreeMap<String, Vec<String>>| {
        let untold = ended.iter().filter(|(what, how)| !ends.contains_key(*what) && *how != "terminal");
        untold.count()
    };
    let ends = eventually("all ends are told", || Some(ends()).filter(|ends| untold(ends) == 0));
    let mut ways = HashSet::new();
    for (what, how) in ended {
        let Some(told) = ends.get(what) else { continue };
        assert_eq!(told.len(), 1, "{what}: {told:?}");
        // A key may have come while the answer was on its way.
        assert!(*told[0] == **how || how == "terminal", "{what}: {told:?}, but the agent was told {how}");
        ways.insert(how.clone());
    }
    assert!(ends.len() > asks / 2, "{} of {asks} were asked", ends.len());
    assert_eq!(ways.len(), 3, "{ways:?}");
    println!("{} of {asks} asks were told of, and ended once", ends.len());
}
