//! `/api/worktrees`: those that were made for sessions.

use codepiper_protocol::wire::worktree::RemoveWorktree;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::caller::percent_decode;
use super::{Api, answer, with};

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "worktrees")
        .and(warp::get())
        .and(with(api.clone()))
        .then(|api: Api| async move { answer(api.sessions.launcher.worktrees().await) });
    let remove = warp::path!("api" / "worktrees" / String)
        .and(warp::delete())
        .and(warp::query::<RemoveWorktree>())
        .and(with(api))
        .then(|id: String, request, api: Api| async move {
            answer(api.sessions.launcher.remove_worktree(&percent_decode(&id), request).await)
        });
    list.or(remove).unify().boxed()
}
