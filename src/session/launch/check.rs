//! What is asked for when a session is started, checked before anything is done.

use std::path::Path;

use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::{Billing, StartSession};

use crate::provider::{Provider, Providers};

/// The most bytes of arguments and prompt: what Linux takes for one argument (`MAX_ARG_STRLEN`).
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// What can be known without looking at other sessions: the provider, and who pays.
///
/// # Errors
/// When it cannot be what is meant.
pub fn check(
    request: &StartSession,
    providers: &Providers,
) -> Result<(&'static Provider, Option<Billing>), Problem> {
    let provider =
        providers.find(&request.provider).ok_or_else(|| unknown_provider(providers, &request.provider))?;
    let billing = billing(provider, request.billing)?;
    check_dangerous(provider, request.dangerous, &request.args)?;
    check_directory(&request.dir)?;
    check_model(provider, request.model.as_deref())?;
    check_arguments(provider, request)?;
    for text in request.args.iter().chain(&request.prompt) {
        if text.contains('\0') || text.len() > LONGEST_ARGUMENT {
            let detail =
                format!("an argument or the prompt contains NUL or exceeds {LONGEST_ARGUMENT} bytes");
            return Err(Problem::new(Code::Invalid, detail));
        }
    }
    Ok((provider, billing))
}

/// Who pays, for a provider that knows the difference.
fn billing(provider: &Provider, asked: Option<Billing>) -> Result<Option<Billing>, Problem> {
    match (provider.accounts, asked) {
        (Some(_), asked) => Ok(Some(asked.unwrap_or_default())),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Problem::new(Code::Invalid, format!("{} has no billing modes", provider.name)))
        }
    }
}

/// Whoever wants no questions says so with the flag that is remembered and shown.
fn check_dangerous(provider: &Provider, dangerous: bool, args: &[String]) -> Result<(), Problem> {
    let flags = provider.dangerous_flags;
    if dangerous && flags.is_empty() {
        let detail = format!("{} never asks for permission", provider.name);
        return Err(Problem::new(Code::Invalid, detail));
    }
    match args.iter().find(|arg| flags.contains(&arg.as_str())) {
        Some(arg) => {
            let detail = format!("{arg} cannot be passed to the program directly");
            Err(Problem::new(Code::Invalid, detail).with_next(Next::AllowDangerous))
        }
        None => Ok(()),
    }
}

/// What would collide with what the program is given anyway.
fn check_arguments(provider: &Provider, request: &StartSession) -> Result<(), Problem> {
    let invalid = |detail: String| Problem::new(Code::Invalid, detail);
    let taken = provider.arguments.take(&request.args).map_err(invalid)?;
    match (&request.model, taken.model) {
        (Some(_), Some(_)) => Err(invalid("the model is given twice".to_owned())),
        (None, model) => check_model(provider, model.as_deref()),
        (Some(_), None) => Ok(()),
    }
}

fn check_model(provider: &Provider, model: Option<&str>) -> Result<(), Problem> {
    let Some(model) = model else { return Ok(()) };
    let word = |letter: char| letter.is_ascii_graphic();
    let detail = match provider.models.is_some() {
        false => format!("{} has no models", provider.name),
        true if model.is_empty() || model.starts_with('-') || !model.chars().all(word) => {
            format!("invalid model name '{}'", model.escape_debug())
        }
        true => return Ok(()),
    };
    Err(Problem::new(Code::Invalid, detail))
}

fn unknown_provider(providers: &Providers, name: &str) -> Problem {
    Problem::new(Code::Invalid, format!("unknown provider '{name}'; available: {}", providers.names()))
}

pub fn check_directory(dir: &Path) -> Result<(), Problem> {
    let invalid = |what: String| Problem::new(Code::Invalid, what);
    if !dir.is_absolute() {
        return Err(invalid(format!("directory {} is not absolute", dir.display())));
    }
    match std::fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(invalid(format!("{} is not a directory", dir.display()))),
        Err(error) => Err(invalid(format!("cannot use directory {}: {error}", dir.display()))),
    }
}
