//! Data goes to stdout, messages go to stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::failure::{Failure, Outcome};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// One line of data.
pub(super) fn line(text: impl Display) -> Outcome {
    writeln!(anstream::stdout(), "{text}")?;
    Ok(())
}

/// `✓ …`: it is done.
pub(super) fn done(text: impl Display) -> Outcome {
    line(format_args!("{GREEN}✓{GREEN:#} {text}"))
}

/// One line of JSON.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let mut text = serde_json::to_vec(value).map_err(Failure::new)?;
    text.push(b'\n');
    bytes(&text)
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
    let _ = writeln!(anstream::stderr(), "{text}");
}

pub(super) fn error(text: &str) {
    say(format_args!("{RED}error:{RED:#} {text}"));
}

pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
