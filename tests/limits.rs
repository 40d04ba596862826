//! Usage limits of the real agents: a state with what is known of it, left again, and continued from where that was asked
//! for: once at most, and never into something else.

use std::fs;
use std::time::{Duration, Instant};

use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::input::Receipt;
use codepiper_protocol::wire::session::{Activity, Session, WaitingFor};
use jiff::Timestamp;
use nix::sys::signal::Signal;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::eventually;

const CONTINUES: &str = "[limits]\non_reset = 'continue'\ndelay_seconds = 1\n";

#[test]
fn newest_claude_code_waits_for_its_limit() {
    waits_for_its_limit(&NEWEST_CLAUDE_CODE);
}

#[test]
fn newest_codex_waits_for_its_limit() {
    waits_for_its_limit(&NEWEST_CODEX);
}

#[test]
fn codex_waits_for_its_limit() {
    waits_for_its_limit(&CODEX);
}

fn waits_for_its_limit(agent: &Agent) {
    let mut bed = bed(agent, "");
    let session = bed.start_on_plan(&[]);
    let id = &session.id.to_string();
    bed.says(id, "hello");
    let reset = in_seconds(3600);
    let limited = reach(&bed, &session, reset);
    let limit = limited.limit.clone().unwrap();
    assert_eq!((limit.window.as_deref(), limit.resets_at), (Some("five_hour"), Some(reset)));
    let clock = &reset.to_string()[11..16];
    let words = format!("waiting (usage limit, five_hour, resets {clock} UTC)");
    let list = bed.home.ok(["sessions"]);
    assert!(list.contains(&words), "{list}");
    let evidence = bed.home.explain(id).evidence;
    let proved =
        evidence.iter().any(|evidence| evidence.what.contains("its transcript ends with a usage limit"));
    assert!(proved, "{evidence:?}");
    // It is no question, and nobody types into it.
    let refused = bed.home.fails(1, ["send", id, "too early"]);
    assert!(refused.contains("has reached its usage limit"), "{refused}");
    // The next daemon knows it, too.
    bed.home.signal_daemon(Signal::SIGKILL);
    bed.home.daemon_ended();
    bed.home.start_daemon();
    bed.home.until(&session, "it is known again", is_limited);
    // It is left when the agent works again.
    bed.home.ok(["send", id, "--if-busy", "now", "on another account", "--wait", "idle", "--timeout", "20"]);
    let session = bed.home.session(id);
    assert_eq!((session.activity, session.limit), (Activity::Idle, None));
}

/// It says so in words alone, without the time, and asks what to do.
#[test]
fn claude_code_waits_for_its_limit() {
    let bed = Bed::new(&CLAUDE_CODE);
    let session = bed.start_on_plan(&[]);
    bed.says(&session.id.to_string(), "hello");
    let limited = reach(&bed, &session, in_seconds(3600));
    assert_eq!(limited.limit.unwrap().resets_at, None);
    bed.home.ok(["wait", &session.short_id, "--until", "text=Stop and wait for limit", "--timeout", "20"]);
    assert!(is_limited(&bed.home.session(&session.short_id)));
}

#[test]
fn a_429_that_passes_is_no_limit() {
    for agent in [&NEWEST_CLAUDE_CODE, &NEWEST_CODEX] {
        let bed = Bed::new(agent);
        let session = bed.start_on_plan(&[]);
        let id = &session.id.to_string();
        bed.says(id, "hello");
        bed.home.ok(["send", id, "error: 429 2", "--wait", "idle", "--timeout", "30"]);
        let evidence = bed.home.explain(id).evidence;
        assert!(!evidence.iter().any(|evidence| evidence.state.contains("usage limit")), "{evidence:?}");
    }
}

#[test]
fn a_limit_is_over_at_its_time() {
    let bed = bed(&NEWEST_CODEX, "");
    let session = bed.start(&[]);
    bed.says(&session.id.to_string(), "hello");
    reach(&bed, &session, in_seconds(6));
    bed.home.until(&session, "it has reset", |session| session.activity == Activity::Idle);
    assert_eq!(told(&bed, &session), ["reset"]);
    assert_eq!(bed.asked("continue"), 0, "nobody asked for that");
}

/// Several sessions at one reset: one in peace, one where somebody has begun to type, one where somebody went on, one that is
/// asked something, one that ended, one that was halted.
#[test]
fn each_continues_once_and_never_into_something_else() {
    let bed = bed(&NEWEST_CODEX, CONTINUES);
    let begun = Instant::now();
    let sessions: Vec<Session> = (0..6).map(|_| bed.start(&[])).collect();
    for session in &sessions {
        bed.says(&session.short_id, "hello");
    }
    // As slow as the machine was at this, it is at what follows.
    let reset = in_seconds(15 + 2 * begun.elapsed().as_secs() as i64);
    for session in &sessions {
        reach(&bed, session, reset);
    }
    let [peaceful, drafted, went_on, asked, ended, halted] = &sessions[..] else { unreachable!() };
    bed.home.ok(["keys", &drafted.short_id, "h", "a", "l", "f"]);
    let prompts = ["--if-busy", "now"];
    let wait = ["--wait", "idle", "--timeout", "20"];
    bed.home.ok([&["send", &went_on.short_id, "by hand"], &prompts[..], &wait].concat());
    let asks = ["--wait", "waiting", "--timeout", "20"];
    bed.home.ok([&["send", &asked.short_id, "run: !touch never"], &prompts[..], &asks].concat());
    bed.home.ok(["stop", &ended.short_id]);
    bed.home.ok(["halt", &halted.short_id]);
    assert!(Timestamp::now() < reset, "the machine is too slow for this");

    std::thread::sleep(Duration::try_from(reset.duration_since(Timestamp::now())).unwrap_or_default());
    let receipt = eventually("it was continued", || continued(&bed, peaceful));
    assert!(receipt.unwrap() >= Receipt::Submitted, "{receipt:?}");
    bed.home.ok(["wait", &peaceful.short_id, "--until", "text=You said: continue", "--timeout", "20"]);
    assert_eq!(eventually("it was left alone", || continued(&bed, drafted)), None);
    let why = bed.home.ok(["logs", &drafted.short_id, "--source", "session"]);
    assert!(why.contains("Not continued after the usage limit: codex has a draft in its composer"), "{why}");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(bed.asked("continue"), 1);
    for session in [went_on, asked, ended, halted] {
        assert_eq!(continued(&bed, session), None, "{}", bed.home.ok(["logs", &session.short_id]));
    }
    assert!(!bed.project.join("never").exists());
    assert_eq!(bed.home.session(&asked.short_id).waiting_for, Some(WaitingFor::Permission));
}

#[test]
#[ignore = "takes minutes: make agents AGENTS="]
fn many_agents_continue_at_one_reset() {
    let agents = crate::many_agents::number("AGENTS", 20);
    let bed = bed(&NEWEST_CODEX, "[limits]\non_reset = 'continue'\ndelay_seconds = 5\n");
    let sessions: Vec<Session> = (0..agents).map(|_| bed.start(&[])).collect();
    for session in &sessions {
        bed.home.ok(["wait", &session.short_id, "--until", "idle", "--timeout", "120"]);
    }
    let reset = in_seconds(20 + 4 * agents as i64);
    for session in &sessions {
        reach(&bed, session, reset);
    }
    assert!(Timestamp::now() < reset, "the machine is too slow for this");
    for session in &sessions {
        let short = &session.short_id;
        let wait = ["wait", short, "--until", "text=You said: continue", "--from", "0:0", "--timeout", "300"];
        bed.home.ok(wait);
        let receipt = eventually("it was continued", || continued(&bed, session));
        assert!(receipt.unwrap() >= Receipt::Submitted, "{receipt:?}");
    }
    let told: Vec<_> = sessions.iter().map(|session| told(&bed, session)).collect();
    assert!(told.iter().all(|told| told == &["reset", "continued"]), "{told:?}");
    assert_eq!(bed.asked("continue") as u64, agents);
    println!("{agents} agents continued once each after one reset");
}

#[test]
fn claude_code_that_continues_by_itself_is_left_alone() {
    let bed = Bed::configured(&NEWEST_CLAUDE_CODE, CONTINUES);
    let session = bed.start_on_plan(&[]);
    bed.says(&session.id.to_string(), "hello");
    reach(&bed, &session, in_seconds(8));
    assert_eq!(eventually("it was left alone", || continued(&bed, &session)), None);
    let why = bed.home.ok(["logs", &session.short_id, "--source", "session"]);
    assert!(why.contains("Not continued after the usage limit: claude-code continues by itself"), "{why}");
    assert_eq!(bed.asked("continue"), 0);
}

/// They ask what to do about the limit: that is left first.
#[test]
fn a_dialog_about_the_limit_is_left_and_no_other() {
    for (agent, asks) in
        [(&NEWEST_CLAUDE_CODE, "What do you want to do"), (&NEWEST_CODEX, "Approaching rate limits")]
    {
        let bed = Bed::configured(agent, CONTINUES);
        let settings = bed.home.path("user/.claude/settings.json");
        let own =
            serde_json::json!({"permissions": {"defaultMode": "default"}, "autoContinueAtUsageLimit": false});
        fs::write(settings, own.to_string()).unwrap();
        let session = bed.start_on_plan(&[]);
        bed.says(&session.id.to_string(), "hello");
        reach(&bed, &session, in_seconds(8));
        bed.home.ok(["wait", &session.short_id, "--until", &format!("text={asks}"), "--timeout", "20"]);
        let receipt = eventually("it was continued", || continued(&bed, &session));
        assert!(receipt.unwrap() >= Receipt::Submitted, "{receipt:?}");
        bed.home.ok(["wait", &session.short_id, "--until", "text=You said: continue", "--timeout", "20"]);
        assert_eq!(bed.asked("continue"), 1);
    }
}

/// When the daemon is killed: before the reset, after it, when it has written down that it will, when it has sent it.
#[test]
fn a_daemon_that_is_killed_continues_once_at_most() {
    for step in ["before the reset", "over the reset", "claimed", "sent"] {
        let mut bed = bed(&NEWEST_CODEX, CONTINUES);
        let session = bed.start(&[]);
        bed.says(&session.id.to_string(), "hello");
        let reset = in_seconds(7);
        reach(&bed, &session, reset);
        let record = bed.home.path(&format!("data/sessions/{}.json", session.id));
        let claimed = || fs::read_to_string(&record).unwrap().contains("\"continued\"");
        match step {
            "claimed" => until_at_once("it is written down", claimed),
            "sent" => eventually("it is sent", || continued(&bed, &session)).map_or((), drop),
            _ => {}
        }
        bed.home.signal_daemon(Signal::SIGKILL);
        bed.home.daemon_ended();
        if step == "over the reset" {
            eventually("it has reset", || (Timestamp::now() > reset).then_some(()));
        }
        bed.home.start_daemon();
        match step {
            "before the reset" | "over the reset" => {
                eventually(step, || continued(&bed, &session));
                bed.home.ok([
                    "wait",
                    &session.short_id,
                    "--until",
                    "text=You said: continue",
                    "--timeout",
                    "20",
                ]);
                assert_eq!(bed.asked("continue"), 1, "{step}");
            }
            _ => {
                // The time for a second one passes.
                std::thread::sleep(Duration::from_secs(4));
                assert!(bed.asked("continue") <= 1, "{step}");
            }
        }
        assert!(claimed());
    }
}

/// Codex would offer a cheaper model in a dialog.
fn bed(agent: &Agent, config: &str) -> Bed {
    let bed = Bed::configured(agent, config);
    let file = bed.home.path("user/.codex/config.toml");
    let own = fs::read_to_string(&file).unwrap();
    fs::write(file, own + "\n[notice]\nhide_rate_limit_model_nudge = true\n").unwrap();
    bed
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

/// Lets the model refuse until then; the session as it waits for that.
fn reach(bed: &Bed, session: &Session, reset: Timestamp) -> Session {
    bed.home.ok(["send", &session.short_id, &format!("limit: {}", reset.as_second())]);
    bed.home.until(session, "it waits for a limit", |session| is_limited(session) && session.limit.is_some())
}

fn is_limited(session: &Session) -> bool {
    (session.activity, session.waiting_for) == (Activity::Waiting, Some(WaitingFor::UsageLimit))
}

fn events(bed: &Bed, session: &Session) -> Vec<Body> {
    let logs = bed.home.ok(["logs", &session.short_id, "--source", "session", "--json"]);
    logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().body).collect()
}

fn told(bed: &Bed, session: &Session) -> Vec<&'static str> {
    let word = |body: Body| match body {
        Body::SessionLimitReset {} => Some("reset"),
        Body::SessionContinued { .. } => Some("continued"),
        _ => None,
    };
    events(bed, session).into_iter().filter_map(word).collect()
}

/// What became of telling it to continue: `None` before that.
fn continued(bed: &Bed, session: &Session) -> Option<Option<Receipt>> {
    events(bed, session).into_iter().find_map(|body| match body {
        Body::SessionContinued { receipt, .. } => Some(receipt),
        _ => None,
    })
}

/// Without a pause: what is waited for is followed by what must not have happened yet.
fn until_at_once(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
    }
}
