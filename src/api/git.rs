//! `/api/sessions/{ref}/git`: what git says about a session's directory, and what is staged, discarded and committed.

use std::sync::{Arc, LazyLock};

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::git::{
    ChangeFiles, ChooseMarks, Discarded, GitCommitDetails, GitDiff, GitStatus, MakeCommit, MarkSeen,
    ReadDiff, ReadFile, ReadImage, ReadLines, ReadLog, ReadPage, Snapshot,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::caller::percent_decode;
use super::sessions::{Reference, find};
use super::{Api, Caller, answer, answer_bytes, answer_status, auth, json, json_or_default, with};
use crate::git::base::{Reader, State};
use crate::git::error::Failure;
use crate::git::repo::{Repo, discover};
use crate::git::turns::Turns;
use crate::git::{commit, content, diff, discard, history, seen, snapshot, stage, status};
use crate::process::inherited;
use crate::session::Session;
use crate::tasks::blocking;

/// So much is read or written at once: each may hold two versions of a large file in memory. So much may not come to an
/// end in one directory.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(4, 4));

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

/// Whose repository is asked about, and who asks.
struct Asked {
    session: Reference,
    login: Option<LoginId>,
}

/// `/api/sessions/{ref}/git` and what comes behind it.
fn at(api: &Api) -> BoxedFilter<(Asked, Api)> {
    let asked = warp::path!("api" / "sessions" / Reference / "git" / ..).and(warp::ext::get::<Caller>());
    let asked = asked.map(|session, caller: Caller| Asked { session, login: auth::login(&caller) });
    asked.and(with(api.clone())).boxed()
}

/// `/api/sessions/{ref}/git/NAME`
fn path_to(api: &Api, name: &'static str) -> BoxedFilter<(Asked, Api)> {
    at(api).and(warp::path(name)).and(warp::path::end()).boxed()
}

fn repository(api: &Api) -> BoxedFilter<(Response,)> {
    let status = at(api).and(warp::path::end()).and(warp::get()).and(warp::query::<ReadPage>()).then(
        |asked, api: Api, page| async move {
            let status = in_repo(&api, &asked, move |repo, reader| {
                let turns = snapshot::turns(repo, reader.session)?;
                let unrecorded = snapshot::unrecorded(repo, reader.session, &turns);
                let (seen, marks) = (seen::exists(repo, reader), seen::marks(repo, reader));
                Ok(GitStatus { turns, unrecorded, seen, marks, ..status::status(repo, &page)? })
            });
            answer(status.await)
        },
    );
    let branches = path_to(api, "branches").and(warp::get()).and(warp::query::<ReadPage>()).then(
        |asked, api: Api, page| async move {
            answer(in_repo(&api, &asked, move |repo, _| history::branches(repo, &page)).await)
        },
    );
    let log = path_to(api, "log").and(warp::get()).and(warp::query::<ReadLog>()).then(
        |asked, api: Api, wanted| async move {
            answer(in_repo(&api, &asked, move |repo, _| history::log(repo, &wanted)).await)
        },
    );
    let commit = at(api).and(warp::path!("commits" / String)).and(warp::get()).then(
        |asked, api: Api, id: String| async move {
            let id = percent_decode(&id);
            answer(in_repo(&api, &asked, move |repo, _| history::commit(repo, &id)).await)
        },
    );
    status.or(branches).unify().or(log).unify().or(commit).unify().boxed()
}

fn differences(api: &Api) -> BoxedFilter<(Response,)> {
    let diff = path_to(api, "diff").and(warp::get()).and(warp::query::<ReadDiff>()).then(
        |asked, api: Api, wanted| async move {
            answer(in_repo(&api, &asked, move |repo, reader| list(repo, reader, &wanted)).await)
        },
    );
    let file = path_to(api, "file").and(warp::get()).and(warp::query::<ReadFile>()).then(
        |asked, api: Api, wanted: ReadFile| async move {
            let read = move |repo: &mut Repo, reader| {
                let (base, to) = states(repo, reader, wanted.base.as_deref(), wanted.to.as_deref())?;
                diff::file(repo, &base, &to, &wanted)
            };
            answer(in_repo(&api, &asked, read).await)
        },
    );
    let lines = path_to(api, "lines").and(warp::get()).and(warp::query::<ReadLines>()).then(
        |asked, api: Api, wanted: ReadLines| async move {
            let read = move |repo: &mut Repo, reader| {
                let state = State::parse(repo, reader, wanted.of.as_deref().unwrap_or("work"))?;
                content::lines(repo, &state, &wanted.path, wanted.from, wanted.limit)
            };
            answer(in_repo(&api, &asked, read).await)
        },
    );
    let image = path_to(api, "image")
        .and(warp::get())
        .and(warp::query::<ReadImage>())
        .then(|asked, api: Api, wanted| async move { image(&api, &asked, wanted).await });
    diff.or(file).unify().or(lines).unify().or(image).unify().boxed()
}

fn changing(api: &Api) -> BoxedFilter<(Response,)> {
    let stage = path_to(api, "stage").and(warp::post()).and(json::<ChangeFiles>()).then(
        |asked, api: Api, chosen: ChangeFiles| async move {
            let done = in_repo(&api, &asked, move |repo, _| stage::stage(repo, &chosen.files)).await;
            answer_status(done.map(|()| StatusCode::NO_CONTENT))
        },
    );
    let unstage = path_to(api, "unstage").and(warp::post()).and(json::<ChangeFiles>()).then(
        |asked, api: Api, chosen: ChangeFiles| async move {
            let done = in_repo(&api, &asked, move |repo, _| stage::unstage(repo, &chosen.files)).await;
            answer_status(done.map(|()| StatusCode::NO_CONTENT))
        },
    );
    let discard = path_to(api, "discard").and(warp::post()).and(json::<ChangeFiles>()).then(
        |asked, api: Api, chosen: ChangeFiles| async move {
            let done =
                move |repo: &mut Repo, reader: Reader| discard::discard(repo, reader.session, &chosen.files);
            answer(in_repo(&api, &asked, done).await)
        },
    );
    stage.or(unstage).unify().or(discard).unify().boxed()
}

/// What is kept: what was discarded, commits, what was seen.
fn keeping(api: &Api) -> BoxedFilter<(Response,)> {
    let discarded = path_to(api, "discarded").and(warp::get()).then(|asked, api: Api| async move {
        answer(in_repo(&api, &asked, |repo, reader| discard::list(repo, reader.session)).await)
    });
    let restore = at(api).and(warp::path!("discarded" / String / "restore")).and(warp::post()).then(
        |asked, api: Api, id: String| async move {
            let restored: Result<Discarded, Problem> =
                in_repo(&api, &asked, move |repo, reader| discard::restore(repo, reader.session, &id)).await;
            answer(restored)
        },
    );
    let commit = path_to(api, "commit").and(warp::post()).and(json::<MakeCommit>()).then(
        |asked, api: Api, wanted| async move {
            answer(in_repo(&api, &asked, move |repo, _| make_commit(repo, &wanted)).await)
        },
    );
    let seen = path_to(api, "seen").and(warp::post()).and(json_or_default::<MarkSeen>()).then(
        |asked, api: Api, MarkSeen { state }| async move {
            let done = move |repo: &mut Repo, reader| seen::keep(repo, reader, state.as_deref());
            answer(in_repo(&api, &asked, done).await)
        },
    );
    let marks = path_to(api, "marks").and(warp::post()).and(json::<ChooseMarks>()).then(
        |asked, api: Api, ChooseMarks { marks }| async move {
            let done = in_repo(&api, &asked, move |repo, reader| seen::choose(repo, reader, marks)).await;
            answer_status(done.map(|()| StatusCode::NO_CONTENT))
        },
    );
    discarded.or(restore).unify().or(commit).unify().or(seen).unify().or(marks).unify().boxed()
}

async fn image(api: &Api, asked: &Asked, wanted: ReadImage) -> Response {
    let read = move |repo: &mut Repo, reader| {
        let state = State::parse(repo, reader, wanted.of.as_deref().unwrap_or("work"))?;
        content::image(repo, &state, &wanted.path)
    };
    match in_repo(api, asked, read).await {
        Ok((image, kind)) => {
            let mut response = answer_bytes(Ok(image));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Err(problem) => answer_bytes(Err(problem)),
    }
}

fn list(repo: &Repo, reader: Reader, wanted: &ReadDiff) -> Result<GitDiff, Failure> {
    let (base, to) = states(repo, reader, wanted.base.as_deref(), wanted.to.as_deref())?;
    diff::list(repo, &base, &to, &ReadPage { from: wanted.from, limit: wanted.limit })
}

fn states<'r>(
    repo: &'r Repo,
    reader: Reader,
    base: Option<&str>,
    to: Option<&str>,
) -> Result<(State<'r>, State<'r>), Failure> {
    let base = State::parse(repo, reader, base.unwrap_or("index"))?;
    Ok((base, State::parse(repo, reader, to.unwrap_or("work"))?))
}

fn make_commit(repo: &mut Repo, wanted: &MakeCommit) -> Result<GitCommitDetails, Failure> {
    let id = commit::commit(repo, wanted)?;
    history::commit(repo, &id.to_string())
}

/// Works on the repository of a session's directory, where a thread may wait.
async fn in_repo<T: Send + 'static>(
    api: &Api,
    asked: &Asked,
    work: impl FnOnce(&mut Repo, Reader) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let login = asked.login;
    in_repo_of(find(api, &asked.session)?, move |repo, session| work(repo, Reader { session, login })).await
}

/// The same for a session that is known.
pub async fn in_repo_of<T: Send + 'static>(
    session: Arc<Session>,
    work: impl FnOnce(&mut Repo, SessionId) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let dir = session.cwd();
    let begin = || {
        blocking(move || {
            inherited::with_umask_of_programs(|| work(&mut Repo::open(&session.cwd())?, session.id))
        })
    };
    Ok(TURNS.take(&dir, begin).await???)
}

/// Keeps what is there when a session begins: what changed since is asked for later.
pub fn begin(api: &Api, session: &Arc<Session>) {
    keep(api, session.clone(), |repo, id| snapshot::keep_start(repo, id));
}

/// Keeps what is there when a prompt is submitted, beside it: the agent waits for nothing.
pub fn turn(api: &Api, session: &Arc<Session>, payload: &[u8]) {
    // Most hooks are about something else, and some are large: the rest of them is not looked at.
    #[derive(Deserialize, Serialize)]
    struct About {
        hook_event_name: String,
    }
    let about = serde_json::from_slice::<About>(payload).and_then(serde_json::to_value);
    if about.is_ok_and(|about| matches!(Body::hook(about), Body::HookPromptSubmitted(_))) {
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
        let forgotten = blocking(move || {
            // A worktree may be gone already; the repository that it was made from has its references.
            let dirs = [Some(session.cwd()), session.view().worktree.map(|worktree| worktree.repository)];
            let git = dirs.into_iter().flatten().find_map(|dir| discover(&dir).ok());
            git.map_or(Ok(()), |git| snapshot::forget(&git, id))
        });
        if let Ok(Err(failure)) = forgotten.await {
            tracing::warn!(session = %id, ?failure, "what was kept in its repository stays");
        }
        let _ = blocking(move || reviews.forget(id)).await;
    });
}
