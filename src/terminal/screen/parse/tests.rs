use super::*;

#[derive(Default, Debug, PartialEq)]
struct Log(Vec<String>, u32);

impl vte::Perform for Log {
    fn print(&mut self, character: char) {
        self.0.push(format!("print {character}"));
    }

    fn execute(&mut self, byte: u8) {
        self.0.push(format!("control {byte:02x}"));
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], _: bool, last: char) {
        let params: Vec<_> = params.iter().collect();
        self.0.push(format!(
            "csi {params:?} {:?} {last} {:b}",
            String::from_utf8_lossy(intermediates),
            self.1
        ));
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, last: u8) {
        self.0.push(format!("esc {}{}", String::from_utf8_lossy(intermediates), last as char));
    }
}

impl Actions for Log {
    fn ascii(&mut self, text: &[u8]) {
        self.0.push(format!("text {}", String::from_utf8_lossy(text)));
    }

    fn high_byte(&mut self) {}

    fn string_begins(&mut self) {}

    fn command(&mut self, text: &[u8]) {
        self.0.push(format!("command {}", String::from_utf8_lossy(text)));
    }

    fn omits(&mut self, omitted: Omitted) {
        self.1 = omitted.0;
    }
}

fn parse(bytes: &[u8]) -> Vec<String> {
    let mut log = Log::default();
    Parser::default().advance(bytes, &mut log);
    log.0
}

#[test]
fn the_kinds_of_bytes() {
    let found = parse("ab\n\x1b[1;;3Hé\x1b(0\x1b]0;t;u\x07x\x1b]2;v\x1b\\".as_bytes());
    let expected = [
        "text ab",
        "control 0a",
        r#"csi [[1], [0], [3]] "" H 10"#,
        "print é",
        "esc (0",
        "command 0;t;u",
        "text x",
        "command 2;v",
        "esc \\",
    ];
    assert_eq!(found, expected);
}

#[test]
fn strings_without_effect_are_swallowed() {
    for string in ["\x1bkname\x1b\\", "\x1b_Gi=1;\x07\x1b\\", "\x1bX\n\x1b\\", "\x1b]!x\x1b\\"] {
        assert_eq!(parse(string.as_bytes()), ["esc \\"], "{string:?}");
    }
    assert_eq!(parse(b"\x1bPtmux;\x1b\x1b[31m\x18x\x1b\\y"), ["text y"]);
    assert_eq!(parse(b"\x1bP1:\x1b\\y"), ["esc \\", "text y"]);
}

#[test]
fn a_control_inside_a_sequence_acts_at_once() {
    assert_eq!(parse(b"\x1b[3\n1\xffm"), ["control 0a", r#"csi [[31]] "" m 0"#]);
    assert_eq!(parse(b"\x1b[3\x181m"), ["control 18", "text 1m"]);
}

#[test]
fn a_character_survives_an_escape_sequence_but_not_text() {
    assert_eq!(parse(b"\xe2\x94\x1b[m\x80"), [r#"csi [[0]] "" m 1"#, "print ─"]);
    assert_eq!(parse(b"\xe2\x94x\x80"), ["text x"]);
    assert_eq!(parse(b"\xe2\xe2\xe2\xc3\xa9\x80\xc3"), ["print é"]);
}

#[test]
fn tmux_limits_hold() {
    assert_eq!(parse(b"\x1b[2147483648m"), [""; 0]);
    assert_eq!(parse(b"\x1b[2147483647A").len(), 1);
    let many = |n: usize| [b"\x1b[".as_slice(), &b"1;".repeat(n - 1), b"1m"].concat();
    assert_eq!((parse(&many(23)).len(), parse(&many(24)).len()), (1, 0));
    let long = [b"\x1b[".as_slice(), &b"0".repeat(200), b"mx"].concat();
    assert_eq!(parse(&long), ["text x"]);
    let title = [b"\x1b]0;".as_slice(), &b"t".repeat(MAX_STRING), b"\x07x"].concat();
    assert_eq!(parse(&title), ["text x"]);
}

#[test]
fn the_unfinished_part_continues_in_a_fresh_parser() {
    let stream = [
        "é\x1b[1;31mx\x1b]0;title\x07\x1b#8\x1b]!no\x1b\\\x1bPq#0\x1bx\x1b\\\x1bP1:2\x1b\\".as_bytes(),
        b"\x1bkname\x1b\\\x1b[1<2m\x1b[?25lend\xe2\x94\x1b(0\x80\x1b]52;c;",
    ]
    .concat();
    for cut in 0..stream.len() {
        let mut whole = Parser::default();
        let mut log = Log::default();
        whole.advance(&stream[..cut], &mut log);
        let mut fresh = Parser::default();
        fresh.advance(&whole.unfinished(), &mut Log::default());
        assert!(fresh == whole, "cut at {cut}: {:?} {:?}", whole.state, fresh.state);
        let mut rest = Log::default();
        fresh.advance(&stream[cut..], &mut rest);
        let mut expected = Log::default();
        whole.advance(&stream[cut..], &mut expected);
        assert_eq!(rest.0, expected.0, "cut at {cut}");
    }
}
