//! Providers of the configuration file: how their programs are started, resumed and quit, and what their reports and
//! their screens mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use regex::Regex;

use super::{Argv, Composer, Launch, PromptDelivery, Provider, Quit, ReadScreens};
use crate::config::{self, Means};
use crate::terminal::reports::Report;

/// See the module. It lives as long as the process: there are few, and sessions point to them.
pub struct Custom {
    name: &'static str,
    description: &'static str,
    resume_description: &'static str,
    command: Vec<String>,
    resume: Vec<String>,
    prompt: PromptDelivery,
    model: Vec<String>,
    quit: Quit,
    quit_limit: Duration,
    composer: Option<Composer>,
    rules: Vec<Rule>,
}

/// One signal: what is looked for, and what it proves.
pub struct Rule {
    what: What,
    means: Means,
}

enum What {
    /// The window's title fits.
    Title(Regex),
    /// A notification (OSC 9, 99 or 777) fits.
    Notification(Regex),
    /// OSC 7501 with this state.
    State(String),
    Bell,
    /// A row of the screen fits.
    Screen(Regex),
}

impl Custom {
    pub fn new(name: &str, config: &config::Provider) -> Self {
        let keep = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let keep_all = |texts: &[String]| -> &'static [&'static str] {
            Box::leak(texts.iter().map(|text| keep(text)).collect())
        };
        let quit = match config.quit.is_empty() {
            true => Quit::HangUp,
            false => Quit::Keys { keys: keep_all(&config.quit), pause: Duration::from_millis(300) },
        };
        let composer = config.composer.as_ref().map(|composer| Composer {
            mark: keep(&composer.mark),
            placeholders: keep_all(&composer.placeholders),
            image: composer.image.as_deref().map_or("[Image", keep),
            completes: &[],
            continues: &[],
            // Nobody knows what it takes for a command: such an agent gets no plain text.
            commands: &[],
            command_words: &[],
        });
        Self {
            name: keep(name),
            description: keep(config.description.as_deref().unwrap_or(name)),
            resume_description: match config.resume.is_empty() {
                true => "runs the command again",
                false => keep(&format!("continues ({})", config.resume.join(" "))),
            },
            command: config.command.clone(),
            resume: config.resume.clone(),
            prompt: match config.prompt {
                config::Prompt::Typed => PromptDelivery::Typed,
                config::Prompt::Argument => PromptDelivery::Argument,
            },
            model: config.model.clone(),
            quit,
            quit_limit: Duration::from_secs(config.quit_seconds),
            composer,
            rules: config.signals.iter().map(Rule::new).collect(),
        }
    }

    fn argv(&self, words: &[String], launch: &Launch, prompt: Option<&str>) -> Argv {
        let model = launch
            .model
            .into_iter()
            .flat_map(|name| self.model.iter().map(move |word| word.replace("{model}", name)));
        let (program, first) = words.split_first().map_or(("", &[][..]), |(program, rest)| (program, rest));
        let mut args: Vec<String> = first.to_vec();
        args.extend(model);
        args.extend_from_slice(launch.args);
        args.extend(prompt.map(str::to_owned));
        Argv { program: program.to_owned(), args }
    }
}

impl Provider for Custom {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        self.description
    }

    fn program(&self, _: &BTreeMap<String, String>) -> String {
        self.command.first().cloned().unwrap_or_default()
    }

    fn resume_description(&self) -> &'static str {
        self.resume_description
    }

    fn prompt_delivery(&self) -> PromptDelivery {
        self.prompt
    }

    fn choose_conversation(&self, _: SessionId) -> Option<String> {
        None
    }

    fn composer(&self) -> Option<Composer> {
        self.composer
    }

    fn takes_model(&self) -> bool {
        !self.model.is_empty()
    }

    fn start(&self, launch: &Launch, _: Option<&str>, prompt: Option<&str>) -> Argv {
        self.argv(&self.command, launch, prompt)
    }

    fn resume(&self, launch: &Launch, _: Option<&str>) -> Argv {
        let words = if self.resume.is_empty() { &self.command } else { &self.resume };
        self.argv(words, launch, None)
    }

    fn quit(&self) -> Quit {
        self.quit
    }

    fn quit_limit(&self) -> Duration {
        self.quit_limit
    }

    fn interpret_hook(&self, _: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)> {
        None
    }

    fn mention_image(&self, path: &Path) -> String {
        path.display().to_string()
    }

    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)> {
        self.rules.iter().find(|rule| rule.fits_report(report)).map(|rule| activity(rule.means))
    }

    fn reads_screens(&self) -> ReadScreens {
        match self.rules.iter().any(|rule| matches!(rule.what, What::Screen(_))) {
            true => ReadScreens::Always,
            false => ReadScreens::Never,
        }
    }

    fn interpret_screen(&self, rows: &[String]) -> Option<(Activity, Option<WaitingFor>, String)> {
        self.rules.iter().find_map(|rule| {
            let row = rule.row(rows)?;
            let (activity, waiting_for) = activity(rule.means);
            Some((activity, waiting_for, format!("its screen shows '{}'", row.trim().escape_debug())))
        })
    }
}

impl Rule {
    fn new(signal: &config::Signal) -> Self {
        // The configuration file was checked: there is one of these, and it is a regular expression.
        let regex = |text: &Option<String>| text.as_deref().and_then(|text| Regex::new(text).ok());
        let what = match (regex(&signal.title), regex(&signal.notification), regex(&signal.screen)) {
            (Some(title), ..) => What::Title(title),
            (_, Some(text), _) => What::Notification(text),
            (.., Some(row)) => What::Screen(row),
            _ => signal.osc_7501.clone().map_or(What::Bell, What::State),
        };
        Self { what, means: signal.means }
    }

    fn fits_report(&self, report: &Report) -> bool {
        match (&self.what, report) {
            (What::Title(regex), Report::Title(title)) => regex.is_match(title),
            (What::Notification(regex), Report::Notification { text, .. }) => regex.is_match(text),
            (What::State(wanted), Report::AgentState { state, .. }) => wanted == state,
            (What::Bell, Report::Bell) => true,
            _ => false,
        }
    }

    /// The lowest row that fits: new things stand below.
    fn row<'a>(&self, rows: &'a [String]) -> Option<&'a str> {
        let What::Screen(regex) = &self.what else { return None };
        rows.iter().rev().find(|row| regex.is_match(row)).map(String::as_str)
    }
}

fn activity(means: Means) -> (Activity, Option<WaitingFor>) {
    match means {
        Means::Working => (Activity::Working, None),
        Means::Idle => (Activity::Idle, None),
        Means::Waiting => (Activity::Waiting, None),
        Means::Permission => (Activity::Waiting, Some(WaitingFor::Permission)),
        Means::Question => (Activity::Waiting, Some(WaitingFor::Question)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom() -> Custom {
        let config = toml::from_str(
            r#"
            command = ["agent", "--tui"]
            resume = ["agent", "--continue"]
            model = ["--model", "{model}"]
            prompt = "argument"
            quit = ["ctrl+d"]
            [[signals]]
            title = "^⠋"
            means = "working"
            [[signals]]
            osc_7501 = "blocked"
            means = "permission"
            [[signals]]
            screen = '^\? for shortcuts'
            means = "idle"
            "#,
        )
        .unwrap();
        Custom::new("agent", &config)
    }

    #[test]
    fn words_of_the_configuration_make_the_command() {
        let (env, args) = (BTreeMap::new(), ["-v".to_owned()]);
        let launch = Launch {
            forked_from: None,
            session: SessionId::random(),
            args: &args,
            model: Some("large"),
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
            codex_hooks_without_review: false,
        };
        let argv = custom().start(&launch, None, Some("begin"));
        assert_eq!(
            (argv.program.as_str(), argv.args.join(" ").as_str()),
            ("agent", "--tui --model large -v begin")
        );
        assert_eq!(custom().resume(&launch, None).args.join(" "), "--continue --model large -v");
    }

    #[test]
    fn signals_mean_what_the_configuration_says() {
        let custom = custom();
        let title = |title: &str| custom.interpret(&Report::Title(title.to_owned()));
        assert_eq!(title("⠋ busy"), Some((Activity::Working, None)));
        assert_eq!(title("at rest"), None);
        let state = Report::AgentState { state: "blocked".into(), kind: None, app: None };
        assert_eq!(custom.interpret(&state), Some((Activity::Waiting, Some(WaitingFor::Permission))));
        let rows = ["work".to_owned(), "? for shortcuts".to_owned()];
        let (activity, _, what) = custom.interpret_screen(&rows).unwrap();
        assert_eq!((activity, what.as_str()), (Activity::Idle, "its screen shows '? for shortcuts'"));
        assert!(
            custom.reads_screens() == ReadScreens::Always && custom.interpret_screen(&rows[..1]).is_none()
        );
    }
}
