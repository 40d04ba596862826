//! `/api/worktrees`: those that were made for sessions.

use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::worktree::{MergeWorktree, RemoveWorktree, WorktreeRemoved};
use serde_json::json as value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::holder;
use super::caller::percent_decode;
use super::{Api, Caller, answer, json_or_default, record, with};

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "worktrees")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(api.sessions.launcher.worktrees().await) });
    let remove = warp::path!("api" / "worktrees" / String)
        .and(warp::delete())
        .and(warp::query::<RemoveWorktree>())
        .and(warp::ext::get::<Caller>())
        .and(with(api.clone()))
        .then(|id: String, request, caller, api: Api| async move {
            answer(remove(&api, &caller, &percent_decode(&id), request).await)
        });
    let merge = warp::path!("api" / "worktrees" / String / "merge")
        .and(warp::post())
        .and(json_or_default::<MergeWorktree>())
        .and(with(api.clone()))
        .then(|id: String, request, api: Api| async move {
            answer(api.sessions.launcher.merge_worktree(&percent_decode(&id), request).await)
        });
    list.or(remove).unify().or(merge).unify().boxed()
}

async fn remove(
    api: &Api,
    caller: &Caller,
    id: &str,
    request: RemoveWorktree,
) -> Result<WorktreeRemoved, Problem> {
    let data = value!({ "worktree": id, "ignored": request.ignored });
    let remove = api.sessions.launcher.remove_worktree(id, request);
    record::done(api, holder(api, caller), "worktree.remove", None, data, remove).await
}
