//! Comments as a prompt.

use codepiper_protocol::SessionId;
use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::review::{Comment, CommentState, Side};

/// At most so many lines are quoted of each comment.
const QUOTED: usize = 12;

/// All drafts in one text. What the files have in it adds no lines and no control characters, which no agent is sent.
pub fn prompt(session: SessionId, comments: &[Comment]) -> String {
    let drafts: Vec<&Comment> =
        comments.iter().filter(|comment| comment.state == CommentState::Draft).collect();
    if drafts.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "Please address these review comments on your changes. When one is done, run `codepiper review address {} \
         NUMBER`.\n",
        session.short()
    );
    for comment in drafts {
        let lines = match comment.from == comment.to {
            true => format!("line {}", comment.from),
            false => format!("lines {} to {}", comment.from, comment.to),
        };
        let side = match (comment.stale, comment.side) {
            (true, _) => " (as it was; this code has changed since)",
            (false, Side::Old) => " (before your change)",
            (false, Side::New) => "",
        };
        text += &format!("\nComment {}: {}, {lines}{side}\n", comment.id, visible(&comment.path));
        for line in comment.quote.iter().take(QUOTED) {
            text += &format!("> {}\n", plain(line.strip_suffix('\r').unwrap_or(line)));
        }
        if comment.quote.len() > QUOTED {
            text += "> …\n";
        }
        comment.text.lines().for_each(|line| text += &format!("{}\n", plain(line)));
    }
    text.trim_end().to_owned()
}

/// A line with its control characters written out, as `<U+001B>`. Tabs stay.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter.is_control() && letter != '\t' {
            true => plain += &visible(letter.encode_utf8(&mut [0; 4])),
            false => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::review::AddComment;

    use super::super::super::tests::Sandbox;
    use super::super::Reviews;
    use super::*;

    #[test]
    fn what_a_file_has_adds_no_lines_and_no_control_characters() {
        let (sandbox, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
        let (reviews, session) = (Reviews::new(dir.path().to_owned()), SessionId::random());
        let path = "a\nComment 2: b";
        sandbox.write(path, "\tone\r\n\u{c}\u{1b}[31mtwo\rthree\r\n\u{9b}zürich\u{7f}\n");
        let text = "why\r\n\tthis \u{7}?".to_owned();
        let wanted = AddComment { path: path.into(), side: None, of: None, from: 1, to: Some(3), text };
        reviews.add(session, &sandbox.repo(), &wanted, "here").unwrap();
        let prompt = reviews.list(session, Ok(&sandbox.repo())).unwrap().prompt;
        let expected = "\nComment 1: a<U+000A>Comment 2: b, lines 1 to 3\n> \tone\n> <U+000C><U+001B>[31mtwo<U+000D>three\n\
                        > <U+009B>zürich<U+007F>\nwhy\n\tthis <U+0007>?";
        assert!(prompt.ends_with(expected), "{prompt:?}");
        assert_eq!(prompt.lines().count(), 8, "{prompt:?}");
    }
}
