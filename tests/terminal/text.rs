//! Lines of text do not depend on how the stream was cut, and plain lines come out as they went in.

use codepiper::terminal::text::{Continues, Line, TextLines};
use codepiper_protocol::Size;
use proptest::prelude::*;

use super::{cases, screen, size, stream};

/// What a plain stream gets, either of all that was printed or while it follows from the beginning.
fn printed<'a>(size: Size, follow: bool, reads: impl Iterator<Item = &'a [u8]>) -> String {
    let (mut lines, mut out) = (TextLines::new(size), String::new());
    let mut on_line = |line: Line<'_>| line.append_to(&mut out);
    if follow {
        lines.follow(&mut on_line);
    }
    for read in reads {
        lines.feed(read, &mut on_line);
    }
    lines.finish(&mut on_line);
    out
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn plain_lines_come_out_as_they_went_in(
        size in size(),
        lines in prop::collection::vec("([a-zäé世]{0,30}[.!])?", 0..60),
        read in 1..50usize,
        follow: bool,
    ) {
        let log: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let out = printed(size, follow, log.as_bytes().chunks(read));
        prop_assert_eq!(out, log.replace('\r', ""));
    }

    #[test]
    fn cuts_do_not_matter(size in size(), pieces in stream::pieces(stream::any_piece()), follow: bool) {
        let stream = pieces.concat();
        let whole = printed(size, follow, std::iter::once(&stream[..]));
        prop_assert_eq!(&printed(size, follow, stream.chunks(1)), &whole);
        prop_assert_eq!(&printed(size, follow, pieces.iter().map(|piece| &piece[..])), &whole);
    }

    /// A keyframe of the same screen changes nothing when nothing was printed twice.
    #[test]
    fn keyframes_neither_repeat_nor_lose(
        size in size(),
        before in 0..40u32,
        after in 0..40u32,
        follow: bool,
    ) {
        let numbers = |from: u32, to: u32| (from..to).map(|n| format!("{n}\r\n")).collect::<String>();
        let (first, second) = (numbers(0, before), numbers(before, before + after));
        let (mut lines, mut out) = (TextLines::new(size), String::new());
        let mut on_line = |line: Line<'_>| line.append_to(&mut out);
        if follow {
            lines.follow(&mut on_line);
        }
        lines.feed(first.as_bytes(), &mut on_line);
        lines.load_keyframe(size, &screen(size, first.as_bytes()).keyframe(), Continues::Wholly, &mut on_line);
        lines.feed(second.as_bytes(), &mut on_line);
        lines.finish(&mut on_line);
        prop_assert_eq!(out, (first + &second).replace('\r', ""));
    }
}
