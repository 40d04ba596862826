//! `/api/sessions`, `/api/timelines`

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::Size;
use codepiper_protocol::wire::output::{ReadOutput, SearchOutput};
use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::session::{
    Attach, EndSession, Explanation, ForkSession, LabelSession, ListSessions, RenameSession, ResumeSession,
    Session as View, StartSession,
};
use codepiper_protocol::wire::timeline::ReadTimeline;
use serde_json::{Map, json as value};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::holder;
use super::caller::percent_decode;
use super::{
    Api, Caller, answer, answer_bytes, answer_status, directories, git, json, json_or_default, output,
    record, reports, search, timeline, with,
};
use crate::audit::put_value;
use crate::session::Session;
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    all(&api)
        .or(one(&api))
        .unify()
        .or(beginnings(&api))
        .unify()
        .or(end(&api))
        .unify()
        .or(size(&api))
        .unify()
        .or(history(&api))
        .unify()
        .or(reports::routes(&api))
        .unify()
        .boxed()
}

/// `/api/sessions/{ref}` and what comes behind it.
fn at(api: &Api) -> BoxedFilter<(Reference, Api)> {
    warp::path!("api" / "sessions" / Reference / ..).and(with(api.clone())).boxed()
}

/// `/api/sessions/{ref}/NAME`
pub(super) fn path_to(api: &Api, name: &'static str) -> BoxedFilter<(Reference, Api)> {
    warp::path!("api" / "sessions" / Reference / ..)
        .and(warp::path(name))
        .and(warp::path::end())
        .and(with(api.clone()))
        .boxed()
}

fn caller() -> BoxedFilter<(Caller,)> {
    warp::ext::get::<Caller>().boxed()
}

fn all(api: &Api) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "sessions")
        .and(warp::get())
        .and(warp::query::<ListSessions>())
        .and(with(api.clone()))
        .then(|query, api| async move { answer(Ok(list(&api, query).await)) });
    let start = warp::path!("api" / "sessions")
        .and(warp::post())
        .and(caller())
        .and(json::<StartSession>())
        .and(with(api.clone()))
        .then(|caller, request, api: Api| async move { answer(start(&api, &caller, request).await) });
    let timelines = warp::path!("api" / "timelines")
        .and(warp::get())
        .and(warp::query::<ReadTimeline>())
        .and(with(api.clone()))
        .then(|wanted, api: Api| async move { answer(Ok(timeline::of_all(&api.sessions, wanted).await)) });
    list.or(start).unify().or(timelines).unify().boxed()
}

fn one(api: &Api) -> BoxedFilter<(Response,)> {
    let here = || at(api).and(warp::path::end());
    let show = here()
        .and(warp::get())
        .then(|reference, api: Api| async move { answer(show(&api, &reference).await) });
    let rename = here()
        .and(warp::patch())
        .and(json::<RenameSession>())
        .then(|reference, api: Api, request| async move { answer(rename(&api, &reference, request).await) });
    let label = path_to(api, "labels")
        .and(warp::post())
        .and(json::<LabelSession>())
        .then(|reference, api: Api, request| async move { answer(label(&api, &reference, &request).await) });
    let rename = rename.or(label).unify();
    let remove = here().and(warp::delete()).and(caller()).then(|reference, api: Api, caller| async move {
        answer_status(remove(&api, &caller, &reference).await)
    });
    let explain = path_to(api, "explain")
        .and(warp::get())
        .then(|reference, api: Api| async move { answer(explain(&api, &reference).await) });
    let attach = path_to(api, "attach")
        .and(warp::get())
        .then(|reference, api: Api| async move { answer(attach(&api, &reference).await) });
    show.or(rename).unify().or(remove).unify().or(explain).unify().or(attach).unify().boxed()
}

fn beginnings(api: &Api) -> BoxedFilter<(Response,)> {
    let resume =
        path_to(api, "resume").and(warp::post()).and(caller()).and(json_or_default::<ResumeSession>()).then(
            |reference, api: Api, caller, request| async move {
                answer(resume(&api, &caller, &reference, request).await)
            },
        );
    let fork =
        path_to(api, "fork").and(warp::post()).and(caller()).and(json_or_default::<ForkSession>()).then(
            |reference, api: Api, caller, request| async move {
                answer(fork(&api, &caller, &reference, request).await)
            },
        );
    resume.or(fork).unify().boxed()
}

fn end(api: &Api) -> BoxedFilter<(Response,)> {
    at(api)
        .and(warp::path::param::<End>())
        .and(warp::path::end())
        .and(warp::post())
        .and(caller())
        .and(json_or_default::<EndSession>())
        .then(|reference, api: Api, how, caller, request| async move {
            answer(end_one(&api, &caller, &reference, how, request).await)
        })
        .boxed()
}

fn size(api: &Api) -> BoxedFilter<(Response,)> {
    let resize = path_to(api, "resize")
        .and(warp::post())
        .and(json::<Size>())
        .then(|reference, api: Api, size| async move { answer(resize(&api, &reference, size).await) });
    let fit = path_to(api, "fit").and(warp::post()).and(warp::ext::get::<Caller>()).and(json::<Size>()).then(
        |reference, api: Api, caller, size| async move { answer(fit(&api, &reference, &caller, size).await) },
    );
    let give_back = path_to(api, "fit")
        .and(warp::delete())
        .then(|reference, api: Api| async move { answer(give_back(&api, &reference).await) });
    resize.or(fit).unify().or(give_back).unify().boxed()
}

fn history(api: &Api) -> BoxedFilter<(Response,)> {
    let output = path_to(api, "output").and(warp::get()).and(warp::query::<ReadOutput>()).then(
        |reference, api: Api, wanted| async move {
            answer_bytes(match find(&api, &reference) {
                Ok(session) => output::read(&api.sessions, session, wanted).await,
                Err(problem) => Err(problem),
            })
        },
    );
    let search = path_to(api, "search").and(warp::get()).and(warp::query::<SearchOutput>()).then(
        |reference, api: Api, wanted| async move {
            answer(match find(&api, &reference) {
                Ok(session) => search::search(&api.sessions, session, wanted).await,
                Err(problem) => Err(problem),
            })
        },
    );
    let timeline = path_to(api, "timeline").and(warp::get()).and(warp::query::<ReadTimeline>()).then(
        |reference, api: Api, wanted| async move {
            answer(match find(&api, &reference) {
                Ok(session) => Ok(timeline::of_one(&api.sessions, &session, wanted).await),
                Err(problem) => Err(problem),
            })
        },
    );
    output.or(search).unify().or(timeline).unify().boxed()
}

/// What stands for a session in a path.
pub(super) struct Reference(String);

impl FromStr for Reference {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(percent_decode(text)))
    }
}

#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
}

impl FromStr for End {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stop" => Ok(Self::Stop),
            "kill" => Ok(Self::Kill),
            _ => Err(()),
        }
    }
}

pub(super) fn find(api: &Api, Reference(reference): &Reference) -> Result<Arc<Session>, Problem> {
    api.sessions.registry.find(reference)
}

/// Which branches are checked out is waited for so long.
const LOOKING: Duration = Duration::from_secs(1);

/// With the branch of now.
pub(super) async fn view(session: &Arc<Session>) -> View {
    look_at_branches(vec![session.clone()]).await;
    session.view()
}

async fn look_at_branches(sessions: Vec<Arc<Session>>) {
    let looked = blocking(move || {
        for session in &sessions {
            session.look_at_branch();
        }
    });
    // Without them the last known ones are shown: an agent can make its repository one that blocks.
    let _ = tokio::time::timeout(LOOKING, looked).await;
}

async fn list(api: &Api, query: ListSessions) -> Vec<View> {
    let all = views(api, api.sessions.registry.all()).await;
    all.into_iter().filter(|view| query.fits(view)).collect()
}

/// With the branches of now; how much changed is counted behind it.
pub(super) async fn views(api: &Api, sessions: Vec<Arc<Session>>) -> Vec<View> {
    api.sessions.repositories.count_old(&sessions);
    look_at_branches(sessions.clone()).await;
    sessions.iter().map(|session| session.view()).collect()
}

async fn start(api: &Api, caller: &Caller, request: StartSession) -> Result<View, Problem> {
    let request = StartSession { dir: directories::expand(&request.dir), ..request };
    let beginning = api.sessions.launcher.begin(&request.provider, request.name.as_deref());
    let StartSession { provider, name, dir, env_sets, args, .. } = &request;
    let mut data = value!({ "provider": provider, "name": name, "dir": dir, "env_sets": env_sets });
    put_value(&mut data, "args", value!(args));
    let start = api.sessions.launcher.start(&beginning, request);
    let by = holder(api, caller);
    let session = record::done(api, by, "session.start", Some(beginning.id()), data, start).await?;
    git::begin(api, &session);
    Ok(view(&session).await)
}

async fn show(api: &Api, reference: &Reference) -> Result<View, Problem> {
    Ok(view(&find(api, reference)?).await)
}

async fn rename(api: &Api, reference: &Reference, request: RenameSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.life.rename(&session, request.name).await?;
    Ok(view(&session).await)
}

async fn label(api: &Api, reference: &Reference, request: &LabelSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.life.label(&session, request).await?;
    Ok(view(&session).await)
}

async fn remove(api: &Api, caller: &Caller, reference: &Reference) -> Result<StatusCode, Problem> {
    let session = find(api, reference)?;
    record::note(api, caller, "session.remove", Some(session.id), value!({})).await;
    api.sessions.launcher.remove(&session).await?;
    git::forget(api, session);
    Ok(StatusCode::NO_CONTENT)
}

async fn explain(api: &Api, reference: &Reference) -> Result<Explanation, Problem> {
    let session = find(api, reference)?;
    let program_status = api.sessions.evidence.program_status(&session);
    Ok(Explanation { evidence: session.evidence(), program_status, session: view(&session).await })
}

async fn attach(api: &Api, reference: &Reference) -> Result<Attach, Problem> {
    let session = find(api, reference)?;
    api.sessions.link.ready_for_attach(&session).await?;
    Ok(Attach { tmux_socket: api.tmux_socket.clone(), tmux_session: session.tmux_session().to_string() })
}

async fn end_one(
    api: &Api,
    caller: &Caller,
    reference: &Reference,
    how: End,
    request: EndSession,
) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let kind = match how {
        End::Stop => "session.stop",
        End::Kill => "session.kill",
    };
    record::note(api, caller, kind, Some(session.id), value!({})).await;
    match how {
        End::Stop => api.sessions.life.stop(&session, !request.no_wait).await?,
        End::Kill => api.sessions.life.kill(&session, !request.no_wait).await?,
    }
    Ok(view(&session).await)
}

async fn resume(
    api: &Api,
    caller: &Caller,
    reference: &Reference,
    request: ResumeSession,
) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let ResumeSession { no_wait, surroundings } = request;
    let resuming = api.sessions.launcher.begin_resume(&session)?;
    let data = value!({ "env_sets": session.env_sets() });
    let (by, kind, id) = (holder(api, caller), "session.resume", session.id);
    record::before(api, by.clone(), kind, Some(id), data).await?;
    let work = {
        let (api, session) = (api.clone(), session.clone());
        async move {
            let resumed = api.sessions.launcher.resume(&session, surroundings, resuming).await;
            if let Err(problem) = &resumed {
                tracing::warn!(%id, %problem, "a session was not resumed");
                record::failed(&api, by, kind, Some(id), Map::new(), problem).await;
            }
            resumed
        }
    };
    match no_wait {
        true => drop(api.work.spawn(work)),
        false => work.await?,
    }
    Ok(view(&session).await)
}

async fn fork(
    api: &Api,
    caller: &Caller,
    reference: &Reference,
    request: ForkSession,
) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let beginning = api.sessions.launcher.begin(session.provider.name, request.name.as_deref());
    let data = value!({ "of": session.id, "name": request.name, "env_sets": session.env_sets() });
    let fork = api.sessions.launcher.fork(&session, &beginning, request);
    let by = holder(api, caller);
    let fork = record::done(api, by, "session.fork", Some(beginning.id()), data, fork).await?;
    git::begin(api, &fork);
    Ok(view(&fork).await)
}

async fn resize(api: &Api, reference: &Reference, size: Size) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.link.resize(&session, size).await?;
    Ok(view(&session).await)
}

async fn fit(api: &Api, reference: &Reference, caller: &Caller, size: Size) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let login = super::auth::login(caller);
    api.sessions.link.fit(&session, size, login, super::auth::holder(api, caller)).await?;
    Ok(view(&session).await)
}

async fn give_back(api: &Api, reference: &Reference) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.link.give_back(&session).await?;
    Ok(view(&session).await)
}
