//! News: what wants to be seen is told, and stays until it was.

use codepiper_protocol::wire::ask::{Ask, AskKind};
use codepiper_protocol::wire::session::{Session, Status};

use crate::agents::{Bed, NEWEST_CLAUDE_CODE};
use crate::harness::{CODEPIPER, Home, Pty, eventually};

fn inbox(home: &Home) -> Vec<Ask> {
    serde_json::from_str(&home.ok(["inbox", "--json"])).unwrap()
}

fn kinds(home: &Home) -> Vec<AskKind> {
    inbox(home).iter().map(|ask| ask.kind).collect()
}

fn titles(home: &Home) -> Vec<String> {
    inbox(home).into_iter().map(|ask| ask.title).collect()
}

#[test]
fn a_call_outlives_the_turn_in_which_it_was_made() {
    let told = tempfile::NamedTempFile::new().unwrap();
    let script = format!("printf '%s\\n' \\\"$CODEPIPER_NOTIFICATION_BODY\\\" >>{}", told.path().display());
    let config =
        format!("[notifications]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\nkinds = [\"attention\"]\n");
    let bed = Bed::configured(&NEWEST_CLAUDE_CODE, &config);
    let home = &bed.home;
    let id = bed.start(&[]).id.to_string();
    home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let prompt = format!("run: {CODEPIPER} notify 'need you: disk full' ;; run: touch two");
    home.ok(["send", &id, &prompt, "--wait", "waiting", "--timeout", "20"]);
    eventually("it may call", || (home.run(["approve", &id]).code == Some(0)).then_some(()));
    // While the agent asks something else.
    eventually("both are open", || (kinds(home) == [AskKind::Permission, AskKind::Attention]).then_some(()));
    // The one that waits is meant.
    home.ok(["approve", &id]);
    bed.until_idle(&id);
    eventually("its turn is news, too", || {
        (kinds(home) == [AskKind::Attention, AskKind::Finished]).then_some(())
    });
    eventually("somebody is told", || {
        let told = std::fs::read_to_string(told.path()).unwrap();
        told.contains("need you: disk full").then_some(())
    });
    let finished = inbox(home).pop().unwrap();
    home.ok(["send", &id, "slow: 30 100", "--wait", "text=word3", "--timeout", "20"]);
    assert!(home.fails(1, ["inbox", "done", &finished.id]).contains("the agent went on"));
    // Also behind the end of its session.
    bed.stop(&id);
    assert_eq!(kinds(home), [AskKind::Attention]);
    home.ok(["inbox", "done", &id]);
    assert_eq!(inbox(home), []);
    let logs = home.ok(["logs", &id, "--source", "ask"]);
    assert!(logs.contains("Seen by command line: attention need you: disk full"), "{logs}");
}

#[test]
fn calls_stand_side_by_side_with_a_crash() {
    let home = Home::running();
    let session = home
        .bash(&format!("{CODEPIPER} notify 'the first'; sleep 11; {CODEPIPER} notify 'the last'; exit 3"));
    home.until(&session, "it crashes", |session| session.status == Status::Crashed);
    let open = eventually("all are open", || Some(titles(&home)).filter(|open| open.len() == 3));
    assert!(open[0].contains("status 3"), "{open:?}");
    assert_eq!(open[1..], ["the first", "the last"]);
    let all = home.fails(3, ["inbox", "done", &session.short_id]);
    assert!(all.contains("several asks"), "{all}");
    // Each for itself.
    let open = inbox(&home);
    home.ok(["inbox", "snooze", &open[1].id, "--for", "1h"]);
    home.ok(["inbox", "snooze", &open[2].id, "--for", "1h"]);
    assert_eq!(kinds(&home), [AskKind::Crashed]);
    home.ok(["inbox", "snooze", &open[1].id, "--undo"]);
    home.ok(["inbox", "snooze", &open[2].id, "--undo"]);
    home.ok(["resume", &session.short_id]);
    eventually("it crashes no more", || (kinds(&home)[0] == AskKind::Attention).then_some(()));
}

#[test]
fn of_calls_that_are_printed_too_fast_the_last_one_is_told() {
    let home = Home::running();
    home.bash("for n in one two three; do printf '\\033]9;%s\\007' \"call $n\"; done; exec sleep 1000");
    eventually("the first", || (titles(&home) == ["call one"]).then_some(()));
    eventually("the last", || (titles(&home) == ["call one", "call three"]).then_some(()));
}

fn rings(home: &Home, session: &Session) -> usize {
    home.ok(["logs", &session.short_id]).matches("Bell").count()
}

#[test]
fn a_bell_is_a_call_unless_somebody_types() {
    let home = Home::running();
    let builds = home.bash("sleep 1; printf '\\a\\a'; exec sleep 1000");
    let ask = eventually("it calls", || inbox(&home).into_iter().next());
    assert_eq!((ask.kind, ask.session, ask.title.as_str()), (AskKind::Attention, builds.id, "The bell rang"));
    home.ok(["inbox", "done", &ask.id]);
    // A line editor has nothing to delete.
    let shell = home.start(&["bash", "--norc", "--noprofile", "-i"]);
    home.until_printed(&shell, "bash-");
    home.ok(["keys", &shell.short_id, "backspace"]);
    eventually("it rings", || (rings(&home, &shell) > 0).then_some(()));
    // What it answers later is a call.
    let script = "sleep 6; printf '\\a'";
    home.ok(["send", &shell.short_id, script]);
    let ask = eventually("it calls", || inbox(&home).into_iter().next());
    assert_eq!(ask.session, shell.id);
    assert!(ask.asked_at.duration_since(shell.created_at).as_secs() >= 6, "the first one was none: {ask:?}");
    assert!(rings(&home, &shell) >= 2);
}

#[test]
fn a_bell_for_keys_of_an_attached_terminal_is_no_call() {
    let home = Home::running();
    let shell = home.start(&["bash", "--norc", "--noprofile", "-i"]);
    home.until_printed(&shell, "bash-");
    let person = Pty::run(home.command(["attach", &shell.short_id]), 80, 24);
    home.until(&shell, "it is attached", |session| session.attached == 1);
    person.wait_for("bash-");
    person.type_(b"\x7f");
    eventually("it rings", || (rings(&home, &shell) > 0).then_some(()));
    person.type_(b"sleep 7; printf '\\a'\r");
    let ask = eventually("it calls", || inbox(&home).into_iter().next());
    assert!(ask.asked_at.duration_since(shell.created_at).as_secs() >= 6, "the first one was none: {ask:?}");
    assert!(rings(&home, &shell) >= 2);
}
