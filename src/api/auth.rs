//! `/api/auth`

use std::str::FromStr;
use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::auth::{
    AuthStage, AuthStatus, BeginSetup, Bootstrap, ChangePassword, ConfirmTotp, Factors, FailedSignIn,
    FinishSetup, Login, LoginId, Reauthenticate, RecoveryCodes, ResetPassword, SHORTEST_PASSWORD, SignIn,
    SignedIn, TotpChange,
};
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use jiff::Timestamp;
use serde_json::json as value;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Api, Caller, Web, answer, answer_problem, answer_status, json, record, with};
use crate::auth::{Guest, Opened};

/// Cookies of a login and of a known browser last so long, in seconds.
const LOGIN_AGE: u32 = 90 * 24 * 3600;
const DEVICE_AGE: u32 = 400 * 24 * 3600;
/// So many wrong attempts are told.
const MOST_FAILED: u32 = 100;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    setup(&api)
        .or(doors(&api))
        .unify()
        .or(ends(&api))
        .unify()
        .or(secrets(&api))
        .unify()
        .or(resets(&api))
        .unify()
        .boxed()
}

/// `/api/auth` and what comes behind it.
fn at(api: &Api) -> BoxedFilter<(Api,)> {
    warp::path!("api" / "auth" / ..).and(with(api.clone())).boxed()
}

/// `/api/auth/NAME`
fn path_to(api: &Api, name: &'static str) -> BoxedFilter<(Api,)> {
    at(api).and(warp::path(name)).and(warp::path::end()).boxed()
}

fn guest() -> BoxedFilter<(Guest,)> {
    warp::ext::optional::<Guest>().map(Option::unwrap_or_default).boxed()
}

fn caller() -> BoxedFilter<(Caller,)> {
    warp::ext::get::<Caller>().boxed()
}

/// The first visit.
fn setup(api: &Api) -> BoxedFilter<(Response,)> {
    let begin = path_to(api, "setup").and(warp::post()).and(json::<BeginSetup>()).then(
        |api: Api, BeginSetup { bootstrap, password, take_over }| async move {
            answer(api.auth.begin_setup(&bootstrap, &password, take_over).await)
        },
    );
    let totp = at(api).and(warp::path!("setup" / "totp")).and(warp::post()).and(json::<ConfirmTotp>()).map(
        |api: Api, ConfirmTotp { token, code }| {
            answer(api.auth.confirm_setup(&token, &code, Timestamp::now()))
        },
    );
    let finish = at(api)
        .and(warp::path!("setup" / "finish"))
        .and(warp::post())
        .and(guest())
        .and(json::<FinishSetup>())
        .then(|api: Api, guest: Guest, request| async move { finish_setup(&api, &guest, request).await });
    begin.or(totp).unify().or(finish).unify().boxed()
}

/// Who is in, and the way in and out.
fn doors(api: &Api) -> BoxedFilter<(Response,)> {
    let status = at(api)
        .and(warp::path::end())
        .and(warp::get())
        .and(caller())
        .map(|api: Api, caller: Caller| answer(Ok(status(&api, &caller))));
    let sign_in = path_to(api, "sign-in")
        .and(warp::post())
        .and(guest())
        .and(json::<SignIn>())
        .then(|api: Api, guest: Guest, request| async move { sign_in(&api, &guest, request).await });
    let sign_out = path_to(api, "sign-out")
        .and(warp::post())
        .and(caller())
        .then(|api: Api, caller: Caller| async move { sign_out(&api, &caller).await });
    let logins = path_to(api, "logins")
        .and(warp::get())
        .and(caller())
        .map(|api: Api, caller: Caller| answer(Ok(logins(&api, &caller))));
    let factors = path_to(api, "factors")
        .and(warp::get())
        .and(caller())
        .then(|api: Api, caller: Caller| async move { answer(factors(&api, &caller).await) });
    status.or(sign_in).unify().or(sign_out).unify().or(logins).unify().or(factors).unify().boxed()
}

/// Logins end.
fn ends(api: &Api) -> BoxedFilter<(Response,)> {
    let others =
        path_to(api, "logins").and(warp::delete()).and(caller()).then(|api: Api, caller| async move {
            let own = login(&caller);
            let ended = end_logins(&api, &caller, |id| Some(id) != own).await;
            answer_status(ended.map(|_| StatusCode::NO_CONTENT))
        });
    let one = at(api)
        .and(warp::path!("logins" / Id))
        .and(warp::delete())
        .and(caller())
        .then(|api: Api, Id(id), caller| async move { answer_status(end_one(&api, &caller, id).await) });
    others.or(one).unify().boxed()
}

/// Whoever is in changes what lets them in.
fn secrets(api: &Api) -> BoxedFilter<(Response,)> {
    let password = path_to(api, "password")
        .and(warp::post())
        .and(caller())
        .and(guest())
        .and(json::<ChangePassword>())
        .then(|api: Api, caller: Caller, guest: Guest, request| async move {
            answer_status(change_password(&api, &caller, &guest, request).await)
        });
    let totp = path_to(api, "totp").and(warp::post()).and(guest()).and(json::<Reauthenticate>()).then(
        |api: Api, guest: Guest, Reauthenticate { password, code }| async move {
            answer(api.auth.change_totp(&password, &code, &guest, Timestamp::now()).await)
        },
    );
    let confirm = at(api)
        .and(warp::path!("totp" / "confirm"))
        .and(warp::post())
        .and(caller())
        .and(json::<ConfirmTotp>())
        .then(|api: Api, caller: Caller, request| async move {
            answer(confirm_totp(&api, &caller, request).await)
        });
    let recovery = path_to(api, "recovery-codes")
        .and(warp::post())
        .and(caller())
        .and(guest())
        .and(json::<Reauthenticate>())
        .then(|api: Api, caller: Caller, guest: Guest, request| async move {
            answer(new_recovery_codes(&api, &caller, &guest, request).await)
        });
    password.or(totp).unify().or(confirm).unify().or(recovery).unify().boxed()
}

/// What the owner can do without being in.
fn resets(api: &Api) -> BoxedFilter<(Response,)> {
    let bootstrap =
        path_to(api, "bootstrap").and(warp::post()).and(caller()).then(|api: Api, caller| async move {
            let make = async { api.auth.new_bootstrap().map(|password| Bootstrap { password }) };
            answer(
                record::done(&api, holder(&api, &caller), "auth.make_bootstrap", None, value!({}), make)
                    .await,
            )
        });
    let password =
        path_to(api, "reset-password").and(warp::post()).and(caller()).and(json::<ResetPassword>()).then(
            |api: Api, caller: Caller, request| async move {
                answer_status(reset_password(&api, &caller, request).await)
            },
        );
    let mfa = path_to(api, "reset-mfa").and(warp::post()).and(caller()).then(|api: Api, caller| async move {
        let reset = async { api.auth.new_totp() };
        let done = record::done(&api, holder(&api, &caller), "auth.reset_mfa", None, value!({}), reset).await;
        answer::<TotpChange>(done)
    });
    bootstrap.or(password).unify().or(mfa).unify().boxed()
}

/// A login's id in a path.
struct Id(LoginId);

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(drop)
    }
}

/// The login that asks, if one does.
pub(super) fn login(caller: &Caller) -> Option<LoginId> {
    match caller {
        Caller::Login(id) => Some(*id),
        _ => None,
    }
}

/// The browser of the login that asks, in words.
pub(super) fn device(api: &Api, caller: &Caller) -> Option<String> {
    logins(api, caller).into_iter().find(|login| login.current).map(|login| login.device)
}

/// As a person would name who asks: see [`SizeLease::holder`](codepiper_protocol::wire::session::SizeLease::holder).
pub(super) fn holder(api: &Api, caller: &Caller) -> String {
    match caller {
        Caller::Owner(_) => "command line".to_owned(),
        Caller::Login(_) => device(api, caller).unwrap_or_else(|| "a browser that was signed out".to_owned()),
        Caller::Agent { .. } => "agent".to_owned(),
        Caller::Doubtful { .. } | Caller::Cookie(_) | Caller::Nobody => "unknown caller".to_owned(),
    }
}

fn status(api: &Api, caller: &Caller) -> AuthStatus {
    let current = logins(api, caller).into_iter().find(|login| login.current);
    let stage = match (&current, api.auth.stage()) {
        (Some(_), _) => AuthStage::SignedIn,
        (None, stage) => stage,
    };
    AuthStatus {
        stage,
        login: current,
        setup_under_way: api.auth.setup_under_way(),
        detail: api.auth.damage(),
        shortest_password: SHORTEST_PASSWORD as u32,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
    }
}

fn logins(api: &Api, caller: &Caller) -> Vec<Login> {
    api.auth.logins(login(caller), Timestamp::now())
}

/// With the attempts that failed, as the events tell of them.
async fn factors(api: &Api, caller: &Caller) -> Result<Factors, Problem> {
    let (mut factors, since) = api.auth.factors(login(caller)).ok_or_else(|| {
        Problem::new(Code::NotSetUp, "the dashboard has no password yet").with_next(Next::SetUpDashboard)
    })?;
    let wanted = ListEvents {
        session: None,
        source: None,
        kind: Some("auth.sign_in_failed".to_owned()),
        since: since.map(|since| since.as_millisecond()),
        before: None,
        limit: MOST_FAILED,
    };
    let found = api.sessions.bus().events.find(wanted).await.events;
    factors.failed = found
        .into_iter()
        .rev()
        .filter_map(|event| match event.body {
            Body::AuthSignInFailed { device, address } => {
                Some(FailedSignIn { at: event.at, device, address })
            }
            _ => None,
        })
        .collect();
    Ok(factors)
}

async fn finish_setup(api: &Api, guest: &Guest, FinishSetup { token }: FinishSetup) -> Response {
    match api.auth.finish_setup(&token, guest, Timestamp::now()).await {
        Ok(opened) => {
            let (device, address) = (Some(guest.name.clone()), guest.address.clone());
            api.sessions.event(None, Body::AuthSetUp { device, address });
            let_in(api, guest, opened).await
        }
        Err(problem) => answer_problem(&problem),
    }
}

async fn sign_in(api: &Api, guest: &Guest, SignIn { password, code }: SignIn) -> Response {
    match api.auth.sign_in(&password, &code, guest, Timestamp::now()).await {
        Ok(opened) => let_in(api, guest, opened).await,
        Err(problem) => answer_problem(&problem),
    }
}

/// The secrets, and the cookies with them: once it is on record.
async fn let_in(api: &Api, guest: &Guest, opened: Opened) -> Response {
    let Opened { id, cookie, secret, device, recovery_codes_left } = opened;
    let (name, address) = (guest.name.clone(), guest.address.clone());
    let data = value!({ "login": id, "device": name, "address": address });
    record::note_by(api, name.clone(), "auth.signed_in", None, data).await;
    api.sessions.event(None, Body::AuthSignedIn { login: id, device: name, address });
    let login = logins(api, &Caller::Login(id)).into_iter().find(|login| login.current);
    let signed_in = login
        .map(|login| SignedIn { secret, login, recovery_codes_left })
        .ok_or_else(|| Problem::new(Code::SignedOut, "the login has already ended; sign in again"));
    let mut response = answer(signed_in);
    if let Some(web) = &api.web {
        add_cookie(&mut response, &web.set_cookie(&web.login_cookie(), &cookie, LOGIN_AGE));
        if let Some(device) = device {
            add_cookie(&mut response, &web.set_cookie(&web.device_cookie(), &device, DEVICE_AGE));
        }
    }
    response
}

/// The browser stays known.
async fn sign_out(api: &Api, caller: &Caller) -> Response {
    let ended = match login(caller) {
        Some(own) => end_logins(api, caller, |id| id == own).await.map(|_| StatusCode::NO_CONTENT),
        None => Ok(StatusCode::NO_CONTENT),
    };
    let mut response = answer_status(ended);
    if let Some(web) = &api.web {
        forget_cookie(&mut response, web);
    }
    response
}

fn forget_cookie(response: &mut Response, web: &Arc<Web>) {
    add_cookie(response, &web.set_cookie(&web.login_cookie(), "", 0));
}

fn add_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

async fn end_logins(api: &Api, caller: &Caller, ends: impl Fn(LoginId) -> bool) -> Result<usize, Problem> {
    let ending: Vec<String> = logins(api, caller)
        .into_iter()
        .filter(|login| ends(login.id))
        .map(|login| format!("{} ({})", login.device, login.id))
        .collect();
    record::note(api, caller, "auth.end_logins", None, value!({ "logins": ending })).await;
    let ended = api.auth.end_logins(ends).await?;
    if ended > 0 {
        api.sessions.event(None, Body::AuthLoginsEnded { logins: ended as u32, by: caller.by() });
    }
    Ok(ended)
}

async fn end_one(api: &Api, caller: &Caller, id: LoginId) -> Result<StatusCode, Problem> {
    match end_logins(api, caller, |other| other == id).await? {
        0 => Err(Problem::new(Code::NotFound, format!("no login {id}")).with_next(Next::ListLogins)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

async fn change_password(
    api: &Api,
    caller: &Caller,
    guest: &Guest,
    ChangePassword { current, new }: ChangePassword,
) -> Result<StatusCode, Problem> {
    let own = login(caller).ok_or_else(|| {
        Problem::new(Code::Invalid, "only a login can change its password").with_next(Next::ResetPassword)
    })?;
    let change = api.auth.change_password(&current, &new, guest, own);
    record::done(api, holder(api, caller), "auth.change_password", None, value!({}), change).await?;
    api.sessions.event(None, Body::AuthPasswordChanged { login: Some(own), by: caller.by() });
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_password(
    api: &Api,
    caller: &Caller,
    ResetPassword { password }: ResetPassword,
) -> Result<StatusCode, Problem> {
    let reset = api.auth.set_password(&password, None, Timestamp::now());
    record::done(api, holder(api, caller), "auth.reset_password", None, value!({}), reset).await?;
    api.sessions.event(None, Body::AuthPasswordChanged { login: None, by: caller.by() });
    Ok(StatusCode::NO_CONTENT)
}

async fn confirm_totp(
    api: &Api,
    caller: &Caller,
    ConfirmTotp { token, code }: ConfirmTotp,
) -> Result<RecoveryCodes, Problem> {
    let (login, by) = (login(caller), caller.by());
    let change = api.auth.confirm_totp(&token, &code, login, Timestamp::now());
    let codes = record::done(api, holder(api, caller), "auth.change_mfa", None, value!({}), change).await?;
    api.sessions.event(None, Body::AuthMfaChanged { login, by });
    Ok(codes)
}

async fn new_recovery_codes(
    api: &Api,
    caller: &Caller,
    guest: &Guest,
    Reauthenticate { password, code }: Reauthenticate,
) -> Result<RecoveryCodes, Problem> {
    let (by, kind) = (holder(api, caller), "auth.make_recovery_codes");
    let make = api.auth.new_recovery_codes(&password, &code, guest, Timestamp::now());
    let codes = record::done(api, by, kind, None, value!({}), make).await?;
    api.sessions.event(None, Body::AuthRecoveryCodesMade { by: caller.by() });
    Ok(codes)
}
