use clap::Args;
use codepiper_protocol::wire::session::{EndSession, ExitReason, Session};

use super::failure::{Failure, OF_SESSIONS, Outcome, exit_codes};
use super::{Context, output};
use crate::client::{Client, ClientError};

/// Continue a session that has ended, under the same id
///
/// An agent continues its conversation; a command runs again.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Resume {
    /// The session's id, a unique prefix of it, or its name
    #[arg(value_name = "ID", required_unless_present = "all")]
    session: Option<String>,
    /// Every session that ended with its tmux server: agents, and commands too. Exit code 1 when one of
    /// them was not resumed
    #[arg(long, conflicts_with = "session")]
    all: bool,
    /// Return as soon as it is under way
    #[arg(long)]
    no_wait: bool,
    /// Print the session as a JSON object, with --all one a line
    #[arg(long)]
    json: bool,
}

impl Resume {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let request = EndSession { no_wait: self.no_wait };
        match &self.session {
            Some(session) => self.report(&context.block_on(client.resume(session, request))??),
            None => context.block_on(self.resume_all(&client, request))?,
        }
    }

    /// One after another, each with its line.
    async fn resume_all(&self, client: &Client, request: EndSession) -> Outcome {
        let mut sessions = client.sessions(None, None).await?;
        sessions.retain(is_lost);
        if sessions.is_empty() {
            output::say("no session ended with its tmux server; `codepiper resume ID` continues another one");
        }
        let mut failed = false;
        for Session { id, short_id, .. } in sessions {
            match client.resume(&id.to_string(), request).await {
                Ok(resumed) => self.report(&resumed)?,
                Err(ClientError::Problem(problem)) => {
                    output::error(&format!("session {short_id} was not resumed: {problem}"));
                    failed = true;
                }
                Err(absent) => return Err(absent.into()),
            }
        }
        if failed { Err(Failure::Silent { code: 1 }) } else { Ok(()) }
    }

    fn report(&self, session: &Session) -> Outcome {
        if self.json {
            return output::json(session);
        }
        let Session { short_id, provider, .. } = session;
        output::done(format_args!("Session {short_id} resumed ({provider})"))
    }
}

/// Nobody asked for its end: it went with its tmux server.
pub(super) fn is_lost(session: &Session) -> bool {
    session.exit.is_some_and(|exit| exit.reason == ExitReason::ServerGone)
}
