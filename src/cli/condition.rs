//! What can be waited for.

use std::str::FromStr;
use std::time::Duration;

use regex::Regex;

use super::time;

#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// The program ends.
    Exit,
    /// Nothing is printed for this long.
    Quiet(Duration),
    /// A line of the rendered output fits.
    Text(Regex),
    /// The agent has nothing to do, and has left nothing running.
    Idle,
    /// Its turn is over, whatever it has left running.
    TurnOver,
    /// The agent waits for a person.
    Waiting,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None if text == "exit" => Ok(Condition::Exit),
            None if text == "idle" => Ok(Condition::Idle),
            None if text == "idle!" => Ok(Condition::TurnOver),
            None if text == "waiting" => Ok(Condition::Waiting),
            Some(("quiet", seconds)) => time::seconds(seconds).map(Condition::Quiet),
            // The last line of the error says what is wrong; those before it draw where.
            Some(("text", pattern)) => Regex::new(pattern).map(Condition::Text).map_err(|error| {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("invalid regular expression: {reason}")
            }),
            _ => Err("use exit, quiet=SECONDS, text=REGEX, idle, idle! or waiting".to_owned()),
        }
    }
}

impl Condition {
    /// What did not happen.
    pub(super) fn expected(&self) -> String {
        match self {
            Condition::Exit => "end".to_owned(),
            Condition::Quiet(quiet) => format!("stay quiet for {} s", quiet.as_secs_f64()),
            Condition::Text(pattern) => format!("print anything matching '{pattern}'"),
            Condition::Idle => "become idle".to_owned(),
            Condition::TurnOver => "end its turn".to_owned(),
            Condition::Waiting => "wait for an answer".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_have_a_text_form() {
        assert!(matches!("exit".parse(), Ok(Condition::Exit)));
        assert!(matches!("idle".parse(), Ok(Condition::Idle)));
        assert!(matches!("idle!".parse(), Ok(Condition::TurnOver)));
        assert!(matches!("waiting".parse(), Ok(Condition::Waiting)));
        assert!(matches!("quiet=0.5".parse(), Ok(Condition::Quiet(quiet)) if quiet.as_millis() == 500));
        assert!(matches!("text=a=b$".parse(), Ok(Condition::Text(regex)) if regex.as_str() == "a=b$"));
        for bad in ["", "exit=1", "quiet", "quiet=", "quiet=x", "text", "text=(", "silence"] {
            assert!(bad.parse::<Condition>().is_err(), "{bad}");
        }
        let error = "text=(".parse::<Condition>().unwrap_err();
        assert_eq!(error, "invalid regular expression: unclosed group");
    }
}
