//! The screen model against itself, tmux and xterm.js: random streams must end in the same screen.
//!
//! `CODEPIPER_CASES=n` sets the number of random streams of each test.

mod stream;
mod text;
mod tmux;
mod xterm;

use codepiper::terminal::screen::Screen;
use codepiper_protocol::Size;
use proptest::prelude::*;

/// As many random streams as the environment asks for.
fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("CODEPIPER_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(default), failure_persistence: None, ..ProptestConfig::default() }
}

fn size() -> impl Strategy<Value = Size> {
    (2..24u16, 2..9u16).prop_map(|(cols, rows)| Size::new(cols, rows).expect("a size in range"))
}

fn screen(size: Size, bytes: &[u8]) -> Screen {
    let mut screen = Screen::new(size);
    screen.feed(bytes);
    screen
}

proptest! {
    #![proptest_config(cases(256))]

    /// A keyframe and what comes after it equal the whole, wherever the stream is cut.
    #[test]
    fn a_keyframe_continues_the_stream(size in size(), pieces in stream::pieces(stream::any_piece())) {
        let stream = pieces.concat();
        let whole = screen(size, &stream);
        let mut before = Screen::new(size);
        for cut in 0..=stream.len() {
            if cut > 0 {
                before.feed(&stream[cut - 1..cut]);
            }
            if stream::is_beyond_keyframes(&before) {
                continue;
            }
            let keyframe = before.keyframe();
            let mut after = screen(size, &keyframe);
            prop_assert_eq!(&after, &before, "right after the keyframe {}", keyframe.escape_ascii());
            after.feed(&stream[cut..]);
            prop_assert_eq!(&after, &whole, "cut at {} of {}", cut, stream.escape_ascii());
        }
    }
}
