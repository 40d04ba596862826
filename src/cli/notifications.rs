use clap::{Args, Subcommand};
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::notification::{NotificationRules, NotifiedDevice, TestNotification};

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::Table;
use super::{Context, output};

/// List what gets notifications: devices, the command, the webhook and attached terminals
///
/// Devices are set up in the dashboard, under Settings, Notifications; the others in the configuration file. `codepiper logs --source notification` shows what was sent, shown and suppressed, and why.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit_codes(OF_DAEMON))]
pub(super) struct Notifications {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Send a test notification to every device, the command, the webhook and attached terminals
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Test {
        /// Send it after this many seconds, at most 60
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        delay: u32,
    },
    /// Stop notifying a device
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove {
        /// A device id, or a unique prefix of one
        device: String,
    },
}

impl Notifications {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            None => list(&context, self.json),
            Some(Verb::Test { delay }) => test(&context, delay),
            Some(Verb::Remove { device }) => remove(&context, &device),
        }
    }
}

fn list(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let all = context.block_on(client.notifications())??;
    if json {
        return output::json(&all);
    }
    if all.devices.is_empty() && !all.command && all.webhook.is_none() {
        let who = if all.terminals { "only attached terminals get" } else { "nothing gets" };
        output::say(format_args!(
            "{who} notifications; for a browser, turn them on in the dashboard: Settings, Notifications"
        ));
        return Ok(());
    }
    let mut table = Table::new(["DEVICE", "NAME", "PUSH", "KINDS", "QUIET"], 3);
    for device in &all.devices {
        table.row([
            short(device).into(),
            device.name.as_str().into(),
            device.push.as_deref().unwrap_or("while open").into(),
            kinds(&device.rules).into(),
            quiet(&device.rules).into(),
        ]);
    }
    table.print(None)?;
    if all.command {
        output::line("The configured command is run, too.")?;
    }
    if let Some(host) = &all.webhook {
        output::line(format_args!("The webhook at {host} is called, too."))?;
    }
    if all.terminals {
        output::line("Terminals that are attached show them, too.")?;
    }
    Ok(())
}

fn short(device: &NotifiedDevice) -> String {
    device.id.to_string().chars().take(8).collect()
}

fn kinds(rules: &NotificationRules) -> String {
    match rules.kinds.len() {
        all if all == AskKind::ALL.len() => "all".to_owned(),
        0 => "none".to_owned(),
        _ => rules.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn quiet(rules: &NotificationRules) -> String {
    let quiet = rules.quiet.as_ref();
    quiet.map_or_else(|| "-".to_owned(), |quiet| format!("{} to {}", quiet.from, quiet.to))
}

fn test(context: &Context, delay_seconds: u32) -> Outcome {
    let client = context.client()?;
    context.block_on(client.test_notification(&TestNotification { delay_seconds }))??;
    let when = match delay_seconds {
        0 => String::new(),
        seconds => format!(" in {}", count(u64::from(seconds), "second")),
    };
    output::done(format_args!(
        "Test notification requested{when}; see `codepiper logs --source notification`"
    ))
}

fn remove(context: &Context, device: &str) -> Outcome {
    let client = context.client()?;
    let all = context.block_on(client.notifications())??;
    let fits: Vec<&NotifiedDevice> =
        all.devices.iter().filter(|known| known.id.to_string().starts_with(device)).collect();
    let [one] = fits[..] else {
        return Err(Failure::new(match fits.len() {
            0 => format!("no device '{device}' gets notifications; see `codepiper notifications`"),
            several => format!("'{device}' matches {several} devices; use a longer prefix of the id"),
        }));
    };
    context.block_on(client.remove_device(one.id))??;
    output::done(format_args!("{} gets no more notifications", one.name))
}
