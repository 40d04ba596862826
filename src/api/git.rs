//! `/api/sessions/{ref}/git`: what git says about a session's directory, and what is staged, discarded and committed.

use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::git::{
    ChangeFiles, Discarded, GitCommitDetails, GitDiff, GitStatus, MakeCommit, ReadDiff, ReadFile, ReadImage,
    ReadLines, ReadLog, ReadPage, Snapshot,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::caller::percent_decode;
use super::sessions::{Reference, find};
use super::{Api, answer, answer_bytes, answer_status, json, with};
use crate::git::base::State;
use crate::git::error::Failure;
use crate::git::repo::Repo;
use crate::git::{commit, diff, discard, history, snapshot, stage, status};
use crate::session::Session;
use crate::tasks::blocking;

/// So much is read or written at once: each may hold two versions of a large file in memory.
static TURNS: Semaphore = Semaphore::const_new(4);

/// A hook that tells of a longer prompt, in bytes, makes no state to compare with.
const PROMPT_LIMIT: usize = 1024 * 1024;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    repository(&api)
        .or(differences(&api))
        .unify()
        .or(changing(&api))
        .unify()
        .or(keeping(&api))
        .unify()
        .boxed()
}

/// `/api/sessions/{ref}/git` and what comes behind it.
fn at(api: &Api) -> BoxedFilter<(Reference, Api)> {
    warp::path!("api" / "sessions" / Reference / "git" / ..).and(with(api.clone())).boxed()
}

/// `/api/sessions/{ref}/git/NAME`
fn path_to(api: &Api, name: &'static str) -> BoxedFilter<(Reference, Api)> {
    at(api).and(warp::path(name)).and(warp::path::end()).boxed()
}

fn repository(api: &Api) -> BoxedFilter<(Response,)> {
    let status = at(api).and(warp::path::end()).and(warp::get()).and(warp::query::<ReadPage>()).then(
        |reference, api: Api, page| async move {
            let status = in_repo(&api, &reference, move |repo, session| {
                let turns = snapshot::turns(repo, session)?;
                Ok(GitStatus { turns, ..status::status(repo, &page)? })
            });
            answer(status.await)
        },
    );
    let branches = path_to(api, "branches").and(warp::get()).and(warp::query::<ReadPage>()).then(
        |reference, api: Api, page| async move {
            answer(in_repo(&api, &reference, move |repo, _| history::branches(repo, &page)).await)
        },
    );
    let log = path_to(api, "log").and(warp::get()).and(warp::query::<ReadLog>()).then(
        |reference, api: Api, wanted| async move {
            answer(in_repo(&api, &reference, move |repo, _| history::log(repo, &wanted)).await)
        },
    );
    let commit = at(api).and(warp::path!("commits" / String)).and(warp::get()).then(
        |reference, api: Api, id: String| async move {
            let id = percent_decode(&id);
            answer(in_repo(&api, &reference, move |repo, _| history::commit(repo, &id)).await)
        },
    );
    status.or(branches).unify().or(log).unify().or(commit).unify().boxed()
}

fn differences(api: &Api) -> BoxedFilter<(Response,)> {
    let diff = path_to(api, "diff").and(warp::get()).and(warp::query::<ReadDiff>()).then(
        |reference, api: Api, wanted| async move {
            answer(in_repo(&api, &reference, move |repo, session| list(repo, session, &wanted)).await)
        },
    );
    let file = path_to(api, "file").and(warp::get()).and(warp::query::<ReadFile>()).then(
        |reference, api: Api, wanted: ReadFile| async move {
            let read = move |repo: &mut Repo, session| {
                let (base, to) = states(repo, session, wanted.base.as_deref(), wanted.to.as_deref())?;
                diff::file(repo, &base, &to, &wanted)
            };
            answer(in_repo(&api, &reference, read).await)
        },
    );
    let lines = path_to(api, "lines").and(warp::get()).and(warp::query::<ReadLines>()).then(
        |reference, api: Api, wanted: ReadLines| async move {
            let read = move |repo: &mut Repo, session| {
                let state = State::parse(repo, session, wanted.of.as_deref().unwrap_or("work"))?;
                diff::lines(repo, &state, &wanted.path, wanted.from, wanted.limit)
            };
            answer(in_repo(&api, &reference, read).await)
        },
    );
    let image = path_to(api, "image")
        .and(warp::get())
        .and(warp::query::<ReadImage>())
        .then(|reference, api: Api, wanted| async move { image(&api, &reference, wanted).await });
    diff.or(file).unify().or(lines).unify().or(image).unify().boxed()
}

fn changing(api: &Api) -> BoxedFilter<(Response,)> {
    let stage = path_to(api, "stage").and(warp::post()).and(json::<ChangeFiles>()).then(
        |reference, api: Api, chosen: ChangeFiles| async move {
            let done = in_repo(&api, &reference, move |repo, _| stage::stage(repo, &chosen.files)).await;
            answer_status(done.map(|()| StatusCode::NO_CONTENT))
        },
    );
    let unstage = path_to(api, "unstage").and(warp::post()).and(json::<ChangeFiles>()).then(
        |reference, api: Api, chosen: ChangeFiles| async move {
            let done = in_repo(&api, &reference, move |repo, _| stage::unstage(repo, &chosen.files)).await;
            answer_status(done.map(|()| StatusCode::NO_CONTENT))
        },
    );
    let discard = path_to(api, "discard").and(warp::post()).and(json::<ChangeFiles>()).then(
        |reference, api: Api, chosen: ChangeFiles| async move {
            let done = move |repo: &mut Repo, session| discard::discard(repo, session, &chosen.files);
            answer(in_repo(&api, &reference, done).await)
        },
    );
    stage.or(unstage).unify().or(discard).unify().boxed()
}

/// What is kept: what was discarded, commits, what was seen.
fn keeping(api: &Api) -> BoxedFilter<(Response,)> {
    let discarded = path_to(api, "discarded").and(warp::get()).then(|reference, api: Api| async move {
        answer(in_repo(&api, &reference, |repo, session| discard::list(repo, session)).await)
    });
    let restore = at(api).and(warp::path!("discarded" / String / "restore")).and(warp::post()).then(
        |reference, api: Api, id: String| async move {
            let restored: Result<Discarded, Problem> =
                in_repo(&api, &reference, move |repo, session| discard::restore(repo, session, &id)).await;
            answer(restored)
        },
    );
    let commit = path_to(api, "commit").and(warp::post()).and(json::<MakeCommit>()).then(
        |reference, api: Api, wanted| async move {
            answer(in_repo(&api, &reference, move |repo, _| make_commit(repo, &wanted)).await)
        },
    );
    let seen = path_to(api, "seen").and(warp::post()).then(|reference, api: Api| async move {
        answer(in_repo(&api, &reference, |repo, session| snapshot::keep(repo, session, "seen")).await)
    });
    discarded.or(restore).unify().or(commit).unify().or(seen).unify().boxed()
}

async fn image(api: &Api, reference: &Reference, wanted: ReadImage) -> Response {
    let read = move |repo: &mut Repo, session| {
        let state = State::parse(repo, session, wanted.of.as_deref().unwrap_or("work"))?;
        diff::image(repo, &state, &wanted.path)
    };
    match in_repo(api, reference, read).await {
        Ok((image, kind)) => {
            let mut response = answer_bytes(Ok(image));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Err(problem) => answer_bytes(Err(problem)),
    }
}

fn list(repo: &Repo, session: SessionId, wanted: &ReadDiff) -> Result<GitDiff, Failure> {
    let (base, to) = states(repo, session, wanted.base.as_deref(), wanted.to.as_deref())?;
    diff::list(repo, &base, &to, &ReadPage { from: wanted.from, limit: wanted.limit })
}

fn states<'r>(
    repo: &'r Repo,
    session: SessionId,
    base: Option<&str>,
    to: Option<&str>,
) -> Result<(State<'r>, State<'r>), Failure> {
    let base = State::parse(repo, session, base.unwrap_or("index"))?;
    Ok((base, State::parse(repo, session, to.unwrap_or("work"))?))
}

fn make_commit(repo: &mut Repo, wanted: &MakeCommit) -> Result<GitCommitDetails, Failure> {
    let id = commit::commit(repo, wanted)?;
    history::commit(repo, &id.to_string())
}

/// Works on the repository of a session's directory, where a thread may wait.
async fn in_repo<T: Send + 'static>(
    api: &Api,
    reference: &Reference,
    work: impl FnOnce(&mut Repo, SessionId) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    in_repo_of(find(api, reference)?, work).await
}

/// The same for a session that is known.
pub async fn in_repo_of<T: Send + 'static>(
    session: Arc<Session>,
    work: impl FnOnce(&mut Repo, SessionId) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let _turn = TURNS.acquire().await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let done = blocking(move || {
        let mut repo = Repo::open(&session.cwd())?;
        work(&mut repo, session.id)
    });
    Ok(done.await??)
}

/// Keeps what is there when a session begins: what changed since is asked for later.
pub fn begin(api: &Api, session: &Arc<Session>) {
    keep(api, session.clone(), |repo, id| snapshot::keep(repo, id, "start"));
}

/// Keeps what is there when a prompt is submitted, beside it: the agent waits for nothing.
pub fn turn(api: &Api, session: &Arc<Session>, payload: &[u8]) {
    // Most hooks are about something else, and some are large.
    let submits = payload.len() <= PROMPT_LIMIT
        && serde_json::from_slice(payload)
            .is_ok_and(|hook| matches!(Body::hook(hook), Body::HookPromptSubmitted(_)));
    if submits {
        let at = Timestamp::now();
        keep(api, session.clone(), move |repo, id| snapshot::keep_turn(repo, id, at));
    }
}

fn keep(
    api: &Api,
    session: Arc<Session>,
    keep: impl FnOnce(&mut Repo, SessionId) -> Result<Snapshot, Failure> + Send + 'static,
) {
    api.work.spawn(async move {
        let id = session.id;
        match in_repo_of(session, keep).await {
            Ok(_) => {}
            Err(problem) if problem.code == Code::NoRepository => {}
            Err(problem) => {
                tracing::warn!(session = %id, %problem, "the state of the work tree is not known later")
            }
        }
    });
}

/// A session was removed: its comments go, and the states that were kept for it. What it discarded stays its 30 days.
pub fn forget(api: &Api, session: Arc<Session>) {
    let reviews = api.reviews.clone();
    api.work.spawn(async move {
        let id = session.id;
        let forgotten = in_repo_of(session, |repo, id| snapshot::forget(repo, id)).await;
        if let Err(problem) = forgotten
            && problem.code != Code::NoRepository
        {
            tracing::warn!(session = %id, %problem, "what was kept in its repository stays");
        }
        let _ = blocking(move || reviews.forget(id)).await;
    });
}
