//! What pages ask of sessions beside the terminal itself: older output, sizes, timelines, directories.

use codepiper_protocol::wire::directory::{Directory, DirectoryVerdict};
use codepiper_protocol::wire::output::{OUTPUT, OutputPart, PART, SCREEN};
use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{Begin, ClientMessage, Delivery, KeyframeReason, ServerMessage};
use codepiper_protocol::wire::timeline::{MarkerKind, SpanState, Timeline};
use codepiper_protocol::{Cursor, Size};
use serde_json::json;

use crate::harness::{Answer, Browser, Home, Pty, assert_same, numbers};

fn home() -> (Home, Browser) {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    (home, browser)
}

/// What stands in an answer of older output.
#[derive(Debug)]
struct Piece {
    parts: Vec<OutputPart>,
    output: Vec<u8>,
    screens: Vec<Vec<u8>>,
}

impl Piece {
    fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut piece = Self { parts: vec![], output: vec![], screens: vec![] };
        let mut rest = answer.body.as_slice();
        while let Some((&tag, after)) = rest.split_first() {
            let (length, after) = after.split_first_chunk().unwrap();
            let (payload, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            match tag {
                PART => piece.parts.push(serde_json::from_slice(payload).unwrap()),
                OUTPUT => piece.output.extend(payload),
                SCREEN => piece.screens.push(payload.to_vec()),
                other => panic!("a record with tag {other}"),
            }
            rest = after;
        }
        piece
    }

    fn begin(&self) -> (Cursor, bool) {
        match self.parts.first() {
            Some(OutputPart::Begin { cursor, oldest }) => (*cursor, *oldest),
            other => panic!("{other:?}"),
        }
    }

    fn end(&self) -> Cursor {
        match self.parts.last() {
            Some(OutputPart::End { cursor }) => *cursor,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn older_output_is_read_page_by_page_down_to_the_first_byte() {
    let (home, mut browser) = home();
    let session = home.bash("seq 1 400000; read -r line; echo end");
    home.until_printed(&session, "\r\n400000\r\n");
    let whole = home.output(&session);
    let path = format!("/api/sessions/{}/output", session.short_id);
    let mut piece = Piece::read(&browser.get(&format!("{path}?bytes=100000")));
    assert_eq!(piece.end(), home.session(&session.short_id).cursor);
    let mut pieces = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    loop {
        let (begin, oldest) = piece.begin();
        assert!(
            matches!(piece.parts[1], OutputPart::Keyframe { cursor, .. } if cursor == begin),
            "a screen comes first: {:?}",
            &piece.parts[..2]
        );
        assert!(piece.output.len() >= 100_000 || oldest, "{}", piece.output.len());
        text.splice(0..0, piece.output.iter().copied());
        pieces.push(piece);
        if oldest {
            break;
        }
        piece = Piece::read(&browser.get(&format!("{path}?before={begin}&bytes=100000")));
        assert_eq!(piece.end(), begin, "pieces fit together");
    }
    assert!(pieces.len() > 2, "{}", pieces.len());
    assert_same(&text, whole.as_bytes());
    assert_same(&text, numbers(400_000).as_bytes());
    assert!(pieces.iter().all(|piece| !piece.screens.is_empty()));
    let seen = home.session(&session.short_id);
    assert_eq!((seen.size, seen.lease, seen.attached), (session.size, None, 0), "nobody noticed");

    let times = pieces.iter().flat_map(|piece| &piece.parts);
    assert!(times.clone().any(|part| matches!(part, OutputPart::Time { .. })));
    let beyond = Cursor::new(seen.cursor.epoch, seen.cursor.offset + 1);
    assert_eq!(browser.get(&format!("{path}?before={beyond}")).code(), Code::Invalid);
    assert_eq!(browser.get(&format!("{path}?before=x")).status, 400);
    assert_eq!(browser.get(&format!("{path}?before=0:1&at=1")).code(), Code::Invalid);
}

#[test]
fn a_moment_is_found_again() {
    let (home, mut browser) = home();
    let session = home.bash("printf first; read -r line; printf second; read -r line; exit 3");
    home.until_printed(&session, "first");
    // What is printed within a second is kept as one piece.
    let between = jiff::Timestamp::now().as_millisecond();
    crate::harness::eventually("the next second", || {
        (jiff::Timestamp::now().as_millisecond() > between + 1000).then_some(())
    });
    home.ok(["send", &session.short_id, "--no-newline", ""]);
    home.ok(["keys", &session.short_id, "enter"]);
    home.until_printed(&session, "second");
    let path = format!("/api/sessions/{}/output", session.short_id);
    let then = Piece::read(&browser.get(&format!("{path}?at={between}")));
    assert_eq!(String::from_utf8_lossy(&then.output), "first", "{then:?}");
    home.ok(["keys", &session.short_id, "enter"]);
    home.until_ended(&session);
    let now = Piece::read(&browser.get(&path));
    assert!(now.output.starts_with(b"first"));
    let is_launch =
        |part: &OutputPart| matches!(part, OutputPart::Keyframe { reason: KeyframeReason::Launch, .. });
    assert!(is_launch(&now.parts[1]), "{:?}", now.parts);
    assert!(
        now.parts
            .iter()
            .any(|part| matches!(part, OutputPart::Ended { exit: Some(exit), .. } if exit.code == Some(3)))
    );
}

#[test]
fn a_size_is_lent_and_given_back() {
    let (home, mut browser) = home();
    let session = home.start(&["sleep", "1000"]);
    let path = format!("/api/sessions/{}/fit", session.short_id);
    let lent: Session = browser.post(&path, &json!({"cols": 44, "rows": 20})).ok();
    assert_eq!(lent.size, Size::new(44, 20).unwrap());
    let lease = lent.lease.unwrap();
    assert_eq!((lease.holder.as_str(), lease.size_before), ("Firefox on Linux", session.size));
    assert_eq!(lease.login, browser.status().login.map(|login| login.id));
    // Somebody else's lease goes back to the size before the first.
    let again: Session = browser.post(&path, &json!({"cols": 50, "rows": 20})).ok();
    assert_eq!(again.lease.unwrap().size_before, session.size);
    let back: Session = browser.delete(&path).ok();
    assert_eq!((back.size, back.lease), (session.size, None));
    assert_eq!(browser.delete(&path).ok::<Session>().size, session.size);
    browser.post(&path, &json!({"cols": 44, "rows": 20})).ok::<Session>();
    home.ok(["resize", &session.short_id, "90x30"]);
    let chosen = home.session(&session.short_id);
    assert_eq!((chosen.size, chosen.lease), (Size::new(90, 30).unwrap(), None), "who resizes ends the lease");
}

#[test]
fn the_size_follows_the_window_of_the_only_viewer() {
    let (home, mut browser) = home();
    let session = home.start(&["sleep", "1000"]);
    let size = |cols, rows| Size::new(cols, rows).unwrap();
    let fit = |size| ClientMessage::Fit { channel: 0, size };
    let until = |wanted: Size, is_leased: bool| {
        let lease = home
            .until(&session, "its size follows the viewers", |session| {
                session.size == wanted && session.lease.is_some() == is_leased
            })
            .lease;
        assert!(lease.iter().all(|lease| lease.automatic && lease.holder == "Firefox on Linux"), "{lease:?}");
        assert!(lease.iter().all(|lease| lease.size_before == session.size), "{lease:?}");
    };
    let mut window = browser.websocket();
    window.tell(&fit(Some(size(100, 30))));
    window.until(|message| matches!(message, ServerMessage::Error { .. }).then_some(()));
    window.subscribe(&session.short_id, Begin::Live, Delivery::Latest);
    window.tell(&fit(Some(size(100, 30))));
    until(size(100, 30), true);
    window.tell(&fit(Some(size(140, 50))));
    until(size(140, 50), true);
    // What only reads along is no viewer.
    let mut reads = home.websocket();
    reads.subscribe(&session.short_id, Begin::Live, Delivery::Every);
    let mut other = browser.websocket();
    other.subscribe(&session.short_id, Begin::Live, Delivery::Latest);
    until(session.size, false);
    drop(other);
    until(size(140, 50), true);
    window.tell(&fit(Some(session.size)));
    until(session.size, false);
    window.tell(&fit(Some(size(99, 30))));
    until(size(99, 30), true);

    // An attached terminal decides.
    let mut person = Pty::run(home.command(["attach", &session.short_id]), 64, 18);
    until(size(64, 18), false);
    person.type_(b"\x02d");
    assert_eq!(person.exit_code(), Some(0));
    until(size(99, 30), true);

    // Who sets the size by hand has it until they give it back.
    let path = format!("/api/sessions/{}/fit", session.short_id);
    browser.post(&path, &json!({"cols": 44, "rows": 20})).ok::<Session>();
    window.tell(&fit(Some(size(98, 30))));
    window.tell(&ClientMessage::Ping {});
    window.until(|message| matches!(message, ServerMessage::Pong {}).then_some(()));
    let by_hand = home.session(&session.short_id);
    assert_eq!((by_hand.size, by_hand.lease.map(|lease| lease.automatic)), (size(44, 20), Some(false)));
    browser.delete(&path).ok::<Session>();
    window.tell(&fit(Some(size(97, 30))));
    until(size(97, 30), true);
    drop(window);
    until(session.size, false);
}

#[test]
fn states_over_time_are_told() {
    let (home, mut browser) = home();
    let working = "printf '\\e]133;C\\a'; read -r line; printf '\\e]133;A\\a'; read -r line; exit 1";
    let session = home.bash(working);
    let since = |activity: &str| {
        let wanted = activity.to_owned();
        home.until(&session, activity, |session| session.activity.as_str() == wanted).state_since
    };
    let worked_since = since("working");
    home.ok(["send", &session.short_id, "a prompt"]);
    let idle_since = since("idle");
    assert!(idle_since >= worked_since);
    home.ok(["send", &session.short_id, ""]);
    home.until_ended(&session);
    let told: Timeline = browser.get(&format!("/api/sessions/{}/timeline", session.short_id)).ok();
    let states: Vec<_> = told.states.iter().map(|span| span.state).collect();
    assert_eq!(states[..2], [SpanState::Starting, SpanState::Unknown], "{states:?}");
    assert!(states.ends_with(&[SpanState::Unknown]) || states.ends_with(&[SpanState::Idle]), "{states:?}");
    assert!(states.contains(&SpanState::Working) && states.contains(&SpanState::Idle), "{states:?}");
    assert!(told.states.windows(2).all(|pair| pair[0].to == Some(pair[1].from)), "{:?}", told.states);
    assert!(told.states.last().unwrap().to.is_some(), "it has ended");
    let kinds: Vec<_> = told.markers.iter().map(|marker| marker.kind).collect();
    for kind in [MarkerKind::Started, MarkerKind::Prompt, MarkerKind::Crashed] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let running = home.start(&["sleep", "1000"]);
    let hour_ago = jiff::Timestamp::now().as_millisecond() - 3_600_000;
    let all: Vec<Timeline> = browser.get(&format!("/api/timelines?since={hour_ago}")).ok();
    assert_eq!(all.iter().map(|told| told.session).collect::<Vec<_>>(), [session.id, running.id]);
    assert_eq!(all[0].states, told.states);
    assert!(all[1].states.last().unwrap().to.is_none());
    let future: Vec<Timeline> = browser.get("/api/timelines?since=9999999999999").ok();
    assert!(future[0].states.is_empty());
}

#[test]
fn a_directory_is_checked_while_it_is_typed() {
    let (home, mut browser) = home();
    let project = home.path("user/projects/my-app");
    std::fs::create_dir_all(&project).unwrap();
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git").args(args).current_dir(&project).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q", "-b", "trunk"]);
    std::fs::write(project.join("new"), "").unwrap();
    let check = |browser: &mut Browser, path: &str| -> Directory {
        browser.get(&format!("/api/directories?path={path}")).ok()
    };
    let typed = check(&mut browser, "~/pro");
    assert_eq!(typed.verdict, DirectoryVerdict::Missing);
    assert_eq!(typed.completions, [home.path("user/projects")]);
    let found = check(&mut browser, "~/projects/my-app");
    assert_eq!((found.verdict, found.path), (DirectoryVerdict::Usable, project.clone()));
    let git = found.git.unwrap();
    assert_eq!((git.root, git.branch.as_deref(), git.changed), (project.clone(), Some("trunk"), Some(1)));
    let wrong = check(&mut browser, "~/projets/my-app");
    assert_eq!(wrong.suggestion, Some(project.clone()));
    assert_eq!(check(&mut browser, "~/projects").git, None);
    let start = json!({"provider": "shell", "dir": "~/projects/my-app", "args": ["sleep", "1000"]});
    let session: Session = browser.post("/api/sessions", &start).ok();
    assert_eq!((session.cwd, session.branch.as_deref()), (project, Some("trunk")));
}
