use codepiper_protocol::tmux::{Item, Parser};

use super::*;
use crate::terminal::screen::Rules;

const COMPOSER: provider::Composer = provider::Composer {
    mark: ">",
    placeholders: &["[Pasted"],
    image: "[Image",
    hints: &[],
    completes: &['@'],
    continues: &['\\'],
    demotes: None,
    commands: &['!', '/'],
    command_words: &["exit"],
};

#[test]
fn a_text_is_recognised_however_it_is_wrapped() {
    let needle = Needle::new(COMPOSER, b"first line\nplease look at the second one\n").unwrap();
    assert_eq!(needle.count_in("> first line   please look at"), 0);
    assert_eq!(needle.count_in("> first line   please look at the sec   ond one   "), 1);
    assert_eq!(needle.count_in("> [Pasted text #1 +2 lines]"), 1);
}

#[test]
fn a_text_is_recognised_in_another_form() {
    for (text, shown) in [
        ("nfd cafe\u{301} and more", "> nfd caf\u{e9} and more"),
        ("a family \u{1f468}\u{200d}\u{1f469} here", "> a family \u{1f468} \u{1f469} here"),
        ("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m", "> red and green"),
        ("日本語", "> 日 本 語"),
        ("gro\u{308}\u{df}er", "> gr\u{f6}\u{df}er"),
        ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "> \u{d55c}\u{ad6d}"),
        ("\u{30ab}\u{3099}", "> \u{30ac}"),
        ("so\u{ad}ft\u{200b} wo\u{2060}rd\u{feff}", "> soft word"),
        ("\u{1f44d}\u{1f3fd}", "> \u{1f44d}"),
    ] {
        assert_eq!(Needle::new(COMPOSER, text.as_bytes()).unwrap().count_in(shown), 1, "{text:?}");
    }
}

#[test]
fn what_may_be_a_command_is_not_plain() {
    for text in [
        "!ls",
        " \t!ls",
        "\u{feff}/clear",
        "\u{200b}/x",
        "\u{ff01}ls",
        "\n\n/x",
        "exit",
        " Exit\n",
        "",
        " ",
        "\u{200d}",
        "a\x1b[A",
        "a\x03",
    ] {
        assert!(other_than_prompt(COMPOSER, text.as_bytes()).is_some(), "{text:?}");
    }
    for text in ["ls", "a !b", "look at /etc", "exit now", "\u{e9}t\u{e9}", "two\n/lines", "\u{1f44d}"] {
        assert_eq!(other_than_prompt(COMPOSER, text.as_bytes()), None, "{text:?}");
    }
}

/// Texts in the scripts of the world, as both kinds of tmux draw them.
#[test]
fn a_text_in_any_script_is_seen_where_it_stands() {
    let texts = "hello|caf\u{e9}|cafe\u{301}|Ти|Ώρα|Հայ|שָׁלוֹם|مُحَمَّد|ܫܠܡܐ|ދިވެހި|हिन्दी में|বাংলা ভাষায়|ਪੰਜਾਬੀ|ગુજરાતી|ଓଡ଼ିଆ|\
        தமிழ்|తెలుగు|ಕನ್ನಡ|മലയാളം|සිංහල|ภาษาไทย|ພາສາລາວ|བོད་སྐད|မြန်မာ|ქართული|한국어|\u{1112}\u{1161}\u{11ab}|ኣማርኛ|ᏣᎳᎩ|ᐃᓄᒃ|ភាសា|\
        ᠮᠣᠩᠭᠣᠯ|日本語|\u{30ab}\u{3099}|中文|ꦗꦮ|𒀀𒁀|𓀀|ｆｕｌｌ|𝕳𝖊|👍🏽|👨‍👩‍👧‍👦|🇪🇸|1️⃣|❤️|a\u{200d}b|so\u{ad}ft|\u{feff}bom";
    for rules in [Rules::Plain, Rules::Modifiers, Rules::Pairs] {
        for text in texts.split('|') {
            let mut screen = Screen::with_rules(codepiper_protocol::Size::DEFAULT, rules);
            screen.feed("answer\r\n\r\n> ".as_bytes());
            let needle = Needle::new(COMPOSER, text.as_bytes()).unwrap();
            let expected = Expected {
                count: needle.count(&screen),
                held: needle.is_held(&screen),
                draft: draft(&screen, COMPOSER.mark),
                needle: Some(needle),
            };
            assert_eq!(expected.draft.as_deref(), Some(""), "{text}");
            assert!(!expected.is_seen(&screen, COMPOSER.mark), "{text}");
            screen.feed(text.as_bytes());
            assert!(expected.is_seen(&screen, COMPOSER.mark), "{text} {rules:?}");
            assert!(expected.is_taken(&screen, COMPOSER.mark).is_some(), "{text} {rules:?}");
            // An answer says the same while the composer is as it was.
            screen.feed(format!("\x1b[H{text}\x1b[3;1H\x1b[2K> ").as_bytes());
            assert!(!expected.is_seen(&screen, COMPOSER.mark), "{text} {rules:?}");
            assert!(expected.is_taken(&screen, COMPOSER.mark).is_none(), "{text} {rules:?}");
        }
    }
}

#[test]
fn what_is_proposed_was_not_typed() {
    let line = |bytes: &str| {
        let mut screen = Screen::new(codepiper_protocol::Size::DEFAULT);
        screen.feed(bytes.as_bytes());
        let line = CursorLine::of(&screen);
        (line.left.trim().to_owned(), line.right)
    };
    let drawn = |left: &str, right: &str| (left.to_owned(), right.to_owned());
    assert_eq!(line("> \x1b[2mTry this\x1b[m\x1b[3G"), drawn(">", ""));
    assert_eq!(line("> \x1b[7mT\x1b[27;2mry this\x1b[m\x1b[3G"), drawn(">", ""));
    assert_eq!(line("> \x1b[7m \x1b[m\x1b[3G"), drawn(">", ""));
    assert_eq!(line("> abc\x1b[3G"), drawn(">", "abc"));
    assert_eq!(line("> \x1b[7ma\x1b[mbc\x1b[3G"), drawn(">", "abc"));
    assert_eq!(line("> a\x1b[3G"), drawn(">", "a"));
    assert_eq!(line("> abc"), drawn("> abc", ""));
}

/// Its first screens are blank, and say nothing of a draft.
#[test]
fn the_composer_of_an_agent_that_starts_is_not_shown_and_then_empty() {
    for (name, mark) in [("claude", "❯"), ("codex", "›")] {
        let path = format!("{}/fixtures/recordings/{name}-control-mode.txt", env!("CARGO_MANIFEST_DIR"));
        let mut screen = Screen::new(codepiper_protocol::Size::new(100, 30).unwrap());
        let mut drafts = vec![draft(&screen, mark)];
        Parser::new().feed(&std::fs::read(path).unwrap(), &mut |item| {
            if let Item::Output { data, .. } = item {
                let mut printed = bytes::BytesMut::new();
                data.unescape_into(&mut printed);
                screen.feed(&printed);
                drafts.push(draft(&screen, mark));
            }
        });
        let hidden = drafts.iter().take_while(|draft| draft.is_none()).count();
        assert!(hidden > 4, "{name}: {hidden}");
        assert_eq!(drafts[hidden].as_deref(), Some(""), "{name}");
    }
}

#[test]
fn what_cannot_be_seen_is_not_waited_for() {
    for text in [b"".as_slice(), b" \n\t", b"\xff", b"\x1b"] {
        assert!(Needle::new(COMPOSER, text).is_none(), "{text:?}");
    }
}
