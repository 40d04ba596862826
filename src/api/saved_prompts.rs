//! `/api/prompts`

use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::saved_prompt::{RenamePrompt, SavePrompt};
use jiff::Timestamp;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::caller::percent_decode;
use super::{Api, answer, answer_status, json, with};
use crate::saved_prompts::SavedPrompts;
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let one = || warp::path!("api" / "prompts" / String).and(with(api.clone()));
    let list = warp::path!("api" / "prompts")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(on_disk(api, |prompts| prompts.list()).await) });
    let save = one().and(warp::put()).and(json::<SavePrompt>()).then(
        |name: String, api: Api, SavePrompt { text }| async move {
            let name = percent_decode(&name);
            answer(on_disk(api, move |prompts| prompts.save(&name, text, Timestamp::now())).await)
        },
    );
    let rename = one().and(warp::patch()).and(json::<RenamePrompt>()).then(
        |name: String, api: Api, RenamePrompt { name: new }| async move {
            let name = percent_decode(&name);
            answer(on_disk(api, move |prompts| prompts.rename(&name, &new)).await)
        },
    );
    let remove = one().and(warp::delete()).then(|name: String, api: Api| async move {
        let name = percent_decode(&name);
        let removed = on_disk(api, move |prompts| prompts.remove(&name)).await;
        answer_status(removed.map(|()| StatusCode::NO_CONTENT))
    });
    list.or(save).unify().or(rename).unify().or(remove).unify().boxed()
}

async fn on_disk<T: Send + 'static>(
    api: Api,
    work: impl FnOnce(&SavedPrompts) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    blocking(move || work(&api.saved_prompts)).await?
}
