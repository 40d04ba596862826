//! `approve`, `deny`, `answer`: what a person answers an agent.

use clap::Args;
use codepiper_protocol::wire::ask::{AnswerAsk, Ask, AskDecision, AskKind, QuestionAnswer};

use crate::cli::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};
use crate::cli::{Context, output};

/// Allow what an agent asks for
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(in crate::cli) struct Approve {
    /// Ask id, or a session with exactly one ask; see `codepiper inbox`
    ask: String,
    /// Run this command instead of the one that the agent wants to run
    #[arg(long, value_name = "TEXT")]
    command: Option<String>,
    /// Allow the same without asking until the agent ends; `codepiper inbox show` says whether that is possible
    #[arg(long, conflicts_with = "command")]
    always: bool,
}

/// Deny what an agent asks for; the agent goes on without it
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(in crate::cli) struct Deny {
    /// Ask id, or a session with exactly one ask; see `codepiper inbox`
    ask: String,
    /// Reason, which is passed to the agent
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Answer an agent's question
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(in crate::cli) struct Answer {
    /// Ask id, or a session with exactly one ask; see `codepiper inbox`
    ask: String,
    /// Number of an option, or QUESTION.OPTION, such as 2.1, if there are several questions; can be repeated
    #[arg(short, long = "option", value_name = "N", required_unless_present = "text", value_parser = choice)]
    options: Vec<(Option<u32>, u32)>,
    /// An answer in your own words, for a single question
    #[arg(short, long)]
    text: Option<String>,
}

/// Which question, if that is said, and which option; both count from 1.
fn choice(text: &str) -> Result<(Option<u32>, u32), String> {
    let number =
        |text: &str| match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err("use the number of an option, such as 2, or of a question and an option, such as 1.2"
                .to_owned()),
        };
    match text.split_once('.') {
        Some((question, option)) => Ok((Some(number(question)?), number(option)?)),
        None => Ok((None, number(text)?)),
    }
}

fn allow() -> AnswerAsk {
    AnswerAsk {
        decision: AskDecision::Allow,
        reason: None,
        answers: Vec::new(),
        command: None,
        always: false,
    }
}

impl Approve {
    pub(in crate::cli) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let ask = context.block_on(client.ask_of(&self.ask))??;
        if ask.kind == AskKind::Question {
            return Err(Failure::usage(format_args!(
                "{} is a question: use `codepiper answer {0} --option N`",
                ask.id
            )));
        }
        give(&context, &ask, &AnswerAsk { command: self.command, always: self.always, ..allow() })
    }
}

impl Deny {
    pub(in crate::cli) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let ask = context.block_on(client.ask_of(&self.ask))??;
        give(&context, &ask, &AnswerAsk { decision: AskDecision::Deny, reason: self.reason, ..allow() })
    }
}

impl Answer {
    pub(in crate::cli) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let ask = context.block_on(client.ask_of(&self.ask))??;
        let answers = answers(&ask, &self.options, self.text).map_err(Failure::usage)?;
        give(&context, &ask, &AnswerAsk { answers, ..allow() })
    }
}

fn answers(
    ask: &Ask,
    options: &[(Option<u32>, u32)],
    text: Option<String>,
) -> Result<Vec<QuestionAnswer>, String> {
    if ask.questions.is_empty() {
        return Err(format!(
            "{} is not a question: use `codepiper approve {0}` or `codepiper deny {0}`",
            ask.id
        ));
    }
    let mut answers = vec![QuestionAnswer::default(); ask.questions.len()];
    for (question, option) in options {
        let index = match question {
            None if answers.len() > 1 => {
                return Err(format!("{} has {} questions: use QUESTION.OPTION", ask.id, answers.len()));
            }
            question => question.unwrap_or(1) as usize - 1,
        };
        let answer =
            answers.get_mut(index).ok_or_else(|| format!("{} has no question {}", ask.id, index + 1))?;
        answer.options.push(*option);
    }
    match (text, answers.as_mut_slice()) {
        (None, _) => {}
        (text, [only]) => only.text = text,
        (Some(_), several) => {
            return Err(format!(
                "{} has {} questions: answer in your own words in the dashboard or in the terminal",
                ask.id,
                several.len()
            ));
        }
    }
    Ok(answers)
}

fn give(context: &Context, ask: &Ask, answer: &AnswerAsk) -> Outcome {
    let client = context.client()?;
    // By its id: what the session asks next is something else.
    let answered = context.block_on(client.answer_ask(&ask.id, answer))??;
    let done = match (ask.kind, answered.decision) {
        (AskKind::Question, AskDecision::Allow) => "answered",
        (_, decision) => decision.done(),
    };
    output::done(format_args!("{} {done}: {}", ask.id, ask.title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_numbers() {
        assert_eq!(choice("2"), Ok((None, 2)));
        assert_eq!(choice("1.3"), Ok((Some(1), 3)));
        for wrong in ["", "0", "a", "1.0", "0.1", "1.2.3", "-1"] {
            assert!(choice(wrong).is_err(), "{wrong}");
        }
    }
}
