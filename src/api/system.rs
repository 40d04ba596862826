//! `/api/daemon`, `/api/providers`, `/api/doctor`, `/api/events`

use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::daemon::{
    Arguments, Check, DaemonStatus, Models, Provider, StopDaemon, TmuxStatus,
};
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Billing;
use serde::Deserialize;
use serde_json::json as value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Api, Caller, Leave, answer, answer_status, checks, json_or_default, record, with};
use crate::doctor;
use crate::process::executable;
use crate::provider;
use crate::tasks::blocking;

/// The query of `GET /api/providers`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListProviders {
    /// Run their programs, to ask for version and sign-in.
    #[serde(default)]
    check: bool,
}

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let status = warp::path!("api" / "daemon")
        .and(warp::get())
        .and(with(api.clone()))
        .map(|api: Api| answer(Ok(status(&api))));
    let stop = warp::path!("api" / "daemon" / "stop")
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(json_or_default::<StopDaemon>())
        .and(with(api.clone()))
        .then(|caller, request: StopDaemon, api: Api| async move {
            let data = value!({ "kill_sessions": request.kill_sessions });
            record::note(&api, &caller, "daemon.stop", None, data).await;
            answer_status(leave(&api, Leave::Stop { kill_sessions: request.kill_sessions }).await)
        });
    let restart = warp::path!("api" / "daemon" / "restart")
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(with(api.clone()))
        .then(|caller, api: Api| async move {
            record::note(&api, &caller, "daemon.restart", None, value!({})).await;
            answer_status(restart(&api).await)
        });
    let providers = warp::path!("api" / "providers")
        .and(warp::get())
        .and(warp::query::<ListProviders>())
        .and(with(api.clone()))
        .then(|query, api: Api| async move { answer(Ok(providers(&api, query).await)) });
    let doctor = warp::path!("api" / "doctor")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(doctor(api).await) });
    let events = warp::path!("api" / "events")
        .and(warp::get())
        .and(warp::query::<ListEvents>())
        .and(with(api))
        .then(|wanted: ListEvents, api: Api| async move {
            answer(Ok(api.sessions.bus().events.find(wanted).await))
        });
    status
        .or(stop)
        .unify()
        .or(restart)
        .unify()
        .boxed()
        .or(providers)
        .unify()
        .or(doctor)
        .unify()
        .or(events)
        .unify()
        .boxed()
}

async fn doctor(api: Api) -> Result<Vec<Check>, Problem> {
    let tmux_answers = api.sessions.link.tmux_answers().await;
    let checks = blocking(move || {
        let broken_env_sets = api.sessions.env_sets().broken();
        doctor::checks(&doctor::Daemon {
            sessions: &api.sessions,
            paths: &api.paths,
            tmux_socket: &api.tmux_socket,
            journal: &api.journal,
            audit: &api.audit,
            broken_files: &api.broken_files,
            broken_env_sets: &broken_env_sets,
            code_from_the_future: api.auth.code_from_the_future(jiff::Timestamp::now()),
            tmux_answers,
            web_damage: api.auth.damage(),
        })
    });
    Ok(checks.await?)
}

fn status(api: &Api) -> DaemonStatus {
    let linked = api.sessions.link.linked();
    DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
        pid: std::process::id(),
        started_at: api.started_at,
        hostname: nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        home: std::env::home_dir().unwrap_or_default(),
        socket: api.socket.clone(),
        web: api.web.as_ref().map(|web| web.url()),
        tmux: TmuxStatus {
            connected: linked.is_some(),
            version: linked
                .as_ref()
                .map(|linked| linked.server.version.lossy().into_owned())
                .unwrap_or_default(),
            socket: api.tmux_socket.clone(),
            server_pid: linked.map(|linked| linked.server.pid),
        },
        sessions: api.sessions.registry.counts(),
    }
}

/// Leaves only when what shall come can be executed, and can begin.
async fn restart(api: &Api) -> Result<StatusCode, Problem> {
    let (program, paths) = (api.sessions.executable().to_owned(), api.paths.clone());
    let providers = api.sessions.providers().clone();
    let tried = blocking(move || {
        executable::try_out(&program)?;
        let obstacle = doctor::obstacle(&paths, &providers);
        obstacle.map_or(Ok(()), |why| {
            Err(format!("the daemon keeps running, as it could not start again: {why}"))
        })
    })
    .await?;
    tried.map_err(|why| Problem::new(Code::LaunchFailed, why))?;
    leave(api, Leave::Restart).await
}

async fn leave(api: &Api, leave: Leave) -> Result<StatusCode, Problem> {
    match api.leave.try_send(leave) {
        Ok(()) => Ok(StatusCode::ACCEPTED),
        Err(_) => Err(Problem::new(Code::Internal, "the daemon is already stopping")),
    }
}

/// With what their programs say of themselves, if that is asked for.
async fn providers(api: &Api, query: ListProviders) -> Vec<Provider> {
    let mut described = describe_all(api);
    if query.check {
        let env = api.sessions.environment();
        let checked = described.iter().map(async |described| {
            let provider = api.sessions.providers().find(&described.name)?;
            checks::check(provider, described.found.as_deref()?, env).await
        });
        let checked = futures_util::future::join_all(checked).await;
        for (described, check) in described.iter_mut().zip(checked) {
            described.check = check;
        }
    }
    described
}

fn describe_all(api: &Api) -> Vec<Provider> {
    let env = api.sessions.environment();
    let path = env.get("PATH").map(String::as_str);
    let describe = |provider: &provider::Provider| {
        let program = provider.launcher.program(env);
        Provider {
            name: provider.name.to_owned(),
            label: provider.label.to_owned(),
            description: provider.description.to_owned(),
            agent: provider.agent,
            found: provider::look_up(&program, path, "/".as_ref()),
            program,
            arguments: Arguments {
                label: provider.arguments.label.to_owned(),
                hint: provider.arguments.hint.to_owned(),
            },
            resume: provider.resume.description.to_owned(),
            keeps_conversation: provider.resume.keeps_conversation,
            forks: provider.launcher.forks(),
            transcripts: provider.conversations.is_some(),
            billing: provider.accounts.map(|_| Billing::ALL.to_vec()).unwrap_or_default(),
            dangerous: !provider.dangerous_flags.is_empty(),
            models: provider.models.map(|models| Models {
                switches: models.list.is_some(),
                offered: models.offered.iter().map(|name| (*name).to_owned()).collect(),
                example: models.example.to_owned(),
                vendor: models.vendor.to_owned(),
            }),
            check: None,
            question_delay_ms: u32::try_from(provider.question_delay.as_millis()).unwrap_or(u32::MAX),
        }
    };
    api.sessions.providers().iter().map(describe).collect()
}
