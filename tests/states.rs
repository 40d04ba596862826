//! What is known of the real agents at every step of scripted conversations: each state that was published, and what
//! proved it. Nothing false in between.

use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::session::{Exit, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::{eventually, exited, signaled};

/// One thing that a person does or waits for.
enum Act {
    Send(&'static str),
    Keys(&'static [&'static str]),
    /// The screen shows it.
    Shows(&'static str),
}

use Act::{Keys, Send, Shows};

/// What is done, and the states that are published of it, each with what may have proved it.
struct Step {
    acts: &'static [Act],
    states: &'static [State],
}

struct State {
    is: &'static str,
    proofs: &'static [&'static str],
    /// It may be too short to be told, or be told more exactly at once.
    may_be_missing: bool,
}

const fn is(is: &'static str, proofs: &'static [&'static str]) -> State {
    State { is, proofs, may_be_missing: false }
}

const fn may_be(is: &'static str, proofs: &'static [&'static str]) -> State {
    State { is, proofs, may_be_missing: true }
}

const SENT: State = is("unknown", &["a text was submitted"]);

/// Claude Code's own state file says what its hooks say, a little earlier or later.
const FILE: &str = "its state file";
const WORKS: State = is("working", &["UserPromptSubmit", FILE, "the title"]);
const GOES_ON: State = is("working", &["PostToolUse", FILE]);
/// The hook Stop comes before the answer is on the screen: the file counts.
const ENDS: State = is("idle", &[FILE]);
/// Of a refusal and an interrupt no hook tells.
const GIVES_UP: State = is("idle", &[FILE]);
const WAITS: State = may_be("waiting", &[FILE]);
const ASKS_PERMISSION: State = is("waiting for permission", &["PermissionRequest"]);
const ASKS: State = is("waiting for question", &["PermissionRequest", FILE]);
const ASKS_ABOUT_A_PLAN: State = is("waiting for plan", &["PermissionRequest", "its screen asks"]);
const LEFT_BEHIND: State = is("working (background)", &["Stop", FILE]);

const CLAUDE_STEPS: &[Step] = &[
    Step { acts: &[], states: &[is("idle", &["SessionStart", FILE])] },
    // An answer, and a slow one.
    Step { acts: &[Send("hello")], states: &[SENT, WORKS, ENDS] },
    Step { acts: &[Send("slow: 10 100")], states: &[SENT, WORKS, ENDS] },
    // A permission that is given, and one that is not.
    Step {
        acts: &[Send("run: touch one"), Shows("Do you want to proceed")],
        states: &[SENT, WORKS, WAITS, ASKS_PERMISSION],
    },
    Step { acts: &[Keys(&["1"])], states: &[GOES_ON, ENDS] },
    Step {
        acts: &[Send("run: touch two"), Shows("Do you want to proceed")],
        states: &[SENT, WORKS, WAITS, ASKS_PERMISSION],
    },
    Step { acts: &[Keys(&["escape"])], states: &[GIVES_UP] },
    // An interrupt.
    Step { acts: &[Send("slow: 500 100"), Shows("word3")], states: &[SENT, WORKS] },
    Step { acts: &[Keys(&["escape"]), Shows("Interrupted")], states: &[GIVES_UP] },
    // A question that is answered, and one that is not.
    Step {
        acts: &[Keys(&["ctrl+u"]), Send("ask: Which colour? | Red | Blue"), Shows("2. Blue")],
        states: &[SENT, WORKS, WAITS, ASKS],
    },
    Step { acts: &[Keys(&["2"])], states: &[GOES_ON, ENDS] },
    Step {
        acts: &[Send("ask: Which number? | One | Two"), Shows("2. Two")],
        states: &[SENT, WORKS, WAITS, ASKS],
    },
    Step { acts: &[Keys(&["escape"])], states: &[GIVES_UP] },
    // An error of the API.
    Step { acts: &[Send("error: 400"), Shows("Scripted error 400")], states: &[SENT, WORKS, ENDS] },
    // A sub-agent, whose end is not that of the turn. Since 2.1.332 it goes on when the turn is over.
    Step {
        acts: &[Send("agent: slow: 5 100 ;; slow: 5 100")],
        states: &[
            SENT,
            WORKS,
            may_be("working (background)", &["Stop", FILE]),
            may_be("working", &["UserPromptSubmit", FILE]),
            ENDS,
        ],
    },
    // A command and then a sub-agent that asks, both behind their turns.
    Step {
        acts: &[Send(
            "tool: Bash {\"command\":\"sleep 2; touch bg\",\"run_in_background\":true,\"description\":\"b\"}",
        )],
        states: &[SENT, WORKS, WAITS, ASKS_PERMISSION],
    },
    Step {
        acts: &[Keys(&["1"])],
        states: &[GOES_ON, LEFT_BEHIND, is("working", &["UserPromptSubmit", FILE]), ENDS],
    },
    Step {
        acts: &[
            Send(
                "tool: Agent {\"description\":\"helper\",\"prompt\":\"run: touch three\",\
                 \"subagent_type\":\"general-purpose\",\"run_in_background\":true}",
            ),
            Shows("Do you want to proceed"),
        ],
        states: &[SENT, WORKS, may_be("working (background)", &["Stop"]), WAITS, ASKS_PERMISSION],
    },
    Step {
        acts: &[Keys(&["1"])],
        states: &[
            is("working (background)", &["PostToolUse", FILE]),
            is("working", &["UserPromptSubmit", FILE]),
            ENDS,
        ],
    },
    // A plan that is refused.
    Step {
        acts: &[
            Keys(&["shift+tab"]),
            Shows("accept edits on"),
            Keys(&["shift+tab"]),
            Shows("plan mode on"),
            Send("plan: First this"),
            Shows("Would you like to proceed"),
        ],
        states: &[SENT, WORKS, WAITS, ASKS_ABOUT_A_PLAN],
    },
    Step { acts: &[Keys(&["escape"])], states: &[GIVES_UP] },
    Step {
        acts: &[Send("/compact"), Shows("Compacted")],
        states: &[SENT, is("working", &["PreCompact", FILE, "title"]), ENDS],
    },
    // Another conversation in the same process.
    Step {
        acts: &[Send("/clear")],
        states: &[
            SENT,
            may_be("working", &[FILE, "title"]),
            may_be("unknown", &["SessionEnd"]),
            may_be("working", &[FILE, "title"]),
            is("idle", &[FILE, "did not react to the submitted text"]),
        ],
    },
    Step { acts: &[Send("after")], states: &[SENT, WORKS, ENDS] },
];

const CODEX_WORKS: State = is("working", &["the state 'working'"]);
const CODEX_ENDS: State = is("idle", &["the state 'done'", "the state 'idle'"]);
const CODEX_ASKS: State = is("waiting for permission", &["the state 'blocked' (permission)"]);
const CODEX_IS_IDLE: State = is("idle", &["the state 'idle'"]);

const CODEX_STEPS: &[Step] = &[
    // It may be starting still, which it calls work.
    Step {
        acts: &[],
        states: &[
            may_be("idle", &["the state 'idle'"]),
            may_be("working", &["the state 'working'"]),
            may_be("idle", &["the state 'idle'"]),
        ],
    },
    Step {
        acts: &[Send("hello")],
        // It may be starting still.
        states: &[
            may_be("working", &["the state 'working'"]),
            may_be("idle", &["the state 'idle'"]),
            SENT,
            CODEX_WORKS,
            CODEX_ENDS,
        ],
    },
    Step { acts: &[Send("slow: 10 100")], states: &[SENT, CODEX_WORKS, CODEX_ENDS] },
    Step {
        acts: &[Send("run: !touch one"), Shows("Would you like to run")],
        states: &[SENT, CODEX_WORKS, CODEX_ASKS],
    },
    Step { acts: &[Keys(&["y"])], states: &[CODEX_WORKS, CODEX_ENDS] },
    Step {
        acts: &[Send("run: !touch two"), Shows("Would you like to run")],
        states: &[SENT, CODEX_WORKS, CODEX_ASKS],
    },
    Step {
        acts: &[Keys(&["escape"])],
        states: &[may_be("working", &["the state 'working'"]), CODEX_IS_IDLE],
    },
    Step { acts: &[Send("slow: 500 100"), Shows("word3")], states: &[SENT, CODEX_WORKS] },
    Step { acts: &[Keys(&["escape"])], states: &[CODEX_IS_IDLE] },
    Step {
        acts: &[Send("error: 400"), Shows("Scripted error 400")],
        states: &[SENT, CODEX_WORKS, is("idle", &["the state 'error'", "the state 'idle'"])],
    },
    Step { acts: &[Send("/compact"), Shows("Context compacted")], states: &[SENT, CODEX_WORKS, CODEX_ENDS] },
    Step {
        acts: &[Send("/clear")],
        states: &[
            SENT,
            may_be("working", &["the state 'working'"]),
            is("idle", &["the state 'idle'", "did not react to the submitted text"]),
        ],
    },
    Step {
        acts: &[Send("after")],
        states: &[
            may_be("working", &["the state 'working'"]),
            may_be("idle", &["the state 'idle'"]),
            SENT,
            CODEX_WORKS,
            CODEX_ENDS,
        ],
    },
];

#[test]
fn every_state_of_claude_code_is_right() {
    every_state(
        &CLAUDE_CODE,
        CLAUDE_STEPS,
        &[(Signal::SIGTERM, exited(143)), (Signal::SIGKILL, signaled(9))],
    );
}

#[test]
fn every_state_of_codex_is_right() {
    every_state(&CODEX, CODEX_STEPS, &[(Signal::SIGTERM, signaled(15)), (Signal::SIGKILL, signaled(9))]);
}

#[test]
fn every_state_of_the_newest_claude_code_is_right() {
    every_state(
        &NEWEST_CLAUDE_CODE,
        CLAUDE_STEPS,
        &[(Signal::SIGTERM, exited(143)), (Signal::SIGKILL, signaled(9))],
    );
}

#[test]
fn every_state_of_the_newest_codex_is_right() {
    every_state(
        &NEWEST_CODEX,
        CODEX_STEPS,
        &[(Signal::SIGTERM, signaled(15)), (Signal::SIGKILL, signaled(9))],
    );
}

fn every_state(agent: &Agent, steps: &[Step], ends: &[(Signal, Exit)]) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let mut known = 0;
    for (number, step) in steps.iter().enumerate() {
        for act in step.acts {
            match act {
                Send(text) => bed.home.ok(["send", id, text]),
                Keys(keys) => {
                    // The newest Claude Code takes no key of a dialog that it has only just painted.
                    if bed.home.session(id).waiting_for.is_some() {
                        bed.home.ok(["wait", id, "--until", "quiet=0.5", "--timeout", "20"]);
                    }
                    bed.home.ok([&["keys", id], *keys].concat())
                }
                Shows(text) => {
                    bed.home.ok(["wait", id, "--until", &format!("text={text}"), "--timeout", "20"])
                }
            };
        }
        known += eventually(&format!("step {number}: {:?}", published(&bed, id).get(known..)), || {
            let new = published(&bed, id).split_off(known);
            left_of(step.states, &new).iter().all(|state| state.may_be_missing).then_some(new.len())
        });
    }

    bed.home.ok(["send", id, agent.quit, "--wait", "exit", "--timeout", "20"]);
    let ended = bed.home.session(id);
    assert_eq!((ended.status, ended.exit), (Status::Stopped, Some(exited(0))));
    for (signal, exit) in ends {
        bed.home.ok(["resume", id]);
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
        kill(Pid::from_raw(bed.home.session(id).pid.unwrap()), *signal).unwrap();
        bed.home.ok(["wait", id, "--until", "exit", "--timeout", "20"]);
        let ended = bed.home.session(id);
        assert_eq!((ended.status, ended.exit), (Status::Crashed, Some(*exit)), "{signal}");
    }
}

/// The states that were published, with what proved them.
fn published(bed: &Bed, id: &str) -> Vec<(String, String)> {
    let logs = bed.home.ok(["logs", id, "--type", "session.activity_changed", "-n", "1000", "--json"]);
    let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let states = events.map(|event| match event.body {
        Body::SessionActivityChanged { activity, waiting_for, background, proof } => {
            let state = match waiting_for {
                Some(what) => format!("{activity} for {what}"),
                None if background.is_empty() => activity.to_string(),
                None => format!("{activity} (background)"),
            };
            (state, proof.unwrap().what)
        }
        other => panic!("{other:?}"),
    });
    states.collect()
}

/// Which states are still to come after these; fails at one that is none of them.
fn left_of<'a>(states: &'a [State], seen: &[(String, String)]) -> &'a [State] {
    let mut left = states;
    for (state, proof) in seen {
        loop {
            let (next, rest) =
                left.split_first().unwrap_or_else(|| panic!("{state} ({proof}) too much: {seen:?}"));
            left = rest;
            if next.is == state && next.proofs.iter().any(|wanted| proof.contains(wanted)) {
                break;
            }
            assert!(next.may_be_missing, "{state} ({proof}) instead of {}: {seen:?}", next.is);
        }
    }
    left
}
