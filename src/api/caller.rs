//! Who calls, and what they may do.
//!
//! A process is an **agent** when its chain of parents reaches the shim of a session, or our tmux
//! server. The shim is a child subreaper, so `setsid`, `nohup` and double forks stay below it. An agent
//! may read its own session; the rest is refused and recorded. This fences accidents and prompt
//! injection, not a hostile program of the same user.

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::problem::{Code, Problem};
use warp::http::Method;

use crate::process;
use crate::session::Sessions;

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The user of the daemon.
    Owner,
    /// A program that the daemon supervises. `None`: of no session that is known.
    Agent { pid: i32, session: Option<SessionId> },
}

impl Caller {
    /// Looks at the parents of the peer, in `/proc`.
    pub fn of(sessions: &Sessions, pid: i32) -> Self {
        let server = sessions.linked().map(|linked| linked.server.pid);
        for process in std::iter::once(pid).chain(process::parents(pid)) {
            let session = sessions.session_of_shim(process);
            if session.is_some() || Some(process) == server {
                return Self::Agent { pid, session };
            }
        }
        Self::Owner
    }
}

/// Whether the caller may make this request.
pub fn permit(sessions: &Sessions, caller: &Caller, method: &Method, path: &str) -> Result<(), Problem> {
    let Caller::Agent { pid, session } = caller else { return Ok(()) };
    let own = |reference: &str| {
        let reference = percent_decode(reference);
        session.is_some() && sessions.find(&reference).ok().map(|found| found.id) == *session
    };
    if agents_may(method, path, own) {
        return Ok(());
    }
    // No refusal for good: its hooks wait in the spool.
    if let ["", "api", "sessions", reference, "hooks"] = path.split('/').collect::<Vec<_>>()[..]
        && let Some(why) = sessions.unreadable(&percent_decode(reference))
    {
        return Err(Problem::new(Code::Internal, why));
    }
    Err(refuse(sessions, *pid, *session, format!("{method} {path}")))
}

/// What an agent may ask for; `own` says whether a reference is its own session.
fn agents_may(method: &Method, path: &str, own: impl Fn(&str) -> bool) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        // What may be subscribed to is checked there.
        ("GET", ["ws"]) => true,
        ("GET", ["api", "sessions", reference] | ["api", "sessions", reference, "explain"]) => own(reference),
        // Its own hooks.
        ("POST", ["api", "sessions", reference, "hooks"]) => own(reference),
        _ => false,
    }
}

/// Records the refusal and says it.
pub fn refuse(sessions: &Sessions, pid: i32, session: Option<SessionId>, request: String) -> Problem {
    let problem = Problem::new(
        Code::Refused,
        format!("a program inside a session may only read its own session; refused: {request}"),
    );
    sessions.event(session, Body::AuthAgentRefused { pid, request });
    problem
}

/// `%41` in a path is `A`. What is no escape stays.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every route: the method, the path, and whether an agent may make the request when `{}` is its own
    /// session. When it is another one it never may. The owner may everything.
    const ROUTES: [(&str, &str, bool); 22] = [
        ("GET", "/ws", true),
        ("GET", "/api/sessions", false),
        ("POST", "/api/sessions", false),
        ("GET", "/api/sessions/{}", true),
        ("PATCH", "/api/sessions/{}", false),
        ("DELETE", "/api/sessions/{}", false),
        ("GET", "/api/sessions/{}/explain", true),
        ("GET", "/api/sessions/{}/attach", false),
        ("POST", "/api/sessions/{}/stop", false),
        ("POST", "/api/sessions/{}/kill", false),
        ("POST", "/api/sessions/{}/resume", false),
        ("POST", "/api/sessions/{}/resize", false),
        ("POST", "/api/sessions/{}/input", false),
        ("POST", "/api/sessions/{}/keys", false),
        ("POST", "/api/sessions/{}/hooks", true),
        ("GET", "/api/daemon", false),
        ("POST", "/api/daemon/stop", false),
        ("POST", "/api/daemon/restart", false),
        ("GET", "/api/providers", false),
        ("GET", "/api/doctor", false),
        ("GET", "/api/events", false),
        // What is no route is no way around.
        ("GET", "/api/sessions/{}/", false),
    ];

    #[test]
    fn agents_may_what_the_table_says() {
        let may = |method: &str, path: &str| {
            agents_may(&Method::from_bytes(method.as_bytes()).unwrap(), path, |reference| reference == "own")
        };
        for (method, path, allowed) in ROUTES {
            assert_eq!(may(method, &path.replace("{}", "own")), allowed, "{method} {path}");
            if path.contains("{}") {
                for other in ["other", "", "..", "own%2F..%2Fother", "own/../other"] {
                    assert!(!may(method, &path.replace("{}", other)), "{method} {path} {other}");
                }
            }
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"] {
                let known = ROUTES.iter().any(|route| (route.0, route.1, route.2) == (method, path, true));
                assert!(known || !may(method, &path.replace("{}", "own")), "{method} {path}");
            }
        }
    }

    /// The table has every route that is there: whoever adds one decides.
    #[test]
    fn the_table_names_every_route() {
        let sources = [include_str!("sessions.rs"), include_str!("system.rs"), include_str!("stream.rs")];
        let routes = sources.map(|source| source.split("#[cfg(test)]").next().unwrap_or_default());
        let verbs = |name: &str| routes.iter().map(|source| source.matches(name).count()).sum::<usize>();
        let made =
            verbs("warp::get()") + verbs("warp::post()") + verbs("warp::patch()") + verbs("warp::delete()");
        // `stop`, `kill` and `resume` are one filter; the last line of the table is no route.
        assert_eq!(made + 2, ROUTES.len() - 1);
    }

    #[test]
    fn escapes_in_paths_are_decoded() {
        assert_eq!(percent_decode("a%20b%2Fc%zz%4"), "a b/c%zz%4");
        assert_eq!(percent_decode("%C3%A9"), "é");
    }
}
