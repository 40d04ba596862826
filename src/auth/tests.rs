use super::*;

const PASSWORD: &str = "correct horse";

fn later(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// The code of an authenticator with this secret.
fn code(secret: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    totp.generate(at.as_second() as u64).to_string()
}

fn guest() -> Guest {
    Guest { device: None, name: "Firefox on Linux".into(), address: Some("127.0.0.1".into()) }
}

struct Bed {
    dir: tempfile::TempDir,
    auth: Auth,
    totp: String,
    codes: Vec<String>,
    first: Opened,
}

/// Set up at second 0.
async fn bed() -> Bed {
    let dir = tempfile::tempdir().unwrap();
    let auth = Auth::load(dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ());
    let bootstrap = auth.new_bootstrap().unwrap();
    let begun = auth.begin_setup(&bootstrap.to_uppercase(), PASSWORD, false).await.unwrap();
    let totp = begun.totp.secret;
    let codes = auth.confirm_setup(&begun.token, &code(&totp, later(0)), later(0)).unwrap().codes;
    let first = auth.finish_setup(&begun.token, &guest(), later(0)).await.unwrap();
    Bed { dir, auth, totp, codes, first }
}

impl Bed {
    fn again(&self) -> Auth {
        Auth::load(self.dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ())
    }
}

fn code_of<T>(result: Result<T, Problem>) -> Code {
    result.err().expect("a problem").code
}

#[tokio::test]
async fn both_are_needed_and_a_code_counts_once_even_after_a_restart() {
    let bed = bed().await;
    let guest = Guest { device: bed.first.device.clone(), ..guest() };
    let at = later(60);
    let right = code(&bed.totp, at);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for (password, code) in [("wrong password", right.as_str()), (PASSWORD, wrong), ("", ""), (PASSWORD, "")]
    {
        assert_eq!(code_of(bed.auth.sign_in(password, code, &guest, at).await), Code::WrongCredentials);
    }
    bed.auth.sign_in(PASSWORD, &right, &guest, at).await.unwrap();
    assert_eq!(code_of(bed.auth.sign_in(PASSWORD, &right, &guest, at).await), Code::WrongCredentials);
    let again = bed.again();
    assert_eq!(code_of(again.sign_in(PASSWORD, &right, &guest, at).await), Code::WrongCredentials);
    // An older step is void, too.
    let older = code(&bed.totp, later(30));
    assert_eq!(code_of(again.sign_in(PASSWORD, &older, &guest, at).await), Code::WrongCredentials);
    again.sign_in(PASSWORD, &code(&bed.totp, later(90)), &guest, later(90)).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_ahead_voids_codes_until_the_owner_says_otherwise() {
    let bed = bed().await;
    let guest = Guest { device: bed.first.device.clone(), ..guest() };
    let year = later(365 * 24 * 3600);
    let ahead = bed.auth.sign_in(PASSWORD, &code(&bed.totp, year), &guest, year).await.unwrap();
    // The other login is as old as that clock says, and lives on by the right one.
    let proves = |login: &Opened, at| bed.auth.proves(login.id, &login.secret, None, at);
    assert!(!proves(&bed.first, year) && proves(&bed.first, later(60)));
    let refused = bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(60)), &guest, later(60)).await;
    let problem = refused.err().expect("a problem");
    assert_eq!(problem.code, Code::WrongCredentials);
    assert!(problem.detail.contains("clock") && problem.detail.contains("2028"), "{}", problem.detail);
    assert_eq!(bed.auth.code_from_the_future(later(60)), Some(problem.detail));
    // Who does not know the password is told nothing of it.
    let other = bed.auth.sign_in("wrong password", &code(&bed.totp, later(60)), &guest, later(60)).await;
    assert!(!other.err().expect("a problem").detail.contains("clock"));
    bed.auth.sign_in(PASSWORD, &bed.codes[0], &guest, later(61)).await.unwrap();
    // What was opened by the wrong clock lives no longer for it.
    assert!(proves(&ahead, later(62)));
    assert!(!proves(&ahead, later(31 * 24 * 3600)));
    bed.auth.set_password(PASSWORD, None, later(90)).await.unwrap();
    assert_eq!(bed.auth.code_from_the_future(later(90)), None);
    let void = bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(90)), &guest, later(90)).await;
    assert_eq!(code_of(void), Code::WrongCredentials);
    bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(120)), &guest, later(120)).await.unwrap();
}

#[tokio::test]
async fn a_recovery_code_opens_once() {
    let bed = bed().await;
    assert_eq!(bed.codes.len(), 10);
    let typed = bed.codes[3].replace('-', " ").to_uppercase();
    let opened = bed.auth.sign_in(PASSWORD, &typed, &guest(), later(1)).await.unwrap();
    assert_eq!(opened.recovery_codes_left, 9);
    let guest = Guest { device: opened.device, ..guest() };
    assert_eq!(code_of(bed.auth.sign_in(PASSWORD, &typed, &guest, later(1)).await), Code::WrongCredentials);
    let file = std::fs::read_to_string(bed.dir.path().join("auth.json")).unwrap();
    for secret in [PASSWORD, &bed.codes[0], &secret::typed(&bed.codes[0]), &opened.secret, &opened.cookie] {
        assert!(!file.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_set_up_is_one_time() {
    let dir = tempfile::tempdir().unwrap();
    let auth = Auth::load(dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ());
    assert_eq!(auth.stage(), AuthStage::Setup);
    assert_eq!(code_of(auth.begin_setup("", PASSWORD, false).await), Code::WrongCredentials);
    let void = auth.new_bootstrap().unwrap();
    let word = auth.new_bootstrap().unwrap();
    assert_eq!(code_of(auth.begin_setup(&void, PASSWORD, false).await), Code::WrongCredentials);
    assert_eq!(code_of(auth.begin_setup(&word, "too short", false).await), Code::Invalid);
    let first = auth.begin_setup(&word, PASSWORD, false).await.unwrap();
    assert_eq!(code_of(auth.begin_setup(&word, PASSWORD, false).await), Code::SetupUnderWay);
    let second = auth.begin_setup(&word, PASSWORD, true).await.unwrap();
    let now = later(0);
    let first_code = code(&first.totp.secret, now);
    assert_eq!(code_of(auth.confirm_setup(&first.token, &first_code, now)), Code::Expired);
    assert_eq!(code_of(auth.finish_setup(&second.token, &guest(), now).await), Code::Invalid);
    auth.confirm_setup(&second.token, &code(&second.totp.secret, now), now).unwrap();
    assert_eq!(
        Auth::load(dir.path().join("auth.json"), String::new(), Tasks::default(), |_| ()).stage(),
        AuthStage::Setup
    );
    auth.finish_setup(&second.token, &guest(), now).await.unwrap();
    assert_eq!(auth.stage(), AuthStage::SignedOut);
    assert_eq!(code_of(auth.begin_setup(&word, PASSWORD, true).await), Code::AlreadySetUp);
    assert_eq!(code_of(auth.new_bootstrap()), Code::AlreadySetUp);
}

#[tokio::test]
async fn a_login_needs_both_its_secrets_and_ends_with_what_is_open() {
    let bed = bed().await;
    let other = bed.auth.sign_in(PASSWORD, &bed.codes[0], &guest(), later(1)).await.unwrap();
    let Opened { id, cookie, secret, .. } = &bed.first;
    let proves = |auth: &Auth, id, secret: &str, at| auth.proves(id, secret, None, at);
    assert_eq!(bed.auth.of_cookie(cookie, later(2)), Some(*id));
    assert_eq!(bed.auth.of_cookie(secret, later(2)), None);
    assert!(proves(&bed.auth, *id, secret, later(2)));
    for wrong in ["", cookie, &other.secret] {
        assert!(!proves(&bed.auth, *id, wrong, later(2)), "{wrong}");
    }
    let open = bed.auth.open(*id).unwrap();
    let logins = bed.auth.logins(Some(*id), later(2));
    let seen: Vec<_> = logins.iter().map(|login| (login.id, login.open, login.current)).collect();
    assert_eq!(seen, [(other.id, 0, false), (*id, 1, true)]);
    assert_eq!(bed.auth.end_logins(|ended| ended == *id).await.unwrap(), 1);
    assert!(open.is_cancelled());
    for auth in [&bed.auth, &bed.again()] {
        assert_eq!(auth.of_cookie(cookie, later(2)), None);
        assert!(!proves(auth, *id, secret, later(2)) && proves(auth, other.id, &other.secret, later(2)));
        assert!(auth.open(*id).is_none());
    }
    let month_later = later(31 * 24 * 3600);
    assert!(!proves(&bed.auth, other.id, &other.secret, month_later), "nobody used it for a month");
}

#[tokio::test]
async fn changing_a_factor_asks_for_the_present_one_and_ends_the_other_logins() {
    let bed = bed().await;
    let auth = &bed.auth;
    let device = Guest { device: bed.first.device.clone(), ..guest() };
    let other = auth.sign_in(PASSWORD, &bed.codes[0], &device, later(1)).await.unwrap();
    let new = "another password";
    let changed = auth.change_password("wrong password", new, &device, bed.first.id).await;
    assert_eq!(code_of(changed), Code::WrongCredentials);
    auth.change_password(PASSWORD, new, &device, bed.first.id).await.unwrap();
    assert!(auth.open(other.id).is_none() && auth.open(bed.first.id).is_some());
    assert_eq!(code_of(auth.change_totp(new, "000000", &device, later(60)).await), Code::WrongCredentials);
    let change = auth.change_totp(new, &code(&bed.totp, later(60)), &device, later(60)).await.unwrap();
    let at = later(120);
    let old_code = code(&bed.totp, at);
    let keep = Some(bed.first.id);
    assert_eq!(code_of(auth.confirm_totp(&change.token, &old_code, keep, at).await), Code::WrongCredentials);
    let codes = auth.confirm_totp(&change.token, &code(&change.totp.secret, at), keep, at).await.unwrap();
    assert_eq!(code_of(auth.sign_in(new, &bed.codes[1], &device, at).await), Code::WrongCredentials);
    auth.sign_in(new, &codes.codes[0], &device, at).await.unwrap();
    let newest = auth.new_recovery_codes(new, &codes.codes[1], &device, at).await.unwrap();
    assert_eq!(code_of(auth.sign_in(new, &codes.codes[2], &device, at).await), Code::WrongCredentials);
    auth.sign_in(new, &newest.codes[0], &device, at).await.unwrap();
}

#[tokio::test]
async fn damage_closes_and_never_opens() {
    let bed = bed().await;
    let path = bed.dir.path().join("auth.json");
    let good = std::fs::read_to_string(&path).unwrap();
    let cut = &good[..good.len() / 2];
    for bad in [
        "",
        "{}",
        cut,
        &good.replace("$argon2id", "argon2id"),
        &good.replace("\"version\": 1", "\"version\": 9"),
    ] {
        std::fs::write(&path, bad).unwrap();
        let auth = bed.again();
        assert_eq!(auth.stage(), AuthStage::Closed, "{bad}");
        assert!(auth.damage().unwrap().contains("auth.json"));
        assert_eq!(code_of(auth.new_bootstrap()), Code::WebClosed);
        assert_eq!(code_of(auth.sign_in(PASSWORD, &bed.codes[0], &guest(), later(1)).await), Code::WebClosed);
        assert_eq!(code_of(auth.set_password(PASSWORD, None, later(1)).await), Code::WebClosed);
        assert_eq!(auth.of_cookie(&bed.first.cookie, later(1)), None);
    }
}
