//! Providers of the configuration file: how their programs are started, resumed and quit, and what their reports and
//! their screens mean.

use std::collections::BTreeMap;
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::wire::status::StatusRecord;
use regex::Regex;

use super::hooks::Unread;
use super::{
    Arguments, Argv, Composer, LaunchRequest, Launcher, Meaning, Models, PromptDelivery, Prompts, Provider,
    Quit, ReadScreens, Resume, Screened, Signals, paste_path, status_meaning,
};
use crate::config::{self, Means};
use crate::terminal::reports::Report;

/// The words of a configuration file that make a command.
pub struct Custom {
    command: Vec<String>,
    resume: Vec<String>,
    model: Vec<String>,
}

/// The signals of a configuration file. The first that fits counts.
struct Rules(Vec<Rule>);

/// One signal: what is looked for, and what it proves.
struct Rule {
    what: What,
    means: Means,
}

enum What {
    /// The window's title fits.
    Title(Regex),
    /// A notification (OSC 9, 99 or 777) fits.
    Notification(Regex),
    /// Its program status (OSC 7501) is this state.
    State(String),
    Bell,
    /// A row of the screen fits.
    Screen(Regex),
}

impl Custom {
    /// What the configuration file says, as a provider. Its texts live as long as the process: there are few.
    pub fn provider(name: &str, config: &config::Provider) -> Provider {
        let rules = Rules(config.signals.iter().map(Rule::new).collect());
        let custom = Self {
            command: config.command.clone(),
            resume: config.resume.clone(),
            model: config.model.clone(),
        };
        let name = keep(name);
        Provider {
            name,
            label: name,
            description: config.description.as_deref().map_or(name, keep),
            agent: true,
            launcher: Box::leak(Box::new(custom)),
            environment: &[],
            arguments: Arguments::EXTRA,
            resume: resume(config),
            dangerous_flags: &[],
            accounts: None,
            checks: None,
            models: (!config.model.is_empty()).then_some(Models {
                list: None,
                offered: &[],
                example: "",
                vendor: "",
            }),
            prompts: Prompts {
                delivery: match config.prompt {
                    config::Prompt::Typed => PromptDelivery::Typed,
                    config::Prompt::Argument => PromptDelivery::Argument,
                },
                composer: config.composer.as_ref().map(composer),
                mention_image: paste_path,
            },
            quit: match config.quit.is_empty() {
                true => Quit::HangUp,
                false => Quit::Keys { keys: keep_all(&config.quit), pause: Duration::from_millis(300) },
            },
            quit_limit: Duration::from_secs(config.quit_seconds),
            conversations: None,
            hooks: &Unread,
            answers: None,
            state_file: None,
            reads_screens: match rules.0.iter().any(|rule| matches!(rule.what, What::Screen(_))) {
                true => ReadScreens::Always,
                false => ReadScreens::Never,
            },
            signals: Box::leak(Box::new(rules)),
            prompts_for_commands: None,
            asks_on_screen: None,
            reports_count_as_hooks: false,
            question_delay: Duration::ZERO,
            switches: None,
            remark: None,
        }
    }

    fn argv(&self, words: &[String], launch: &LaunchRequest, prompt: Option<&str>) -> Argv {
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

impl Launcher for Custom {
    fn program(&self, _: &BTreeMap<String, String>) -> String {
        self.command.first().cloned().unwrap_or_default()
    }

    fn start(&self, launch: &LaunchRequest, _: Option<&str>, prompt: Option<&str>) -> Argv {
        self.argv(&self.command, launch, prompt)
    }

    fn resume(&self, launch: &LaunchRequest, _: Option<&str>) -> Argv {
        let words = if self.resume.is_empty() { &self.command } else { &self.resume };
        self.argv(words, launch, None)
    }
}

impl Signals for Rules {
    fn report(&self, report: &Report) -> Option<Meaning> {
        self.0.iter().find(|rule| rule.fits_report(report)).map(|rule| activity(rule.means))
    }

    /// Without a rule about it, it means what the standard says.
    fn status(&self, status: Option<&StatusRecord>) -> Option<Meaning> {
        let named: Vec<_> = self.0.iter().filter(|rule| matches!(rule.what, What::State(_))).collect();
        if named.is_empty() {
            return Some(status_meaning(status));
        }
        let state = status?.state.as_str();
        let fits = |rule: &&&Rule| matches!(&rule.what, What::State(wanted) if wanted == state);
        named.iter().find(fits).map(|rule| activity(rule.means))
    }

    fn screen(&self, rows: &[String]) -> Option<Screened> {
        self.0.iter().find_map(|rule| {
            let row = rule.row(rows)?;
            let (activity, waiting_for) = activity(rule.means);
            Some((activity, waiting_for, format!("its screen shows '{}'", row.trim().escape_debug())))
        })
    }
}

fn resume(config: &config::Provider) -> Resume {
    match config.resume.is_empty() {
        true => Resume { description: "runs the command again", keeps_conversation: false },
        false => Resume {
            description: keep(&format!("continues ({})", config.resume.join(" "))),
            keeps_conversation: true,
        },
    }
}

fn composer(config: &config::Composer) -> Composer {
    Composer {
        mark: keep(&config.mark),
        placeholders: keep_all(&config.placeholders),
        image: config.image.as_deref().map_or("[Image", keep),
        hints: keep_all(&config.hints),
        completes: &[],
        continues: &[],
        demotes: None,
        // Nobody knows what it takes for a command: such an agent gets no plain text.
        commands: &[],
        command_words: &[],
    }
}

fn keep(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn keep_all(texts: &[String]) -> &'static [&'static str] {
    Box::leak(texts.iter().map(|text| keep(text)).collect())
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

fn activity(means: Means) -> Meaning {
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
    use codepiper_protocol::SessionId;
    use codepiper_protocol::wire::status::{ProgramState, StatusReport, StatusSource};
    use jiff::Timestamp;

    use super::*;

    fn status(state: ProgramState) -> StatusRecord {
        StatusReport::new(Some(state)).record(StatusSource::Terminal, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn custom() -> Provider {
        let text = r#"
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
        "#;
        let table: config::Table = toml::from_str(text).unwrap();
        Custom::provider("agent", &table.own.unwrap())
    }

    #[test]
    fn words_of_the_configuration_make_the_command() {
        let (env, args) = (BTreeMap::new(), ["-v".to_owned()]);
        let launch = LaunchRequest {
            permission_mode: None,
            denied: &[],
            forked_from: None,
            session: SessionId::random(),
            args: &args,
            model: Some("large"),
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
        };
        let argv = custom().launcher.start(&launch, None, Some("begin"));
        assert_eq!(
            (argv.program.as_str(), argv.args.join(" ").as_str()),
            ("agent", "--tui --model large -v begin")
        );
        assert_eq!(custom().launcher.resume(&launch, None).args.join(" "), "--continue --model large -v");
    }

    #[test]
    fn signals_mean_what_the_configuration_says() {
        let custom = custom();
        let title = |title: &str| custom.signals.report(&Report::Title(title.to_owned()));
        assert_eq!(title("⠋ busy"), Some((Activity::Working, None)));
        assert_eq!(title("at rest"), None);
        let blocked = status(ProgramState::Blocked);
        let permission = (Activity::Waiting, Some(WaitingFor::Permission));
        assert_eq!(custom.signals.status(Some(&blocked)), Some(permission));
        assert_eq!(custom.signals.status(Some(&status(ProgramState::Idle))), None, "no rule");
        let none = Rules(vec![]);
        assert_eq!(none.status(Some(&blocked)), Some((Activity::Waiting, Some(WaitingFor::Question))));
        assert_eq!(none.status(None), Some((Activity::Unknown, None)));
        let rows = ["work".to_owned(), "? for shortcuts".to_owned()];
        let (activity, _, what) = custom.signals.screen(&rows).unwrap();
        assert_eq!((activity, what.as_str()), (Activity::Idle, "its screen shows '? for shortcuts'"));
        assert!(custom.reads_screens == ReadScreens::Always && custom.signals.screen(&rows[..1]).is_none());
    }
}
