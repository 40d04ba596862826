//! `/api/env-sets`: values come in, and none goes out.

use codepiper_protocol::wire::env_set::{ChangeEnvSet, CreateEnvSet, EnvSet, EnvSets};
use codepiper_protocol::wire::problem::Problem;
use serde_json::{Value, json as value};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::holder;
use super::caller::percent_decode;
use super::{Api, Caller, answer, answer_status, json, record, with};
use crate::audit::put_value;
use crate::env_set;
use crate::tasks::blocking;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let all = || warp::path!("api" / "env-sets").and(with(api.clone()));
    let one = || warp::path!("api" / "env-sets" / String).and(with(api.clone()));
    let list = all().and(warp::get()).then(|api: Api| async move { answer(list(api).await) });
    let caller = warp::ext::get::<Caller>;
    let create = all().and(warp::post()).and(caller()).and(json::<CreateEnvSet>()).then(
        |api: Api, caller, CreateEnvSet { name, variables }| async move {
            let names: Vec<&String> = variables.keys().collect();
            let recorded = note(&api, &caller, "create", &name, value!({ "set": names })).await;
            answer(match recorded {
                Ok(()) => changed(api, move |sets| sets.create(&name, variables)).await,
                Err(problem) => Err(problem),
            })
        },
    );
    let show = one().and(warp::get()).then(|name: String, api: Api| async move {
        answer(changed(api, move |sets| sets.show(&percent_decode(&name))).await)
    });
    let change = one().and(warp::patch()).and(caller()).and(json::<ChangeEnvSet>()).then(
        |name: String, api: Api, caller, wanted: ChangeEnvSet| async move {
            let name = percent_decode(&name);
            let names: Vec<&String> = wanted.set.keys().collect();
            let data = value!({ "set": names, "unset": wanted.unset });
            answer(match note(&api, &caller, "change", &name, data).await {
                Ok(()) => changed(api, move |sets| sets.change(&name, wanted)).await,
                Err(problem) => Err(problem),
            })
        },
    );
    let remove = one().and(warp::delete()).and(caller()).then(|name: String, api: Api, caller| async move {
        answer_status(remove(api, &caller, percent_decode(&name)).await.map(|()| StatusCode::NO_CONTENT))
    });
    list.or(create).unify().or(show).unify().or(change).unify().or(remove).unify().boxed()
}

/// The names of its variables, never their values; on record before it takes effect.
async fn note(api: &Api, caller: &Caller, what: &str, name: &str, names: Value) -> Result<(), Problem> {
    let mut data = value!({ "env_set": name });
    put_value(&mut data, "variables", names);
    record::before(api, holder(api, caller), &format!("env_set.{what}"), None, data).await
}

async fn remove(api: Api, caller: &Caller, name: String) -> Result<(), Problem> {
    note(&api, caller, "remove", &name, Value::Null).await?;
    on_disk(api, move |sets| sets.remove(&name)).await?
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
