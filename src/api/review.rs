//! `/api/sessions/{ref}/review`: comments on a session's changes, for its agent.

use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::wire::input::{IfBusy, Sent};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::review::{AddComment, Comment, EditComment, Review};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::git::in_repo_of;
use super::sessions::{Reference, find};
use super::{Api, Caller, answer, answer_status, auth, input, json, with};
use crate::git::base::Reader;
use crate::git::error::Failure;
use crate::git::repo::Repo;
use crate::git::review::Reviews;
use crate::session::{Session, name_of};
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let at = || warp::path!("api" / "sessions" / Reference / "review" / ..).and(with(api.clone()));
    let one = || warp::path!("api" / "sessions" / Reference / "review" / u32 / ..);
    let verb = |name: &'static str| warp::path(name).and(warp::path::end());
    let list = at()
        .and(warp::path::end())
        .and(warp::get())
        .and(warp::ext::get::<Caller>())
        .then(|reference, api: Api, caller| async move { answer(list(&api, &reference, &caller).await) });
    let add = at()
        .and(warp::path::end())
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(json::<AddComment>())
        .then(|reference, api: Api, caller, wanted| async move {
            answer(add(&api, &reference, &caller, wanted).await)
        });
    let edit = one()
        .and(warp::path::end())
        .and(warp::patch())
        .and(with(api.clone()))
        .and(json::<EditComment>())
        .then(|reference, id, api: Api, wanted: EditComment| async move {
            answer(
                on_disk(&api, &reference, move |all, session| all.edit(session.id, id, &wanted.text)).await,
            )
        });
    let remove = one().and(warp::path::end()).and(warp::delete()).and(with(api.clone())).then(
        |reference, id, api: Api| async move {
            let removed = on_disk(&api, &reference, move |all, session| all.remove(session.id, id)).await;
            answer_status(removed.map(|()| StatusCode::NO_CONTENT))
        },
    );
    let address = one().and(verb("address")).and(warp::post()).and(with(api.clone())).then(
        |reference, id, api: Api| async move {
            answer(on_disk(&api, &reference, move |all, session| all.address(session.id, id)).await)
        },
    );
    let send = at()
        .and(verb("send"))
        .and(warp::post())
        .and(warp::ext::get::<Caller>())
        .then(|reference, api: Api, caller| async move { answer(send(&api, &reference, &caller).await) });
    list.or(add)
        .unify()
        .or(edit)
        .unify()
        .or(remove)
        .unify()
        .boxed()
        .or(address)
        .unify()
        .or(send)
        .unify()
        .boxed()
}

async fn list(api: &Api, reference: &Reference, caller: &Caller) -> Result<Review, Problem> {
    let login = auth::login(caller);
    let read = move |all: &Reviews, session: &Session| {
        let reader = Reader { session: session.id, login };
        // Comments are there also when the repository is not.
        match Repo::open(&session.cwd()) {
            Ok(repo) => all.list(reader, Ok(&repo)),
            Err(failure) => all.list(reader, Err(failure)),
        }
    };
    on_disk(api, reference, read).await
}

async fn add(
    api: &Api,
    reference: &Reference,
    caller: &Caller,
    wanted: AddComment,
) -> Result<Comment, Problem> {
    let author = auth::holder(api, caller);
    let (reviews, login) = (api.reviews.clone(), auth::login(caller));
    let add = move |repo: &mut Repo, session| reviews.add(Reader { session, login }, repo, &wanted, &author);
    in_repo_of(find(api, reference)?, add).await
}

/// All drafts as one prompt. They are drafts until the agent has them.
async fn send(api: &Api, reference: &Reference, caller: &Caller) -> Result<Sent, Problem> {
    let session = find(api, reference)?;
    if !session.provider.agent {
        return Err(Problem::new(Code::Invalid, "no agent runs in this session that could take comments"));
    }
    // What is sent from two devices at once is sent by the first; the second finds no drafts.
    let _sends = session.sends_comments.lock().await;
    let Review { comments, prompt } = list(api, reference, caller).await?;
    if prompt.is_empty() {
        return Err(Problem::new(Code::Invalid, "there are no drafts to send"));
    }
    input::note(api, caller, &session, prompt.len());
    let (typing, name) = (&api.sessions.typing, name_of(&prompt));
    let sent = typing.send(&session, &[], Bytes::from(prompt), true, Some(IfBusy::Queue), true).await;
    // Comments are a prompt or nothing.
    let sent = sent.map_err(|problem| Problem {
        next: problem.next.filter(|next| *next != Next::TypeAnyway),
        ..problem
    })?;
    on_disk(api, reference, move |all, session| all.sent(session.id, &comments, &name)).await?;
    Ok(sent)
}

async fn on_disk<T: Send + 'static>(
    api: &Api,
    reference: &Reference,
    work: impl FnOnce(&Reviews, &Session) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Problem> {
    let (session, reviews): (Arc<Session>, _) = (find(api, reference)?, api.reviews.clone());
    let done = blocking(move || {
        let dropped = session.dropped_texts();
        if !dropped.is_empty() {
            reviews.dropped(session.id, &dropped)?;
            session.forget_dropped(&dropped);
        }
        work(&reviews, &session)
    });
    Ok(done.await??)
}
