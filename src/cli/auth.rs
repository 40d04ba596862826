use std::io::IsTerminal;

use clap::{Args, Subcommand};
use codepiper_protocol::wire::auth::{AuthStage, ConfirmTotp, LoginId, ResetPassword};
use jiff::Timestamp;

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::Table;
use super::{Context, ask, output, time};
use crate::auth::qr_text;

/// Manage access to the dashboard: setup, logins, password and authenticator
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON))]
pub(super) struct Auth {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show whether the dashboard is set up, and the number of logins
    #[command(after_help = exit_codes(OF_DAEMON))]
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print a new one-time password for the setup; the previous one becomes invalid
    #[command(after_help = exit_codes(OF_DAEMON))]
    Bootstrap,
    /// Set a new password, read from the terminal or one line of stdin; ends all logins
    #[command(after_help = exit_codes(OF_DAEMON))]
    ResetPassword,
    /// Set up a new authenticator: show its QR code and read its first code; ends all logins
    #[command(after_help = exit_codes(OF_DAEMON))]
    ResetMfa,
    /// List the logins
    #[command(after_help = exit_codes(OF_DAEMON))]
    Sessions {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// End a login and its open connections
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Revoke {
        /// Login id, as shown by `codepiper auth sessions`
        #[arg(value_name = "ID", required_unless_present = "all")]
        login: Option<LoginId>,
        /// End all logins
        #[arg(long, conflicts_with = "login")]
        all: bool,
    },
}

impl Auth {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::Status { json } => status(&context, json),
            Verb::Bootstrap => {
                let client = context.client()?;
                output::line(context.block_on(client.bootstrap())??.password)
            }
            Verb::ResetPassword => reset_password(&context),
            Verb::ResetMfa => reset_mfa(&context),
            Verb::Sessions { json } => sessions(&context, json),
            Verb::Revoke { login, .. } => revoke(&context, login),
        }
    }
}

fn status(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let (status, logins, daemon) = context
        .block_on(async { Ok((client.auth().await?, client.logins().await?, client.daemon().await?)) })?
        .map_err(|error: crate::client::ClientError| Failure::from(error))?;
    if json {
        return output::json(&status);
    }
    output::line(match daemon.web {
        Some(web) => format!("Dashboard at {web}"),
        None => "The dashboard is not served; start the daemon with `codepiper daemon --web`".to_owned(),
    })?;
    output::line(match (status.stage, status.setup_under_way) {
        (AuthStage::Setup, false) => {
            "Not set up yet; get the one-time password with `codepiper auth bootstrap`".to_owned()
        }
        (AuthStage::Setup, true) => "Setup in progress in a browser".to_owned(),
        (AuthStage::Closed, _) => status.detail.unwrap_or_default(),
        (AuthStage::SignedOut | AuthStage::SignedIn, _) => match logins.len() {
            1 => "Set up; 1 login".to_owned(),
            logins => format!("Set up; {logins} logins"),
        },
    })
}

fn reset_password(context: &Context) -> Outcome {
    let client = context.client()?;
    let password = match std::io::stdin().is_terminal() {
        true => {
            let password = ask::hidden("New password: ")?;
            if ask::hidden("Repeat it: ")? != password {
                return Err(Failure::usage("the passwords do not match; nothing was changed"));
            }
            password
        }
        false => ask::line()?,
    };
    context.block_on(client.reset_password(&ResetPassword { password }))??;
    output::done("Password changed; all logins have ended")
}

fn reset_mfa(context: &Context) -> Outcome {
    let client = context.client()?;
    let change = context.block_on(client.reset_mfa())??;
    if let Some(qr) = qr_text(&change.totp.uri).filter(|_| output::is_terminal()) {
        qr.lines().try_for_each(output::line)?;
    }
    output::line(&change.totp.uri)?;
    output::say("Scan the code or enter the secret in the authenticator. Code: ");
    let code = ask::line()?;
    let codes = context.block_on(client.confirm_totp(&ConfirmTotp { token: change.token, code }))??;
    output::done("Authenticator changed; all logins have ended. New recovery codes:")?;
    codes.codes.iter().try_for_each(output::line)
}

fn sessions(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let logins = context.block_on(client.logins())??;
    if json {
        return output::json(&logins);
    }
    let now = Timestamp::now();
    let mut table = Table::new(["ID", "DEVICE", "ADDRESS", "SINCE", "SEEN", "OPEN"], 1);
    for login in logins {
        table.row([
            login.id.to_string().into(),
            login.device.into(),
            login.address.unwrap_or_default().into(),
            time::age(login.created_at, now).into(),
            time::age(login.seen_at, now).into(),
            login.open.to_string().into(),
        ]);
    }
    table.print(None)
}

fn revoke(context: &Context, login: Option<LoginId>) -> Outcome {
    let client = context.client()?;
    context.block_on(client.end_logins(login))??;
    match login {
        Some(login) => output::done(format_args!("Login {login} ended")),
        None => output::done("All logins ended"),
    }
}
