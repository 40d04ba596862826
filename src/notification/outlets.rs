//! The configured command, the webhook, and the terminals that are attached.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::ask::Ask;
use codepiper_protocol::wire::notification::NotificationRules;
use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use ring::hmac;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::deliver::Message;
use super::outgoing::{Target, post};
use super::{Notifier, rules};
use crate::config;

/// Their names in the log.
const COMMAND: &str = "command";
const WEBHOOK: &str = "webhook";
const TERMINALS: &str = "attached terminals";
/// The command has so long.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// And what it said last is read so long after its end.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Of what it says when it fails, in bytes.
const LONGEST_COMPLAINT: u64 = 1000;

/// What the configuration names.
#[derive(Clone)]
pub struct Outlets {
    /// A program and its arguments.
    pub command: Option<Vec<String>>,
    pub webhook: Option<Webhook>,
    /// Terminals that are attached are told.
    pub terminals: bool,
    /// Of all three.
    pub rules: NotificationRules,
    /// Push services may be in the machine's own network.
    pub private_endpoints: bool,
    /// Whom push services may turn to: a URL.
    contact: Option<String>,
}

#[derive(Clone)]
pub struct Webhook {
    target: Target,
    secret: String,
    /// One call at a time, in order.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Outlets {
    /// # Errors
    /// What cannot be used of the configuration.
    pub fn new(config: &config::Notifications) -> anyhow::Result<Self> {
        let secret = config.webhook_secret.clone().unwrap_or_default();
        let webhook = config.webhook.as_ref().map(|url| {
            let target = Target::parse(url).map_err(|why| anyhow::anyhow!("notifications.webhook: {why}"))?;
            Ok::<_, anyhow::Error>(Webhook { target, secret, turn: Arc::default() })
        });
        let (command, private_endpoints) = (config.command.clone(), config.private_endpoints);
        let (webhook, rules) = (webhook.transpose()?, rules::of_config(config)?);
        let (terminals, contact) = (config.terminals, config.contact.clone());
        Ok(Self { command, webhook, terminals, rules, private_endpoints, contact })
    }

    /// For a device that has the dashboard there. Some push services refuse the names of a private network (RFC 8292 §2.1 only
    /// asks for a URL).
    pub(super) fn contact(&self, origin: &str) -> String {
        const NOBODY: &str = "mailto:codepiper@example.com";
        let host = Target::parse(origin).ok().filter(Target::is_https).map(|target| target.host().to_owned());
        let public = |host: &String| {
            let name = host.parse::<std::net::IpAddr>().is_err() && host.contains('.');
            let own = [".local", ".localhost", ".internal", ".lan", ".home", ".test"];
            name && !own.iter().any(|end| host.ends_with(end))
        };
        let of_dashboard = || host.filter(public).map(|_| origin.to_owned());
        self.contact.clone().or_else(of_dashboard).unwrap_or_else(|| NOBODY.to_owned())
    }
}

impl Webhook {
    pub fn host(&self) -> String {
        self.target.host().to_owned()
    }
}

impl Notifier {
    /// Those that are configured, and there.
    pub(super) fn outlets(&self) -> impl Iterator<Item = &'static str> {
        let Outlets { command, webhook, .. } = &self.0.outlets;
        let command = command.as_ref().map(|_| COMMAND);
        let terminals = self.has_terminals().then_some(TERMINALS);
        command.into_iter().chain(webhook.as_ref().map(|_| WEBHOOK)).chain(terminals)
    }

    pub(super) fn has_terminals(&self) -> bool {
        self.0.outlets.terminals && self.0.sessions.link.attached() > 0
    }

    /// Shows it in the terminals that are attached; `some` were.
    pub(super) fn show(&self, message: &Message, some: bool) {
        let (notifier, sent) = (self.clone(), message.to(TERMINALS, None));
        if !self.has_terminals() {
            if some {
                self.record(sent.suppressed("no terminal is attached any more"));
            }
            return;
        }
        let way = self.on_its_way(&message.ask);
        // What begins with a number may be another command of some terminals (ConEmu).
        let text = match sent.title() {
            title if title.starts_with("CodePiper") => title.to_owned(),
            title => format!("CodePiper: {title}"),
        };
        self.0.tasks.spawn_until_shutdown(async move {
            notifier.record(match notifier.0.sessions.link.notify_attached(&text).await {
                Ok(()) => sent.sent(),
                Err(problem) => sent.failed(&problem.detail),
            });
            way.arrived().await;
        });
    }

    /// Runs the configured command.
    pub(super) fn run(&self, message: &Message, ask: Option<&Ask>) {
        let Some(argv) = self.0.outlets.command.clone() else { return };
        let (notifier, message, ask) = (self.clone(), message.clone(), ask.cloned());
        let way = self.on_its_way(&message.ask);
        let sent = message.to(COMMAND, None);
        self.0.tasks.spawn_until_shutdown(async move {
            notifier.record(match execute(&argv, &message, ask.as_ref()).await {
                Ok(()) => sent.sent(),
                Err(why) => sent.failed(&why),
            });
            way.arrived().await;
        });
    }

    /// Calls the webhook.
    pub(super) fn call(&self, message: &Message, state: &'static str, ask: Option<&Ask>) {
        let Some(webhook) = self.0.outlets.webhook.clone() else { return };
        let (notifier, sent) = (self.clone(), message.to(WEBHOOK, None));
        let way = self.on_its_way(&message.ask);
        let body = json!({
            "state": state, "ask": message.ask, "session": message.session, "title": message.title,
            "body": message.body, "details": ask,
        });
        let body = body.to_string();
        self.0.tasks.spawn_until_shutdown(async move {
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("x-codepiper-signature", signature(&webhook.secret, Timestamp::now(), &body)),
            ];
            let _turn = webhook.turn.lock().await;
            let answer = post(&webhook.target, &headers, body.into_bytes(), true).await;
            notifier.record(match answer {
                Ok(answer) if answer.status.is_success() => sent.sent(),
                Ok(answer) => sent.failed(&format!("the server answered {}", answer.status)),
                Err(failure) => sent.failed(&failure.why),
            });
            way.arrived().await;
        });
    }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.BODY`.
fn signature(secret: &str, now: Timestamp, body: &str) -> String {
    let seconds = now.as_second();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

async fn execute(argv: &[String], message: &Message, ask: Option<&Ask>) -> Result<(), String> {
    let [program, args @ ..] = argv else { return Err("no command".to_owned()) };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.env("CODEPIPER_NOTIFICATION_TITLE", &message.title);
    command.env("CODEPIPER_NOTIFICATION_BODY", &message.body);
    command.env("CODEPIPER_NOTIFICATION_ASK", &message.ask);
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("cannot run {program}: {error}"))?;
    let group = child.id().map(|pid| Pid::from_raw(pid as i32));
    let (mut stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let text = json!({"title": message.title, "body": message.body, "ask": ask}).to_string();
    let mut said = Vec::new();
    let running = async {
        let tell = async {
            // It does not have to read it.
            let _ = stdin.take()?.write_all(text.as_bytes()).await;
            Some(())
        };
        let listen = async {
            let mut stderr = stderr?;
            let _ = (&mut stderr).take(LONGEST_COMPLAINT).read_to_end(&mut said).await;
            // What nobody reads would end it.
            tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await.ok()
        };
        let beside = async { futures_util::future::join(tell, listen).await };
        tokio::pin!(beside);
        tokio::select! {
            status = child.wait() => {
                // What it has left running may hold its output open.
                let _ = tokio::time::timeout(LAST_WORDS, beside).await;
                status
            }
            _ = &mut beside => child.wait().await,
        }
    };
    let Ok(status) = tokio::time::timeout(COMMAND_LIMIT, running).await else {
        if let Some(group) = group {
            let _ = killpg(group, Signal::SIGKILL);
        }
        return Err(format!("{program} was killed: it ran for more than {} s", COMMAND_LIMIT.as_secs()));
    };
    let status = status.map_err(|error| format!("cannot wait for {program}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.lines().map(one_line).find(|line| !line.is_empty());
    Err(format!("{program}: {}", said.unwrap_or_else(|| status.to_string())))
}

#[cfg(test)]
mod tests {
    use super::super::push::Urgency;
    use super::*;

    fn message() -> Message {
        Message {
            session: None,
            ask: "ask-1".to_owned(),
            title: "web asks for permission".to_owned(),
            body: "Bash: touch x".to_owned(),
            path: "/inbox?ask=ask-1".to_owned(),
            urgency: Urgency::High,
            closes: false,
        }
    }

    fn sh(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn the_command_is_told_and_says_why_it_failed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("told");
        let script = format!(
            "printf '%s|' \"$CODEPIPER_NOTIFICATION_TITLE\" \"$CODEPIPER_NOTIFICATION_ASK\" >{0}; cat >>{0}",
            file.display()
        );
        execute(&sh(&script), &message(), None).await.unwrap();
        let told = std::fs::read_to_string(&file).unwrap();
        assert!(told.starts_with("web asks for permission|ask-1|{\"ask\":null,"), "{told}");
        let why = execute(&sh("echo 'no bus' >&2; exit 3"), &message(), None).await.unwrap_err();
        assert_eq!(why, "/bin/sh: no bus");
        let why = execute(&["/nonexistent".to_owned()], &message(), None).await.unwrap_err();
        assert!(why.starts_with("cannot run /nonexistent"), "{why}");
        // It may say much, and leave something running.
        execute(&sh("head -c 100000 /dev/zero >&2; sleep 5 & exit 0"), &message(), None).await.unwrap();
        // It reads nothing of a long text.
        let long = Message { body: "x".repeat(100_000), ..message() };
        execute(&sh("exit 0"), &long, None).await.unwrap();
    }

    #[test]
    fn a_webhook_is_signed() {
        let signed = signature("secret", Timestamp::from_second(1_700_000_000).unwrap(), "{}");
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        let hex = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(signed, format!("t=1700000000,v1={hex}"));
    }
}
