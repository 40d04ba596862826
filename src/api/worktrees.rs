//! `/api/worktrees`: those that were made for sessions.

use codepiper_protocol::wire::worktree::{MergeWorktree, RemoveWorktree};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::caller::percent_decode;
use super::{Api, answer, json_or_default, with};

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "worktrees")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(api.sessions.launcher.worktrees().await) });
    let remove = warp::path!("api" / "worktrees" / String)
        .and(warp::delete())
        .and(warp::query::<RemoveWorktree>())
        .and(with(api.clone()))
        .then(|id: String, request, api: Api| async move {
            answer(api.sessions.launcher.remove_worktree(&percent_decode(&id), request).await)
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
