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
    let create = all()
        .and(warp::post())
        .and(caller())
        .and(json::<CreateEnvSet>())
        .then(|api: Api, caller, wanted| async move { answer(create(api, &caller, wanted).await) });
    let show = one().and(warp::get()).then(|name: String, api: Api| async move {
        answer(changed(api, move |sets| sets.show(&percent_decode(&name))).await)
    });
    let change = one().and(warp::patch()).and(caller()).and(json::<ChangeEnvSet>()).then(
        |name: String, api: Api, caller, wanted| async move {
            answer(change(api, &caller, percent_decode(&name), wanted).await)
        },
    );
    let remove = one().and(warp::delete()).and(caller()).then(|name: String, api: Api, caller| async move {
        answer_status(remove(api, &caller, percent_decode(&name)).await.map(|()| StatusCode::NO_CONTENT))
    });
    list.or(create).unify().or(show).unify().or(change).unify().or(remove).unify().boxed()
}

async fn create(
    api: Api,
    caller: &Caller,
    CreateEnvSet { name, variables }: CreateEnvSet,
) -> Result<EnvSet, Problem> {
    let names = value!({ "set": variables.keys().collect::<Vec<_>>() });
    let (named, given) = (name.clone(), variables.clone());
    on_disk(api.clone(), move |sets| sets.check_create(&named, &given)).await??;
    let named = name.clone();
    let work = changed(api.clone(), move |sets| sets.create(&named, variables));
    recorded(&api, caller, "create", &name, names, work).await
}

async fn change(api: Api, caller: &Caller, name: String, wanted: ChangeEnvSet) -> Result<EnvSet, Problem> {
    let names = value!({ "set": wanted.set.keys().collect::<Vec<_>>(), "unset": wanted.unset });
    let (named, given) = (name.clone(), wanted.clone());
    on_disk(api.clone(), move |sets| sets.check_change(&named, &given)).await??;
    let named = name.clone();
    let work = changed(api.clone(), move |sets| sets.change(&named, wanted));
    recorded(&api, caller, "change", &name, names, work).await
}

async fn remove(api: Api, caller: &Caller, name: String) -> Result<(), Problem> {
    let (named, again) = (name.clone(), name.clone());
    on_disk(api.clone(), move |sets| sets.check_remove(&named)).await??;
    let removed = on_disk(api.clone(), move |sets| sets.remove(&again));
    recorded(&api, caller, "remove", &name, Value::Null, async { removed.await? }).await
}

/// The names of its variables, never their values; on record before it takes effect.
async fn recorded<T>(
    api: &Api,
    caller: &Caller,
    what: &str,
    name: &str,
    names: Value,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let mut data = value!({ "env_set": name });
    put_value(&mut data, "variables", names);
    record::done(api, holder(api, caller), &format!("env_set.{what}"), None, data, work).await
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
