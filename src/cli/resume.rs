use clap::Args;
use codepiper_protocol::wire::session::{ExitReason, ForkSession, ListSessions, ResumeSession, Session};
use futures_util::StreamExt;

use super::failure::{Failure, OF_SESSIONS, Outcome, exit_codes};
use super::next::hint;
use super::{Context, output};
use crate::client::{Client, ClientError};

/// Number of sessions started at a time: agents read and index a lot when they start.
const AT_A_TIME: usize = 2;

/// Resume an ended session under the same id
///
/// An agent continues its conversation; a command runs again.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Resume {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID", required_unless_present = "all")]
    session: Option<String>,
    /// Resume every session that ended with its tmux server; exits with 1 if one of them failed
    #[arg(long, conflicts_with = "session")]
    all: bool,
    /// Start a new session with a copy of the conversation; the original stays as it is
    #[arg(long, conflicts_with_all = ["all", "no_wait"])]
    fork: bool,
    /// Name of the fork
    #[arg(long, requires = "fork")]
    name: Option<String>,
    /// Return without waiting for the program to start
    #[arg(long)]
    no_wait: bool,
    /// Print the session as a JSON object; with --all, one per line
    #[arg(long)]
    json: bool,
}

impl Resume {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let surroundings = Some(context.surroundings()?);
        let request = ResumeSession { no_wait: self.no_wait, surroundings };
        match &self.session {
            Some(session) if self.fork => {
                let request = ForkSession { name: self.name.clone(), surroundings: request.surroundings };
                let fork = context.block_on(client.fork(session, &request))??;
                if self.json {
                    return output::json(&fork);
                }
                let Session { short_id, provider, .. } = &fork;
                output::done(format_args!("Session {short_id} started ({provider}), a fork of {session}"))
            }
            Some(session) => self.report(&context.block_on(client.resume(session, &request))??),
            None => context.block_on(self.resume_all(&client, &request))?,
        }
    }

    /// Two at a time, each with its line, in order.
    async fn resume_all(&self, client: &Client, request: &ResumeSession) -> Outcome {
        let mut sessions = client.sessions(&ListSessions::default()).await?;
        sessions.retain(is_lost);
        if sessions.is_empty() {
            output::say(
                "no session ended with its tmux server; resume another one with `codepiper resume ID`",
            );
        }
        let mut failed = false;
        let resuming = sessions.into_iter().map(|session| async move {
            (session.short_id, client.resume(&session.id.to_string(), request).await)
        });
        let mut resuming = futures_util::stream::iter(resuming).buffered(AT_A_TIME);
        while let Some((short_id, resumed)) = resuming.next().await {
            match resumed {
                Ok(resumed) => self.report(&resumed)?,
                Err(ClientError::Problem(problem)) => {
                    output::error(&format!("session {short_id} was not resumed: {problem}"));
                    if let Some(next) = &problem.next {
                        output::hint(&hint(next));
                    }
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
