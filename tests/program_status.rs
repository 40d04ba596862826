//! What programs say about themselves: in the output, and by `codepiper report`.

use std::fs;
use std::time::Instant;

use codepiper_protocol::wire::session::{Activity, EvidenceSource, Session, WaitingFor};
use codepiper_protocol::wire::status::StatusSource;

use crate::harness::{CODEPIPER, Home, eventually};

/// Goes on with every line that it is sent.
fn build(home: &Home, steps: &[&str]) -> Session {
    let steps = steps.iter().map(|step| format!("read -r line\n{step}\n")).collect::<String>();
    let script = home.path("build.sh");
    let report = format!("report() {{ {CODEPIPER} report \"$@\"; }}\n");
    let osc = "osc() { printf '\\033]7501;%s\\033\\\\' \"$1\"; }\n";
    fs::write(&script, format!("{report}{osc}stty -echo; echo ready\n{steps}read -r line\n")).unwrap();
    let session = home.start(&["bash", script.to_str().unwrap()]);
    home.until_printed(&session, "ready");
    session
}

fn go_on(home: &Home, session: &Session) {
    home.ok(["send", &session.short_id, ""]);
}

fn said(session: &Session) -> String {
    session.program_status.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_script_shows_how_far_it_is() {
    let home = Home::running();
    let session = build(
        &home,
        &[
            "report working --progress 40 --message \"$(printf 'Compiling\\t\\033[1mcore')\"",
            "report blocked --kind permission --message 'Deploy?' --id deploy/eu",
            "report clear --id deploy; report done --message 'All tests pass'; exit 3",
        ],
    );
    let id = session.short_id.as_str();
    assert_eq!(session.program_status, None);
    go_on(&home, &session);
    let works = home.until(&session, "it reports", |session| session.program_status.is_some());
    assert_eq!(said(&works), "working 40%: Compiling  [1mcore");
    assert_eq!(works.program_status.unwrap().source, StatusSource::Command);
    assert_eq!(works.activity, Activity::Working);
    assert!(home.ok(["sessions"]).contains(" 40%"), "{}", home.ok(["sessions"]));
    assert!(home.ok(["sessions", "show", id]).contains("working 40%: Compiling"), "with its words");

    go_on(&home, &session);
    let waits = home.until(&session, "a part of it waits", |session| session.activity == Activity::Waiting);
    assert_eq!(waits.waiting_for, Some(WaitingFor::Permission));
    assert_eq!(said(&waits), "blocked 40% (permission): Deploy? (deploy/eu)");
    let explanation = home.explain(id);
    let ids: Vec<_> = explanation.program_status.iter().map(|record| record.id.as_deref()).collect();
    assert_eq!(ids, [None, Some("deploy/eu")]);
    let proof = explanation.evidence.last().unwrap();
    assert_eq!(proof.source, EvidenceSource::Report);
    assert_eq!(proof.what, "a command in it reported the state 'blocked' (permission) of 'deploy/eu'");
    home.ok(["wait", id, "--until", "waiting", "--timeout", "15"]);

    go_on(&home, &session);
    let ended = home.until_ended(&session);
    assert_eq!(said(&ended), "done: All tests pass", "the result stays");
    home.ok(["resume", id]);
    home.until(&session, "another one runs", |session| {
        session.status.is_live() && session.program_status.is_none()
    });
}

#[test]
fn a_program_speaks_through_its_terminal_too() {
    let home = Home::running();
    let session = build(
        &home,
        &[
            "osc 'state=working:app=cargo:progress=7:msg=SGk='",
            "osc 'state=blocked:id=a/b:kind=auth'",
            "osc 'state=clear:id=a'; printf '\\033]9;4;1;55\\007'",
            "printf '\\033c'",
            "osc 'state=idle:title=UmVzdA=='",
        ],
    );
    let step = |expected: &str| {
        go_on(&home, &session);
        home.until(&session, expected, |session| said(session) == expected)
    };
    let works = step("working 7%: Hi");
    assert_eq!(works.program_status.unwrap().app.as_deref(), Some("cargo"));
    let waits = step("blocked 7% (auth) (a/b)");
    assert_eq!((waits.activity, waits.waiting_for), (Activity::Waiting, Some(WaitingFor::SignIn)));
    step("working 7%: Hi");
    step("");
    let rests = step("idle, Rest");
    assert_eq!(rests.activity, Activity::Idle, "it knows better than what it is called by");
}

#[test]
fn a_report_is_only_for_the_own_session_and_within_limits() {
    let home = Home::running();
    let other = home.bash("read x");
    let try_it = |args: &str| {
        format!("{CODEPIPER} report {args} >\"$PWD/said\" 2>&1; echo $? >code.new; mv code.new code")
    };
    let session = build(
        &home,
        &[
            &format!(
                "cd {}; {}",
                home.path("").display(),
                try_it("working --message \"$(head -c 3000 /dev/zero | tr '\\0' x)\"")
            ),
            &try_it("done --progress 3"),
            &format!("export CODEPIPER_SESSION={}; {}", other.id, try_it("working")),
            &format!("unset CODEPIPER_SESSION; {}", try_it("working")),
        ],
    );
    let step = || {
        go_on(&home, &session);
        let code = eventually("it ends", || fs::read_to_string(home.path("code")).ok());
        fs::remove_file(home.path("code")).unwrap();
        (code.trim().to_owned(), fs::read_to_string(home.path("said")).unwrap())
    };
    let (code, said) = step();
    assert!(code == "2" && said.contains("the message has 3000 bytes; the limit is 2048"), "{said}");
    let (code, said) = step();
    assert!(code == "2" && said.contains("progress is only for the states"), "{said}");
    let (code, said) = step();
    assert!(code == "6" && said.contains("may only read its own session"), "{said}");
    assert_eq!(home.session(&other.short_id).program_status, None);
    let (code, said) = step();
    assert!(code == "2" && said.contains("CODEPIPER_SESSION is not set"), "{said}");
    home.fails_at_usage(["report", "busy"]);
}

/// 25,000 reports, garbage among them: the last one counts, and few became events.
#[test]
fn a_flood_of_reports_is_bounded() {
    let home = Home::running();
    let flood = "for i in $(seq 5000); do osc \"state=working:id=n$i:progress=$((i % 100))\"; \
                 osc \"state=idle:id=n$i:msg=A\"; osc 'state=clear:id=/'; osc state=blocked; osc state=idle; done; \
                 osc 'state=clear'; osc 'state=blocked:kind=question:msg=TGFzdA=='; echo flooded";
    let session = build(&home, &[flood]);
    let began = Instant::now();
    go_on(&home, &session);
    home.until_printed(&session, "flooded");
    let waits =
        home.until(&session, "the last one counts", |session| said(session) == "blocked (question): Last");
    home.until(&waits, "it waits", |session| session.activity == Activity::Waiting);
    let explanation = home.explain(&session.short_id);
    assert_eq!(explanation.program_status.len(), 1);
    let events = home.ok(["logs", &session.short_id, "-n", "10000", "--json"]);
    let changes = events.lines().filter(|line| line.contains("session.activity_changed")).count();
    let most = 21 * (began.elapsed().as_secs() as usize + 2);
    assert!(changes <= most, "{changes} changes, {most} at most");
}

#[test]
fn what_a_tool_of_an_agent_reports_is_not_its_word() {
    let mut home = Home::new();
    let script = home.path("agent.sh");
    let says = format!(
        "printf '\\033]7501;state=working\\033\\\\'; echo ready; read -r x; {CODEPIPER} report blocked --message tool; read -r x"
    );
    fs::write(&script, says).unwrap();
    let config = format!("[providers.mine]\ncommand = [\"bash\", {:?}]\n", script.to_str().unwrap());
    fs::write(home.path("config.toml"), config).unwrap();
    home.start_daemon();
    let session: Session = serde_json::from_str(&home.ok(["start", "-p", "mine", "--json"])).unwrap();
    home.until(&session, "its own report counts", |session| session.activity == Activity::Working);
    go_on(&home, &session);
    let told = home.until(&session, "the tool's is shown", |session| said(session) == "blocked: tool");
    assert_eq!(told.activity, Activity::Working);
}
