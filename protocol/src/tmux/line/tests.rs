use proptest::prelude::*;

use super::*;

fn parse(line: &str) -> Line<'_> {
    Line::parse(line.as_bytes())
}

fn notification(line: &str) -> Notification {
    match parse(line) {
        Line::Notification(notification) => notification,
        other => panic!("{line:?} is {other:?}"),
    }
}

fn raw(text: &str) -> RawText {
    RawText::from(text.as_bytes())
}

fn layout(text: &str) -> Layout {
    Layout(raw(text))
}

#[test]
fn output() {
    let data = |pane, age_ms, data: &'static str| Line::Output {
        pane: PaneId(pane),
        age_ms,
        data: Escaped(data.as_bytes()),
    };
    assert_eq!(parse("%output %0 hi\\015\\012"), data(0, None, "hi\\015\\012"));
    assert_eq!(parse("%output %12 "), data(12, None, ""));
    assert_eq!(parse("%output %12  %1 : x"), data(12, None, " %1 : x"));
    assert_eq!(parse("%extended-output %1 0 : tick"), data(1, Some(0), "tick"));
    assert_eq!(parse("%extended-output %1 1500 new 7 : a : b"), data(1, Some(1500), "a : b"));
    assert_eq!(parse("%extended-output %1 3 : "), data(1, Some(3), ""));
}

#[test]
fn guards() {
    let guard = Guard { time: 1795387009, number: 272, flags: 1 };
    assert_eq!(parse("%begin 1795387009 272 1"), Line::Guard(GuardKind::Begin, guard));
    assert_eq!(parse("%end 1795387009 272 1"), Line::Guard(GuardKind::End, guard));
    assert_eq!(parse("%error 1795387009 272 1"), Line::Guard(GuardKind::Error, guard));
}

#[test]
fn exits() {
    assert_eq!(parse("%exit"), Line::Exit { reason: None });
    assert_eq!(parse("%exit too far behind"), Line::Exit { reason: Some(b"too far behind") });
}

#[test]
fn every_notification() {
    use Link::*;
    use Notification::*;
    let (pane, window, session) = (PaneId(1), WindowId(2), TmuxSessionId(3));
    for (line, expected) in [
        ("%pause %1", Pause { pane }),
        ("%continue %1", Continue { pane }),
        ("%pane-mode-changed %1", PaneModeChanged { pane }),
        ("%session-changed $3 hub two", SessionChanged { session, name: raw("hub two") }),
        (
            "%client-session-changed /dev/pts/7 $3 cp-1",
            ClientSessionChanged { client: raw("/dev/pts/7"), session, name: raw("cp-1") },
        ),
        ("%client-detached client-1234", ClientDetached { client: raw("client-1234") }),
        ("%session-renamed $3 hub two", SessionRenamed { session, name: raw("hub two") }),
        ("%sessions-changed", SessionsChanged),
        ("%session-window-changed $3 @2", SessionWindowChanged { session, window }),
        ("%window-add @2", WindowAdd { window, link: Linked }),
        ("%unlinked-window-add @2", WindowAdd { window, link: Unlinked }),
        ("%window-close @2", WindowClose { window, link: Linked }),
        ("%unlinked-window-close @2", WindowClose { window, link: Unlinked }),
        ("%window-renamed @2 a b", WindowRenamed { window, name: raw("a b"), link: Linked }),
        ("%unlinked-window-renamed @2 a", WindowRenamed { window, name: raw("a"), link: Unlinked }),
        ("%unlinked-window-renamed @2", WindowRenamed { window, name: raw(""), link: Unlinked }),
        ("%window-pane-changed @2 %1", WindowPaneChanged { window, pane }),
        (
            "%layout-change @2 b25d,80x24,0,0,0 b25d,80x24,0,0,0 *Z",
            LayoutChange {
                window,
                layout: layout("b25d,80x24,0,0,0"),
                visible: layout("b25d,80x24,0,0,0"),
                flags: raw("*Z"),
            },
        ),
        (
            "%layout-change @2 a b ",
            LayoutChange { window, layout: layout("a"), visible: layout("b"), flags: raw("") },
        ),
        ("%config-error /x:1: bad", ConfigError { text: raw("/x:1: bad") }),
        ("%message hello there", Message { text: raw("hello there") }),
        ("%paste-buffer-changed cp-1", PasteBufferChanged { name: raw("cp-1") }),
        ("%paste-buffer-deleted cp-1", PasteBufferDeleted { name: raw("cp-1") }),
    ] {
        assert_eq!(notification(line), expected, "{line}");
    }
}

#[test]
fn subscriptions_of_every_scope() {
    let change = |window, index, pane, value| {
        Notification::SubscriptionChanged(SubscriptionChange {
            name: raw("dead"),
            session: TmuxSessionId(0),
            window,
            index,
            pane,
            value: raw(value),
        })
    };
    assert_eq!(
        notification("%subscription-changed dead $0 @2 5 %1 : 0 : x"),
        change(Some(WindowId(2)), Some(5), Some(PaneId(1)), "0 : x")
    );
    assert_eq!(
        notification("%subscription-changed dead $0 @2 5 - : v"),
        change(Some(WindowId(2)), Some(5), None, "v")
    );
    assert_eq!(notification("%subscription-changed dead $0 - - - : "), change(None, None, None, ""));
}

#[test]
fn what_is_nearly_a_line_is_unknown() {
    for line in [
        "",
        "X",
        "%",
        "%output",
        "%output %1",
        "%output 1 x",
        "%output %x x",
        "%begin 1 2",
        "%end 1 2 3 ",
        "%end 1 2 3 4",
        "%end -1 2 3",
        "%exited",
        "%extended-output %1 : x",
        "%pause 1",
        "%pause %1x",
        "%window-add @",
        "%unlinked-sessions-changed",
        "%layout-change @2 a",
        "%subscription-changed a $0 @1 1 1 : x",
        "%a-new-notification @1",
        " %output %1 x",
    ] {
        assert_eq!(parse(line), Line::Unknown(line.as_bytes()));
    }
}

#[test]
fn names_may_be_any_bytes() {
    let Line::Notification(Notification::WindowRenamed { name, .. }) =
        Line::parse(b"%window-renamed @1 a\xffb")
    else {
        panic!();
    };
    assert_eq!(name.as_bytes(), b"a\xffb");
    assert_eq!(name.lossy(), "a\u{fffd}b");
}

proptest! {
    #[test]
    fn anything_is_some_line(bytes: Vec<u8>) {
        Line::parse(&bytes);
    }

    #[test]
    fn anything_like_a_line_is_some_line(
        line in "%(begin|end|output|extended-output|exit|pause|layout-change|subscription-changed|window-add) [%@$0-9a-z :-]{0,24}"
    ) {
        parse(&line);
    }
}
