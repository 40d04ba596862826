//! `/api/policies`: what agents may do without asking, and what would happen.

use std::path::PathBuf;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::policy::{
    AttachPolicy, PolicyFile, PolicyForm, PolicyInfo, PolicyVerdict, PutPolicy, ReadyPolicy, SessionPolicy,
    TestPolicy, WritePolicy, WrittenPolicy,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use serde_json::json as value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::holder;
use super::caller::percent_decode;
use super::sessions::{Reference, find, path_to};
use super::{Api, Caller, answer, answer_status, directories, json, record, with};
use crate::audit::MAX_DATA;
use crate::policy::input::{Request, SHELL};
use crate::policy::read::Mistake;
use crate::policy::{form, kept, ready, wire};
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let all = || warp::path!("api" / "policies").and(with(api.clone()));
    let one = || warp::path!("api" / "policies" / String).and(with(api.clone()));
    let list = all()
        .and(warp::get())
        .then(|api: Api| async move { answer(Ok::<_, Problem>(api.sessions.policies().list())) });
    let show = one().and(warp::get()).then(|name: String, api: Api| async move {
        answer(api.sessions.policies().show(&percent_decode(&name)))
    });
    let caller = warp::ext::get::<Caller>;
    let put = one().and(warp::put()).and(caller()).and(json::<PutPolicy>()).then(
        |name: String, api: Api, caller, wanted| async move {
            answer(put(&api, &caller, percent_decode(&name), wanted).await)
        },
    );
    let remove = one().and(warp::delete()).and(caller()).then(|name: String, api: Api, caller| async move {
        let removed = remove(&api, &caller, percent_decode(&name)).await;
        answer_status(removed.map(|()| StatusCode::NO_CONTENT))
    });
    let attach = warp::path!("api" / "policies" / String / "attach")
        .and(warp::post())
        .and(caller())
        .and(json::<AttachPolicy>())
        .and(with(api.clone()))
        .then(|name: String, caller, wanted, api: Api| async move {
            answer(attach(&api, &caller, percent_decode(&name), wanted).await)
        });
    let of_session = path_to(&api, "policies")
        .and(warp::get())
        .then(|reference, api: Api| async move { answer(of_session(&api, &reference).await) });
    list.or(texts(&api))
        .unify()
        .or(show)
        .unify()
        .or(put)
        .unify()
        .or(remove)
        .unify()
        .or(attach)
        .unify()
        .or(of_session)
        .unify()
        .boxed()
}

/// What is asked about texts, saved or not.
fn texts(api: &Api) -> BoxedFilter<(Response,)> {
    let ready = warp::path!("api" / "policies" / "ready").and(warp::get()).then(|| async {
        let ready = ready::ALL.map(|(name, text)| ReadyPolicy { name: name.into(), text: text.into() });
        answer(Ok::<_, Problem>(ready))
    });
    let check = warp::path!("api" / "policies" / "check")
        .and(warp::post())
        .and(json::<PutPolicy>())
        .and(with(api.clone()))
        .then(
            |wanted: PutPolicy, api: Api| async move { answer(Ok::<_, Problem>(check(&api, &wanted.text))) },
        );
    let form = warp::path!("api" / "policies" / "form")
        .and(warp::post())
        .and(json::<PutPolicy>())
        .then(|wanted: PutPolicy| async move { answer(form(&wanted.text)) });
    let write = warp::path!("api" / "policies" / "write")
        .and(warp::post())
        .and(json::<WritePolicy>())
        .and(with(api.clone()))
        .then(|wanted: WritePolicy, api: Api| async move { answer(write(&api, &wanted)) });
    let test = warp::path!("api" / "policies" / "test")
        .and(warp::post())
        .and(json::<TestPolicy>())
        .and(with(api.clone()))
        .then(|wanted, api: Api| async move { answer(test(&api, wanted).await) });
    ready.or(check).unify().or(form).unify().or(write).unify().or(test).unify().boxed()
}

/// All policies, and which of them speak about a session's agent.
async fn of_session(api: &Api, reference: &Reference) -> Result<Vec<SessionPolicy>, Problem> {
    let session = find(api, reference)?;
    let request = session.policy_request(SHELL, value!({ "command": "" }), session.cwd());
    let policies = api.sessions.policies().clone();
    // Directories are looked up on the disk.
    let found = blocking(move || {
        let applying = policies.applying(&request);
        // One that cannot be read keeps every rule from allowing anything.
        let applies = |info: &PolicyInfo| {
            !info.mistakes.is_empty() || applying.iter().any(|policy| policy.name == info.name)
        };
        let of = |policy: PolicyInfo| SessionPolicy { applies: applies(&policy), policy };
        policies.list().into_iter().map(of).collect()
    });
    Ok(found.await?)
}

/// What would be said of a text that is saved.
fn check(api: &Api, text: &str) -> PolicyInfo {
    match api.sessions.policies().read(text) {
        Ok(policy) => wire::info_of(&policy),
        Err(mistakes) => {
            let nothing = wire::info_of(&crate::policy::rule::Policy::new(""));
            PolicyInfo { mistakes: mistakes.iter().map(wire::note).collect(), ..nothing }
        }
    }
}

fn form(text: &str) -> Result<PolicyForm, Problem> {
    form::form(text).map_err(|mistakes| unreadable(&mistakes))
}

fn write(api: &Api, wanted: &WritePolicy) -> Result<WrittenPolicy, Problem> {
    let (text, lost) = form::write(&wanted.text, &wanted.form).map_err(|mistakes| unreadable(&mistakes))?;
    let info = check(api, &text);
    Ok(WrittenPolicy { text, lost, info })
}

fn unreadable(mistakes: &[Mistake]) -> Problem {
    let told: Vec<String> = mistakes.iter().map(|mistake| format!("line {mistake}")).collect();
    Problem::new(Code::Invalid, told.join("\n"))
}

async fn put(api: &Api, caller: &Caller, name: String, wanted: PutPolicy) -> Result<PolicyFile, Problem> {
    let PutPolicy { text } = wanted;
    let (named, read) = (name.clone(), text.clone());
    on_disk(api, move |policies| policies.check_put(&named, &read)).await?;
    let (named, data) = (name.clone(), about(&name, value!({ "text": text })));
    let put = on_disk(api, move |policies| policies.put(&named, &text));
    let file = record::done(api, holder(api, caller), "policy.change", None, data, put).await?;
    changed(api, Body::PolicyChanged { name }).await?;
    Ok(file)
}

async fn remove(api: &Api, caller: &Caller, name: String) -> Result<(), Problem> {
    let named = name.clone();
    on_disk(api, move |policies| policies.check_remove(&named)).await?;
    let (named, data) = (name.clone(), about(&name, value!({})));
    let remove = on_disk(api, move |policies| policies.remove(&named));
    record::done(api, holder(api, caller), "policy.remove", None, data, remove).await?;
    changed(api, Body::PolicyRemoved { name }).await
}

async fn attach(
    api: &Api,
    caller: &Caller,
    name: String,
    wanted: AttachPolicy,
) -> Result<PolicyFile, Problem> {
    let session = api.sessions.registry.find(&wanted.session)?;
    let (id, attached, named) = (session.id, wanted.attached, name.clone());
    on_disk(api, move |policies| policies.check_attach(&named)).await?;
    let (named, data) = (name.clone(), about(&name, value!({ "session": id, "attached": attached })));
    let attach = on_disk(api, move |policies| policies.attach(&named, id, attached));
    let file = record::done(api, holder(api, caller), "policy.attach", None, data, attach).await?;
    api.sessions.event(Some(session.id), Body::PolicyAttached { name, attached });
    snapshots(api).await?;
    Ok(file)
}

async fn on_disk<T: Send + 'static>(
    api: &Api,
    work: impl FnOnce(&kept::Kept) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let policies = api.sessions.policies().clone();
    blocking(move || work(&policies)).await?
}

/// Which policy is to be changed, and how. A text that is too long for a record is told by its length.
fn about(name: &str, mut data: serde_json::Value) -> serde_json::Value {
    data["policy"] = name.into();
    if let Some(length) = data["text"].as_str().map(str::len).filter(|length| *length > MAX_DATA / 4) {
        data["text"] = format!("{length} bytes").into();
    }
    data
}

async fn changed(api: &Api, body: Body) -> Result<(), Problem> {
    api.sessions.event(None, body);
    snapshots(api).await
}

async fn snapshots(api: &Api) -> Result<(), Problem> {
    let sessions = api.sessions.clone();
    Ok(blocking(move || sessions.policies_changed()).await?)
}

async fn test(api: &Api, wanted: TestPolicy) -> Result<PolicyVerdict, Problem> {
    let (tool, input) = match (wanted.tool, wanted.input, wanted.command) {
        (tool, None, Some(command)) => {
            (tool.unwrap_or_else(|| SHELL.to_owned()), value!({ "command": command }))
        }
        (Some(tool), Some(input), None) => (tool, input),
        _ => return Err(Problem::new(Code::Invalid, "give either 'command', or 'tool' and 'input'")),
    };
    let request = match &wanted.session {
        Some(session) => {
            let session = api.sessions.registry.find(session)?;
            let cwd = wanted.cwd.unwrap_or_else(|| session.cwd());
            session.policy_request(&tool, input, cwd)
        }
        None => {
            let home: PathBuf = std::env::var_os("HOME").unwrap_or_else(|| "/".into()).into();
            let cwd = wanted.cwd.map_or_else(|| home.clone(), |cwd| directories::expand(&cwd));
            Request { tool, input, directory: Some(cwd.clone()), cwd, home, ..Request::default() }
        }
    };
    let policies = api.sessions.policies().clone();
    let decided = blocking(move || match wanted.text {
        None => Ok(policies.decide(&request)),
        Some(text) => match policies.read(&text) {
            Ok(policy) => Ok(policies.whole(policy).decide(&request)),
            Err(mistakes) => Err(unreadable(&mistakes)),
        },
    });
    Ok(wire::verdict(decided.await??))
}
