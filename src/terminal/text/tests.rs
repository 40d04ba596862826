use super::*;

fn size() -> Size {
    Size::new(10, 4).unwrap()
}

/// What a plain stream gets of the whole output.
fn whole(bytes: &[u8]) -> String {
    let (mut lines, mut out) = (TextLines::new(size()), String::new());
    lines.feed(bytes, &mut |line| line.append_to(&mut out));
    lines.finish(&mut |line| line.append_to(&mut out));
    out
}

/// What a plain stream gets while it follows; `None` is a moment of quiet.
fn followed(steps: &[Option<&str>]) -> String {
    let (mut lines, mut out) = (TextLines::new(size()), String::new());
    let mut on_line = |line: Line<'_>| line.append_to(&mut out);
    lines.follow(&mut on_line);
    for step in steps {
        match step {
            Some(bytes) => lines.feed(bytes.as_bytes(), &mut on_line),
            None => lines.flush(&mut on_line),
        }
    }
    out
}

fn numbers(range: Range<u32>) -> String {
    range.map(|n| format!("{n}\r\n")).collect()
}

fn plain(text: &str) -> String {
    text.replace('\r', "")
}

#[test]
fn lines_come_once_and_in_order() {
    let log = numbers(0..100);
    assert_eq!(whole(log.as_bytes()), plain(&log));
    assert_eq!(followed(&[Some(&log)]), plain(&log));
    let blanks = "a\r\n\r\n\r\nb\r\n\r\n\r\n\r\n\r\nc";
    assert_eq!(whole(blanks.as_bytes()), plain(blanks));
    assert_eq!(followed(&[Some(blanks), None]), plain(blanks));
}

#[test]
fn escapes_and_blanks_at_the_end_go() {
    assert_eq!(whole("\x1b[1;31mred\x1b[m   \r\né世e\u{301}\t\r\n".as_bytes()), "red\né世e\u{301}\n");
}

#[test]
fn wrapped_lines_are_joined() {
    let long = "abcdefghijklmnopqrstuvwxyz";
    let log = format!("{long}\r\n0123456789\r\n{long}{long}\r\nend\r\n");
    assert_eq!(whole(log.as_bytes()), plain(&log));
    assert_eq!(followed(&[Some(&log)]), plain(&log));
    let endless = "0123456789".repeat(20);
    assert_eq!(whole(endless.as_bytes()), endless);
    assert_eq!(followed(&[Some(&endless), None, Some("!\r\n")]), format!("{endless}!\n"));
}

#[test]
fn an_overwritten_line_comes_in_its_last_form() {
    let progress = "10%\r20%\r30%\r\ndone\r\n";
    assert_eq!(whole(progress.as_bytes()), "30%\ndone\n");
    assert_eq!(followed(&[Some(progress)]), "30%\ndone\n");
    // Looking back there is only the last form; a follower has seen the first.
    let redrawn = "one\r\ntwo\r\n\x1b[2A\x1b[2Kone\r\n\x1b[2KTWO\r\n";
    assert_eq!(whole(redrawn.as_bytes()), "one\nTWO\n");
    assert_eq!(followed(&[Some(redrawn)]), "one\ntwo\nTWO\n");
}

#[test]
fn an_unfinished_line_comes_after_a_moment_and_only_once() {
    assert_eq!(followed(&[Some("$ "), None, None, Some("ls\r\nfile"), None]), "$ ls\nfile");
    assert_eq!(followed(&[Some("10%"), None, Some("\r20%"), None, Some("\r\n")]), "10%\n20%\n");
    assert_eq!(followed(&[Some("10%"), None, Some(" of 5\r\nnext"), None]), "10% of 5\nnext");
    assert_eq!(followed(&[None, Some("x\r\n"), None, None]), "x\n");
}

#[test]
fn the_alternate_screen_comes_when_it_is_left() {
    let session = "before\r\n\x1b[?1049h\x1b[Hmenu\r\n> item\x1b[2;3HITEM\x1b[?1049lafter\r\n";
    assert_eq!(followed(&[Some(session)]), "before\nmenu\n> ITEM\nafter\n");
    assert_eq!(whole(session.as_bytes()), "before\nafter\n");
    assert_eq!(whole(b"before\r\n\x1b[?1049h\x1b[Hmenu"), "before\nmenu\n");
}

#[test]
fn a_cleared_screen_was_scrolled_off() {
    assert_eq!(whole(b"one\r\ntwo\x1b[H\x1b[2Jthree"), "one\ntwo\nthree");
    assert_eq!(followed(&[Some("one\r\ntwo\x1b[H\x1b[2Jthree"), None]), "one\ntwo\nthree");
}

#[test]
fn looking_back_and_following_leave_no_seam() {
    for cut in 0..60 {
        let log = numbers(0..30);
        let (mut lines, mut out) = (TextLines::new(size()), String::new());
        let mut on_line = |line: Line<'_>| line.append_to(&mut out);
        let (history, live) = log.split_at(cut);
        lines.feed(history.as_bytes(), &mut on_line);
        lines.follow(&mut on_line);
        lines.feed(live.as_bytes(), &mut on_line);
        assert_eq!(out, plain(&log), "cut at {cut}");
    }
}

/// A terminal of another size after the same output.
fn reloaded(log: &str, size: Size) -> Vec<u8> {
    let mut screen = Screen::new(size);
    screen.feed(log.as_bytes());
    screen.keyframe()
}

/// Everything comes once over a resize, whoever follows, and whether it is quiet for a moment or not.
fn survives_a_resize(first: &str, cols: u16, rows: u16) {
    let size = Size::new(cols, rows).unwrap();
    let second = format!(" done\r\n{}", numbers(10..30));
    for (follows, rests) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut lines, mut out) = (TextLines::new(self::size()), String::new());
        let mut on_line = |line: Line<'_>| line.append_to(&mut out);
        if follows {
            lines.follow(&mut on_line);
        }
        lines.feed(first.as_bytes(), &mut on_line);
        lines.load_keyframe(size, &reloaded(first, size), Continues::Wholly, &mut on_line);
        if rests {
            lines.flush(&mut on_line);
        }
        lines.feed(second.as_bytes(), &mut on_line);
        lines.finish(&mut on_line);
        let wanted = plain(&format!("{first}{second}"));
        assert_eq!(out, wanted, "{size}, following: {follows}, resting: {rests}");
    }
}

const LONG: &str = "abcdefghijklmnopqrstuvwxyz";

#[test]
fn a_resize_neither_repeats_nor_loses() {
    let first = format!("{}{LONG}\r\n{}prompt", numbers(0..9), numbers(3..6));
    for (cols, rows) in [(10, 2), (10, 9), (5, 4), (40, 4), (40, 20), (13, 3)] {
        survives_a_resize(&first, cols, rows);
    }
}

#[test]
fn a_line_that_begins_above_the_new_screen_comes_whole() {
    for end in ["\r\nprompt", "\r\n", ""] {
        let first = format!("{}{LONG}{end}", numbers(0..9));
        for (cols, rows) in [(5, 4), (5, 3), (5, 7), (5, 8), (9, 3), (10, 3), (13, 2), (40, 4)] {
            survives_a_resize(&first, cols, rows);
        }
    }
}

/// As tmux does, these keep the cursor at its letter.
#[test]
fn a_line_that_was_printed_before_a_resize_has_ended_with_the_line_feed_behind_it() {
    let first = "one\r\nabcdefgh\r";
    let narrow = "one\r\nabcdefgh\x1b[2;1H";
    let wide = "one\r\nabcdefgh\x1b[2;6H";
    for (screens, follows) in [
        (&[(5, narrow)][..], false),
        (&[(5, narrow)], true),
        // Twice narrower; and so narrow before that wider puts the cursor in the middle.
        (&[(6, narrow), (5, narrow)], true),
        (&[(5, "one\r\nabcdefgh\r"), (20, wide)], false),
        (&[(5, "one\r\nabcdefgh\r"), (20, wide), (21, wide)], true),
    ] {
        let (mut lines, mut out) = (TextLines::new(size()), String::new());
        let mut on_line = |line: Line<'_>| line.append_to(&mut out);
        if follows {
            lines.follow(&mut on_line);
        }
        lines.feed(first.as_bytes(), &mut on_line);
        for (cols, screen) in screens {
            let size = Size::new(*cols, 4).unwrap();
            lines.load_keyframe(size, &reloaded(screen, size), Continues::Wholly, &mut on_line);
        }
        lines.feed(b"\nijklmnop\r\nlast", &mut on_line);
        lines.finish(&mut on_line);
        assert_eq!(out, "one\nabcdefgh\nijklmnop\nlast", "{screens:?}, following: {follows}");
    }
}

#[test]
fn what_was_missed_comes_with_the_keyframe() {
    let (mut lines, mut out) = (TextLines::new(size()), String::new());
    let mut on_line = |line: Line<'_>| line.append_to(&mut out);
    lines.follow(&mut on_line);
    lines.feed(numbers(0..5).as_bytes(), &mut on_line);
    lines.load_keyframe(size(), &reloaded(&numbers(0..7), size()), Continues::Wholly, &mut on_line);
    lines.feed(numbers(7..9).as_bytes(), &mut on_line);
    assert_eq!(out, plain(&numbers(0..9)));
}

#[test]
fn behind_a_gap_only_what_is_there_as_a_whole_counts_as_known() {
    let cases = [
        (Continues::AfterGap, "one\ntwo\nx\ntwo\ny\n"),
        (Continues::InPlaces, "one\ntwo\ny\n"),
        (Continues::Wholly, "one\ntwo\ny\n"),
    ];
    for (continues, wanted) in cases {
        let (mut lines, mut out) = (TextLines::new(size()), String::new());
        let mut on_line = |line: Line<'_>| line.append_to(&mut out);
        lines.feed(b"one\r\ntwo\r\nx\r\n", &mut on_line);
        lines.load_keyframe(size(), &reloaded("two\r\ny\r\n", size()), continues, &mut on_line);
        lines.finish(&mut on_line);
        assert_eq!(out, wanted);
    }
}

#[test]
fn a_higher_screen_behind_a_gap_brings_nothing_that_the_gap_is_about() {
    let higher = Size::new(10, 9).unwrap();
    for known in [0, 20] {
        for follows in [true, false] {
            let (mut lines, mut out) = (TextLines::new(size()), String::new());
            let mut on_line = |line: Line<'_>| line.append_to(&mut out);
            if follows {
                lines.follow(&mut on_line);
            }
            lines.feed(numbers(0..known).as_bytes(), &mut on_line);
            let gap = reloaded(&numbers(0..100), size());
            lines.load_keyframe(size(), &gap, Continues::AfterGap, &mut on_line);
            let shown = reloaded(&numbers(0..100), higher);
            lines.load_keyframe(higher, &shown, Continues::Wholly, &mut on_line);
            lines.feed(numbers(100..120).as_bytes(), &mut on_line);
            lines.finish(&mut on_line);
            let wanted = plain(&(numbers(0..known) + &numbers(97..120)));
            assert_eq!(out, wanted, "following: {follows}");
        }
    }
}
