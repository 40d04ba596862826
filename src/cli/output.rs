//! Data goes to stdout, messages go to stderr.
//!
//! Text leaves here for people, wherever it comes from: names, titles, errors of others. So everything
//! but [`bytes`] goes through [`visible`], and only this module writes colours. JSON is data: what it holds is
//! escaped as JSON does.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use codepiper_protocol::visible::{is_hidden, visible};
use serde::Serialize;
use serde_json::ser::Formatter;

use super::failure::{Failure, Outcome};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// One line of data.
pub(super) fn line(text: impl Display) -> Outcome {
    styled_line([(Style::new(), text)])
}

/// One line of data, each piece in its style.
pub(super) fn styled_line<T: Display>(pieces: impl IntoIterator<Item = (Style, T)>) -> Outcome {
    let mut line = String::new();
    for (style, text) in pieces {
        line.push_str(&format!("{style}{}{style:#}", visible(&text.to_string())));
    }
    writeln!(anstream::stdout(), "{line}")?;
    Ok(())
}

/// `✓ …`: it is done.
pub(super) fn done(text: impl Display) -> Outcome {
    styled_line([(GREEN, "✓".to_owned()), (Style::new(), format!(" {text}"))])
}

/// One line of JSON.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let mut text = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Escaped)).map_err(Failure::new)?;
    text.push(b'\n');
    bytes(&text)
}

/// JSON in which nothing acts on a terminal: what is hidden stands as `\u009b`, which is the same data.
struct Escaped;

impl Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(is_hidden) {
            let (before, after) = rest.split_at(place);
            writer.write_all(before.as_bytes())?;
            let Some(hidden) = after.chars().next() else { break };
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &after[hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Data as it is, at once.
pub(super) fn bytes(data: &[u8]) -> Outcome {
    let mut stdout = io::stdout().lock();
    stdout.write_all(data)?;
    stdout.flush()?;
    Ok(())
}

/// A message. A closed stderr is no reason to stop.
pub(super) fn say(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{}", visible(&text.to_string()));
}

pub(super) fn error(text: &str) {
    let _ = writeln!(anstream::stderr(), "{RED}error:{RED:#} {}", visible(text));
}

/// What to do about the error before.
pub(super) fn hint(text: &str) {
    say(format_args!("hint: {text}"));
}

/// What is asked, before the answer in the same line.
pub(super) fn prompt(text: &str) {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{}", visible(text)).and_then(|()| stderr.flush());
}

/// Several lines of another program, which may have coloured them.
pub(super) fn pass_on(text: &str) {
    anstream::adapter::strip_str(text).to_string().lines().for_each(say);
}

pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Runs what goes on until something happens; it ends, too, when nobody reads stdout any more.
pub(super) async fn while_read<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = future => done,
        () = closed() => Err(Failure::OutputClosed),
    }
}

/// Comes when stdout's pipe or socket is closed at its other end, or its terminal.
async fn closed() {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let (told, hears) = tokio::sync::oneshot::channel();
    // A thread, since epoll takes no regular file. It ends with the process.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        // Without events poll reports errors and the end of the other side alone.
        let mut stdout = [PollFd::new(std::os::fd::AsFd::as_fd(&stdout), PollFlags::empty())];
        while let Err(nix::errno::Errno::EINTR) = poll(&mut stdout, PollTimeout::NONE) {}
        let _ = told.send(());
    });
    let _ = hears.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_data_and_harmless() {
        let value = "a\"\\\n\x1b[2J\u{9b}31m\u{202e}\u{7f}é日👩\u{200d}👧\u{e0041}";
        let mut text = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Escaped)).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        assert!(!text.contains(is_hidden), "{text}");
        assert!(text.contains("\\u009b31m\\u202e\\u007fé日") && text.contains("\\udb40\\udc41"), "{text}");
    }
}
