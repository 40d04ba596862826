//! What agents report of their own session: `/api/sessions/{ref}/hooks`, `/api/sessions/{ref}/status`

use std::convert::Infallible;

use bytes::Bytes;
use codepiper_protocol::hook::{AGAIN_HEADER, DELIVERY_HEADER, MAX_PAYLOAD};
use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::status::StatusReport;
use tokio_util::sync::CancellationToken;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use super::sessions::{find, path_to};
use super::{Api, answer, answer_status, git, json};
use crate::hook::Answer;
use crate::session::Waiter;

pub(super) fn routes(api: &Api) -> BoxedFilter<(Response,)> {
    hooks(api).or(status(api)).unify().boxed()
}

fn hooks(api: &Api) -> BoxedFilter<(Response,)> {
    path_to(api, "hooks")
        .and(warp::post())
        .and(warp::header::optional::<String>(DELIVERY_HEADER))
        .and(warp::header::optional::<bool>(AGAIN_HEADER))
        .and(warp::body::content_length_limit(MAX_PAYLOAD as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, delivery, again: Option<bool>, payload: Bytes| async move {
            let again = again.unwrap_or_default();
            let taken = match find(&api, &reference) {
                Ok(session) => {
                    if !again {
                        git::turn(&api, &session, &payload);
                    }
                    api.hooks.receive(&session, delivery, again, &payload).await
                }
                Err(problem) => Err(problem),
            };
            match taken {
                Ok(Answer::Now(told)) => answer(Ok::<_, Problem>(told)),
                Ok(Answer::Later(waiter)) => answer_later(api.tasks.shutdown.clone(), waiter),
                Ok(Answer::Nothing) => answer_status(Ok(StatusCode::NO_CONTENT)),
                Err(problem) => answer_status(Err(problem)),
            }
        })
        .boxed()
}

/// 202 at once, and what a person answers when they do. When the hook hangs up, its body is dropped, and the waiter with it.
fn answer_later(shutdown: CancellationToken, mut waiter: Waiter) -> Response {
    let body = async move {
        let told = match shutdown.run_until_cancelled(waiter.answer()).await {
            Some(Some(told)) => Bytes::from(told.to_string()),
            Some(None) => Bytes::from_static(b"\n"),
            // It comes again, to the next daemon.
            None => Bytes::new(),
        };
        Ok::<_, Infallible>(told)
    };
    let mut response = warp::reply::stream(futures_util::stream::once(body)).into_response();
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn status(api: &Api) -> BoxedFilter<(Response,)> {
    path_to(api, "status")
        .and(warp::post())
        .and(json::<StatusReport>())
        .then(|reference, api: Api, report| async move {
            let taken = find(&api, &reference)
                .and_then(|session| api.sessions.evidence.program_reported(&session, report));
            answer_status(taken.map(|()| StatusCode::NO_CONTENT))
        })
        .boxed()
}
