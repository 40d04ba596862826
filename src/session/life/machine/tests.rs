use codepiper_protocol::wire::session::ExitReason;

use super::ending::TAIL_LIMIT;
use super::*;

/// Drives a machine through a script; `ms` is the time of each step.
struct Script {
    machine: Machine,
    actions: Vec<Action>,
}

impl Script {
    fn running() -> Self {
        let mut script = Self::new();
        script.launch(0, Operation::Start, false).step(1, Input::Executed { pid: 42 });
        script.machine.finish();
        script.actions.clear();
        script
    }

    fn new() -> Self {
        Self::of(Status::Starting, None)
    }

    fn of(status: Status, exit: Option<Exit>) -> Self {
        Self { machine: Machine::new(status, exit, Timestamp::UNIX_EPOCH), actions: vec![] }
    }

    fn launch(&mut self, ms: u64, operation: Operation, prompted: bool) -> &mut Self {
        self.machine.begin(at(0), operation).unwrap();
        self.machine.launch(at(ms), prompted).unwrap();
        self
    }

    fn step(&mut self, ms: u64, input: Input) -> &mut Self {
        self.actions.extend(self.machine.handle(at(ms), input));
        self
    }

    /// Lets time pass: every deadline up to `ms` is delivered.
    fn until(&mut self, ms: u64) -> &mut Self {
        while let Some(at) = self.machine.deadline().filter(|at| at.as_millis() as u64 <= ms) {
            self.step(at.as_millis() as u64, Input::Deadline);
        }
        self
    }

    fn doings(&self) -> Vec<&Action> {
        self.actions.iter().filter(|action| !matches!(action, Action::Event(_))).collect()
    }
}

fn at(ms: u64) -> Now {
    Now { wall: Timestamp::UNIX_EPOCH, since_start: Duration::from_millis(ms) }
}

fn code(code: i32) -> ExitStatus {
    ExitStatus { code: Some(code), signal: None }
}

fn signal(signal: i32) -> ExitStatus {
    ExitStatus { code: None, signal: Some(signal) }
}

fn quit() -> Input {
    Input::StopRequested { quit_limit: Duration::from_secs(5) }
}

#[test]
fn a_program_that_ends_by_itself_is_judged_by_its_status() {
    for (exit, status) in
        [(code(0), Status::Stopped), (code(7), Status::Crashed), (signal(9), Status::Crashed)]
    {
        let mut script = Script::running();
        script.step(10, Input::Marker(exit));
        assert_eq!(script.machine.status(), status);
        assert_eq!(script.machine.exit(), Some(Exit::new(exit, ExitReason::Exited)));
        assert_eq!(script.doings(), [&Action::Ended]);
        assert_eq!(script.machine.deadline(), None);
    }
}

#[test]
fn stop_asks_then_terminates_then_kills_then_destroys() {
    let mut script = Script::running();
    script.step(1000, quit()).step(1500, quit()).until(20_000);
    assert_eq!(
        script.doings(),
        [&Action::Quit, &Action::Terminate, &Action::KillProgram, &Action::KillTmuxSession, &Action::Ended]
    );
    assert_eq!(script.machine.exit(), Some(Exit::without_status(ExitReason::Stopped)));
    assert_eq!(script.machine.status(), Status::Stopped);
}

#[test]
fn stop_ends_as_soon_as_the_program_does() {
    let mut script = Script::running();
    script.step(1000, quit()).step(1200, Input::Marker(code(130))).until(20_000);
    assert_eq!(script.doings(), [&Action::Quit, &Action::Ended]);
    assert_eq!(script.machine.status(), Status::Stopped);
    assert_eq!(script.machine.exit().unwrap().reason, ExitReason::Stopped);
}

#[test]
fn kill_overtakes_stop_and_takes_the_tmux_session_along() {
    let mut script = Script::running();
    script.step(1000, quit()).step(1100, Input::KillRequested).step(1110, Input::Marker(signal(9)));
    assert_eq!(
        script.doings(),
        [&Action::Quit, &Action::KillProgram, &Action::Ended, &Action::KillTmuxSession]
    );
    assert_eq!(script.machine.exit(), Some(Exit::new(signal(9), ExitReason::Killed)));
}

#[test]
fn without_a_marker_the_pane_or_the_exit_file_tells() {
    let mut script = Script::running();
    script.step(10, Input::PaneDead { status: Some(code(3)) });
    assert_eq!(script.machine.exit(), Some(Exit::new(code(3), ExitReason::Exited)));

    let mut script = Script::running();
    script.step(10, Input::ShimGone { status: Some(code(4)) });
    assert_eq!(script.machine.status(), Status::Running, "the marker may still be on its way");
    script.step(20, Input::Marker(code(5))).until(9000);
    assert_eq!(script.machine.exit().unwrap().code, Some(5));

    let mut script = Script::running();
    script.step(10, Input::ShimGone { status: None }).until(9000);
    assert_eq!(script.machine.exit(), Some(Exit::without_status(ExitReason::Unknown)));
    assert_eq!(script.machine.status(), Status::Crashed);
}

#[test]
fn a_lost_server_ends_a_session_when_its_shim_is_gone_or_after_the_limit() {
    let mut script = Script::running();
    script.step(10, Input::ServerGone);
    assert!(script.machine.status().is_live(), "the program may still run");
    script.step(1200, Input::ShimGone { status: Some(signal(15)) });
    assert_eq!(script.machine.exit(), Some(Exit::new(signal(15), ExitReason::ServerGone)));
    assert_eq!(script.machine.status(), Status::Stopped);

    let mut script = Script::running();
    script.step(10, Input::ShimGone { status: None }).step(20, Input::ServerGone);
    assert_eq!(script.machine.exit(), Some(Exit::without_status(ExitReason::ServerGone)));

    let mut script = Script::running();
    script.step(10, Input::ServerGone).until(5100);
    assert_eq!(script.machine.status(), Status::Stopped);
}

#[test]
fn a_failed_launch_leaves_what_was() {
    let ended = Some(Exit::new(code(7), ExitReason::Exited));
    let mut script = Script::of(Status::Crashed, ended);
    script.launch(0, Operation::Resume, false);
    assert_eq!((script.machine.status(), script.machine.exit()), (Status::Starting, None));
    script.step(5, Input::LaunchFailed { message: "no such program".into() });
    assert_eq!((script.machine.status(), script.machine.exit()), (Status::Crashed, ended));
    script.machine.finish();
    script.launch(10, Operation::Resume, false).until(60_000);
    assert_eq!(script.doings(), [&Action::AbandonLaunch]);
    assert_eq!(script.machine.status(), Status::Crashed);
}

#[test]
fn one_operation_at_a_time() {
    let lost = Some(Exit::without_status(ExitReason::ServerGone));
    let operations = [
        Operation::Start,
        Operation::Resume,
        Operation::Revive,
        Operation::Remove,
        Operation::RemoveWorktree,
    ];
    for first in operations {
        for second in operations {
            let mut script = Script::of(Status::Stopped, lost);
            script.machine.begin(at(0), first).unwrap();
            assert_eq!(
                script.machine.begin(at(0), second),
                Err(Refusal::Busy(first)),
                "{first:?}, {second:?}"
            );
            script.machine.finish();
            assert_eq!(script.machine.begin(at(0), second), Ok(()), "{first:?}, {second:?}");
        }
        if first != Operation::Start {
            assert_eq!(Script::running().machine.begin(at(0), first), Err(Refusal::Live), "{first:?}");
        }
        let mut script = Script::of(Status::Stopped, lost);
        script.machine.begin(at(0), Operation::Remove).unwrap();
        script.machine.removed();
        assert_eq!(script.machine.begin(at(0), first), Err(Refusal::Removed));
    }
    // What somebody started, and stopped, is not lost any more.
    let mut script = Script::of(Status::Stopped, lost);
    script.launch(0, Operation::Resume, false).step(1, Input::Executed { pid: 42 });
    script.machine.finish();
    script.step(2, quit()).step(3, Input::Marker(code(0)));
    assert_eq!(script.machine.begin(at(0), Operation::Revive), Err(Refusal::NotLost));
}

#[test]
fn a_launch_takes_place_only_where_it_was_begun() {
    let mut script = Script::of(Status::Stopped, None);
    assert_eq!(script.machine.launch(at(0), false), Err(Refusal::Live), "nothing was begun");
    script.machine.begin(at(0), Operation::Remove).unwrap();
    assert_eq!(script.machine.launch(at(0), false), Err(Refusal::Busy(Operation::Remove)));
    script.machine.finish();
    script.launch(1, Operation::Resume, false);
    assert_eq!(script.machine.launch(at(2), false), Err(Refusal::Busy(Operation::Resume)), "once");
    // Its pane was found alive before its turn came.
    let mut script = Script::of(Status::Stopped, None);
    script.machine.begin(at(0), Operation::Resume).unwrap();
    script.step(1, Input::Adopted { pid: Some(1) });
    assert_eq!(script.machine.launch(at(2), false), Err(Refusal::Live));
}

#[test]
fn an_end_that_is_requested_before_the_launch_calls_it_off() {
    for (request, status) in [
        (quit(), Status::Starting),
        (Input::KillRequested, Status::Starting),
        (quit(), Status::Crashed),
        (Input::KillRequested, Status::Crashed),
    ] {
        let new = status == Status::Starting;
        let mut script = Script::of(status, None);
        script.machine.begin(at(0), if new { Operation::Start } else { Operation::Resume }).unwrap();
        assert!(script.machine.is_live_or_about_to() && !script.machine.launch_is_called_off());
        script.step(1, request.clone()).step(2, request.clone());
        // What `stop` left of an ended one goes with `kill`.
        let ends =
            if !new && request == Input::KillRequested { vec![&Action::KillTmuxSession] } else { vec![] };
        let doings = ends.len();
        assert_eq!((script.doings(), script.actions.len()), (ends, doings + 1), "it is an event, once");
        assert!(script.machine.launch_is_called_off());
        assert_eq!(script.machine.launch(at(3), false), Err(Refusal::EndRequested));
        script.machine.finish();
        assert!(!script.machine.is_live_or_about_to() && !script.machine.end_is_requested());
        assert_eq!(script.machine.status(), if new { Status::Stopped } else { status });
        assert_eq!(script.machine.begin(at(0), Operation::Resume), Ok(()), "the next one is not");
    }
}

#[test]
fn weaker_evidence_never_contradicts_stronger() {
    let activity =
        |source, activity| Input::Activity { source, activity, waiting_for: None, what: "something".into() };
    let mut script = Script::running();
    script.step(10, activity(EvidenceSource::Report, Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle);
    script.step(20, activity(EvidenceSource::Hook, Activity::Working));
    script.step(30, activity(EvidenceSource::Report, Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Working);
    script.step(40, Input::Marker(code(0))).step(50, activity(EvidenceSource::Hook, Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Unknown, "an ended session does nothing");
}

#[test]
fn reports_may_count_as_much_as_hooks() {
    let activity =
        |source, activity| Input::Activity { source, activity, waiting_for: None, what: "something".into() };
    let mut script = Script::running();
    script.machine = script.machine.with_reports_as_hooks(true);
    assert!(!script.machine.tells_its_state());
    script.step(5, activity(EvidenceSource::Screen, Activity::Waiting));
    assert!(!script.machine.tells_its_state(), "its screen is looked at, it says nothing by itself");
    script.step(10, activity(EvidenceSource::Hook, Activity::Working));
    script.step(20, activity(EvidenceSource::Report, Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle, "no hook told of it");
    script.step(30, activity(EvidenceSource::Screen, Activity::Waiting)).step(40, Input::Submitted);
    assert_eq!(script.machine.activity(), Activity::Unknown);
    assert!(script.machine.tells_its_state());
}

#[test]
fn what_a_program_says_at_once_counts_when_it_runs() {
    let mut script = Script::new();
    let source = EvidenceSource::Report;
    script.launch(0, Operation::Start, false);
    script.step(1, Input::Activity { source, activity: Activity::Idle, waiting_for: None, what: "x".into() });
    assert_eq!(script.machine.activity(), Activity::Unknown);
    script.step(2, Input::Executed { pid: 42 });
    assert_eq!(script.machine.activity(), Activity::Idle);
}

#[test]
fn idle_ends_with_what_is_submitted() {
    let report = |activity| Input::Activity {
        source: EvidenceSource::Report,
        activity,
        waiting_for: None,
        what: "something".into(),
    };
    let mut script = Script::running();
    script.step(10, report(Activity::Idle)).step(20, Input::Submitted);
    script.step(25, report(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Unknown, "it may not have begun yet");
    script.step(30, report(Activity::Working)).step(40, Input::Submitted);
    assert_eq!(script.machine.activity(), Activity::Working, "one more thing to do");
    script.step(50, report(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle);
    script.step(60, Input::Submitted).until(5059);
    assert_eq!(script.machine.activity(), Activity::Unknown);
    script.until(5060);
    assert_eq!(script.machine.activity(), Activity::Idle, "the text was a command, say");
    assert_eq!(script.machine.deadline(), None);
}

#[test]
fn a_shell_that_has_rested_after_a_text_has_begun_with_it() {
    let told = |activity| Input::Activity {
        source: EvidenceSource::Foreground,
        activity,
        waiting_for: None,
        what: "something".into(),
    };
    let mut script = Script::running();
    script.machine = script.machine.with_files(false);
    script.step(10, told(Activity::Idle)).step(20, Input::Submitted).step(40, told(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Unknown, "it may not have begun yet");
    script.step(240, Input::Settled).step(240, told(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle);
    script.step(250, told(Activity::Working));
    assert_eq!(script.machine.activity(), Activity::Working);
    assert_eq!(script.machine.deadline(), None, "it writes no files to look at");
}

#[test]
fn a_question_about_a_text_counts_until_it_is_answered() {
    let activity = |source, activity, waiting_for| Input::Activity {
        source,
        activity,
        waiting_for,
        what: "something".into(),
    };
    let (report, screen) = (EvidenceSource::Report, EvidenceSource::Screen);
    let question = || activity(screen, Activity::Waiting, Some(WaitingFor::Question));
    let answered = || activity(screen, Activity::Unknown, None);
    let mut script = Script::running();
    script.step(10, activity(report, Activity::Idle, None)).step(20, question());
    assert_eq!(script.machine.activity(), Activity::Idle, "it has said what it does");
    assert!(!script.machine.counts_questions());
    script.step(30, Input::Submitted);
    assert!(script.machine.counts_questions());
    script.step(40, question()).until(60_000);
    assert_eq!(script.machine.waiting_for(), Some(WaitingFor::Question));
    script.step(70_000, question()).step(80_000, answered());
    assert_eq!(script.machine.activity(), Activity::Unknown);
    // Another one follows.
    assert!(script.machine.counts_questions());
    script.step(81_000, question()).step(82_000, answered()).until(86_999);
    assert_eq!(script.machine.activity(), Activity::Unknown);
    script.until(87_000);
    assert_eq!(script.machine.activity(), Activity::Idle, "it was closed");
    assert!(!script.machine.counts_questions());
    // What the agent says itself counts more.
    script.step(90_000, Input::Submitted).step(90_100, question());
    script.step(90_200, activity(report, Activity::Working, None)).step(90_300, answered());
    assert_eq!(script.machine.activity(), Activity::Working);
}

#[test]
fn what_a_transcript_says_last_counts_until_the_program_says_something() {
    let recalled = |activity| Input::Recalled { activity, what: "its transcript".into() };
    let report = |activity| Input::Activity {
        source: EvidenceSource::Report,
        activity,
        waiting_for: None,
        what: "something".into(),
    };
    let adopted = || {
        let mut script =
            Script { machine: Machine::new(Status::Running, None, Timestamp::UNIX_EPOCH), actions: vec![] };
        script.step(0, Input::Adopted { pid: Some(42) });
        script
    };
    let mut script = adopted();
    script.step(10, recalled(Activity::Working));
    let last = script.machine.evidence().last().unwrap();
    assert_eq!((last.source, last.state.as_str()), (EvidenceSource::Transcript, "running, working"));
    assert!(!script.machine.tells_its_state());
    script.step(20, recalled(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle);
    // It may be from before the text.
    script.step(30, Input::Submitted).step(40, recalled(Activity::Working));
    assert_eq!(script.machine.activity(), Activity::Unknown);
    script.step(50, report(Activity::Working)).step(60, recalled(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Working);

    let mut script = adopted();
    script.step(10, report(Activity::Idle)).step(20, recalled(Activity::Working));
    assert_eq!(script.machine.activity(), Activity::Idle);
    // What it asks counts more, until that is answered.
    let question = |activity, waiting_for| {
        let source = EvidenceSource::Screen;
        Input::Activity { source, activity, waiting_for, what: "its screen".into() }
    };
    let mut script = adopted();
    script.step(10, question(Activity::Waiting, Some(WaitingFor::Question)));
    script.step(20, recalled(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Waiting);
    script.step(30, question(Activity::Unknown, None)).step(40, recalled(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Idle);

    let mut script = Script::running();
    script.step(10, recalled(Activity::Idle));
    assert_eq!(script.machine.activity(), Activity::Unknown, "nobody was away");
}

fn left(tasks: &[&str], scheduled: &[&str]) -> Input {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let begins = tasks.is_empty() && scheduled.is_empty();
    Input::LeftRunning { tasks: owned(tasks), scheduled: owned(scheduled), begins, what: "a hook".into() }
}

fn told(source: EvidenceSource, activity: Activity, waiting_for: Option<WaitingFor>) -> Input {
    Input::Activity { source, activity, waiting_for, what: "told".into() }
}

#[test]
fn who_has_left_something_running_is_not_idle_until_it_ends() {
    use EvidenceSource::{Hook, Transcript};
    let mut script = Script::running();
    let state = |script: &Script| {
        let machine = &script.machine;
        (machine.activity(), machine.turn(), machine.background().join(", "))
    };
    let working = |background: &str| (Activity::Working, Activity::Idle, background.to_owned());
    let idle = (Activity::Idle, Activity::Idle, String::new());
    script.step(1, told(Hook, Activity::Working, None));
    script.step(2, left(&["npm test"], &[])).step(3, told(Transcript, Activity::Idle, None));
    assert_eq!(state(&script), working("npm test"));
    // It ends, and a turn about that begins.
    script.step(10, Input::BackgroundEnded).step(11, told(Transcript, Activity::Idle, None)).until(100);
    assert_eq!(state(&script), working("npm test"));
    let turns = script.machine.turns();
    let told_before = script.actions.len();
    script.step(110, left(&[], &[]));
    assert_eq!(script.actions.len(), told_before, "it is not idle in between");
    script.step(110, told(Hook, Activity::Working, None));
    assert_eq!((script.machine.activity(), script.machine.turns()), (Activity::Working, turns + 1));
    script.step(120, left(&[], &[])).step(121, told(Transcript, Activity::Idle, None)).until(5000);
    assert_eq!(state(&script), idle);
    // It ends, and nothing follows.
    script.step(6000, left(&["npm test"], &[]));
    assert_eq!(state(&script), working("npm test"));
    script.step(6001, Input::BackgroundEnded).until(7000);
    assert_eq!(state(&script), idle);
    // A prompt that will come.
    script.step(8000, left(&[], &["look again"])).step(8001, Input::BackgroundEnded).until(100_000);
    assert_eq!(state(&script), working("look again"));
    // What the state file says of it, when nothing else did.
    script.step(200_000, left(&[], &[])).step(200_001, Input::BackgroundShell);
    assert_eq!(state(&script), working("a command"));
    script.step(300_000, Input::Marker(code(0)));
    assert_eq!(state(&script).2, "");
}

#[test]
fn who_waits_for_something_unknown_may_be_told_by_weaker_evidence_for_what() {
    use EvidenceSource::{Screen, Transcript};
    let mut script = Script::running();
    script.step(1, told(Transcript, Activity::Waiting, None));
    script.step(2, told(Screen, Activity::Waiting, Some(WaitingFor::Plan)));
    assert_eq!(script.machine.waiting_for(), Some(WaitingFor::Plan));
    script.step(3, told(Screen, Activity::Waiting, Some(WaitingFor::Permission)));
    script.step(4, told(Screen, Activity::Unknown, None));
    assert_eq!(script.machine.waiting_for(), Some(WaitingFor::Plan), "it is known now");
}

#[test]
fn a_failed_sign_in_outlasts_its_turn() {
    use EvidenceSource::{Hook, Transcript};
    let mut script = Script::running();
    script.step(1, told(Hook, Activity::Waiting, Some(WaitingFor::SignIn)));
    script.step(2, told(Transcript, Activity::Idle, None));
    assert_eq!(script.machine.waiting_for(), Some(WaitingFor::SignIn));
    script.step(3, told(Hook, Activity::Idle, None));
    assert_eq!(script.machine.activity(), Activity::Idle);
}

#[test]
fn files_are_looked_at_now_and_then_while_the_agent_is_at_something() {
    let activity = |activity| {
        let (source, what) = (EvidenceSource::Hook, String::new());
        Input::Activity { source, activity, waiting_for: None, what }
    };
    let mut script = Script::running();
    assert_eq!(script.machine.deadline(), None);
    script.step(1_000, activity(Activity::Working)).until(70_000);
    assert_eq!(script.doings(), [&Action::LookAtFiles, &Action::LookAtFiles]);
    assert_eq!(script.machine.deadline(), Some(Duration::from_secs(91)));
    script.step(71_000, activity(Activity::Waiting)).until(102_000);
    assert_eq!(script.doings().len(), 3);
    script.step(103_000, activity(Activity::Idle));
    assert_eq!(script.machine.deadline(), None, "nothing wakes for an agent that has nothing to do");
}

#[test]
fn an_agent_with_a_first_prompt_is_not_idle_before_it() {
    let idle = || Input::Activity {
        source: EvidenceSource::Hook,
        activity: Activity::Idle,
        waiting_for: None,
        what: "the hook SessionStart".into(),
    };
    let started = || {
        let mut script = Script::new();
        script.launch(10, Operation::Start, true);
        script.step(20, Input::Executed { pid: 43 }).step(900, idle());
        assert_eq!(script.machine.activity(), Activity::Unknown);
        assert!(!script.machine.tells_its_state());
        script
    };
    let mut script = started();
    script.step(
        1_000,
        Input::Activity {
            source: EvidenceSource::Hook,
            activity: Activity::Working,
            waiting_for: None,
            what: "the hook UserPromptSubmit".into(),
        },
    );
    assert!(script.machine.tells_its_state());
    script.step(2_000, idle());
    assert_eq!(script.machine.activity(), Activity::Idle);

    let mut script = started();
    script.until(10_000);
    assert_eq!(script.machine.activity(), Activity::Idle, "it did nothing about it");
}

#[test]
fn what_comes_too_late_changes_nothing() {
    let mut script = Script::running();
    script.step(10, Input::Marker(code(0)));
    script.actions.clear();
    for input in [
        Input::PaneDead { status: Some(code(1)) },
        Input::ShimGone { status: None },
        Input::ServerGone,
        quit(),
        Input::Deadline,
    ] {
        script.step(20, input);
    }
    assert_eq!(script.actions, []);
    // What `stop` left of it goes.
    script.step(21, Input::KillRequested);
    assert_eq!(script.actions, [Action::KillTmuxSession]);
    assert_eq!(script.machine.exit().unwrap().code, Some(0));
}

/// What the machine may be told in any order, as often as there are orders.
fn orders(facts: &[Input]) -> Vec<Vec<Input>> {
    if facts.is_empty() {
        return vec![vec![]];
    }
    (0..facts.len())
        .flat_map(|first| {
            let rest: Vec<_> = [&facts[..first], &facts[first + 1..]].concat();
            orders(&rest).into_iter().map(move |order| [vec![facts[first].clone()], order].concat())
        })
        .collect()
}

fn starting() -> Script {
    let mut script = Script::of(Status::Stopped, None);
    script.launch(0, Operation::Resume, false);
    script
}

#[test]
fn a_program_that_ended_was_executed_whatever_was_learnt_first() {
    let status = Some(code(3));
    let facts = [
        Input::Executed { pid: 42 },
        Input::Marker(code(3)),
        Input::Reported(code(3)),
        Input::PaneDead { status },
        Input::ShimGone { status },
    ];
    for order in orders(&facts) {
        let mut script = starting();
        for (index, fact) in order.iter().enumerate() {
            script.step(10 + index as u64, fact.clone());
        }
        script.until(60_000);
        assert_eq!(script.machine.launched(), Some(&Ok(())), "{order:?}");
        assert_eq!(script.machine.exit(), Some(Exit::new(code(3), ExitReason::Exited)), "{order:?}");
        assert_eq!(script.doings(), [&Action::Ended], "{order:?}");
        let started = Action::Event(Body::SessionStarted { pid: 42, resumed: true });
        assert_eq!(script.actions, [started, Action::Ended], "{order:?}");
    }
}

#[test]
fn a_program_that_ended_was_executed_though_the_shim_could_not_say_so() {
    let silent = Input::LaunchFailed { message: "the shim did not say".into() };
    for end in [Input::Marker(code(0)), Input::Reported(code(0))] {
        for facts in [vec![end.clone()], vec![end.clone(), silent.clone()]] {
            let mut script = starting();
            for fact in &facts {
                script.step(10, fact.clone());
            }
            script.until(10 + TAIL_LIMIT.as_millis() as u64);
            assert_eq!(script.machine.launched(), Some(&Ok(())), "{facts:?}");
            assert_eq!(script.machine.status(), Status::Stopped, "{facts:?}");
            assert_eq!(script.doings(), [&Action::Ended], "{facts:?}");
        }
    }
    // Its server dies while that is waited for.
    let mut script = starting();
    script.step(10, Input::Marker(code(0))).step(11, Input::ServerGone);
    assert_eq!(script.machine.launched(), Some(&Ok(())));
    assert_eq!(script.machine.exit().unwrap().reason, ExitReason::ServerGone);
}

#[test]
fn why_a_program_was_not_executed_is_known_whatever_was_learnt_first() {
    let message = "there is no such program".to_owned();
    let facts = [
        Input::LaunchFailed { message: message.clone() },
        Input::PaneDead { status: Some(code(127)) },
        Input::ShimGone { status: None },
    ];
    for order in orders(&facts) {
        let mut script = starting();
        for fact in &order {
            script.step(10, fact.clone());
        }
        script.until(60_000);
        assert_eq!(script.machine.launched(), Some(&Err(message.clone())), "{order:?}");
        assert_eq!(script.machine.status(), Status::Stopped, "{order:?}");
        assert_eq!(script.doings(), [] as [&Action; 0], "{order:?}");
    }
    // Nobody ever says it.
    let mut script = starting();
    script.step(10, Input::PaneDead { status: Some(code(127)) }).until(60_000);
    assert_eq!(script.machine.launched(), None);
    assert_eq!(script.machine.exit(), Some(Exit::new(code(127), ExitReason::Exited)));
}

#[test]
fn everything_that_a_program_says_at_once_counts_in_its_order() {
    let activity =
        |source, activity| Input::Activity { source, activity, waiting_for: None, what: "something".into() };
    let mut script = starting();
    script.step(1, activity(EvidenceSource::Hook, Activity::Working));
    script.step(2, activity(EvidenceSource::Report, Activity::Idle)).step(3, Input::Executed { pid: 42 });
    assert_eq!(script.machine.activity(), Activity::Working, "a report does not contradict a hook");
}

#[test]
fn a_program_that_is_found_while_it_is_started_is_started() {
    let mut script = starting();
    script.step(1, Input::Adopted { pid: None }).step(2, Input::Executed { pid: 42 });
    assert_eq!((script.machine.launched(), script.machine.pid()), (Some(&Ok(())), Some(42)));
}

#[test]
fn a_usage_limit_holds_until_its_time_or_the_next_turn() {
    let told =
        |source, activity, waiting_for| Input::Activity { source, activity, waiting_for, what: "x".into() };
    let (hook, file) = (EvidenceSource::Hook, EvidenceSource::Transcript);
    let limit = told(hook, Activity::Waiting, Some(WaitingFor::UsageLimit));
    let over = || Input::LimitOver { what: "over".into() };
    let state = |script: &Script| (script.machine.activity(), script.machine.waiting_for());
    let limited = (Activity::Waiting, Some(WaitingFor::UsageLimit));

    // The end of the turn, a notification, a dialog about it.
    let mut script = Script::running();
    script.step(10, told(hook, Activity::Working, None)).step(20, limit.clone());
    script.step(30, told(file, Activity::Idle, None)).step(60_000, told(hook, Activity::Idle, None));
    assert_eq!(state(&script), limited);
    script.step(70_000, over());
    assert_eq!(state(&script), (Activity::Idle, None));
    script.step(80_000, told(file, Activity::Waiting, Some(WaitingFor::Dialog)));
    script.step(80_010, limit.clone());
    assert_eq!(state(&script), limited);
    script.step(80_020, over());
    assert_eq!(state(&script), (Activity::Waiting, Some(WaitingFor::Dialog)), "it is open still");
    script.step(90_000, limit.clone()).step(90_010, told(file, Activity::Waiting, Some(WaitingFor::Dialog)));
    script.step(90_020, told(file, Activity::Idle, None)).step(90_030, over());
    assert_eq!(state(&script), (Activity::Idle, None), "it was closed");
    // The next turn.
    script.step(91_000, limit).step(91_010, told(hook, Activity::Working, None)).step(91_020, over());
    assert_eq!(state(&script), (Activity::Working, None));
}
