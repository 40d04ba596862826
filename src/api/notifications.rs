//! `/api/notifications`: which devices are told of asks.

use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::{
    NotificationReceipt, Notifications, SetDevice, TestNotification,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::auth::login;
use super::{Api, Caller, answer, answer_status, json, with};

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let at = || warp::path!("api" / "notifications" / ..).and(with(api.clone()));
    let caller = warp::ext::get::<Caller>;
    let list = at()
        .and(warp::path::end())
        .and(warp::get())
        .and(caller())
        .then(|api: Api, caller: Caller| async move { answer(api.notifier.list(login(&caller)).await) });
    let set = at()
        .and(warp::path!("device"))
        .and(warp::put())
        .and(caller())
        .and(json::<SetDevice>())
        .then(|api: Api, caller, wanted| async move { answer(set(&api, &caller, wanted).await) });
    let remove =
        at().and(warp::path!("devices" / LoginId)).and(warp::delete()).then(|api: Api, id| async move {
            answer_status(api.notifier.remove_device(id).await.map(|()| StatusCode::NO_CONTENT))
        });
    let test =
        at().and(warp::path!("test")).and(warp::post()).and(caller()).and(json::<TestNotification>()).map(
            |api: Api, caller: Caller, TestNotification { delay_seconds }| {
                answer_status(api.notifier.test(login(&caller), delay_seconds).map(|()| StatusCode::ACCEPTED))
            },
        );
    let receipts =
        at().and(warp::path!("receipts")).and(warp::post()).and(json::<NotificationReceipt>()).map(
            |api: Api, report| answer_status(api.notifier.receipt(&report).map(|()| StatusCode::NO_CONTENT)),
        );
    list.or(set).unify().or(remove).unify().or(test).unify().or(receipts).unify().boxed()
}

/// The device that asks is told from now on.
async fn set(api: &Api, caller: &Caller, wanted: SetDevice) -> Result<Notifications, Problem> {
    let Some(id) = login(caller) else {
        return Err(Problem::new(Code::Invalid, "only a signed-in browser is a device"));
    };
    api.notifier.set_device(id, wanted).await?;
    api.notifier.list(Some(id)).await
}
