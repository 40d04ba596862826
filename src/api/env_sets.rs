//! `/api/env-sets`: values come in, and none goes out.

use codepiper_protocol::wire::env_set::{ChangeEnvSet, CreateEnvSet, EnvSet, EnvSets};
use codepiper_protocol::wire::problem::Problem;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::caller::percent_decode;
use super::{Api, answer, answer_status, json, with};
use crate::env_set;
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let all = || warp::path!("api" / "env-sets").and(with(api.clone()));
    let one = || warp::path!("api" / "env-sets" / String).and(with(api.clone()));
    let list = all().and(warp::get()).then(|api: Api| async move { answer(list(api).await) });
    let create = all().and(warp::post()).and(json::<CreateEnvSet>()).then(
        |api: Api, CreateEnvSet { name, variables }| async move {
            answer(changed(api, move |sets| sets.create(&name, variables)).await)
        },
    );
    let show = one().and(warp::get()).then(|name: String, api: Api| async move {
        answer(changed(api, move |sets| sets.show(&percent_decode(&name))).await)
    });
    let change = one().and(warp::patch()).and(json::<ChangeEnvSet>()).then(
        |name: String, api: Api, change| async move {
            answer(changed(api, move |sets| sets.change(&percent_decode(&name), change)).await)
        },
    );
    let remove = one().and(warp::delete()).then(|name: String, api: Api| async move {
        let removed = on_disk(api, move |sets| sets.remove(&percent_decode(&name))).await;
        answer_status(removed.and_then(|removed| removed).map(|()| StatusCode::NO_CONTENT))
    });
    list.or(create).unify().or(show).unify().or(change).unify().or(remove).unify().boxed()
}

async fn list(api: Api) -> Result<EnvSets, Problem> {
    let key_file = api.sessions.env_sets().key_file().to_owned();
    let sets = on_disk(api.clone(), |sets| sets.list()).await?;
    Ok(EnvSets { sets: sets.into_iter().map(|set| with_users(&api, set)).collect(), key_file })
}

async fn changed(
    api: Api,
    work: impl FnOnce(&env_set::EnvSets) -> Result<EnvSet, Problem> + Send + 'static,
) -> Result<EnvSet, Problem> {
    Ok(with_users(&api, on_disk(api.clone(), work).await??))
}

fn with_users(api: &Api, set: EnvSet) -> EnvSet {
    EnvSet { used_by: api.sessions.registry.users_of_env_set(&set.name), ..set }
}

async fn on_disk<T: Send + 'static>(
    api: Api,
    work: impl FnOnce(&env_set::EnvSets) -> T + Send + 'static,
) -> Result<T, Problem> {
    Ok(blocking(move || work(api.sessions.env_sets())).await?)
}
