use std::io::{self, IsTerminal};
use std::process::ExitStatus;

use clap::Args;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{Begin, Delivery};
use codepiper_protocol::{SessionId, Size};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes, reason};
use super::follow::Follow;
use super::view::{Leave, View, own_size};
use super::{Context, output};
use crate::client::{Client, Item};
use crate::tmux::find;

/// Attach to a session's terminal; detach with Ctrl+B D
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Attach {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Watch only: send no keys and keep the session's size; leave with Ctrl+C
    #[arg(short, long)]
    follow: bool,
}

impl Attach {
    pub(super) fn run(self, context: Context) -> Outcome {
        if self.follow && !output::is_terminal() {
            return Err(Failure::usage(
                "`attach --follow` needs a terminal; use `tail --follow --raw` in a pipe",
            ));
        }
        let client = context.client()?;
        if self.follow {
            return context.follow(look(client, &self.session));
        }
        check_terminal()?;
        let session = context.block_on(client.session(&self.session))??;
        native(&context, &client, &session)
    }
}

/// tmux needs a terminal that it knows.
pub(super) fn check_terminal() -> Outcome {
    if !(io::stdin().is_terminal() && output::is_terminal()) {
        return Err(Failure::usage("`attach` needs a terminal; `send`, `keys` and `tail` do not"));
    }
    match std::env::var("TERM") {
        Ok(term) if !term.is_empty() && term != "dumb" => Ok(()),
        _ => Err(Failure::usage("TERM is not set; try TERM=xterm-256color")),
    }
}

/// Gives the terminal to a tmux client until that ends.
pub(super) fn native(context: &Context, client: &Client, session: &Session) -> Outcome {
    let id = session.id.to_string();
    let status = context.block_on(work(client, session.id))??;
    let failed = status.is_some_and(|status| !status.success());
    match context.block_on(client.session(&id))? {
        // A session that ends may take its tmux server with it.
        Ok(session) if !failed || !session.status.is_live() => farewell(&session),
        // Attaching worked; who cannot say how the session is, says nothing.
        Err(_) if !failed => Ok(()),
        _ => {
            let (id, term) = (&session.short_id, std::env::var("TERM").unwrap_or_default());
            Err(Failure::new(format_args!(
                "tmux could not attach to session {id}; if it does not know the terminal type {term}, try \
                 TERM=xterm-256color"
            )))
        }
    }
}

/// Runs a tmux client until it ends or the program does: tmux itself would go on showing what a program
/// left that has ended. `None` when the program ended first.
async fn work(client: &Client, session: SessionId) -> Result<Option<ExitStatus>, Failure> {
    let id = session.to_string();
    // Events before the client, so that no end is missed.
    let (place, events) = tokio::join!(client.attach(&id), client.events(Some(session), None));
    let (place, mut events) = (place?, events?);
    if std::env::var_os("TMUX").is_some() {
        output::say("inside tmux: Ctrl+B Ctrl+B D detaches from the session, Ctrl+B D from the outer tmux");
    }
    let program = find::program(&place.tmux_socket);
    let mut tmux = tokio::process::Command::new(program)
        .arg("-u")
        .arg("-S")
        .arg(&place.tmux_socket)
        .args(["attach-session", "-t", &format!("={}", place.tmux_session)])
        .env_remove("TMUX")
        .env_remove("TMUX_PANE")
        .spawn()
        .map_err(|error| Failure::new(format_args!("cannot run tmux: {}; is it in PATH?", reason(&error))))?;
    let ended = async {
        loop {
            match events.next().await {
                Ok(event) if matches!(event.body, Body::SessionEnded { .. }) => return,
                Ok(_) => {}
                // The daemon left; the person stays, and leaves by hand.
                Err(_) => return std::future::pending().await,
            }
        }
    };
    let status = tokio::select! {
        status = tmux.wait() => Some(status),
        () = ended => None,
    };
    if status.is_none()
        && let Some(pid) = tmux.id()
    {
        // It gives the terminal back as it was.
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGTERM);
        let _ = tmux.wait().await;
    }
    status.transpose().map_err(|error| Failure::new(format_args!("cannot wait for tmux: {}", reason(&error))))
}

/// Shows the session until it ends or the person leaves.
async fn look(client: Client, session: &str) -> Outcome {
    let mut follow = Follow::begin(client, session, Begin::Live, Delivery::Latest, false).await?;
    let id = follow.stream.session.short_id.clone();
    if !follow.stream.session.status.is_live() {
        return Err(Failure::ended(format_args!(
            "session {id} has ended; see its output with `codepiper tail {id}`"
        )));
    }
    let notice = own_size().and_then(|own| too_small(own, follow.stream.size));
    if let Some(notice) = &notice {
        output::say(notice);
    }
    let (mut view, mut leave) = View::enter()?;
    let shown = show(&mut view, &mut leave, &mut follow).await;
    drop(view);
    // Said again, since the session has painted over it.
    if let Some(notice) = notice {
        output::say(notice);
    }
    shown?;
    farewell(&follow.stream.session)
}

async fn show(view: &mut View, leave: &mut Leave, follow: &mut Follow) -> Result<(), Failure> {
    loop {
        let item = tokio::select! {
            item = follow.next() => item,
            () = leave.wanted() => return Ok(()),
        };
        match item? {
            Item::Output(bytes) => view.output(&bytes)?,
            Item::Keyframe { bytes, .. } => view.keyframe(&bytes)?,
            Item::Ended { .. } => return Ok(()),
            Item::Gap { .. } | Item::CaughtUp { .. } | Item::Session | Item::Event(_) => {}
        }
    }
}

fn too_small(own: Size, session: Size) -> Option<String> {
    let fits = own.cols() >= session.cols() && own.rows() >= session.rows();
    (!fits).then(|| format!("this terminal ({own}) is smaller than the session ({session}); enlarge it"))
}

fn farewell(session: &Session) -> Outcome {
    let id = &session.short_id;
    match session.exit {
        Some(exit) => output::say(format_args!("session {id} has ended: {exit}")),
        None if !session.status.is_live() => output::say(format_args!("session {id} has ended")),
        None => {
            output::say(format_args!("session {id} keeps running; reattach with `codepiper attach {id}`"))
        }
    }
    Ok(())
}
