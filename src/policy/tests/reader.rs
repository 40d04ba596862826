//! What is read, and where and why reading ends.

use super::super::shell::{self, MAX_PARTS, MAX_TEXT, MAX_WORDS};

fn words(text: &str) -> Vec<Vec<String>> {
    let script = shell::read(text);
    assert_eq!(script.unreadable, None, "{text}");
    script.parts.into_iter().map(|part| part.words.into_iter().map(|word| word.text).collect()).collect()
}

#[test]
fn words_are_what_the_program_gets() {
    assert_eq!(words("git status"), [["git", "status"]]);
    assert_eq!(words(" git\tcommit  -m 'a \"b\" $c' \n"), [["git", "commit", "-m", "a \"b\" $c"]]);
    assert_eq!(words("g''i\"t\" ''"), [["git", ""]]);
    assert_eq!(words("rg \"a\\.b\\d\""), [["rg", "a\\.b\\d"]]);
    assert_eq!(words("git show HEAD~2 'é'"), [["git", "show", "HEAD~2", "é"]]);
    assert_eq!(words("a 2>&1 >/dev/null b 2> /dev/null </dev/null"), [["a", "b"]]);
}

#[test]
fn parts_know_what_joined_them_and_words_where_they_stand() {
    let script = shell::read("ls -l | wc &&\n\necho 'x y'\npwd;");
    let joined: Vec<_> = script.parts.iter().map(|part| part.joined_by).collect();
    assert_eq!(joined, [None, Some("|"), Some("&&"), Some("\n")]);
    let word = &script.parts[2].words[1];
    assert_eq!((word.text.as_str(), word.place.clone()), ("x y", 20..25));
}

#[test]
fn reading_ends_where_a_text_means_more_than_it_says() {
    for (text, at, why) in [
        ("ls $x", 3, "a variable or a substitution ('$')"),
        ("ls \"$x\"", 4, "a variable or a substitution ('$') in double quotes"),
        ("ls `x`", 3, "a substitution ('`')"),
        ("ls *.rs", 3, "a pattern for file names ('*', '?' or '[')"),
        ("ls ~", 3, "a tilde ('~'), which the shell replaces"),
        ("ls a~b", 4, "a tilde ('~'), which the shell replaces"),
        ("ls {a,b}", 3, "a brace"),
        ("(ls)", 0, "a parenthesis"),
        ("ls \\a", 3, "a backslash outside quotes"),
        ("ls \"a\\\"b\"", 5, "a backslash in double quotes that changes what follows"),
        ("ls & pwd", 3, "'&', which runs something in the background"),
        ("ls |& cat", 3, "'|&', which not every shell has"),
        ("ls # x", 3, "'#', which may begin a comment"),
        ("! ls", 0, "'!', which negates or recalls something"),
        ("ls \"a!b\"", 5, "'!' in double quotes, which may recall an earlier command"),
        ("ls a^b", 4, "'^', which some shells replace"),
        ("ls =x", 3, "a word that begins with '=', which zsh replaces"),
        ("A=b ls", 1, "an assignment ('=') before the program"),
        ("ls > x", 3, "a redirection to or from something other than /dev/null"),
        ("ls 3>/dev/null", 4, "a redirection of an unusual file descriptor"),
        ("ls 'x", 3, "a quote that is never closed"),
        ("ls; cd x", 4, "'cd', which changes the shell or runs its words"),
        ("test -f x", 0, "'test', whose words a shell may evaluate"),
        ("if x", 0, "'if', a word of the shell's own language"),
        ("'' x", 0, "an empty program"),
        ("ls && ", 6, "'&&' with no command after it"),
        ("; ls", 0, "';' with nothing before it"),
        (">/dev/null", 10, "a redirection without a program"),
        ("", 0, "no command"),
        ("ls\rx", 2, "a carriage return"),
        ("ls 'a\0b'", 5, "a NUL byte"),
        ("ls 'a\u{1b}b'", 5, "a control character (U+001B)"),
        ("ls 'a\u{202e}b'", 5, "an invisible character (U+202E)"),
        ("ls \"a\u{200b}b\"", 5, "an invisible character (U+200B)"),
        ("ls 'a\u{a0}b'", 5, "a space that is not ASCII (U+00A0)"),
        ("ls 'a\u{fffd}b'", 5, "a byte that is not UTF-8"),
        ("ls é", 3, "the character 'é' outside quotes"),
    ] {
        let unreadable = shell::read(text).unreadable.unwrap_or_else(|| panic!("{text}"));
        assert_eq!((unreadable.at, unreadable.why.as_str()), (at, why), "{text}");
    }
}

#[test]
fn as_much_is_read_as_the_limits_say() {
    assert_eq!(words(&"ls\n".repeat(MAX_PARTS)).len(), MAX_PARTS);
    assert!(shell::read(&"ls\n".repeat(MAX_PARTS + 1)).unreadable.is_some());
    assert_eq!(words(&"a ".repeat(MAX_WORDS))[0].len(), MAX_WORDS);
    assert!(shell::read(&"a ".repeat(MAX_WORDS + 1)).unreadable.is_some());
    assert_eq!(words(&"a".repeat(MAX_TEXT))[0][0].len(), MAX_TEXT);
    assert!(shell::read(&"a".repeat(MAX_TEXT + 1)).unreadable.is_some());
}

#[test]
fn what_hides_is_shown_written_out() {
    assert_eq!(shell::shown("safe\u{202e}x\r\0\u{a0}"), "safe\\u{202e}x\\u{d}\\u{0}\\u{a0}");
    assert_eq!(shell::shown("a b\tc\né"), "a b\tc\né");
}
