//! Faults that were seen with the real agents, in the versions where they were seen.

use std::time::{Duration, Instant};
use std::{fs, thread};

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::{eventually, mentioning};

fn started(bed: &Bed) -> String {
    let id = bed.start(&[]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    id
}

/// A paste of several lines, or a long one, would not count as the person's words.
#[test]
fn newest_claude_code_takes_long_texts_as_the_persons_own_words() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = &started(&bed);
    let long = format!("slow: 1 1 {}end", "some words and then \n".repeat(150));
    // Of which each piece ends like the one before.
    let (same, wide) = ("a".repeat(2000), "世界 ".repeat(300) + "end");
    for text in ["one\ntwo\n  three\n\nfive", "look at\nthe\nfile\n@README.md", &long, &same, &wide] {
        bed.home.run_with(["send", id, "-"], text.as_bytes());
        bed.until_idle(id);
        bed.submitted_once(text);
    }
    // Tabs would be keys.
    let warned = bed.home.run_with(["send", id, "-"], b"one\n\ttwo\nthree\nfour");
    assert!(warned.code == Some(0) && warned.stderr.contains("pasted content"), "{warned:?}");
}

/// What was typed while it read nothing would be one paste.
#[test]
fn newest_claude_code_takes_a_long_text_as_words_although_it_stood_still() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = &started(&bed);
    let program = Pid::from_raw(bed.home.session(id).pid.unwrap());
    let text = (1..=150).map(|line| format!("the words of line {line}\n")).collect::<String>() + "end";
    thread::scope(|scope| {
        let sent = scope.spawn(|| bed.home.run_with(["send", id, "-"], text.as_bytes()));
        // It is continued each time: it gets on very slowly.
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end && !sent.is_finished() {
            killpg(program, Signal::SIGSTOP).unwrap();
        }
        let sent = sent.join().unwrap();
        assert_eq!(sent.code, Some(0), "{sent:?}");
    });
    bed.until_idle(id);
    bed.submitted_once(&text);
}

/// The hook Stop comes before others of that event have ended.
#[test]
fn claude_code_is_not_idle_while_a_hook_of_its_end_runs() {
    not_idle_while_a_hook_runs(&CLAUDE_CODE);
}

#[test]
fn newest_claude_code_is_not_idle_while_a_hook_of_its_end_runs() {
    not_idle_while_a_hook_runs(&NEWEST_CLAUDE_CODE);
}

fn not_idle_while_a_hook_runs(agent: &Agent) {
    let bed = Bed::new(agent);
    let ended = bed.home.path("ended");
    let command = format!("sleep 3; touch '{}'", ended.display());
    let hooks = serde_json::json!({"Stop": [{"hooks": [{"type": "command", "command": command}]}]});
    let settings = serde_json::json!({"hooks": hooks, "permissions": {"defaultMode": "default"}});
    fs::write(bed.home.path("user/.claude/settings.json"), settings.to_string()).unwrap();
    let id = &started(&bed);
    bed.home.ok(["send", id, "hello", "--wait", "idle", "--timeout", "20"]);
    assert!(ended.exists());
    let screen = bed.home.ok(["tail", id]);
    assert!(screen.contains("You said: hello"), "{screen}");
}

/// What it has left running, until it ends.
#[test]
fn newest_claude_code_is_not_idle_while_a_command_runs_in_the_background() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = &started(&bed);
    let end = bed.project.join("end");
    nix::unistd::mkfifo(&end, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let command = "touch begun; cat end";
    let call =
        format!("tool: Bash {{\"command\":\"{command}\",\"run_in_background\":true,\"description\":\"x\"}}");
    bed.home.ok(["send", id, &call, "--wait", "waiting", "--timeout", "20"]);
    bed.until_it_asks(id);
    bed.home.ok(["keys", id, "1"]);
    bed.home.ok(["wait", id, "--until", "idle!", "--timeout", "20"]);
    // The state file tells that something runs, and the hook what: whichever comes first.
    bed.home.until(&bed.home.session(id), "it is named", |session| {
        (session.activity, &session.background[..]) == (Activity::Working, &[command.to_owned()][..])
    });
    let listed = bed.home.ok(["sessions"]);
    assert!(listed.contains(&format!("working (background: {command})")), "{listed}");
    bed.home.fails(5, ["wait", id, "--until", "idle", "--timeout", "0.5"]);
    std::fs::write(end, "").unwrap();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    // A prompt that will come at its time.
    let cron = "tool: CronCreate {\"cron\":\"0 0 1 1 *\",\"prompt\":\"look again\",\"recurring\":false}";
    bed.home.ok(["send", id, cron, "--wait", "idle!", "--timeout", "20"]);
    bed.home.until(&bed.home.session(id), "what is to come is known", |session| {
        session.background == ["look again"]
    });
    // It is talked to all the same.
    bed.says(id, "hello");
}

/// It works for a moment when it starts, by its own report.
#[test]
fn codex_finishes_no_turn_that_nobody_asked_for() {
    for agent in [&CODEX, &NEWEST_CODEX] {
        let bed = Bed::new(agent);
        let id = &started(&bed);
        bed.home.ok(["wait", id, "--until", "quiet=2", "--timeout", "60"]);
        let states: Vec<_> =
            bed.home.explain(id).evidence.into_iter().map(|evidence| evidence.state).collect();
        assert!(!states.iter().any(|state| state.contains("working")), "{states:?}");
        assert_eq!(bed.home.ok(["inbox", "--json"]).trim(), "[]");
        bed.says(id, "hello");
        assert!(bed.home.ok(["inbox"]).contains("inished"), "{}", bed.home.ok(["inbox"]));
    }
}

/// A model behind `--` is the session's, and what would collide is refused.
#[test]
fn claude_code_gets_no_arguments_that_collide() {
    no_arguments_that_collide(
        &CLAUDE_CODE,
        ["--model", "opus"],
        "haiku",
        &["--continue", "--settings", "--session-id"],
    );
}

#[test]
fn codex_gets_no_arguments_that_collide() {
    no_arguments_that_collide(&CODEX, ["-m", "gpt-5.4"], "gpt-6-sol", &["resume", "fix it"]);
}

fn no_arguments_that_collide(agent: &Agent, [flag, model]: [&str; 2], other: &str, refused: &[&str]) {
    let bed = Bed::new(agent);
    let directory = bed.project.to_str().unwrap();
    for arg in refused {
        let said = bed.home.fails(2, ["start", "-p", agent.provider, "-d", directory, "--", arg]);
        assert!(said.contains(arg), "{said}");
    }
    let id = &bed.start(&["--", flag, model]).id.to_string();
    bed.says(id, "one");
    assert!(bed.request("one")["model"].as_str().unwrap().contains(model));
    bed.until_idle(id);
    bed.home.ok(["model", id, other]);
    bed.stop(id);
    bed.home.ok(["resume", id]);
    bed.says(id, "two");
    let request = bed.request("two");
    assert!(request["model"].as_str().unwrap().contains(other), "{request}");
    assert_eq!(request["earlier"], serde_json::json!(["one"]));
}

/// A key in an empty composer took the conversation into a process that outlived its session.
#[test]
fn newest_claude_code_stays_in_its_terminal() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = &started(&bed);
    bed.says(id, "hello");
    bed.home.ok(["keys", id, "left", "left"]);
    bed.home.ok(["wait", id, "--until", "quiet=2", "--timeout", "20"]);
    bed.says(id, "still here");
    bed.stop(id);
    let home = bed.home.path("user");
    eventually("nothing of it runs any more", || {
        let left = mentioning(&home).into_iter().filter(|pid| {
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.contains("claude") && !command.contains("server.mjs")
        });
        (left.count() == 0).then_some(())
    });
}

/// After a daemon that was killed soon after it had written the record.
#[test]
fn codex_is_not_given_permission_by_a_text_after_a_crash() {
    let mut bed = Bed::new(&CODEX);
    let id = &started(&bed);
    bed.says(id, "hello");
    bed.home.ok(["send", id, "slow: 10 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["send", id, "run: !touch never"]);
    bed.home.ok(["wait", id, "--until", "text=Would you like to run", "--timeout", "20"]);
    bed.home.signal_daemon(Signal::SIGKILL);
    bed.home.daemon_ended();
    bed.home.start_daemon();
    for _ in 0..3 {
        bed.home.fails(1, ["send", id, "--if-busy", "now", "1 and more"]);
    }
    assert!(!bed.project.join("never").exists());
}

#[test]
fn what_claude_code_waits_for_is_known_after_a_restart() {
    what_it_waits_for_is_known_after_a_restart(&CLAUDE_CODE);
}

#[test]
fn what_the_newest_claude_code_waits_for_is_known_after_a_restart() {
    what_it_waits_for_is_known_after_a_restart(&NEWEST_CLAUDE_CODE);
}

#[test]
fn what_codex_waits_for_is_known_after_a_restart() {
    what_it_waits_for_is_known_after_a_restart(&CODEX);
}

fn what_it_waits_for_is_known_after_a_restart(agent: &Agent) {
    let mut bed = Bed::new(agent);
    let id = &started(&bed);
    bed.home.ok(["send", id, &format!("{}it", agent.touch), "--wait", "waiting", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    bed.home.stop_daemon();
    bed.home.start_daemon();
    let session = bed.home.session(id);
    bed.home.until(&session, "it is known what it waits for", |session| session.waiting_for.is_some());
    let session = bed.home.session(id);
    assert_eq!((session.activity, session.waiting_for), (Activity::Waiting, Some(WaitingFor::Permission)));
    assert!(bed.home.fails(1, ["send", id, "1"]).contains("is waiting for an answer"));
    assert!(!bed.project.join("it").exists());
}

/// A text that is not taken does not stay in the way of the next one.
#[test]
fn codex_gets_texts_after_one_that_it_did_not_take() {
    let bed = Bed::new(&CODEX);
    let id = &started(&bed);
    bed.says(id, "ready");
    let refused = bed.home.fails(1, ["send", id, "/nonsense"]);
    assert!(refused.contains("removed again"), "{refused}");
    bed.says(id, "and on");
}

/// On the alternate screen a long answer had no history.
#[test]
fn all_of_a_long_answer_of_newest_claude_code_is_history() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let id = &started(&bed);
    bed.home.ok(["send", id, "long: 3000", "--wait", "idle", "--timeout", "60"]);
    bed.home.ok(["wait", id, "--until", "text=line 3000", "--timeout", "20"]);
    let all = bed.home.ok(["tail", id, "-n", "all"]);
    for line in ["line 1", "line 1500", "line 3000"] {
        let stands = |row: &str| row.trim_start_matches(['●', ' ']).trim_end() == line;
        assert!(all.lines().any(stands), "{line} of {} lines", all.lines().count());
    }
}

/// It had no transcript, and its id counted as taken.
#[test]
fn a_session_that_was_left_without_a_word_is_resumed() {
    for agent in [&CLAUDE_CODE, &NEWEST_CLAUDE_CODE, &CODEX, &NEWEST_CODEX] {
        let bed = Bed::new(agent);
        let id = &started(&bed);
        bed.home.ok(["send", id, agent.quit, "--wait", "exit", "--timeout", "20"]);
        for _ in 0..2 {
            bed.home.ok(["resume", id]);
            bed.home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);
            bed.home.ok(["send", id, agent.quit, "--wait", "exit", "--timeout", "20"]);
        }
        bed.home.ok(["resume", id]);
        bed.says(id, "at last");
    }
}
