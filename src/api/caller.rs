//! Who calls, and what they may do.
//!
//! A process is an **agent** when its chain of parents reaches the shim of a session or our tmux server, or when it
//! wears the [`mark`](crate::process::mark) of what these start: that stays when the parents are gone. An agent may read
//! its own session; the rest is refused and recorded. So is everything that comes from a process of which it is not
//! known where it comes from. This fences accidents and prompt injection, not a hostile program of the same user.

mod refusals;

pub use refusals::Refusals;

use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::{By, Process};
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::problem::{Code, Problem};
use tokio::net::UnixStream;
use warp::http::Method;

use super::Api;
use crate::process::mark;
use crate::process::peer::{self, Doubt, Peer};
use crate::session::Sessions;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The user of the daemon, by this process.
    Owner(Arc<Process>),
    /// A program that the daemon supervises. `None`: of no session that is known.
    Agent { pid: i32, session: Option<SessionId> },
    /// Somebody on our socket who may be an agent.
    Doubtful { pid: i32, doubt: Doubt },
    /// A browser that has signed in.
    Login(LoginId),
    /// It has that login's cookie, and has not said its second secret: for a WebSocket it may do so yet.
    Cookie(LoginId),
    /// Somebody over TCP.
    Nobody,
}

impl Caller {
    /// Who is at the other end of our socket: whoever connected, whatever became of the connection since.
    pub fn of(sessions: &Sessions, socket: &UnixStream, pid: Option<i32>) -> Self {
        let look = || {
            let peer = Peer::of(socket, pid)?;
            let lineage = peer.lineage(mark::ours().map_err(|_| Doubt::Unreadable(peer.pid()))?)?;
            Ok((peer, lineage))
        };
        let (peer, lineage) = match look() {
            Ok(known) => known,
            Err(doubt) => return Self::Doubtful { pid: pid.unwrap_or_default(), doubt },
        };
        let pid = peer.pid();
        let chain = match lineage.chain {
            Ok(chain) => chain,
            Err(_) if lineage.marked => return Self::Agent { pid, session: None },
            Err(doubt) => return Self::Doubtful { pid, doubt },
        };
        let session = sessions.link.session_above(&chain);
        let server = sessions.link.linked().map(|linked| linked.server.pid);
        let below_server = || chain.iter().any(|link| Some(link.pid) == server);
        if session.is_some() || lineage.marked || below_server() {
            return Self::Agent { pid, session };
        }
        Self::Owner(Arc::new(Process { pid, names: peer::names(&chain) }))
    }

    /// What events say about who did something.
    pub fn by(&self) -> Option<By> {
        match self {
            Self::Owner(process) => Some(By::Process((**process).clone())),
            Self::Login(id) => Some(By::Login(*id)),
            Self::Agent { .. } | Self::Doubtful { .. } | Self::Cookie(_) | Self::Nobody => None,
        }
    }
}

/// Whether the caller may make this request.
pub fn permit(api: &Api, caller: &Caller, method: &Method, path: &str) -> Result<(), Problem> {
    let registry = &api.sessions.registry;
    let (pid, session) = match caller {
        Caller::Owner(_) => return Ok(()),
        Caller::Doubtful { pid, doubt } => return Err(doubtful(api, *pid, doubt, method, path)),
        Caller::Agent { pid, session } => (pid, session),
        Caller::Login(_) if logins_may(method, path) => return Ok(()),
        Caller::Login(_) => {
            let detail =
                format!("only the daemon's user may do this, from the command line: {method} {path}");
            return Err(Problem::new(Code::Refused, detail));
        }
        Caller::Cookie(_) if (method, path) == (&Method::GET, "/ws") => return Ok(()),
        Caller::Cookie(_) | Caller::Nobody if anybody_may(method, path) => return Ok(()),
        Caller::Cookie(_) | Caller::Nobody => {
            return Err(Problem::new(Code::SignedOut, "not signed in, or the page's token is missing"));
        }
    };
    let own = |reference: &str| {
        let reference = percent_decode(reference);
        session.is_some() && registry.find(&reference).ok().map(|found| found.id) == *session
    };
    if agents_may(method, path, own) {
        return Ok(());
    }
    // No refusal for good: its hooks wait in the spool.
    if let ["", "api", "sessions", reference, "hooks"] = path.split('/').collect::<Vec<_>>()[..]
        && let Some(why) = registry.unreadable(&percent_decode(reference))
    {
        return Err(Problem::new(Code::Internal, why));
    }
    Err(refuse(api, *pid, *session, &format!("{method} {path}")))
}

/// Refuses who may be an agent.
fn doubtful(api: &Api, pid: i32, doubt: &Doubt, method: &Method, path: &str) -> Problem {
    let request = format!("{method} {path}");
    let detail = format!(
        "only the daemon's user may do this, and the caller could not be identified: {doubt}; refused: \
         {request}"
    );
    // No refusal for good, as above.
    let is_hook = matches!(path.split('/').collect::<Vec<_>>()[..], ["", "api", "sessions", _, "hooks"]);
    let code = if is_hook { Code::Internal } else { Code::Refused };
    api.refusals.note(None, pid, &format!("{request} ({doubt})"));
    Problem::new(code, detail)
}

/// What an agent may ask for; `own` says whether a reference is its own session.
fn agents_may(method: &Method, path: &str, own: impl Fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        // What may be subscribed to is checked there.
        ("GET", ["ws"]) => true,
        ("GET", ["api", "sessions", reference] | ["api", "sessions", reference, "explain"]) => own(reference),
        // What people say of its work, and that it has done it.
        ("GET", ["api", "sessions", reference, "review"]) => own(reference),
        ("POST", ["api", "sessions", reference, "review", _, "address"]) => own(reference),
        // Its own hooks, and what it says about itself.
        ("POST", ["api", "sessions", reference, "hooks" | "status" | "notify"]) => own(reference),
        _ => false,
    }
}

/// What a browser that has signed in may ask for: all that people do. What repairs the way in, and what
/// the web could not bring back, is left to the owner.
fn logins_may(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    !matches!(
        (method.as_str(), parts.as_slice()),
        ("POST", ["api", "auth", "bootstrap" | "reset-password" | "reset-mfa"])
            | ("POST", ["api", "daemon", "stop"])
            | ("POST", ["api", "sessions", _, "hooks" | "status" | "notify"])
    )
}

/// What is needed to come in.
fn anybody_may(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["api", "auth"]) => true,
        ("POST", ["api", "auth", "setup"] | ["api", "auth", "setup", "totp" | "finish"]) => true,
        ("POST", ["api", "auth", "sign-in" | "sign-out"]) => true,
        // A service worker has no second secret; the receipt proves itself.
        ("POST", ["api", "notifications", "receipts"]) => true,
        ("GET", _) => !super::web::is_api(path),
        _ => false,
    }
}

/// Records the refusal and says it.
pub fn refuse(api: &Api, pid: i32, session: Option<SessionId>, request: &str) -> Problem {
    api.refusals.note(session, pid, request);
    Problem::new(
        Code::Refused,
        format!("a program started in a session may only read its own session; refused: {request}"),
    )
}

/// `%41` in a path is `A`. What is no escape stays.
pub fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests;
