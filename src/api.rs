//! The API: one router for every client. JSON over HTTP under `/api`, one WebSocket at `/ws`.
//!
//! | module | what |
//! |--------|------|
//! | [`server`]   | accepting connections, and who is at their other end |
//! | [`web`]      | what a request over TCP has to prove, and what every answer says |
//! | [`places`]   | how many connections each kind of caller may have |
//! | [`caller`]   | owner, agent, login or nobody, and what each may do |
//! | [`audit`]    | `/api/audit` |
//! | [`auth`]     | `/api/auth` |
//! | [`sessions`] | `/api/sessions`, `/api/timelines` |
//! | [`input`]    | what a person gives an agent: texts, keys, images, files, a model |
//! | [`compress`] | answers over TCP, compressed |
//! | [`conversation`] | what was said, by the provider's transcript |
//! | [`output`]   | older output, for who scrolls back |
//! | [`search`]   | older output that has a text |
//! | [`timeline`] | states and markers, made from the events |
//! | [`directories`] | `/api/directories` |
//! | [`env_sets`] | `/api/env-sets` |
//! | [`policies`] | `/api/policies` |
//! | [`asks`] | `/api/asks`, `/api/halt` |
//! | [`notifications`] | `/api/notifications` |
//! | [`git`] | `/api/sessions/{ref}/git` |
//! | [`review`] | `/api/sessions/{ref}/review` |
//! | [`saved_prompts`] | `/api/prompts` |
//! | [`worktrees`] | `/api/worktrees` |
//! | [`system`]   | `/api/daemon`, `/api/providers`, `/api/doctor`, `/api/events` |
//! | [`stream`]   | `/ws` |
//!
//! To add a route: a filter in its resource's file, and a line in the table of [`caller`]'s test.

mod asks;
mod audit;
mod auth;
mod caller;
mod checks;
mod compress;
mod conversation;
mod directories;
mod env_sets;
mod git;
mod input;
mod notifications;
mod output;
mod places;
mod policies;
mod record;
mod reports;
mod review;
mod saved_prompts;
mod search;
mod server;
mod sessions;
mod stream;
mod system;
mod timeline;
mod web;
mod worktrees;

pub use caller::{Caller, Refusals};
pub use places::Places;
pub use server::serve;
pub use web::{Public, Web, tls};

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::{PROTOCOL, PROTOCOL_HEADER};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::audit::trail::Trail;
use crate::auth::Auth;
use crate::dashboard;
use crate::git::review::Reviews;
use crate::hook::Intake;
use crate::journal::Disk;
use crate::notification::Notifier;
use crate::paths::Paths;
use crate::saved_prompts::SavedPrompts;
use crate::session::Sessions;
use crate::small_file::Broken;
use crate::tasks::Tasks;

/// JSON bodies are at most this long, in bytes.
const JSON_LIMIT: u64 = 512 * 1024;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    pub sessions: Sessions,
    pub hooks: Intake,
    pub started_at: Timestamp,
    pub socket: PathBuf,
    pub tmux_socket: PathBuf,
    /// Where requests to leave go.
    pub leave: mpsc::Sender<Leave>,
    /// Its `shutdown` is cancelled when connections shall close.
    pub tasks: Tasks,
    pub paths: Arc<Paths>,
    pub journal: Arc<Disk>,
    /// Comments on sessions' changes.
    pub reviews: Arc<Reviews>,
    /// Small files of the daemon's own that cannot be used, and why.
    pub broken_files: Arc<Vec<Broken>>,
    pub auth: Auth,
    /// How the dashboard is reached, if it is served.
    pub web: Option<Arc<Web>>,
    pub audit: Trail,
    pub refusals: Refusals,
    pub notifier: Notifier,
    pub saved_prompts: SavedPrompts,
    /// Open WebSockets.
    pub sockets: TaskTracker,
    /// What is being done for callers. Closed when the daemon is about to leave: then nothing new begins.
    pub work: TaskTracker,
    /// Who may have how many connections.
    pub places: Places,
}

/// How the daemon shall leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Stop {
        kill_sessions: bool,
    },
    /// Execute itself again, under the same pid.
    Restart,
}

/// All routes.
fn router(api: Api) -> BoxedFilter<(Response,)> {
    let routes = sessions::routes(api.clone())
        .or(input::routes(api.clone()))
        .unify()
        .or(conversation::routes(api.clone()))
        .unify()
        .or(git::routes(api.clone()))
        .unify()
        .or(review::routes(api.clone()))
        .unify()
        .or(system::routes(api.clone()))
        .unify()
        .or(auth::routes(api.clone()))
        .unify()
        .or(directories::routes())
        .unify()
        .or(env_sets::routes(api.clone()))
        .unify()
        .or(policies::routes(api.clone()))
        .unify()
        .or(asks::routes(api.clone()))
        .unify()
        .or(audit::routes(api.clone()))
        .unify()
        .or(notifications::routes(api.clone()))
        .unify()
        .or(saved_prompts::routes(api.clone()))
        .unify()
        .or(worktrees::routes(api.clone()))
        .unify()
        .or(stream::route(api))
        .unify()
        .or(dashboard_files())
        .unify()
        .boxed();
    routes.recover(recover).unify().boxed()
}

/// Every other path is the dashboard's.
fn dashboard_files() -> BoxedFilter<(Response,)> {
    warp::get()
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and_then(|path: warp::path::FullPath, headers: warp::http::HeaderMap| async move {
            match web::is_api(path.as_str()) {
                true => Err(warp::reject::not_found()),
                false => Ok(dashboard::answer(path.as_str(), &headers).into_response()),
            }
        })
        .boxed()
}

/// Whether the caller speaks our protocol and may make this request.
fn permitted(api: &Api, caller: &Caller, request: &warp::http::request::Parts) -> Result<(), Problem> {
    if let Some(spoken) = request.headers.get(PROTOCOL_HEADER)
        && spoken.to_str().ok().and_then(|spoken| spoken.parse().ok()) != Some(PROTOCOL)
    {
        let spoken = String::from_utf8_lossy(spoken.as_bytes());
        return Err(Problem::new(
            Code::ProtocolMismatch,
            format!(
                "the client speaks protocol {}, and the daemon {PROTOCOL}; use the same version for both",
                spoken.escape_debug()
            ),
        ));
    }
    let path = request.uri.path();
    // The router passes over a slash at the end: what is permitted and what is done would be two paths.
    if web::is_api(path) && path.split('/').skip(1).any(str::is_empty) {
        return Err(Problem::new(Code::NotFound, "no such route: a slash has nothing behind it"));
    }
    caller::permit(api, caller, &request.method, path)
}

#[derive(Debug)]
struct Rejected(Problem);

impl warp::reject::Reject for Rejected {}

async fn recover(rejection: warp::Rejection) -> Result<Response, Infallible> {
    use warp::reject;
    let problem = if let Some(Rejected(problem)) = rejection.find() {
        problem.clone()
    } else if rejection.is_not_found() {
        Problem::new(Code::NotFound, "no such route")
    } else if rejection.find::<reject::PayloadTooLarge>().is_some() {
        Problem::new(Code::TooLarge, "the body is too large for this route")
    } else if let Some(error) = rejection.find::<warp::filters::body::BodyDeserializeError>() {
        Problem::new(Code::Invalid, error.to_string())
    } else if rejection.find::<reject::LengthRequired>().is_some() {
        Problem::new(Code::Invalid, "the request needs a Content-Length header")
    } else if rejection.find::<reject::InvalidQuery>().is_some() {
        Problem::new(Code::Invalid, "invalid query")
    } else if rejection.find::<reject::MethodNotAllowed>().is_some() {
        // Last: where a path has several methods, those that were not meant say this too.
        Problem::new(Code::MethodNotAllowed, "this route does not support this method")
    } else {
        Problem::new(Code::Invalid, format!("invalid request: {rejection:?}"))
    };
    Ok(answer_problem(&problem))
}

/// 200 with JSON, or the problem.
fn answer<T: Serialize>(result: Result<T, Problem>) -> Response {
    match result {
        Ok(value) => warp::reply::json(&value).into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

/// 200 with bytes, or the problem.
fn answer_bytes(result: Result<Vec<u8>, Problem>) -> Response {
    match result {
        Ok(bytes) => {
            let mut response = Response::new(Bytes::from(bytes).into());
            let kind = HeaderValue::from_static("application/octet-stream");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(problem) => answer_problem(&problem),
    }
}

/// A status without a body, or the problem.
fn answer_status(result: Result<StatusCode, Problem>) -> Response {
    match result {
        Ok(status) => status.into_response(),
        Err(problem) => answer_problem(&problem),
    }
}

fn answer_problem(problem: &Problem) -> Response {
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A filter that hands out a clone.
fn with<T: Clone + Send + Sync + 'static>(
    value: T,
) -> impl Filter<Extract = (T,), Error = Infallible> + Clone {
    warp::any().map(move || value.clone())
}

/// A JSON body; an empty one is the default.
fn json_or_default<T>() -> impl Filter<Extract = (T,), Error = warp::Rejection> + Clone
where
    T: serde::de::DeserializeOwned + Default + Send + 'static,
{
    let sized = warp::body::content_length_limit(JSON_LIMIT).and(warp::body::bytes());
    no_body().or(sized).unify().and_then(|body: Bytes| async move {
        if body.is_empty() {
            return Ok(T::default());
        }
        serde_json::from_slice(&body).map_err(|error| {
            warp::reject::custom(Rejected(Problem::new(Code::Invalid, format!("invalid body: {error}"))))
        })
    })
}

/// A request without a body, which says nothing of its length.
fn no_body() -> impl Filter<Extract = (Bytes,), Error = warp::Rejection> + Clone {
    let said = |name| warp::header::optional::<String>(name);
    said("content-length").and(said("transfer-encoding")).and_then(
        |length: Option<String>, encoding: Option<String>| async move {
            match (length, encoding) {
                (None, None) => Ok(Bytes::new()),
                _ => Err(warp::reject::not_found()),
            }
        },
    )
}

/// A JSON body.
fn json<T>() -> impl Filter<Extract = (T,), Error = warp::Rejection> + Clone
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    warp::body::content_length_limit(JSON_LIMIT).and(warp::body::bytes()).and_then(|body: Bytes| async move {
        serde_json::from_slice::<T>(&body).map_err(|error| {
            warp::reject::custom(Rejected(Problem::new(Code::Invalid, format!("invalid body: {error}"))))
        })
    })
}
