use std::str::FromStr;

use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use codepiper_protocol::wire::input::Receipt;
use codepiper_protocol::wire::review::{AddComment, Comment, CommentState, Side};

use super::failure::{OF_LIVE_SESSIONS, OF_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

const PLACE: Style = Style::new().bold();
const QUOTE: Style = AnsiColor::Cyan.on_default();

/// Comment on what a session's agent changed
///
/// A comment belongs to lines of a file and follows them when the file changes. It is a draft until `review send` gives
/// all drafts to the agent as one prompt.
#[derive(Args)]
#[command(name = "review", after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Review {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show the comments
    #[command(after_help = exit_codes(OF_SESSIONS))]
    List {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write a comment on lines of a file
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Add {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Path of the file from the root of the work tree, and a line, or the first and the last line
        #[arg(value_name = "PATH:LINE[-LINE]")]
        place: Place,
        text: String,
        /// Comment on lines of the index, which may have been removed from the file
        #[arg(long)]
        old: bool,
    },
    /// Send all drafts to the agent as one prompt; if it is working, they wait until it is idle
    #[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
    Send {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
    },
    /// Mark a comment as done; agents can do this, too
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Address {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Number of the comment
        comment: u32,
    },
}

/// `PATH:LINE` or `PATH:LINE-LINE`.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    path: String,
    from: u32,
    to: u32,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (path, lines) = text.rsplit_once(':')?;
            let (from, to) = lines.split_once('-').unwrap_or((lines, lines));
            Some(Self { path: path.to_owned(), from: from.parse().ok()?, to: to.parse().ok()? })
        };
        parse()
            .ok_or_else(|| "write a file and its lines, like src/main.rs:12 or src/main.rs:12-15".to_owned())
    }
}

impl Review {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        match self.verb {
            Verb::List { session, json } => {
                let found = context.block_on(client.review(&session))??;
                match json {
                    true => output::json(&found),
                    false if found.comments.is_empty() => {
                        output::say("no comments; `codepiper review add` writes one");
                        Ok(())
                    }
                    false => found.comments.iter().try_for_each(show),
                }
            }
            Verb::Add { session, place, text, old } => {
                let Place { path, from, to } = place;
                let side = Some(if old { Side::Old } else { Side::New });
                let comment = AddComment { path, side, of: None, from, to: Some(to), text };
                let added = context.block_on(client.add_comment(&session, &comment))??;
                output::done(format_args!(
                    "Comment {} is a draft; send it with `codepiper review send {session}`",
                    added.id
                ))
            }
            Verb::Send { session } => {
                let sent = context.block_on(client.send_review(&session))??;
                if let Some(warning) = &sent.warning {
                    output::say(warning);
                }
                match sent.receipt {
                    Receipt::Queued => output::done("The comments will be sent when the agent is idle"),
                    _ => output::done("The comments were sent"),
                }
            }
            Verb::Address { session, comment } => {
                context.block_on(client.address_comment(&session, comment))??;
                output::done(format_args!("Comment {comment} is done"))
            }
        }
    }
}

fn show(comment: &Comment) -> Outcome {
    let lines = match comment.from == comment.to {
        true => comment.from.to_string(),
        false => format!("{}-{}", comment.from, comment.to),
    };
    let state = match comment.state {
        CommentState::Draft => "draft",
        CommentState::Sent => "sent",
        CommentState::Addressed => "done",
    };
    let stale = if comment.stale { ", the lines are not there any more" } else { "" };
    let head = format!("{} {}:{lines}", comment.id, comment.path);
    output::styled_line([(PLACE, head), (Style::new(), format!("  {state}{stale}, {}", comment.author))])?;
    comment.quote.iter().try_for_each(|line| output::styled_line([(QUOTE, format!("  | {line}"))]))?;
    comment.text.lines().try_for_each(|line| output::line(format_args!("  {line}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_lines() {
        let place = |text: &str| text.parse::<Place>().ok();
        assert_eq!(place("a:b/c.rs:12-15"), Some(Place { path: "a:b/c.rs".into(), from: 12, to: 15 }));
        assert_eq!(place("x:3"), Some(Place { path: "x".into(), from: 3, to: 3 }));
        for bad in ["x", "x:", "x:a", "x:1-", "x:-1", "3"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
