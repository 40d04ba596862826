//! What sequences do, one rule a line. Expectations are those of tmux 3.3a unless a comment says otherwise.

use bytes::Bytes;

use super::super::capture::{Capture, Facts};
use super::*;

fn screen(cols: u16, rows: u16, bytes: &str) -> Screen {
    let mut screen = Screen::new(Size::new(cols, rows).unwrap());
    screen.feed(bytes.as_bytes());
    screen
}

fn rows(screen: &Screen) -> Vec<String> {
    (0..screen.size().rows()).map(|y| screen.row_text(y)).collect()
}

/// Prints to 6 columns and 4 rows.
#[track_caller]
fn check(bytes: &str, expected: [&str; 4], (x, y): (u16, u16)) {
    let screen = screen(6, 4, bytes);
    assert_eq!(rows(&screen), expected, "{bytes:?}");
    assert_eq!(screen.cursor(), Position { x, y }, "{bytes:?}");
}

#[test]
fn text_wraps_when_the_next_character_comes() {
    check("abcdef", ["abcdef", "", "", ""], (6, 0));
    check("abcdefg", ["abcdef", "g", "", ""], (1, 1));
    check("abcde世", ["abcde", "世", "", ""], (2, 1));
    check("abcdef\x1b[K", ["abcdef", "", "", ""], (6, 0));
    check("abcdef\n", ["abcdef", "", "", ""], (6, 1));
    check("abcdef\x08", ["abcdef", "", "", ""], (5, 0));
    check("\x1b[?7labcdefgh", ["abcdeh", "", "", ""], (5, 0));
    check("\x1b[4;6Hab", ["", "", "     a", "b"], (1, 3));
    let wrapped = screen(6, 4, "abcdefg\r\nx");
    assert_eq!([0, 1, 2].map(|y| wrapped.row_wraps(y)), [true, false, false]);
}

#[test]
fn backspace_goes_back_over_a_wrap() {
    check("abcdefg\x08\x08X", ["abcdeX", "g", "", ""], (6, 0));
    check("abcdef\r\n\x08", ["abcdef", "", "", ""], (0, 1));
}

#[test]
fn wide_characters_and_marks() {
    check("世界\x1b[1;2Hx", [" x界", "", "", ""], (2, 0));
    check("世界\x1b[1;3Hx", ["世x", "", "", ""], (3, 0));
    check("e\u{301}x\u{302}", ["e\u{301}x\u{302}", "", "", ""], (2, 0));
    check("世\u{301}", ["世\u{301}", "", "", ""], (2, 0));
    check("\u{301}x", ["x", "", "", ""], (1, 0));
    check("abcdef\u{301}", ["abcdef\u{301}", "", "", ""], (6, 0));
    check("👩\u{200d}🚀x", ["👩\u{200d}🚀x", "", "", ""], (3, 0));
    check("a\u{9b}1mb", ["a1mb", "", "", ""], (4, 0));
    // Ours: a half that is left alone is blank.
    check("世界\x1b[1;2H\x1b[X", ["  界", "", "", ""], (1, 0));
    check("世界\x1b[1;2H\x1b[P", [" 界", "", "", ""], (1, 0));
}

#[test]
fn the_cursor_moves() {
    check("\x1b[3;3Hx", ["", "", "  x", ""], (3, 2));
    check("\x1b[99;99H", ["", "", "", ""], (5, 3));
    check("\x1b[2B\x1b[3C\x1b[A\x1b[D", ["", "", "", ""], (2, 1));
    check("\x1b[3;3H\x1b[E", ["", "", "", ""], (0, 3));
    check("\x1b[3;3H\x1b[F", ["", "", "", ""], (0, 1));
    check("\x1b[4G\x1b[3d", ["", "", "", ""], (3, 2));
    check("abcdef\x1b[2d", ["abcdef", "", "", ""], (6, 1));
    check("\x1b[2;3r\x1b[2;1H\x1b[9A", ["", "", "", ""], (0, 1));
    check("\x1b[2;3r\x1b[9B", ["", "", "", ""], (0, 2));
    check("\x1b[2;3r\x1b[?6h\x1b[1;1Hx\x1b[9;1Hy", ["", "x", "y", ""], (1, 2));
    // CHT, HPR and DECSTR are unknown to tmux.
    check("\x1b[I\x1b[3a\x1b[!p", ["", "", "", ""], (0, 0));
}

#[test]
fn erasing() {
    let full = "abcdef\r\nghijkl\r\nmnopqr\r\nstuvwx\x1b[2;3H";
    let erase = |sequence: &str| rows(&screen(6, 4, &format!("{full}{sequence}")));
    assert_eq!(erase("\x1b[K"), ["abcdef", "gh", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[1K"), ["abcdef", "   jkl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[2K"), ["abcdef", "", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[J"), ["abcdef", "gh", "", ""]);
    assert_eq!(erase("\x1b[1J"), ["", "   jkl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[2J"), ["", "", "", ""]);
    assert_eq!(erase("\x1b[3J"), ["abcdef", "ghijkl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[2X"), ["abcdef", "gh  kl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[2P"), ["abcdef", "ghkl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[2@"), ["abcdef", "gh  ij", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[3@"), ["abcdef", "gh jki", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[4@"), ["abcdef", "ghijkl", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b[4hXY"), ["abcdef", "ghXYij", "mnopqr", "stuvwx"]);
    assert_eq!(erase("\x1b#8"), ["EEEEEE"; 4]);
}

#[test]
fn lines_scroll() {
    let full = "a\r\nb\r\nc\r\nd";
    let scroll = |sequence: &str| rows(&screen(6, 4, &format!("{full}{sequence}")));
    assert_eq!(scroll("\n"), ["b", "c", "d", ""]);
    assert_eq!(scroll("\x1b[2S"), ["c", "d", "", ""]);
    assert_eq!(scroll("\x1b[2T"), ["", "", "a", "b"]);
    assert_eq!(scroll("\x1b[H\x1bM"), ["", "a", "b", "c"]);
    assert_eq!(scroll("\x1b[2;1H\x1b[L"), ["a", "", "b", "c"]);
    assert_eq!(scroll("\x1b[2;1H\x1b[2M"), ["a", "d", "", ""]);
    assert_eq!(scroll("\x1b[2;3r\x1b[3;1H\n"), ["a", "c", "", "d"]);
    assert_eq!(scroll("\x1b[2;3r\x1b[2;1H\x1bM"), ["a", "", "b", "d"]);
    assert_eq!(scroll("\x1b[2;3r\x1b[4;1H\n\n"), ["a", "b", "c", "d"]);
    assert_eq!(scroll("\x1b[2;3r\x1b[L"), ["", "a", "b", "c"]);
    assert_eq!(scroll("\x1b[3;3r\x1b[2;1Hx"), ["a", "x", "c", "d"]);
}

#[test]
fn erased_cells_take_the_background() {
    let styled = |bytes: &str| screen(6, 4, bytes).row_styled(0);
    assert_eq!(styled("\x1b[1;41mx\x1b[K"), "\x1b[0;1;41mx\x1b[0;41m     \x1b[m");
    assert_eq!(styled("\x1b[44m\x1b[2J"), "\x1b[0;44m      \x1b[m");
    // A wrap at the bottom does not, a line feed does.
    assert_eq!(screen(6, 4, "\x1b[4;6H\x1b[44mab").row_styled(3), "\x1b[0;44mb\x1b[m");
    assert_eq!(screen(6, 4, "\x1b[4H\x1b[44m\n").row_styled(3), "\x1b[0;44m      \x1b[m");
}

#[test]
fn looks() {
    let look = |codes: &str| {
        let styled = screen(6, 4, &format!("\x1b[{codes}mx")).row_styled(0);
        styled
            .trim_end_matches("\x1b[m")
            .trim_end_matches('x')
            .trim_start_matches("\x1b[0;")
            .trim_end_matches('m')
            .to_owned()
    };
    for codes in
        ["1;2;3;5;7;8;9;53;4", "4:3", "31", "97", "44", "107", "38;5;9", "48;5;255", "38;2;1;2;3", "4;58;5;7"]
    {
        assert_eq!(look(codes), codes);
    }
    assert_eq!(look("38:2:1:2:3"), "38;2;1;2;3");
    assert_eq!(look("48:2::1:2:3"), "48;2;1;2;3");
    assert_eq!(look("58:5:9"), "58;5;9");
    assert_eq!(look("21"), "4:2");
    assert_eq!(look("31;38;5"), "");
    assert_eq!(look("38;2;1;2;300;31"), "1;2;31");
    assert_eq!(look("1;31;22;39"), "");
    assert_eq!(look("4:7;9"), "9");
    assert_eq!(look("31;38;5;256"), "");
    assert_eq!(look("1;2147483648"), "");
}

#[test]
fn repeating() {
    check("a\x1b[3b", ["aaaa", "", "", ""], (4, 0));
    check("a\x1b[99b", ["aaaaaa", "", "", ""], (6, 0));
    check("a\x1b[m\x1b[3b", ["a", "", "", ""], (1, 0));
    check("é\x1b[3b", ["é", "", "", ""], (1, 0));
    check("a\x1b[>1u\x1b[2b", ["aaa", "", "", ""], (3, 0));
}

#[test]
fn saved_cursors() {
    check("\x1b[2;2H\x1b7\x1b[H\x1b8x", ["", " x", "", ""], (2, 1));
    check("abcdef\x1b7\x1b8x", ["abcdex", "", "", ""], (6, 0));
    check("\x1b(0\x1b[s\x1b(B\x1b[uq", ["─", "", "", ""], (1, 0));
    check("\x1b[2;3r\x1b[?6h\x1b7\x1b[?6l\x1b8\x1b[Hx", ["", "x", "", ""], (1, 1));
    assert_eq!(screen(6, 4, "\x1b[31m\x1b7\x1b[m\x1b8x").row_styled(0), "\x1b[0;31mx\x1b[m");
}

#[test]
fn the_alternate_screen() {
    check("ab\x1b[?1049hX\x1b[?1049lc", ["abc", "", "", ""], (3, 0));
    check("ab\x1b[?1047h\x1b[3;3HX\x1b[?1047lc", ["ab", "", "   c", ""], (4, 2));
    check("ab\x1b[?1049hX", ["  X", "", "", ""], (3, 0));
    // Leaving a screen that was not entered restores the cursor all the same.
    check("ab\x1b[?1049h\x1b[?1049l\x1b[3;3H\x1b[?1049l", ["ab", "", "", ""], (2, 0));
    check("ab\x1b[?1049hX\x1bc", ["", "", "", ""], (0, 0));
    assert!(screen(6, 4, "\x1b[?1049h\x1bc").is_alternate());
}

#[test]
fn line_drawing_and_tabs() {
    check("\x1b(0lqk\x1b(Bl", ["┌─┐l", "", "", ""], (4, 0));
    check("\x1b)0\x0ex\x0fx", ["│x", "", "", ""], (2, 0));
    check("\x1b(Ax", ["x", "", "", ""], (1, 0));
    let tabs = |bytes: &str| screen(20, 4, bytes).cursor().x;
    assert_eq!(tabs("\t"), 8);
    assert_eq!(tabs("\t\t\t"), 19);
    assert_eq!(tabs("\x1b[3g\t"), 19);
    assert_eq!(tabs("\x1b[5G\x1bH\r\t"), 4);
    assert_eq!(tabs("\t\x1b[g\r\t"), 16);
    assert_eq!(tabs("\x1b[20G\x1b[2Z"), 8);
}

#[test]
fn titles_and_modes() {
    let titles = screen(6, 4, "\x1b]0;one\x07\x1b[22;0t\x1b]2;two;2\x1b\\");
    assert_eq!(titles.title(), "two;2");
    assert_eq!(screen(6, 4, "\x1b]0;one\x07\x1b[22t\x1b[22;0t\x1b]2;two\x07\x1b[23;0t").title(), "one");
    assert_eq!(screen(6, 4, "\x1b]2;one\x07\x1b]2;b\x7fd\x07\x1b_two\x1b\\").title(), "one");
    let modes =
        "\x1b[?1h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1004h\x1b[?25l\x1b[?2026h\x1b[5 q\x1b=\x1b[>4;2m";
    let on = screen(6, 4, modes);
    let expected = Modes {
        application_cursor: true,
        application_keypad: true,
        mouse: Mouse::Motion,
        mouse_sgr: true,
        bracketed_paste: true,
        focus: true,
        cursor_visible: false,
        synchronized_output: true,
        cursor_style: 5,
        modify_other_keys: 2,
        ..Modes::default()
    };
    assert_eq!(*on.modes(), expected);
    assert_eq!(*screen(6, 4, &format!("{modes}\x1bc")).modes(), Modes::default());
}

#[test]
fn hyperlinks_stay_with_their_text() {
    let link = "\x1b]8;id=7;http://a/;b\x1b\\";
    let linked = screen(6, 4, &format!("{link}x\x1b[1my\x1b]8;;\x1b\\z"));
    assert_eq!(linked.row_styled(0), format!("{link}x\x1b[0;1my\x1b]8;;\x1b\\z\x1b[m"));
}

#[test]
fn rare_looks_do_not_pile_up() {
    let mut screen = screen(6, 4, "");
    for n in 0..100_000u32 {
        let [_, red, green, blue] = n.to_be_bytes();
        screen.feed(
            format!("\x1b[4;58;2;{red};{green};{blue}mx\x1b]8;;http://{n}\x07y{}\u{301}", n % 10).as_bytes(),
        );
    }
    assert!(screen.model.extras.len() <= 2048 && screen.model.clusters.len() <= 2048);
    let mut copy = super::Screen::new(screen.size());
    copy.feed(&screen.keyframe());
    assert_eq!(copy, screen);
}

#[test]
fn a_cluster_keeps_more_than_tmux_does_and_not_everything() {
    let couple = "\u{1f469}\u{200d}\u{2764}\u{fe0f}\u{200d}\u{1f48b}\u{200d}\u{1f468}";
    let england = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
    let mut seen = screen(6, 4, &format!("{couple}\r\n{england}"));
    assert_eq!([seen.row_text(0), seen.row_text(1)], [couple, england]);
    // What does not fit is passed over; what is shorter may fit again.
    assert_eq!(seen.row_text_in_tmux(0), "\u{1f469}\u{200d}\u{2764}\u{fe0f}\u{200d}\u{1f48b}");
    assert_eq!(seen.row_text_in_tmux(1), "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}");
    let marks = "\u{301}".repeat(10_000);
    seen.feed(format!("\r\ne{marks}x").as_bytes());
    assert_eq!(seen.row_text(2), format!("e{}x", "\u{301}".repeat(127)));
    assert_eq!(seen.row_text_in_tmux(2), format!("e{}x", "\u{301}".repeat(10)));
    let mut copy = super::Screen::new(seen.size());
    copy.feed(&seen.keyframe());
    assert_eq!(copy, seen);
}

#[test]
fn a_string_that_is_given_up_has_no_effect() {
    for string in ["\x1b]0;half", "\x1bP1q", "\x1bPz\x1b", "\x1b_app", "\x1bkname", "\x1bX", "\x1b^"] {
        let mut seen = screen(10, 2, &format!("\x1b]0;old\x07a{string}"));
        seen.feed(b"lost");
        seen.end_string();
        seen.feed(b"b");
        assert_eq!((seen.row_text(0).as_str(), seen.title()), ("ab", "old"), "{string:?}");
    }
}

fn lines(lines: &[&str]) -> Vec<Bytes> {
    lines.iter().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect()
}

#[test]
fn a_capture_replaces_what_tmux_tells_and_keeps_the_rest() {
    let size = Size::new(6, 3).unwrap();
    let mut loaded = screen(8, 4, "\x1b[?2004h\x1b[>1u\x1b[31m\x1b(0old");
    let capture = Capture {
        // Looks go on in the next row, 5:3 is 53, SO and SI are around line drawing.
        lines: lines(&["\x1b[1mab\x0eq\x0f", "c\x1b[0m\x1b[5:3mdefgh", "i"]),
        joined_lines: Some(lines(&["abq", "cdefghi"])),
        pending: Bytes::from_static(br"\033[3"),
        facts: Facts { cursor_x: 6, cursor_y: 1, origin: true, ..Facts::new(size) },
        ..Capture::default()
    };
    loaded.load(size, &capture);
    assert_eq!(loaded.row_styled(0), "\x1b[0;1mab─\x1b[m");
    assert_eq!(loaded.row_styled(1), "\x1b[0;1mc\x1b[0;53mdefgh\x1b[m");
    assert_eq!([0, 1, 2].map(|y| loaded.row_wraps(y)), [false, true, false]);
    assert_eq!((loaded.size(), loaded.cursor()), (size, Position { x: 6, y: 1 }));
    assert!(loaded.modes().bracketed_paste && loaded.modes().origin);
    loaded.feed(b"2mx");
    assert_eq!(loaded.row_styled(2), "\x1b[0;32m│\x1b[m");
}

#[test]
fn a_main_screen_resized_under_the_alternate_one_wants_a_capture() {
    let size = Size::new(4, 2).unwrap();
    let mut loaded = screen(6, 3, "main\x1b[?1049h");
    let facts = Facts { alternate_on: true, alternate_saved: Some((4, 0)), ..Facts::new(size) };
    let capture =
        Capture { lines: lines(&["alt"]), saved_lines: Some(lines(&["main"])), facts, ..Capture::default() };
    loaded.load(size, &capture);
    assert!(loaded.is_alternate() && !loaded.wants_capture());
    loaded.feed(b"\x1b[?1049l");
    assert_eq!(rows(&loaded), ["main", ""]);
    assert!(loaded.wants_capture());
    loaded.load(size, &Capture { lines: lines(&["main"]), facts: Facts::new(size), ..Capture::default() });
    assert!(!loaded.wants_capture());
}

#[test]
fn a_keyframe_ends_with_what_a_mark_may_join() {
    // xterm.js joins a mark only to what it has just printed.
    for (before, last) in [("世", "世"), ("\x1b[4h世", "世"), ("abc\x1b[4h\x1b[1Gé", "é")] {
        let mut shown = screen(8, 2, before);
        let keyframe = shown.keyframe();
        assert!(keyframe.ends_with(last.as_bytes()), "{}", keyframe.escape_ascii());
        shown.feed("\u{301}x".as_bytes());
        let mut from_keyframe = Screen::new(shown.size());
        from_keyframe.feed(&keyframe);
        from_keyframe.feed("\u{301}x".as_bytes());
        assert_eq!(rows(&from_keyframe), rows(&shown));
    }
}

#[test]
fn an_empty_screen_has_an_empty_keyframe() {
    let keyframe = screen(80, 24, "").keyframe();
    assert!(keyframe.len() < 8, "{}", keyframe.escape_ascii());
}

#[test]
fn an_idle_screen_is_small() {
    assert!(size_of::<Screen>() < 2048, "{}", size_of::<Screen>());
}

#[test]
fn the_last_line_is_that_above_the_prompt() {
    let cases = [
        ("", "", ""),
        ("one\r\ntwo\r\n$ ", "$", "two"),
        // Nothing was printed but the prompt.
        ("$ ", "$", "$"),
        ("one\r\n\r\n\r\n$ ls", "$ ls", "one"),
        // What is typed goes on in a second row.
        ("one\r\n$ abcdefg", "fg", "one"),
        // A program that paints stands anywhere.
        ("\x1b[4;1Hstatus\x1b[1;1Hone", "status", "one"),
    ];
    for (bytes, works, prompts) in cases {
        let screen = screen(7, 5, bytes);
        assert_eq!((&*screen.last_line(false), &*screen.last_line(true)), (works, prompts), "{bytes:?}");
    }
}
