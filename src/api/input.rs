//! `/api/sessions/{ref}`: `input`, `queue`, `keys`, `images`, `files`, `model`. What a person gives an agent.

use bytes::Bytes;
use codepiper_protocol::key::Key;
use codepiper_protocol::wire::input::{
    Image, MAX_FILE, MAX_IMAGE, MAX_TEXT, SendKeys, SendText, Sent, UploadFile, UploadedFile,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{Session as View, SwitchModel};
use uuid::Uuid;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::holder;
use super::sessions::{Reference, find, path_to, view};
use super::{Api, Caller, answer, json};
use crate::session::Session;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let caller = warp::ext::get::<Caller>;
    let input = path_to(&api, "input")
        .and(warp::post())
        .and(caller())
        .and(warp::query::<SendText>())
        .and(warp::body::content_length_limit(MAX_TEXT as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, caller: Caller, how: SendText, text| async move {
            answer(send(&api, &caller, &reference, &how, text).await)
        });
    let drop_queued = path_to(&api, "queue")
        .and(warp::delete())
        .then(|reference, api: Api| async move { answer(drop_queued(&api, &reference).await) });
    let release_queued = path_to(&api, "queue")
        .and(warp::post())
        .then(|reference, api: Api| async move { answer(release_queued(&api, &reference).await) });
    let keys = path_to(&api, "keys").and(warp::post()).and(caller()).and(json::<SendKeys>()).then(
        |reference, api: Api, caller: Caller, request| async move {
            answer(keys(&api, &caller, &reference, request).await)
        },
    );
    let image = path_to(&api, "images")
        .and(warp::post())
        .and(warp::body::content_length_limit(MAX_IMAGE as u64))
        .and(warp::body::bytes())
        .then(
            |reference, api: Api, content| async move { answer(keep_image(&api, &reference, content).await) },
        );
    let file = path_to(&api, "files")
        .and(warp::post())
        .and(warp::query::<UploadFile>())
        .and(warp::body::content_length_limit(MAX_FILE as u64))
        .and(warp::body::bytes())
        .then(|reference, api: Api, named: UploadFile, content| async move {
            answer(keep_file(&api, &reference, &named, content).await)
        });
    let model = path_to(&api, "model").and(warp::post()).and(caller()).and(json::<SwitchModel>()).then(
        |reference, api: Api, caller: Caller, wanted| async move {
            answer(switch_model(&api, &caller, &reference, wanted).await)
        },
    );
    let queue = drop_queued.or(release_queued).unify();
    input.or(queue).unify().or(keys).unify().or(image).unify().or(file).unify().or(model).unify().boxed()
}

async fn send(
    api: &Api,
    caller: &Caller,
    reference: &Reference,
    how: &SendText,
    text: Bytes,
) -> Result<Sent, Problem> {
    let session = find(api, reference)?;
    note(api, caller, &session, text.len());
    if how.raw {
        return match how {
            SendText { enter: false, images: None, if_busy: None, plain: false, .. } => {
                api.sessions.typing.send_raw(&session, &text).await
            }
            _ => Err(Problem::new(
                Code::Invalid,
                "'raw' cannot be combined with 'enter', 'images', 'if_busy' or 'plain'",
            )),
        };
    }
    let ids = how.images.as_deref().unwrap_or_default().split(',').filter(|id| !id.is_empty());
    let ids: Result<Vec<Uuid>, Problem> = ids
        .map(|id| {
            let wrong = || Problem::new(Code::Invalid, format!("invalid image id '{}'", id.escape_debug()));
            id.parse().map_err(|_| wrong())
        })
        .collect();
    api.sessions.typing.send(&session, &ids?, text, how.enter, how.if_busy, how.plain).await
}

/// For the audit: it counts what was asked for, whatever becomes of it.
pub(super) fn note(api: &Api, caller: &Caller, session: &Session, bytes: usize) {
    api.audit.inputs.note(&holder(api, caller), session.id, bytes);
}

async fn keys(api: &Api, caller: &Caller, reference: &Reference, request: SendKeys) -> Result<Sent, Problem> {
    let session = find(api, reference)?;
    note(api, caller, &session, request.keys.len());
    let keys: Result<Vec<Key>, _> = request.keys.iter().map(|key| key.parse::<Key>()).collect();
    let keys = keys.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    api.sessions.typing.send_keys(&session, &keys).await
}

async fn drop_queued(api: &Api, reference: &Reference) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.typing.drop_queued(&session).await?;
    Ok(view(&session).await)
}

async fn release_queued(api: &Api, reference: &Reference) -> Result<View, Problem> {
    let session = find(api, reference)?;
    api.sessions.typing.release_queue(&session).await?;
    Ok(view(&session).await)
}

async fn keep_image(api: &Api, reference: &Reference, content: Bytes) -> Result<Image, Problem> {
    let session = find(api, reference)?;
    api.sessions.typing.keep_image(&session, content).await
}

async fn keep_file(
    api: &Api,
    reference: &Reference,
    named: &UploadFile,
    content: Bytes,
) -> Result<UploadedFile, Problem> {
    let session = find(api, reference)?;
    api.sessions.typing.keep_file(&session, &named.name, content).await
}

async fn switch_model(
    api: &Api,
    caller: &Caller,
    reference: &Reference,
    wanted: SwitchModel,
) -> Result<View, Problem> {
    let session = find(api, reference)?;
    note(api, caller, &session, wanted.model.len());
    api.sessions.typing.switch_model(&session, &wanted.model).await?;
    Ok(view(&session).await)
}
