//! `/api/sessions`

use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::hook::{DELIVERY_HEADER, MAX_PAYLOAD};
use codepiper_protocol::key::Key;
use codepiper_protocol::wire::input::{MAX_IMAGE, MAX_TEXT, SendKeys, SendText, Sent};
use codepiper_protocol::wire::output::ReadOutput;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{
    Attach, EndSession, Explanation, ForkSession, RenameSession, ResumeSession, Session as View,
    StartSession, Status, SwitchModel,
};
use codepiper_protocol::wire::timeline::ReadTimeline;
use serde::Deserialize;
use uuid::Uuid;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::caller::percent_decode;
use super::{
    Api, Caller, answer, answer_bytes, answer_status, directories, json, json_or_default, output, timeline,
    with,
};
use crate::session::Session;
use crate::tasks::blocking;

/// The query of `GET /api/sessions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListSessions {
    status: Option<Status>,
    provider: Option<String>,
}

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let at = |api: &Api| warp::path!("api" / "sessions" / Reference / ..).and(with(api.clone()));
    let verb = |name: &'static str| warp::path(name).and(warp::path::end());

    let list = warp::path!("api" / "sessions")
        .and(warp::get())
        .and(warp::query::<ListSessions>())
        .and(with(api.clone()))
        .then(|query, api| async move { answer(Ok(list(&api, query).await)) });
    let start = warp::path!("api" / "sessions")
        .and(warp::post())
        .and(json::<StartSession>())
        .and(with(api.clone()))
        .then(|request: StartSession, api: Api| async move {
            let request = StartSession { dir: directories::expand(&request.dir), ..request };
            answer(match api.sessions.start(request).await {
                Ok(session) => Ok(view(&session).await),
                Err(problem) => Err(problem),
            })
        });
    let show = at(&api).and(warp::path::end()).and(warp::get()).then(|reference, api| async move {
        answer(match find(&api, &reference) {
            Ok(session) => Ok(view(&session).await),
            Err(problem) => Err(problem),
        })
    });
    let rename = at(&api).and(warp::path::end()).and(warp::patch()).and(json::<RenameSession>()).then(
        |reference, api: Api, request: RenameSession| async move {
            answer(rename(&api, &reference, request).await)
        },
    );
    let remove = at(&api).and(warp::path::end()).and(warp::delete()).then(|reference, api: Api| async move {
        answer_status(match find(&api, &reference) {
            Ok(session) => api.sessions.remove(&session).await.map(|()| StatusCode::NO_CONTENT),
            Err(problem) => Err(problem),
        })
    });
    let explain = at(&api).and(verb("explain")).and(warp::get()).then(|reference, api| async move {
        answer(match find(&api, &reference) {
            Ok(session) => Ok(Explanation { evidence: session.evidence(), session: view(&session).await }),
            Err(problem) => Err(problem),
        })
    });
    let attach = at(&api)
        .and(verb("attach"))
        .and(warp::get())
        .then(|reference, api: Api| async move { answer(attach(&api, &reference).await) });
    let end = at(&api)
        .and(warp::path::param::<End>())
        .and(warp::path::end())
        .and(warp::post())
        .and(json_or_default::<EndSession>())
        .then(|reference, api: Api, verb, request| async move {
            answer(end(&api, &reference, verb, request).await)
        });
    let resume =
        at(&api).and(verb("resume")).and(warp::post()).and(json_or_default::<ResumeSession>()).then(
            |reference, api: Api, request| async move { answer(resume(&api, &reference, request).await) },
        );
    let fork =
        at(&api).and(verb("fork")).and(warp::post()).and(json_or_default::<ForkSession>()).then(
            |reference, api: Api, request: ForkSession| async move {
                answer(fork(&api, &reference, request).await)
            },
        );
    let resize = at(&api).and(verb("resize")).and(warp::post()).and(json::<Size>()).then(
        |reference, api: Api, size| async move {
            answer(match find(&api, &reference) {
                Ok(session) => match api.sessions.resize(&session, size).await {
                    Ok(()) => Ok(view(&session).await),
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            })
        },
    );
    let fit = at(&api)
        .and(verb("fit"))
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(json::<Size>())
        .then(|reference, api: Api, caller, size| async move {
            answer(fit(&api, &reference, &caller, size).await)
        });
    let give_back = at(&api)
        .and(verb("fit"))
        .and(warp::delete())
        .then(|reference, api: Api| async move { answer(give_back(&api, &reference).await) });
    let output = at(&api).and(verb("output")).and(warp::get()).and(warp::query::<ReadOutput>()).then(
        |reference, api: Api, wanted| async move {
            answer_bytes(match find(&api, &reference) {
                Ok(session) => output::read(&api.sessions, session, wanted).await,
                Err(problem) => Err(problem),
            })
        },
    );
    let timeline = at(&api).and(verb("timeline")).and(warp::get()).and(warp::query::<ReadTimeline>()).then(
        |reference, api: Api, wanted| async move {
            answer(match find(&api, &reference) {
                Ok(session) => Ok(timeline::of_one(&api.sessions, &session, wanted).await),
                Err(problem) => Err(problem),
            })
        },
    );
    let timelines = warp::path!("api" / "timelines")
        .and(warp::get())
        .and(warp::query::<ReadTimeline>())
        .and(with(api.clone()))
        .then(|wanted, api: Api| async move { answer(Ok(timeline::of_all(&api.sessions, wanted).await)) });
    let input = at(&api)
        .and(verb("input"))
        .and(warp::post())
        .and(warp::query::<SendText>())
        .and(warp::body::content_length_limit(MAX_TEXT as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, how: SendText, text: Bytes| async move {
            answer(send(&api, &reference, &how, text).await)
        });
    let drop_queued =
        at(&api).and(verb("queue")).and(warp::delete()).then(|reference, api: Api| async move {
            answer(match find(&api, &reference) {
                Ok(session) => match api.sessions.drop_queued(&session).await {
                    Ok(_) => Ok(view(&session).await),
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            })
        });
    let model = at(&api).and(verb("model")).and(warp::post()).and(json::<SwitchModel>()).then(
        |reference, api: Api, wanted: SwitchModel| async move {
            answer(match find(&api, &reference) {
                Ok(session) => match api.sessions.switch_model(&session, &wanted.model).await {
                    Ok(()) => Ok(view(&session).await),
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            })
        },
    );
    let image = at(&api)
        .and(verb("images"))
        .and(warp::post())
        .and(warp::body::content_length_limit(MAX_IMAGE as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, content: Bytes| async move {
            answer(match find(&api, &reference) {
                Ok(session) => api.sessions.keep_image(&session, content).await,
                Err(problem) => Err(problem),
            })
        });
    let keys =
        at(&api).and(verb("keys")).and(warp::post()).and(json::<SendKeys>()).then(
            |reference, api: Api, request| async move { answer(keys(&api, &reference, request).await) },
        );

    let hook = at(&api)
        .and(verb("hooks"))
        .and(warp::post())
        .and(warp::header::optional::<String>(DELIVERY_HEADER))
        .and(warp::body::content_length_limit(MAX_PAYLOAD as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, delivery, payload: Bytes| async move {
            answer_status(match find(&api, &reference) {
                Ok(session) => {
                    api.hooks.receive(&session, delivery, &payload).await.map(|()| StatusCode::NO_CONTENT)
                }
                Err(problem) => Err(problem),
            })
        });

    list.or(start)
        .unify()
        .boxed()
        .or(show)
        .unify()
        .or(rename)
        .unify()
        .or(remove)
        .unify()
        .boxed()
        .or(explain)
        .unify()
        .or(attach)
        .unify()
        .or(fork)
        .unify()
        .or(resize)
        .unify()
        .boxed()
        .or(fit)
        .unify()
        .or(give_back)
        .unify()
        .or(output)
        .unify()
        .or(timeline)
        .unify()
        .or(timelines)
        .unify()
        .boxed()
        .or(drop_queued)
        .unify()
        .or(model)
        .unify()
        .boxed()
        .or(input)
        .unify()
        .or(image)
        .unify()
        .or(keys)
        .unify()
        .or(hook)
        .unify()
        .or(end)
        .unify()
        .or(resume)
        .unify()
        .boxed()
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
    api.sessions.find(reference)
}

/// With the branch of now.
async fn view(session: &Arc<Session>) -> View {
    look_at_branches(vec![session.clone()]).await;
    session.view()
}

async fn look_at_branches(sessions: Vec<Arc<Session>>) {
    let looked = blocking(move || {
        for session in &sessions {
            session.look_at_branch();
        }
    });
    // Without them the last known ones are shown.
    let _ = looked.await;
}

async fn list(api: &Api, query: ListSessions) -> Vec<View> {
    let fits = |view: &View| {
        query.status.is_none_or(|status| view.status == status)
            && query.provider.as_ref().is_none_or(|provider| view.provider == *provider)
    };
    views(api.sessions.all()).await.into_iter().filter(fits).collect()
}

/// With the branches of now.
pub(super) async fn views(sessions: Vec<Arc<Session>>) -> Vec<View> {
    look_at_branches(sessions.clone()).await;
    sessions.iter().map(|session| session.view()).collect()
}

async fn rename(api: &Api, reference: &Reference, request: RenameSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.rename(&session, request.name).await?;
    Ok(view(&session).await)
}

async fn attach(api: &Api, reference: &Reference) -> Result<Attach, Problem> {
    let session = find(api, reference)?;
    api.sessions.ready_for_attach(&session).await?;
    Ok(Attach { tmux_socket: api.tmux_socket.clone(), tmux_session: session.tmux_session().to_string() })
}

async fn end(api: &Api, reference: &Reference, verb: End, request: EndSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    match verb {
        End::Stop => api.sessions.stop(&session, !request.no_wait).await?,
        End::Kill => api.sessions.kill(&session, !request.no_wait).await?,
    }
    Ok(view(&session).await)
}

async fn resume(api: &Api, reference: &Reference, request: ResumeSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let ResumeSession { no_wait, surroundings } = request;
    let resuming = api.sessions.begin_resume(&session)?;
    if no_wait {
        let (sessions, session) = (api.sessions.clone(), session.clone());
        api.work.spawn(async move {
            if let Err(problem) = sessions.resume(&session, surroundings, resuming).await {
                tracing::warn!(id = %session.id, %problem, "a session was not resumed");
            }
        });
    } else {
        api.sessions.resume(&session, surroundings, resuming).await?;
    }
    Ok(view(&session).await)
}

async fn fork(api: &Api, reference: &Reference, request: ForkSession) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let fork = api.sessions.fork(&session, request).await?;
    Ok(view(&fork).await)
}

async fn fit(api: &Api, reference: &Reference, caller: &Caller, size: Size) -> Result<View, Problem> {
    let session = find(api, reference)?;
    let login = super::auth::login(caller);
    let device = super::auth::device(api, caller).unwrap_or_else(|| "command line".to_owned());
    api.sessions.fit(&session, size, login, device).await?;
    Ok(view(&session).await)
}

async fn give_back(api: &Api, reference: &Reference) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.give_back(&session).await?;
    Ok(view(&session).await)
}

async fn send(api: &Api, reference: &Reference, how: &SendText, text: Bytes) -> Result<Sent, Problem> {
    let session = find(api, reference)?;
    let ids = how.images.as_deref().unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let ids: Result<Vec<Uuid>, Problem> = ids
        .map(|id| {
            let wrong = || Problem::new(Code::Invalid, format!("'{}' is no image's id", id.escape_debug()));
            id.parse().map_err(|_| wrong())
        })
        .collect();
    api.sessions.send(&session, &ids?, text, how.enter, how.if_busy, how.plain).await
}

async fn keys(api: &Api, reference: &Reference, request: SendKeys) -> Result<Sent, Problem> {
    let session = find(api, reference)?;
    let keys: Result<Vec<Key>, _> = request.keys.iter().map(|key| key.parse::<Key>()).collect();
    let keys = keys.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    api.sessions.send_keys(&session, &keys).await
}
