//! What a verb asks a person.

use std::io::{BufRead, IsTerminal};

use super::failure::Failure;
use super::output;

/// Whether somebody can be asked.
pub(super) fn possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A question that only `y` and `yes` answer with yes.
pub(super) fn yes(question: &str) -> Result<bool, Failure> {
    output::say(format_args!("{question} [y/N]"));
    let answer = line()?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// One line of stdin.
pub(super) fn line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::new(format_args!("cannot read stdin: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks on the terminal, which does not show the answer.
pub(super) fn hidden(question: &str) -> Result<String, Failure> {
    use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let cannot = |error| Failure::new(format_args!("the terminal cannot hide what is typed: {error}"));
    let before = tcgetattr(&stdin).map_err(cannot)?;
    let mut hidden = before.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).map_err(cannot)?;
    output::prompt(question);
    let answer = line();
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).map_err(cannot)?;
    output::say("");
    answer
}
