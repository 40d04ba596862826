//! Random streams of what programs print.

use codepiper::terminal::screen::Screen;
use proptest::prelude::*;

/// Text, a control or one sequence.
pub type Piece = Vec<u8>;

pub fn pieces(piece: impl Strategy<Value = Piece>) -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec(piece, 1..60)
}

/// What every terminal understands, more or less.
pub fn common_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        12 => text(),
        4 => wide_text(),
        2 => select(&["e\u{301}", "世\u{301}", "─│┌", "é", "\u{301}", "ß "]),
        8 => select(&["\r\n", "\r", "\n", "\t", "\x08", "\x0b"]),
        8 => numbered("ABCDEFGZd"),
        6 => numbered_twice("H"),
        6 => select(&["\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[2K"]),
        4 => numbered("X@P"),
        4 => numbered("LMST"),
        2 => select(&["\x1bM", "\x1bD", "\x1bE"]),
        4 => numbered_twice("r"),
        1 => Just(b"\x1b[r".to_vec()),
        14 => look(),
        3 => select(&["\x1b7", "\x1b8", "\x1b[s", "\x1b[u"]),
        3 => select(&["\x1b[?1049h", "\x1b[?1049l", "\x1b[?1047h", "\x1b[?1047l", "\x1b[?47h", "\x1b[?47l"]),
        3 => select(&["\x1b[4h", "\x1b[4l", "\x1b[?7l", "\x1b[?7h", "\x1b[?6h", "\x1b[?6l"]),
        2 => select(&["\x1b(0", "\x1b(B", "\x1b)0", "\x1b)B", "\x0e", "\x0f", "qx`a"]),
        2 => select(&["\x1bH", "\x1b[g", "\x1b[3g"]),
        2 => switch(),
        1 => select(&["\x1b#8", "\x1b]2;a title\x07", "\x1b]0;other\x1b\\", "\x1b[22;0t", "\x1b[23;2t"]),
        2 => (ascii(), 1..9u16).prop_map(|(byte, n)| format!("{byte}\x1b[{n}b").into_bytes()),
    ]
}

/// Also what only some understand, what is broken, and what ends in the middle.
pub fn any_piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        30 => common_piece(),
        1 => Just(b"\x1bc".to_vec()),
        1 => select(&["\x1b]8;id=1;http://a/;b\x1b\\link", "\x1b]8;;http://b\x07", "\x1b]8;;\x1b\\"]),
        1 => select(&["\x1b]4;1;#ff0000\x07", "\x1b]11;rgb:00/00/ff\x07", "\x1b]104\x07", "\x1b]111\x07"]),
        1 => select(&["\x1b[>1u", "\x1b[>7u", "\x1b[<u", "\x1b[=5;2u", "\x1b[=3u", "\x1b[>4;2m", "\x1b[>4n"]),
        1 => select(&["👩\u{200d}", "👩\u{200d}🚀", "\u{200d}", "❤\u{fe0f}", "🇩🇪", "e\u{301}\u{302}\u{303}\u{200d}"]),
        1 => select(&["\x1b[1;", "\x1b[38;5", "\x1b[0<", "\x1b(", "\x1b", "\x1b]0;never", "\x1bPq1;", "\x1bP1:"]),
        1 => select(&["\x1bkname\x1b\\", "\x1b_app\x1b\\", "\x1bPtmux;\x1b\x1b[m\x1b\\", "\x1b]!x\x07", "\x18", "\x1a"]),
        1 => select(&["\x1b[3\n4m", "\x1b[38;5;m", "\x1b[48;2;1;2;300m", "\x1b[38:2:1:2:3m", "\x1b[99b", "\x7f"]),
        1 => select(&["\x1b[1;0r", "\x1b[!p", "\x1b[?3h", "\x1b[99@", "\x1b[3J", "\x1b[20h", "\x1b[5n"]),
        1 => prop::collection::vec(any::<u8>(), 1..6),
        1 => select(&["世", "é", "👩"]).prop_map(|mut bytes| {
            bytes.pop();
            bytes
        }),
    ]
}

/// The state that no sequence leads to, see the keyframe's documentation.
pub fn is_beyond_keyframes(screen: &Screen) -> bool {
    screen.modes().origin && screen.cursor().y > screen.region().1
}

/// The stream of those pieces that another terminal treats alike, as `admit` says from the state and the stream
/// before.
pub fn agreed(
    screen: &mut Screen,
    pieces: Vec<Piece>,
    mut admit: impl FnMut(&Screen, &[u8], Piece) -> Option<Piece>,
) -> Vec<u8> {
    let mut stream = Vec::new();
    for piece in pieces {
        if let Some(piece) = admit(screen, &stream, piece) {
            screen.feed(&piece);
            stream.extend(piece);
        }
    }
    stream
}

fn ascii() -> impl Strategy<Value = char> {
    prop::char::range('!', '~')
}

fn text() -> impl Strategy<Value = Piece> {
    let words = prop_oneof![4 => 1..8usize, 1 => 8..40usize];
    words.prop_flat_map(|length| prop::collection::vec(b' '..=b'~', length))
}

fn wide_text() -> impl Strategy<Value = Piece> {
    let character = prop::sample::select(vec!['世', '界', 'あ', '한', '🦀', 'x', ' ']);
    prop::collection::vec(character, 1..6).prop_map(|text| String::from_iter(text).into_bytes())
}

fn select(pieces: &[&str]) -> impl Strategy<Value = Piece> + use<> {
    let pieces: Vec<Piece> = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
    prop::sample::select(pieces)
}

fn numbered(finals: &str) -> impl Strategy<Value = Piece> + use<> {
    let last = prop::sample::select(finals.chars().collect::<Vec<_>>());
    (prop_oneof![5 => 0..6u16, 1 => 6..40u16], last)
        .prop_map(|(n, last)| format!("\x1b[{n}{last}").into_bytes())
}

fn numbered_twice(last: &'static str) -> impl Strategy<Value = Piece> {
    (1..10u16, 1..26u16).prop_map(move |(a, b)| format!("\x1b[{a};{b}{last}").into_bytes())
}

fn look() -> impl Strategy<Value = Piece> {
    let plain = prop_oneof![
        2 => Just(0u16),
        6 => prop::sample::select(vec![1, 2, 3, 4, 5, 7, 8, 9, 21, 22, 23, 24, 25, 27, 28, 29, 53, 55]),
        6 => prop_oneof![30..38u16, 40..48u16, 90..98u16, 100..108u16, Just(39u16), Just(49u16)],
    ];
    let code = prop_oneof![
        8 => plain.prop_map(|code| code.to_string()),
        1 => (0..256u16).prop_map(|n| format!("38;5;{n}")),
        1 => (0..256u16).prop_map(|n| format!("48;5;{n}")),
        1 => any::<[u8; 3]>().prop_map(|[r, g, b]| format!("38;2;{r};{g};{b}")),
        1 => any::<[u8; 3]>().prop_map(|[r, g, b]| format!("48:2::{r}:{g}:{b}")),
        1 => (0..6u16).prop_map(|n| format!("4:{n}")),
        1 => any::<[u8; 3]>().prop_map(|[r, g, b]| format!("4;58;2;{r};{g};{b}")),
        1 => Just("59".to_owned()),
    ];
    prop::collection::vec(code, 1..3).prop_map(|codes| format!("\x1b[{}m", codes.join(";")).into_bytes())
}

fn switch() -> impl Strategy<Value = Piece> {
    let modes = vec![1, 12, 25, 1000, 1002, 1003, 1004, 1005, 1006, 1007, 2004, 2026];
    let private = (prop::sample::select(modes), prop::sample::select(vec!['h', 'l']))
        .prop_map(|(mode, last)| format!("\x1b[?{mode}{last}").into_bytes());
    prop_oneof![4 => private, 1 => select(&["\x1b=", "\x1b>", "\x1b[3 q", "\x1b[0 q", "\x1b[6 q"])]
}
