//! Who calls, and what they may do.
//!
//! A process is an **agent** when its chain of parents reaches the shim of a session or our tmux server, or when it
//! wears the [`mark`](crate::process::mark) of what these start: that stays when the parents are gone. An agent may read
//! its own session; the rest is refused and recorded. So is everything that comes from a process of which it is not
//! known where it comes from. This fences accidents and prompt injection, not a hostile program of the same user.

use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, By, Process};
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::problem::{Code, Problem};
use tokio::net::UnixStream;
use warp::http::Method;

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
pub fn permit(sessions: &Sessions, caller: &Caller, method: &Method, path: &str) -> Result<(), Problem> {
    let (pid, session) = match caller {
        Caller::Owner(_) => return Ok(()),
        Caller::Doubtful { pid, doubt } => return Err(doubtful(sessions, *pid, doubt, method, path)),
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
        session.is_some() && sessions.registry.find(&reference).ok().map(|found| found.id) == *session
    };
    if agents_may(method, path, own) {
        return Ok(());
    }
    // No refusal for good: its hooks wait in the spool.
    if let ["", "api", "sessions", reference, "hooks"] = path.split('/').collect::<Vec<_>>()[..]
        && let Some(why) = sessions.registry.unreadable(&percent_decode(reference))
    {
        return Err(Problem::new(Code::Internal, why));
    }
    Err(refuse(sessions, *pid, *session, format!("{method} {path}")))
}

/// Refuses who may be an agent.
fn doubtful(sessions: &Sessions, pid: i32, doubt: &Doubt, method: &Method, path: &str) -> Problem {
    let request = format!("{method} {path}");
    let detail = format!(
        "only the daemon's user may do this, and the caller could not be identified: {doubt}; refused: \
         {request}"
    );
    // No refusal for good, as above.
    let is_hook = matches!(path.split('/').collect::<Vec<_>>()[..], ["", "api", "sessions", _, "hooks"]);
    let code = if is_hook { Code::Internal } else { Code::Refused };
    sessions.event(None, Body::AuthAgentRefused { pid, request: format!("{request} ({doubt})") });
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
        ("GET", _) => !super::web::is_api(path),
        _ => false,
    }
}

/// Records the refusal and says it.
pub fn refuse(sessions: &Sessions, pid: i32, session: Option<SessionId>, request: String) -> Problem {
    let problem = Problem::new(
        Code::Refused,
        format!("a program started in a session may only read its own session; refused: {request}"),
    );
    sessions.event(session, Body::AuthAgentRefused { pid, request });
    problem
}

/// `%41` in a path is `A`. What is no escape stays.
pub fn percent_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may be asked for by an agent about its own session, by a login, and by anybody. Agents may
    /// nothing about another session; the owner may everything.
    const AGENT: u8 = 4;
    const LOGIN: u8 = 2;
    const ANYBODY: u8 = 1;

    /// Every route: the method, the path with `{}` for a session, and who may.
    const ROUTES: [(&str, &str, u8); 98] = [
        ("GET", "/ws", AGENT | LOGIN),
        ("GET", "/api/sessions", LOGIN),
        ("POST", "/api/sessions", LOGIN),
        ("GET", "/api/sessions/{}", AGENT | LOGIN),
        ("PATCH", "/api/sessions/{}", LOGIN),
        ("DELETE", "/api/sessions/{}", LOGIN),
        ("GET", "/api/sessions/{}/explain", AGENT | LOGIN),
        ("GET", "/api/sessions/{}/attach", LOGIN),
        ("POST", "/api/sessions/{}/stop", LOGIN),
        ("POST", "/api/sessions/{}/kill", LOGIN),
        ("POST", "/api/sessions/{}/resume", LOGIN),
        ("POST", "/api/sessions/{}/fork", LOGIN),
        ("POST", "/api/sessions/{}/resize", LOGIN),
        ("POST", "/api/sessions/{}/input", LOGIN),
        ("POST", "/api/sessions/{}/labels", LOGIN),
        ("DELETE", "/api/sessions/{}/queue", LOGIN),
        ("POST", "/api/sessions/{}/queue", LOGIN),
        ("POST", "/api/sessions/{}/model", LOGIN),
        ("POST", "/api/sessions/{}/images", LOGIN),
        ("POST", "/api/sessions/{}/keys", LOGIN),
        ("POST", "/api/sessions/{}/hooks", AGENT),
        ("POST", "/api/sessions/{}/status", AGENT),
        ("POST", "/api/sessions/{}/notify", AGENT),
        ("POST", "/api/sessions/{}/fit", LOGIN),
        ("DELETE", "/api/sessions/{}/fit", LOGIN),
        ("GET", "/api/sessions/{}/output", LOGIN),
        ("GET", "/api/sessions/{}/timeline", LOGIN),
        ("GET", "/api/sessions/{}/conversation", LOGIN),
        ("GET", "/api/sessions/{}/conversation/images/x", LOGIN),
        ("GET", "/api/sessions/{}/git", LOGIN),
        ("GET", "/api/sessions/{}/git/branches", LOGIN),
        ("GET", "/api/sessions/{}/git/log", LOGIN),
        ("GET", "/api/sessions/{}/git/commits/x", LOGIN),
        ("GET", "/api/sessions/{}/git/diff", LOGIN),
        ("GET", "/api/sessions/{}/git/file", LOGIN),
        ("GET", "/api/sessions/{}/git/lines", LOGIN),
        ("GET", "/api/sessions/{}/git/image", LOGIN),
        ("GET", "/api/sessions/{}/git/discarded", LOGIN),
        ("POST", "/api/sessions/{}/git/stage", LOGIN),
        ("POST", "/api/sessions/{}/git/unstage", LOGIN),
        ("POST", "/api/sessions/{}/git/discard", LOGIN),
        ("POST", "/api/sessions/{}/git/discarded/x/restore", LOGIN),
        ("POST", "/api/sessions/{}/git/commit", LOGIN),
        ("POST", "/api/sessions/{}/git/seen", LOGIN),
        ("POST", "/api/sessions/{}/git/marks", LOGIN),
        ("GET", "/api/sessions/{}/review", AGENT | LOGIN),
        ("POST", "/api/sessions/{}/review", LOGIN),
        ("PATCH", "/api/sessions/{}/review/x", LOGIN),
        ("DELETE", "/api/sessions/{}/review/x", LOGIN),
        ("POST", "/api/sessions/{}/review/x/address", AGENT | LOGIN),
        ("POST", "/api/sessions/{}/review/send", LOGIN),
        ("GET", "/api/timelines", LOGIN),
        ("GET", "/api/env-sets", LOGIN),
        ("POST", "/api/env-sets", LOGIN),
        ("GET", "/api/env-sets/x", LOGIN),
        ("PATCH", "/api/env-sets/x", LOGIN),
        ("DELETE", "/api/env-sets/x", LOGIN),
        ("GET", "/api/worktrees", LOGIN),
        ("DELETE", "/api/worktrees/x", LOGIN),
        ("POST", "/api/worktrees/x/merge", LOGIN),
        ("GET", "/api/directories", LOGIN),
        ("GET", "/api/daemon", LOGIN),
        ("POST", "/api/daemon/stop", 0),
        ("POST", "/api/daemon/restart", LOGIN),
        ("GET", "/api/providers", LOGIN),
        ("GET", "/api/doctor", LOGIN),
        ("GET", "/api/events", LOGIN),
        ("GET", "/api/auth", LOGIN | ANYBODY),
        ("POST", "/api/auth/setup", LOGIN | ANYBODY),
        ("POST", "/api/auth/setup/totp", LOGIN | ANYBODY),
        ("POST", "/api/auth/setup/finish", LOGIN | ANYBODY),
        ("POST", "/api/auth/sign-in", LOGIN | ANYBODY),
        ("POST", "/api/auth/sign-out", LOGIN | ANYBODY),
        ("GET", "/api/auth/logins", LOGIN),
        ("DELETE", "/api/auth/logins", LOGIN),
        ("DELETE", "/api/auth/logins/x", LOGIN),
        ("POST", "/api/auth/password", LOGIN),
        ("POST", "/api/auth/totp", LOGIN),
        ("POST", "/api/auth/totp/confirm", LOGIN),
        ("POST", "/api/auth/recovery-codes", LOGIN),
        ("POST", "/api/auth/bootstrap", 0),
        ("GET", "/api/asks", LOGIN),
        ("GET", "/api/asks/x", LOGIN),
        ("POST", "/api/asks/x/answer", LOGIN),
        ("POST", "/api/asks/x/acknowledge", LOGIN),
        ("POST", "/api/asks/x/snooze", LOGIN),
        ("POST", "/api/halt", LOGIN),
        ("GET", "/api/policies", LOGIN),
        ("GET", "/api/policies/ready", LOGIN),
        ("POST", "/api/policies/check", LOGIN),
        ("POST", "/api/policies/test", LOGIN),
        ("GET", "/api/policies/x", LOGIN),
        ("PUT", "/api/policies/x", LOGIN),
        ("DELETE", "/api/policies/x", LOGIN),
        ("POST", "/api/policies/x/attach", LOGIN),
        ("POST", "/api/auth/reset-password", 0),
        ("POST", "/api/auth/reset-mfa", 0),
        // The dashboard's files.
        ("GET", "/sessions", LOGIN | ANYBODY),
    ];

    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

    fn method(name: &str) -> Method {
        Method::from_bytes(name.as_bytes()).unwrap()
    }

    fn agent_may(name: &str, path: &str) -> bool {
        agents_may(&method(name), path, |reference| reference == "own")
    }

    #[test]
    fn everybody_may_what_the_table_says() {
        for (name, path, who) in ROUTES {
            let own = path.replace("{}", "own");
            assert_eq!(agent_may(name, &own), who & AGENT > 0, "{name} {path}");
            assert_eq!(logins_may(&method(name), &own), who & LOGIN > 0, "{name} {path}");
            assert_eq!(anybody_may(&method(name), &own), who & ANYBODY > 0, "{name} {path}");
            for name in METHODS {
                let known =
                    |of: u8| ROUTES.iter().any(|row| (row.0, row.1) == (name, path) && row.2 & of > 0);
                assert!(known(AGENT) || !agent_may(name, &own), "{name} {path}");
                assert!(known(ANYBODY) || !anybody_may(&method(name), &own), "{name} {path}");
            }
        }
    }

    /// `docs/api.md` has the same table, in words.
    #[test]
    fn the_documentation_has_this_table() {
        let docs = include_str!("../../docs/api.md");
        let mut documented = Vec::new();
        for row in docs.lines().filter(|line| line.starts_with("| `") && line.contains(" /")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let Some((name, path)) = cells[0].trim_matches('`').split_once(' ') else { continue };
            let bit = |word: &str| match word.trim() {
                "agent" => AGENT,
                "login" => LOGIN,
                "anybody" => ANYBODY,
                "" => 0,
                other => panic!("{other} in {row}"),
            };
            let who = cells[3].split(',').map(bit).sum::<u8>();
            documented.push((name.to_owned(), path.replace("{ref}", "{}").replace("{id}", "x"), who));
        }
        let mut routes: Vec<_> = ROUTES
            .into_iter()
            .filter(|row| crate::api::web::is_api(row.1))
            .map(|(name, path, who)| (name.to_owned(), path.to_owned(), who))
            .collect();
        routes.sort();
        documented.sort();
        assert_eq!(documented, routes);
    }

    #[test]
    fn agents_may_nothing_about_other_sessions() {
        for (name, path, _) in ROUTES.into_iter().filter(|row| row.1.contains("{}")) {
            for other in ["other", "", "..", "own%2F..%2Fother", "own/../other", "own/"] {
                assert!(!agent_may(name, &path.replace("{}", other)), "{name} {path} {other}");
            }
        }
    }

    #[test]
    fn nobody_gets_into_the_api_by_another_spelling() {
        for path in
            ["/api", "/api/", "/api/sessions/", "/api//sessions", "/ws", "/api/auth/", "/api/auth/logins/"]
        {
            assert!(!anybody_may(&Method::GET, path), "{path}");
        }
    }

    /// The table has every route that is there: whoever adds one decides.
    #[test]
    fn the_table_names_every_route() {
        let sources = [
            include_str!("sessions.rs"),
            include_str!("input.rs"),
            include_str!("conversation.rs"),
            include_str!("system.rs"),
            include_str!("stream.rs"),
            include_str!("auth.rs"),
            include_str!("directories.rs"),
            include_str!("env_sets.rs"),
            include_str!("worktrees.rs"),
            include_str!("git.rs"),
            include_str!("review.rs"),
            include_str!("policies.rs"),
            include_str!("asks.rs"),
            include_str!("../api.rs"),
        ];
        let routes = sources.map(|source| source.split("#[cfg(test)]").next().unwrap_or_default());
        let verbs = |name: &str| routes.iter().map(|source| source.matches(name).count()).sum::<usize>();
        let made: usize = ["get", "post", "put", "patch", "delete"]
            .map(|verb| verbs(&format!("warp::{verb}()")))
            .iter()
            .sum();
        // `stop` and `kill` are one filter.
        assert_eq!(made + 1, ROUTES.len());
    }

    #[test]
    fn escapes_in_paths_are_decoded() {
        assert_eq!(percent_decode("a%20b%2Fc%zz%4"), "a b/c%zz%4");
        assert_eq!(percent_decode("%C3%A9"), "é");
    }
}
