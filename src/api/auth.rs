//! `/api/auth`

use std::str::FromStr;
use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::auth::{
    AuthStage, AuthStatus, BeginSetup, Bootstrap, ChangePassword, ConfirmTotp, FinishSetup, Login, LoginId,
    Reauthenticate, RecoveryCodes, ResetPassword, SHORTEST_PASSWORD, SignIn, SignedIn, TotpChange,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Api, Caller, Web, answer, answer_problem, answer_status, json, with};
use crate::auth::{Guest, Opened};

/// Cookies of a login and of a known browser last so long, in seconds.
const LOGIN_AGE: u32 = 90 * 24 * 3600;
const DEVICE_AGE: u32 = 400 * 24 * 3600;

pub fn routes(api: Api) -> BoxedFilter<(Response,)> {
    let guest = || warp::ext::optional::<Guest>().map(Option::unwrap_or_default);
    let caller = warp::ext::get::<Caller>;
    let at = |api: &Api| warp::path!("api" / "auth" / ..).and(with(api.clone()));
    let verb = |name: &'static str| warp::path(name).and(warp::path::end());

    let status = at(&api)
        .and(warp::path::end())
        .and(warp::get())
        .and(caller())
        .map(|api: Api, caller: Caller| answer(Ok(status(&api, &caller))));
    let setup = at(&api).and(verb("setup")).and(warp::post()).and(json::<BeginSetup>()).then(
        |api: Api, BeginSetup { bootstrap, password, take_over }| async move {
            answer(api.auth.begin_setup(&bootstrap, &password, take_over).await)
        },
    );
    let setup_totp =
        at(&api).and(warp::path!("setup" / "totp")).and(warp::post()).and(json::<ConfirmTotp>()).map(
            |api: Api, ConfirmTotp { token, code }| {
                answer(api.auth.confirm_setup(&token, &code, Timestamp::now()))
            },
        );
    let setup_finish = at(&api)
        .and(warp::path!("setup" / "finish"))
        .and(warp::post())
        .and(guest())
        .and(json::<FinishSetup>())
        .then(|api: Api, guest: Guest, FinishSetup { token }| async move {
            match api.auth.finish_setup(&token, &guest, Timestamp::now()).await {
                Ok(opened) => {
                    api.sessions.event(
                        None,
                        Body::AuthSetUp { device: Some(guest.name.clone()), address: guest.address.clone() },
                    );
                    let_in(&api, &guest, opened)
                }
                Err(problem) => answer_problem(&problem),
            }
        });
    let sign_in = at(&api).and(verb("sign-in")).and(warp::post()).and(guest()).and(json::<SignIn>()).then(
        |api: Api, guest: Guest, SignIn { password, code }| async move {
            match api.auth.sign_in(&password, &code, &guest, Timestamp::now()).await {
                Ok(opened) => let_in(&api, &guest, opened),
                Err(problem) => answer_problem(&problem),
            }
        },
    );
    let sign_out = at(&api)
        .and(verb("sign-out"))
        .and(warp::post())
        .and(caller())
        .then(|api: Api, caller: Caller| async move { sign_out(&api, &caller).await });
    let logins = at(&api)
        .and(verb("logins"))
        .and(warp::get())
        .and(caller())
        .map(|api: Api, caller: Caller| answer(Ok(logins(&api, &caller))));
    let end_others =
        at(&api).and(verb("logins")).and(warp::delete()).and(caller()).then(|api: Api, caller| async move {
            let own = login(&caller);
            let ended = end_logins(&api, &caller, |id| Some(id) != own).await;
            answer_status(ended.map(|_| StatusCode::NO_CONTENT))
        });
    let end_one = at(&api)
        .and(warp::path!("logins" / Id))
        .and(warp::delete())
        .and(caller())
        .then(|api: Api, Id(id), caller| async move { answer_status(end_one(&api, &caller, id).await) });
    let password = at(&api)
        .and(verb("password"))
        .and(warp::post())
        .and(caller())
        .and(guest())
        .and(json::<ChangePassword>())
        .then(|api: Api, caller: Caller, guest: Guest, request| async move {
            answer_status(change_password(&api, &caller, &guest, request).await)
        });
    let totp = at(&api).and(verb("totp")).and(warp::post()).and(guest()).and(json::<Reauthenticate>()).then(
        |api: Api, guest: Guest, Reauthenticate { password, code }| async move {
            answer(api.auth.change_totp(&password, &code, &guest, Timestamp::now()).await)
        },
    );
    let confirm = at(&api)
        .and(warp::path!("totp" / "confirm"))
        .and(warp::post())
        .and(caller())
        .and(json::<ConfirmTotp>())
        .then(|api: Api, caller: Caller, request| async move {
            answer(confirm_totp(&api, &caller, request).await)
        });
    let recovery = at(&api)
        .and(verb("recovery-codes"))
        .and(warp::post())
        .and(caller())
        .and(guest())
        .and(json::<Reauthenticate>())
        .then(|api: Api, caller: Caller, guest: Guest, request| async move {
            answer(new_recovery_codes(&api, &caller, &guest, request).await)
        });
    let bootstrap = at(&api)
        .and(verb("bootstrap"))
        .and(warp::post())
        .map(|api: Api| answer(api.auth.new_bootstrap().map(|password| Bootstrap { password })));
    let reset_password = at(&api)
        .and(verb("reset-password"))
        .and(warp::post())
        .and(caller())
        .and(json::<ResetPassword>())
        .then(|api: Api, caller: Caller, ResetPassword { password }| async move {
            let changed = api.auth.set_password(&password, None, Timestamp::now()).await;
            answer_status(changed.map(|()| {
                api.sessions.event(None, Body::AuthPasswordChanged { login: None, by: caller.by() });
                StatusCode::NO_CONTENT
            }))
        });
    let reset_mfa = at(&api)
        .and(verb("reset-mfa"))
        .and(warp::post())
        .map(|api: Api| answer::<TotpChange>(api.auth.new_totp()));
    status
        .or(setup)
        .unify()
        .or(setup_totp)
        .unify()
        .or(setup_finish)
        .unify()
        .boxed()
        .or(sign_in)
        .unify()
        .or(sign_out)
        .unify()
        .or(logins)
        .unify()
        .or(end_others)
        .unify()
        .or(end_one)
        .unify()
        .boxed()
        .or(password)
        .unify()
        .or(totp)
        .unify()
        .or(confirm)
        .unify()
        .or(recovery)
        .unify()
        .boxed()
        .or(bootstrap)
        .unify()
        .or(reset_password)
        .unify()
        .or(reset_mfa)
        .unify()
        .boxed()
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

/// The secrets, and the cookies with them.
fn let_in(api: &Api, guest: &Guest, opened: Opened) -> Response {
    let Opened { id, cookie, secret, device, recovery_codes_left } = opened;
    let (name, address) = (guest.name.clone(), guest.address.clone());
    api.sessions.event(None, Body::AuthSignedIn { login: id, device: name, address });
    let login = logins(api, &Caller::Login(id)).into_iter().find(|login| login.current);
    let signed_in = login
        .map(|login| SignedIn { secret, login, recovery_codes_left })
        .ok_or_else(|| Problem::new(Code::SignedOut, "the login was ended at once; sign in again"));
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
    let ended = api.auth.end_logins(ends).await?;
    if ended > 0 {
        api.sessions.event(None, Body::AuthLoginsEnded { logins: ended as u32, by: caller.by() });
    }
    Ok(ended)
}

async fn end_one(api: &Api, caller: &Caller, id: LoginId) -> Result<StatusCode, Problem> {
    match end_logins(api, caller, |other| other == id).await? {
        0 => Err(Problem::new(Code::NotFound, format!("no login {id}; codepiper auth sessions lists them"))),
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
        Problem::new(Code::Invalid, "the owner sets a new password with codepiper auth reset-password")
    })?;
    api.auth.change_password(&current, &new, guest, own).await?;
    api.sessions.event(None, Body::AuthPasswordChanged { login: Some(own), by: caller.by() });
    Ok(StatusCode::NO_CONTENT)
}

async fn confirm_totp(
    api: &Api,
    caller: &Caller,
    ConfirmTotp { token, code }: ConfirmTotp,
) -> Result<RecoveryCodes, Problem> {
    let (login, by) = (login(caller), caller.by());
    let codes = api.auth.confirm_totp(&token, &code, login, Timestamp::now()).await?;
    api.sessions.event(None, Body::AuthMfaChanged { login, by });
    Ok(codes)
}

async fn new_recovery_codes(
    api: &Api,
    caller: &Caller,
    guest: &Guest,
    Reauthenticate { password, code }: Reauthenticate,
) -> Result<RecoveryCodes, Problem> {
    let codes = api.auth.new_recovery_codes(&password, &code, guest, Timestamp::now()).await?;
    api.sessions.event(None, Body::AuthRecoveryCodesMade { by: caller.by() });
    Ok(codes)
}
