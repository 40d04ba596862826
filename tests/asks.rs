//! Asks: what agents need from a person, answered from elsewhere, and halts.

use std::thread;
use std::time::{Duration, Instant};

use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind, HaltOutcome, Halted};
use codepiper_protocol::wire::session::{Activity, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::{Home, Owner, eventually, mentioning};

fn inbox(home: &Home) -> Vec<Ask> {
    serde_json::from_str(&home.ok(["inbox", "--json"])).unwrap()
}

/// The only ask, once it is there.
pub(crate) fn asked(home: &Home, what: &str) -> Ask {
    eventually(what, || {
        let mut asks = inbox(home);
        let only = (asks.len() == 1).then(|| asks.remove(0))?;
        (only.answered_in == AnsweredIn::Here).then_some(only)
    })
}

fn none_is_open(home: &Home) {
    eventually("nothing is open", || inbox(home).iter().all(|ask| !ask.kind.waits()).then_some(()));
}

/// An agent that has begun with a prompt in which it asks something.
fn asking(bed: &Bed, args: &[&str], prompt: &str) -> (String, Ask) {
    let id = bed.start(args).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    bed.home.ok(["send", &id, prompt, "--wait", "waiting", "--timeout", "20"]);
    let ask = asked(&bed.home, prompt);
    (id, ask)
}

#[test]
fn claude_code_is_answered_from_elsewhere() {
    is_answered(&CLAUDE_CODE);
}

#[test]
fn newest_claude_code_is_answered_from_elsewhere() {
    is_answered(&NEWEST_CLAUDE_CODE);
}

fn is_answered(agent: &Agent) {
    let bed = Bed::new(agent);
    let home = &bed.home;
    let prompt = "run: touch one ;; run: touch two ;; run: touch three ;; run: touch four; rm -rf ./gone";
    let (id, ask) = asking(&bed, &[], prompt);
    assert_eq!(
        (ask.kind, ask.title.as_str(), ask.text.as_str()),
        (AskKind::Permission, "touch one", "touch one")
    );
    assert!(ask.expires_at.is_some() && ask.changes_allowed && ask.risk.is_none());
    assert_eq!(ask.always.as_deref(), Some("Bash(touch one)"));
    assert_eq!(ask.evidence.as_deref(), Some("the hook PermissionRequest"));
    let shown = home.ok(["inbox", "show", &ask.id]);
    assert!(
        shown.contains("Evidence: the hook") && shown.contains("Only in the terminal after 20"),
        "{shown}"
    );
    assert_eq!(home.session(&id).asks, std::slice::from_ref(&ask));
    // Its terminal asks all the while.
    home.ok(["wait", &id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    assert!(home.ok(["approve", &ask.id]).contains("allowed: touch one"));
    eventually("it is done", || bed.project.join("one").exists().then_some(()));
    // Who comes second is told who was first.
    let second = home.fails(1, ["deny", &ask.id]);
    assert!(second.contains("allowed by command line"), "{second}");

    let first = ask.id;
    let ask = asked(home, "the second one");
    home.ok(["deny", &id, "--reason", "not that one"]);
    eventually("the model is told", || {
        let log = std::fs::read_to_string(home.path("requests.jsonl")).unwrap();
        log.contains("\"last_result\":\"not that one").then_some(())
    });
    assert!(!bed.project.join("two").exists());
    assert!(home.fails(1, ["approve", &ask.id]).contains("denied by command line"));

    let ask = asked(home, "the third one");
    home.ok(["approve", &ask.id, "--command", "touch instead"]);
    eventually("the changed one is done", || bed.project.join("instead").exists().then_some(()));
    assert!(!bed.project.join("three").exists());

    // In the terminal: nothing is open any more.
    let ask = asked(home, "the fourth one");
    assert_eq!(ask.risk.as_deref(), Some("deletes without asking"));
    home.ok(["wait", &id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    home.ok(["keys", &id, "1"]);
    bed.until_idle(&id);
    none_is_open(home);
    assert!(bed.project.join("four").exists());
    assert!(home.fails(1, ["approve", &ask.id]).contains("answered in the terminal"));

    // Also by the next daemon.
    home.ok(["daemon", "restart"]);
    assert!(home.fails(1, ["approve", &first]).contains("allowed by command line"));
    assert!(home.fails(1, ["deny", &ask.id]).contains("answered in the terminal"));
    assert!(home.fails(3, ["approve", "ask-aaaaaa"]).contains("no ask"));

    let logs = home.ok(["logs", &id, "--source", "ask"]);
    for said in [
        "Allowed by command line: touch one",
        "Denied by command line: touch two",
        "answered in the terminal",
    ] {
        assert!(logs.contains(said), "{said}: {logs}");
    }
    let audit = home.ok(["audit", "--type", "ask.answered", "--json"]);
    let audited: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(audited.len(), 3, "{audit}");
    assert_eq!(
        (&audited[1]["data"]["decision"], &audited[1]["data"]["reason"]),
        (&json!("deny"), &json!("not that one"))
    );
    assert_eq!(audited[2]["data"]["changed"], "touch instead");
    let in_terminal = eventually("the answer in the terminal is on record", || {
        let records = home.ok(["audit", "--type", "ask.withdrawn", "--json"]);
        records.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap())
    });
    assert_eq!(
        (&in_terminal["actor"], &in_terminal["data"]["gate"]),
        (&json!("terminal"), &json!("terminal"))
    );
    assert_eq!(in_terminal["data"]["title"], "touch four; rm -rf ./gone");
}

#[test]
fn claude_code_gets_answers_to_its_questions() {
    questions(&CLAUDE_CODE);
}

#[test]
fn newest_claude_code_gets_answers_to_its_questions() {
    questions(&NEWEST_CLAUDE_CODE);
}

fn questions(agent: &Agent) {
    let bed = Bed::new(agent);
    let home = &bed.home;
    let several = json!({"questions": [
        {"question": "Which ones?", "header": "H", "multiSelect": true,
         "options": [{"label": "A", "description": "a"}, {"label": "B", "description": "b"}, {"label": "C", "description": "c"}]},
        {"question": "Which one?", "header": "I", "multiSelect": false,
         "options": [{"label": "D", "description": "d"}, {"label": "E", "description": "e"}]},
    ]});
    let prompt =
        format!("ask: Red or blue? | Red | Blue ;; ask: And now? | X | Y ;; tool: AskUserQuestion {several}");
    let (id, ask) = asking(&bed, &[], &prompt);
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Question, "Red or blue?"));
    let labels: Vec<&str> = ask.questions[0].options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(labels, ["Red", "Blue"]);
    assert!(home.fails(2, ["approve", &ask.id]).contains("codepiper answer"));
    assert!(home.fails(2, ["answer", &ask.id, "--option", "3"]).contains("no option 3"));
    assert!(
        home.fails(2, ["answer", &ask.id, "--option", "1", "--option", "2"])
            .contains("takes one answer only")
    );
    let told = |words: &str| {
        eventually(words, || {
            let log = std::fs::read_to_string(home.path("requests.jsonl")).unwrap();
            log.contains(words).then_some(())
        });
    };
    home.ok(["answer", &ask.id, "--option", "2"]);
    told(r#"\"Red or blue?\"=\"Blue\""#);
    let ask = asked(home, "the second question");
    assert_eq!(ask.title, "And now?");
    home.ok(["answer", &id, "--text", "neither of them"]);
    told(r#"\"And now?\"=\"neither of them\""#);
    let ask = asked(home, "several questions");
    assert!(ask.questions[0].multi && !ask.questions[1].multi, "{ask:?}");
    assert!(home.fails(2, ["answer", &ask.id, "--option", "1"]).contains("QUESTION.OPTION"));
    home.ok(["answer", &ask.id, "--option", "1.1", "--option", "1.3", "--option", "2.2"]);
    told(r#"\"Which ones?\"=\"A, C\""#);
    told(r#"\"Which one?\"=\"E\""#);
    bed.until_idle(&id);
    none_is_open(home);
}

/// Its hook does not tell the plan: nobody approves what is not shown.
#[test]
fn a_plan_that_is_only_on_the_screen_is_approved_there() {
    let bed = Bed::new(&CLAUDE_CODE);
    let id = bed.start(&["--", "--permission-mode", "plan"]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    bed.home.ok(["send", &id, "plan: first this", "--wait", "waiting", "--timeout", "20"]);
    let ask = eventually("the plan", || inbox(&bed.home).into_iter().find(|ask| ask.kind == AskKind::Plan));
    assert_eq!(ask.answered_in, AnsweredIn::Terminal);
    assert!(bed.home.fails(1, ["approve", &ask.id]).contains("terminal"));
}

#[test]
fn newest_claude_code_gets_its_plan_approved() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let home = &bed.home;
    let args = ["--", "--permission-mode", "plan"];
    let (id, ask) = asking(&bed, &args, "plan: first this\\nthen that");
    assert_eq!((ask.kind, ask.text.as_str()), (AskKind::Plan, "first this\nthen that"));
    home.ok(["deny", &ask.id, "--reason", "shorter"]);
    bed.until_idle(&id);
    assert_eq!(home.session(&id).permission_mode.as_deref(), Some("plan"));
    home.ok(["send", &id, "plan: only this", "--wait", "waiting", "--timeout", "20"]);
    let ask = asked(home, "the second plan");
    home.ok(["approve", &ask.id]);
    bed.until_idle(&id);
    // It goes on where it asks before it edits.
    eventually("its mode", || {
        (home.session(&id).permission_mode.as_deref() == Some("default")).then_some(())
    });
}

/// Two at once: one counts, and the other one is told.
#[test]
fn an_ask_is_answered_once() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let (id, ask) = asking(&bed, &[], "run: touch once");
    let outcomes: Vec<Option<i32>> = thread::scope(|scope| {
        let answer = |verb: &'static str| {
            scope.spawn({
                let (home, ask) = (&bed.home, &ask.id);
                move || home.run([verb, ask]).code
            })
        };
        let answers = [answer("approve"), answer("deny"), answer("approve"), answer("deny")];
        answers.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|code| **code == Some(0)).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|code| **code == Some(1)).count(), 3, "{outcomes:?}");
    bed.until_idle(&id);
    none_is_open(&bed.home);
}

/// The hook that waits finds the next daemon; an agent whose hook is gone is answered in its terminal.
#[test]
fn an_ask_outlives_the_daemon_and_says_when_nobody_waits_for_it() {
    let mut bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let (id, ask) = asking(&bed, &[], "run: touch later ;; run: touch never");
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        bed.home.signal_daemon(signal);
        bed.home.daemon_ended();
        bed.home.start_daemon();
        let again = asked(&bed.home, "it is asked again");
        assert_eq!((&again.id, &again.title), (&ask.id, &ask.title), "{signal}");
    }
    bed.home.ok(["approve", &ask.id]);
    eventually("it is done", || bed.project.join("later").exists().then_some(()));
    let ask = asked(&bed.home, "the next one");
    for hook in mentioning(&bed.home.path("")).into_iter().filter(|pid| is_hook(*pid)) {
        kill(hook, Signal::SIGKILL).unwrap();
    }
    // Its terminal asks still, and is answered by keys.
    let left = eventually("nobody waits for it", || {
        inbox(&bed.home).into_iter().find(|ask| ask.answered_in == AnsweredIn::Here && !ask.changes_allowed)
    });
    assert_eq!((left.id.as_str(), left.kind), (ask.id.as_str(), AskKind::Permission));
    bed.home.ok(["deny", &ask.id]);
    bed.until_idle(&id);
    assert!(!bed.project.join("never").exists());
    none_is_open(&bed.home);
}

/// The hook of a sub-agent in the background does not wait.
#[test]
fn newest_claude_code_is_answered_for_its_sub_agents_in_the_background() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let home = &bed.home;
    let id = bed.start(&[]).id.to_string();
    home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let begin = |script: &str| {
        let agent = json!({"description": "d", "prompt": script, "subagent_type": "general-purpose", "run_in_background": true});
        home.ok(["send", &id, &format!("tool: Agent {agent}")]);
    };
    begin("run: touch one; echo done\nrun: touch two");
    let ask = asked(home, "the first one");
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Permission, "touch one; echo done"));
    assert!(!ask.changes_allowed && ask.always.is_none(), "{ask:?}");
    home.ok(["approve", &ask.id]);
    eventually("it is done", || bed.project.join("one").exists().then_some(()));
    assert!(home.fails(1, ["deny", &ask.id]).contains("allowed by command line"));
    let ask = asked(home, "the second one");
    assert_eq!(ask.title, "touch two");
    assert!(home.fails(2, ["deny", &ask.id, "--reason", "not that"]).contains("'reason'"));
    home.ok(["deny", &ask.id]);
    bed.until_idle(&id);
    none_is_open(home);
    assert!(!bed.project.join("two").exists());
    let audit = home.ok(["audit", "--type", "ask.answered", "--json"]);
    assert_eq!(audit.lines().count(), 2, "{audit}");
}

fn is_hook(pid: Pid) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.windows(14).any(|bytes| bytes == b"\0hook-forward\0")
}

/// Its dialog is on the screen meanwhile: nobody is held up.
#[test]
fn an_agent_that_asks_gives_a_busy_daemon_time() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let session = bed.start(&[]);
    let (id, pane) = (session.id.to_string(), format!("=codepiper-{}:", session.short_id));
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    bed.home.signal_daemon(Signal::SIGSTOP);
    bed.home.tmux(&["send-keys", "-t", &pane, "-l", "run: touch later"]);
    eventually("the prompt is typed", || on_screen(&bed.home, &pane, "run: touch later"));
    bed.home.tmux(&["send-keys", "-t", &pane, "Enter"]);
    eventually("it asks", || on_screen(&bed.home, &pane, "Do you want to proceed?"));
    // Longer than a hook waits that an agent waits for.
    thread::sleep(Duration::from_secs(2));
    bed.home.signal_daemon(Signal::SIGCONT);
    let ask = asked(&bed.home, "touch later");
    bed.home.ok(["approve", &ask.id]);
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "20"]);
    assert!(bed.project.join("later").exists());
}

fn on_screen(home: &Home, pane: &str, text: &str) -> Option<()> {
    home.tmux_says(&["capture-pane", "-p", "-t", pane]).contains(text).then_some(())
}

/// What one session asks while another tool of it was answered: each is open until it is answered.
#[test]
fn several_asks_of_one_turn_are_answered_one_by_one() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = bed.start(&[]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let fetch = |host: &str| format!("tool: WebFetch {{\"url\":\"http://{host}:9/\",\"prompt\":\"x\"}}");
    let prompt = format!("{} ;; + {}", fetch("127.0.0.1"), fetch("localhost"));
    bed.home.ok(["send", &id, &prompt, "--wait", "waiting", "--timeout", "20"]);
    let asks = eventually("both", || Some(inbox(&bed.home)).filter(|asks| asks.len() == 2));
    let several = bed.home.fails(3, ["approve", &id]);
    assert!(asks.iter().all(|ask| several.contains(&ask.id)), "{several}");
    bed.home.ok(["deny", &asks[1].id]);
    eventually("the other one is left", || {
        let open = inbox(&bed.home);
        (open.len() == 1 && open[0].id == asks[0].id).then_some(())
    });
    assert_eq!(bed.home.session(&id).activity, Activity::Waiting);
    bed.home.ok(["deny", &asks[0].id]);
    bed.until_idle(&id);
    none_is_open(&bed.home);
}

#[test]
fn codex_is_answered_from_elsewhere() {
    is_answered_by_keys(&CODEX, "");
}

#[test]
fn newest_codex_is_answered_from_elsewhere() {
    is_answered_by_keys(&NEWEST_CODEX, "");
}

#[test]
fn codex_is_answered_from_elsewhere_where_its_hooks_tell_what_it_asks() {
    is_answered_by_keys(&NEWEST_CODEX, "[providers.codex]\nhooks_without_review = true\n");
}

/// No hook of it waits: its screen asks, and keys answer.
fn is_answered_by_keys(agent: &Agent, config: &str) {
    let bed = Bed::configured(agent, config);
    let home = &bed.home;
    let prompt = "run: !touch one ;; run: !touch two ;; run: !touch three $(date)";
    let (id, ask) = asking(&bed, &[], prompt);
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Permission, "touch one"));
    assert!(ask.text.contains("touch one") && !ask.changes_allowed && ask.always.is_none(), "{ask:?}");
    let refused = home.fails(2, ["approve", &ask.id, "--command", "touch other"]);
    assert!(refused.contains("'command'"), "{refused}");
    assert!(home.ok(["approve", &ask.id]).contains("allowed: touch one"));
    eventually("it is done", || bed.project.join("one").exists().then_some(()));
    assert!(home.fails(1, ["deny", &ask.id]).contains("allowed by command line"));

    // In the terminal.
    let ask = asked(home, "the second one");
    assert_eq!(ask.title, "touch two");
    home.ok(["keys", &id, "y"]);
    eventually("it is done", || bed.project.join("two").exists().then_some(()));
    let ask_again = asked(home, "the third one");
    assert!(home.fails(1, ["approve", &ask.id]).contains("answered in the terminal"));

    assert!(ask_again.risk.as_deref().is_some_and(|risk| risk.contains("cannot be read")), "{ask_again:?}");
    // The reason is no command of the agent's.
    let refused = home.fails(2, ["deny", &ask_again.id, "--reason", "/quit"]);
    assert!(refused.contains("starts with '/'") && !refused.contains("--plain"), "{refused}");
    home.ok(["deny", &ask_again.id, "--reason", "not that one"]);
    eventually("the model is told", || {
        let log = std::fs::read_to_string(home.path("requests.jsonl")).unwrap();
        log.contains("\"typed\":\"not that one\"").then_some(())
    });
    bed.until_idle(&id);
    assert!(!bed.project.join("three").exists());
    none_is_open(home);
    let audit = home.ok(["audit", "--type", "ask.answered", "--json"]);
    assert_eq!(audit.lines().count(), 2, "{audit}");
}

#[test]
fn codex_is_answered_about_its_edits() {
    is_answered_about_edits(&CODEX);
}

#[test]
fn newest_codex_is_answered_about_its_edits() {
    is_answered_about_edits(&NEWEST_CODEX);
}

fn is_answered_about_edits(agent: &Agent) {
    let bed = Bed::new(agent);
    let home = &bed.home;
    let args = ["--", "--sandbox", "read-only", "--ask-for-approval", "on-request"];
    let prompt = "write: new.txt first ;; edit: new.txt first => second";
    let (id, ask) = asking(&bed, &args, prompt);
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Permission, "Added new.txt (+1 -0)"));
    assert!(ask.text.contains("1 +first") && ask.text.contains("/new.txt"), "{}", ask.text);
    home.ok(["approve", &ask.id]);
    eventually("it is written", || bed.project.join("new.txt").exists().then_some(()));
    let ask = eventually("the second one", || {
        Some(asked(home, "the second one")).filter(|ask| ask.title.starts_with("Edited"))
    });
    assert!(ask.text.contains("1 -first") && ask.text.contains("1 +second"), "{}", ask.text);
    home.ok(["deny", &ask.id]);
    bed.until_idle(&id);
    assert_eq!(std::fs::read_to_string(bed.project.join("new.txt")).unwrap().trim(), "first");
    none_is_open(home);
}

/// Four people at once: one is heard, and nothing is typed into what comes then.
#[test]
fn an_ask_on_the_screen_is_answered_once() {
    let bed = Bed::new(&NEWEST_CODEX);
    let (id, ask) = asking(&bed, &[], "run: !touch once");
    let codes: Vec<Option<i32>> = thread::scope(|scope| {
        let answer = |verb: &'static str| {
            let (home, ask) = (&bed.home, &ask.id);
            scope.spawn(move || home.run([verb, ask]).code)
        };
        let answers = [answer("approve"), answer("approve"), answer("approve"), answer("approve")];
        answers.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
    bed.until_idle(&id);
    assert!(bed.project.join("once").exists());
    none_is_open(&bed.home);
    let screen = bed.home.ok(["tail", &id]);
    assert!(!screen.contains("› y"), "{screen}");
}

/// What its screen does not show whole.
#[test]
fn a_question_that_only_the_terminal_can_answer_is_shown_as_such() {
    let bed = Bed::configured(&CODEX, "[providers.codex]\nhooks_without_review = true\n");
    let id = bed.start(&[]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let long = (0..500).map(|number| format!(" word{number}")).collect::<String>();
    let prompt = format!("run: !touch asked{long}");
    bed.home.ok(["send", &id, &prompt, "--wait", "waiting", "--timeout", "20"]);
    bed.home.ok(["wait", &id, "--until", "text=view all", "--timeout", "20"]);
    let ask = eventually("it is asked", || inbox(&bed.home).into_iter().find(|ask| ask.kind.waits()));
    assert_eq!((ask.kind, ask.answered_in), (AskKind::Permission, AnsweredIn::Terminal));
    assert!(bed.home.fails(1, ["approve", &ask.id]).contains("terminal"));
    bed.home.ok(["keys", &id, "escape"]);
    none_is_open(&bed.home);
}

#[test]
fn an_agent_that_hangs_is_told_of_until_it_prints_again() {
    let config = r#"
        [sessions]
        stalled_after_seconds = 1
        [providers.hangs]
        command = ["sh", "-c", "printf '\\033]7501;state=working\\033\\\\'; while read x; do echo said $x; done"]
        [[providers.hangs.signals]]
        osc_7501 = "working"
        means = "working"
    "#;
    let mut home = Home::new();
    std::fs::write(home.path("config.toml"), config).unwrap();
    home.start_daemon();
    let dir = home.path("").display().to_string();
    home.ok(["start", "-p", "hangs", "-d", &dir, "--name", "stuck"]);
    let stalled = || inbox(&home).into_iter().find(|ask| ask.kind == AskKind::Stalled);
    let ask = eventually("it has printed nothing", stalled);
    assert_eq!((ask.title.as_str(), ask.answered_in), ("No output for 1 s", AnsweredIn::Nothing));
    assert!(home.ok(["inbox"]).contains("stalled"));
    // It is told of again.
    home.ok(["send", "stuck", "on"]);
    let again = eventually("another one", || stalled().filter(|again| again.id != ask.id));
    home.ok(["inbox", "done", &again.id]);
    assert_eq!(stalled(), None);
    home.ok(["kill", "stuck"]);
    assert_eq!(inbox(&home).iter().filter(|ask| ask.kind == AskKind::Stalled).count(), 0);
}

#[test]
fn what_happened_is_news_until_somebody_has_seen_it() {
    let mut home = Home::new();
    home.start_daemon();
    let crashed = home.start(&["sh", "-c", "exit 3"]);
    let ask = eventually("the crash", || inbox(&home).into_iter().next());
    assert_eq!((ask.kind, ask.session, ask.answered_in), (AskKind::Crashed, crashed.id, AnsweredIn::Nothing));
    assert!(ask.title.contains("status 3"), "{ask:?}");
    assert!(home.fails(1, ["approve", &ask.id]).contains("needs no answer"));
    home.ok(["inbox", "snooze", &ask.id, "--for", "1h"]);
    assert_eq!(inbox(&home), []);
    assert!(home.ok(["inbox", "--all"]).contains(&ask.id));
    home.stop_daemon();
    home.start_daemon();
    assert_eq!(inbox(&home), [], "snoozed by whoever asks");
    home.ok(["inbox", "snooze", &ask.id, "--undo"]);
    assert!(inbox(&home).iter().all(|open| open.id == ask.id) && !inbox(&home).is_empty());
    home.ok(["inbox", "done", &ask.id]);
    assert!(home.run(["inbox"]).stderr.contains("nothing needs you"));
    assert!(home.fails(1, ["inbox", "done", &ask.id]).contains("seen by command line"));
    assert!(home.ok(["logs", &crashed.short_id]).contains("Seen by command line: crashed"));
    let ended: Vec<Value> = serde_json::from_str(&home.ok(["inbox", "--ended", "--json"])).unwrap();
    assert_eq!(
        (&ended[0]["kind"], &ended[0]["data"]["ask"]),
        (&json!("ask.seen"), &json!(ask.id)),
        "{ended:?}"
    );
    let said = home.ok(["inbox", "--ended"]);
    assert!(said.contains(&ask.id) && said.contains("seen by command line"), "{said}");
    home.stop_daemon();
    home.start_daemon();
    assert!(home.fails(1, ["inbox", "done", &ask.id]).contains("seen by command line"), "by the next daemon");
    // Its own words, once in a while.
    let codepiper = env!("CARGO_BIN_EXE_codepiper");
    let script = format!("{codepiper} notify 'look at\x1b[31m this'; {codepiper} notify again; exec cat");
    let calls = home.start(&["sh", "-c", &script]);
    let ask = eventually("it calls", || inbox(&home).into_iter().next());
    assert_eq!((ask.kind, ask.session), (AskKind::Attention, calls.id));
    assert_eq!(ask.title, "look at [31m this");
    home.ok(["wait", &calls.short_id, "--until", "text=once every 10 s", "--timeout", "20"]);
    assert!(home.ok(["logs", &calls.short_id]).contains("look at [31m this"));
}

/// Several people at once: one has seen it, and the others are told.
#[test]
fn what_was_seen_is_over_once() {
    let home = Home::running();
    home.start(&["sh", "-c", "exit 3"]);
    let ask = eventually("the crash", || inbox(&home).into_iter().next());
    let path = format!("/api/asks/{}/acknowledge", ask.id);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let (home, path) = (&home, path.as_str());
        let seen = [(); 6]
            .map(|()| scope.spawn(move || Owner(home).answer("POST", path, &json!({})).unwrap().status));
        seen.into_iter().map(|seen| seen.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 5, "{statuses:?}");
    let ends = home.ok(["logs", "--type", "ask.seen", "--json"]);
    assert_eq!(ends.lines().count(), 1, "{ends}");
}

#[test]
fn a_finished_turn_is_news_until_the_next_one_or_until_somebody_has_seen_it() {
    let bed = Bed::new(&CLAUDE_CODE);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    assert_eq!(inbox(&bed.home), [], "it has done nothing");
    bed.says(id, "hello there");
    let ask = eventually("the turn", || inbox(&bed.home).into_iter().next());
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Finished, "You said: hello there"));
    bed.home.ok(["send", id, "slow: 30 100", "--wait", "text=word3", "--timeout", "20"]);
    eventually("it works again", || inbox(&bed.home).is_empty().then_some(()));
    bed.until_idle(id);
    let ask = eventually("the next turn", || inbox(&bed.home).into_iter().next());
    bed.home.ok(["inbox", "done", &ask.id]);
    assert_eq!(inbox(&bed.home), []);
}

#[test]
fn agents_halt() {
    let deaf = r#"
        [providers.deaf]
        command = ["sh", "-c", "trap '' INT; printf '\\033]7501;state=working\\033\\\\'; stty -isig; exec sleep 1000"]
        [[providers.deaf.signals]]
        osc_7501 = "working"
        means = "working"
        [providers.silent]
        command = ["sh", "-c", "trap '' INT; exec sleep 1000"]
    "#;
    let bed = Bed::configured(&NEWEST_CLAUDE_CODE, deaf);
    let shell = bed.home.start(&["cat"]);
    let ids: Vec<String> = (0..3).map(|_| bed.start(&[]).id.to_string()).collect();
    for id in &ids {
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    }
    let (works, asks, rests) = (&ids[0], &ids[1], &ids[2]);
    bed.home.ok(["send", works, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["send", works, "afterwards", "--if-busy", "queue"]);
    bed.home.ok(["send", asks, "run: touch no", "--wait", "waiting", "--timeout", "20"]);
    let halted: Vec<Halted> = serde_json::from_str(&bed.home.ok(["halt", "--all", "--json"])).unwrap();
    let outcome = |id: &String| {
        halted
            .iter()
            .find(|halted| halted.session.to_string() == *id)
            .map(|halted| (halted.outcome, halted.held))
    };
    assert_eq!(outcome(works), Some((HaltOutcome::Halted, 1)), "{halted:?}");
    assert_eq!(outcome(asks), Some((HaltOutcome::Halted, 0)), "{halted:?}");
    assert_eq!(outcome(rests), Some((HaltOutcome::Idle, 0)), "{halted:?}");
    assert_eq!(halted.len(), 3, "a shell is left alone");
    let session = bed.home.session(works);
    assert!(session.queue_held && session.activity == Activity::Idle, "{session:?}");
    none_is_open(&bed.home);
    assert_eq!(bed.home.session(&shell.short_id).status, Status::Running);
    assert!(bed.home.ok(["audit", "--type", "halt"]).contains("command line"));
    eventually("the outcome of each is on record", || {
        let records = bed.home.ok(["audit", "--type", "ask.halted", "--json"]);
        let of = |id: &String, outcome: &str| {
            records.lines().any(|line| {
                let record: Value = serde_json::from_str(line).unwrap();
                record["session"] == *id
                    && record["actor"] == "command line"
                    && record["data"]["outcome"] == outcome
            })
        };
        (of(works, "halted") && of(asks, "halted") && of(rests, "idle")).then_some(())
    });
    // One that does not react any more.
    let dir = bed.project.to_str().unwrap();
    bed.home.ok(["start", "-p", "deaf", "-d", dir, "--name", "stubborn"]);
    eventually("it works", || (bed.home.session("stubborn").activity == Activity::Working).then_some(()));
    let said = bed.home.ok(["halt", "stubborn"]);
    assert!(said.contains("did not react: killed"), "{said}");
    assert_ne!(bed.home.session("stubborn").status, Status::Running);
    // One that nobody knows anything of.
    bed.home.ok(["start", "-p", "silent", "-d", dir, "--name", "mute"]);
    assert_eq!(bed.home.session("mute").activity, Activity::Unknown);
    let said = bed.home.ok(["halt", "mute", &shell.short_id]);
    assert!(said.contains("did not react: killed") && said.contains("not an agent: left alone"), "{said}");
    assert_ne!(bed.home.session("mute").status, Status::Running);
    assert_eq!(bed.home.session(&shell.short_id).status, Status::Running);
}

/// While another session floods, so that the daemon's queues are full.
#[test]
#[ignore = "takes minutes: make agents AGENTS="]
fn many_agents_halt_at_once() {
    let agents = crate::many_agents::number("AGENTS", 20);
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let providers = [NEWEST_CLAUDE_CODE.provider, NEWEST_CODEX.provider];
    let ids: Vec<String> =
        (0..agents).map(|index| bed.start_of(providers[index as usize % 2], &[]).short_id).collect();
    for id in &ids {
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "120"]);
    }
    for id in &ids {
        bed.home.ok(["send", id, "slow: 3000 100", "--wait", "text=word3", "--timeout", "60"]);
    }
    let flood = bed.home.start(&["yes", "a line that never ends"]);
    bed.home.ok(["wait", &flood.short_id, "--until", "text=never ends", "--timeout", "20"]);
    let begun = Instant::now();
    let halted: Vec<Halted> =
        serde_json::from_str(&bed.home.run(["halt", "--all", "--json"]).stdout).unwrap();
    let took = begun.elapsed();
    let count = |outcome| halted.iter().filter(|halted| halted.outcome == outcome).count();
    let (stopped, killed) = (count(HaltOutcome::Halted), count(HaltOutcome::Killed));
    println!("{agents} agents: {stopped} halted, {killed} killed, in {} ms", took.as_millis());
    assert_eq!((halted.len() as u64, (stopped + killed) as u64), (agents, agents), "{halted:?}");
    for id in &ids {
        let session = bed.home.session(id);
        assert!(session.activity == Activity::Idle || session.status != Status::Running, "{session:?}");
    }
}
