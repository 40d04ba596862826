//! `/api/asks`, `/api/halt`: what sessions need from a person, and the answers.

use codepiper_protocol::event::Body;
use codepiper_protocol::visible::{one_line, visible};
use codepiper_protocol::wire::ask::{
    AnswerAsk, Answered, Ask, AskDecision, Gate, Halt, Halted, Notify, SnoozeAsk,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json as value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::holder;
use super::caller::percent_decode;
use super::sessions::{Reference, find, path_to};
use super::{Api, Caller, answer, answer_status, json, record, with};
use crate::audit::{put_text, put_value};

const LONGEST_NOTE: usize = 500;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let all = warp::path!("api" / "asks")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(Ok::<_, Problem>(api.sessions.asks.all())) });
    let one = warp::path!("api" / "asks" / String)
        .and(warp::get())
        .and(with(api.clone()))
        .then(|id: String, api: Api| async move { answer(shown(&api, &percent_decode(&id)).await) });
    let to = |what: &'static str| {
        warp::path!("api" / "asks" / String / ..)
            .map(|id: String| percent_decode(&id))
            .and(warp::path(what))
            .and(warp::path::end())
            .and(warp::ext::get::<Caller>())
            .and(with(api.clone()))
    };
    let answered = to("answer").and(warp::post()).and(json::<AnswerAsk>()).then(
        |id, caller, api: Api, wanted| async move { answer(answer_ask(&api, &caller, id, wanted).await) },
    );
    let acknowledged = to("acknowledge").and(warp::post()).then(|id: String, caller, api: Api| async move {
        answer(api.sessions.asks.acknowledge(&id, &holder(&api, &caller)).await)
    });
    let snoozed = to("snooze").and(warp::post()).and(json::<SnoozeAsk>()).then(
        |id: String, _: Caller, api: Api, wanted: SnoozeAsk| async move {
            answer(api.sessions.asks.snooze(&id, wanted.until).await)
        },
    );
    let halt = warp::path!("api" / "halt")
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(json::<Halt>())
        .and(with(api.clone()))
        .then(|caller, wanted, api: Api| async move { answer(halt(&api, &caller, wanted).await) });
    let notify = path_to(&api, "notify")
        .and(warp::post())
        .and(json::<Notify>())
        .then(|reference, api: Api, note| async move { answer_status(notify(&api, &reference, &note)) });
    let change = answered.or(acknowledged).unify().or(snoozed).unify();
    all.or(one).unify().or(change).unify().or(halt).unify().or(notify).unify().boxed()
}

/// Where nothing but the screen tells what is asked, the text is the screen.
async fn shown(api: &Api, reference: &str) -> Result<Ask, Problem> {
    api.sessions.asks.recall(reference).await;
    let (session, mut ask) = api.sessions.asks.find(reference)?;
    if ask.text.is_empty() && ask.kind.waits() {
        let rows = api.sessions.screen_source.rows(&session).await.unwrap_or_default();
        let rows: Vec<_> = rows.iter().map(|row| visible(row.trim_end()).into_owned()).collect();
        ask.text = rows.join("\n").trim_matches('\n').to_owned();
    }
    Ok(ask)
}

/// On record before the agent hears of it: what cannot be recorded is not allowed. Nobody is kept from denying.
async fn answer_ask(api: &Api, caller: &Caller, id: String, wanted: AnswerAsk) -> Result<Answered, Problem> {
    let (by, decision) = (holder(api, caller), wanted.decision);
    api.sessions.asks.recall(&id).await;
    let claim = api.sessions.claim(&id, wanted, by.clone())?;
    let Ask { id, session, kind, tool, title, text, asked_at, .. } = &claim.ask;
    let AnswerAsk { answers, command, reason, always, .. } = &claim.answer;
    let mut data = value!({
        "ask": id, "gate": Gate::Person, "what": kind, "tool": tool, "title": title, "decision": decision,
        "always": claim.ask.always.as_ref().filter(|_| *always),
        "waited_ms": Timestamp::now().duration_since(*asked_at).as_millis() as i64,
    });
    if !answers.is_empty() {
        put_value(&mut data, "answers", serde_json::to_value(answers).unwrap_or_default());
    }
    for (name, text) in [("text", Some(text)), ("changed", command.as_ref()), ("reason", reason.as_ref())] {
        text.into_iter().for_each(|text| put_text(&mut data, name, text));
    }
    let (id, session) = (id.clone(), Some(*session));
    match decision {
        AskDecision::Allow => record::before(api, by.clone(), "ask.answered", session, data).await?,
        AskDecision::Deny => record::note_by(api, by.clone(), "ask.answered", session, data).await,
    }
    let ask = match api.sessions.answer(claim).await {
        Ok(ask) => ask,
        Err(problem) => {
            let data = value!({ "ask": id, "why": problem.detail });
            record::note_by(api, by, "ask.answer_failed", session, data).await;
            return Err(problem);
        }
    };
    Ok(Answered { ask, decision, by })
}

async fn halt(api: &Api, caller: &Caller, wanted: Halt) -> Result<Vec<Halted>, Problem> {
    if wanted.all != wanted.sessions.is_empty() {
        return Err(Problem::new(Code::Invalid, "give either sessions, or 'all'"));
    }
    let registry = &api.sessions.registry;
    let sessions = match wanted.all {
        true => api.sessions.agents(),
        false => wanted.sessions.iter().map(|name| registry.find(name)).collect::<Result<Vec<_>, _>>()?,
    };
    let by = holder(api, caller);
    let ids: Vec<String> = sessions.iter().map(|session| session.id.short()).collect();
    record::note(api, caller, "halt", None, value!({ "all": wanted.all, "sessions": ids })).await;
    Ok(match wanted.all {
        true => api.sessions.halt_all(&by).await,
        false => join_all(sessions.iter().map(|session| api.sessions.halt(session, &by))).await,
    })
}

/// A program in a session asks for attention.
fn notify(api: &Api, reference: &Reference, note: &Notify) -> Result<StatusCode, Problem> {
    let session = find(api, reference)?;
    let text = one_line(&note.text);
    if text.is_empty() || text.chars().count() > LONGEST_NOTE {
        let detail = format!("invalid text; use 1 to {LONGEST_NOTE} visible characters");
        return Err(Problem::new(Code::Invalid, detail));
    }
    api.sessions.asks.note(&session, &text)?;
    api.sessions.event(Some(session.id), Body::AskAttentionWanted { text });
    Ok(StatusCode::NO_CONTENT)
}
