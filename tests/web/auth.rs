//! Set-up, sign-in, logins, from the first visit on.

use codepiper_protocol::event::{Body, By};
use codepiper_protocol::wire::auth::{AuthStage, Factors, Login, RecoveryCodes, TotpChange};
use codepiper_protocol::wire::events::FoundEvents;
use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};
use serde_json::json;

use crate::harness::{Home, PASSWORD, Pty, bootstrap, code, eventually};

#[test]
fn from_the_first_visit_to_a_login_and_out_again() {
    let mut home = Home::new();
    let said = home.start_web(&[]);
    assert!(said.contains("✓ Web dashboard at http://127.0.0.1:"), "{said}");
    assert!(!said.contains("one-time password is"), "only a terminal is told: {said}");
    let mut browser = home.browser();
    assert_eq!(browser.status().stage, AuthStage::Setup);
    assert_eq!(browser.get("/api/sessions").code(), Code::SignedOut);
    let owner = browser.set_up(&home);
    assert_eq!(owner.recovery.len(), 10);
    let status = browser.status();
    assert_eq!(status.stage, AuthStage::SignedIn);
    assert_eq!(status.login.unwrap().device, "Firefox on Linux");
    let sessions: Vec<Session> = browser.get("/api/sessions").ok();
    assert!(sessions.is_empty());
    // Once set up, the one-time password is of no use.
    assert!(home.fails(1, ["auth", "bootstrap"]).contains("already"));

    assert_eq!(browser.post("/api/auth/sign-out", &json!({})).status, 204);
    assert_eq!(browser.status().stage, AuthStage::SignedOut);
    assert_eq!(browser.get("/api/sessions").code(), Code::SignedOut);
    // The step of the set-up's code is void, and the next one counts.
    assert_eq!(browser.sign_in(&code(&owner.totp, 0)).code(), Code::WrongCredentials);
    let next = code(&owner.totp, 1);
    assert_eq!(browser.sign_in(&next).status, 200);
    assert_eq!(browser.get("/api/sessions").status, 200);
    let mut other = home.browser();
    assert_eq!(other.sign_in(&next).code(), Code::WrongCredentials, "a code counts once");
    assert_eq!(other.sign_in(&owner.recovery[0]).status, 200);
    let kinds: Vec<String> = browser
        .get("/api/events?source=auth")
        .ok::<FoundEvents>()
        .events
        .iter()
        .map(|event| event.kind().to_owned())
        .collect();
    for kind in ["auth.set_up", "auth.signed_in", "auth.logins_ended", "auth.sign_in_failed"] {
        assert!(kinds.iter().any(|seen| seen == kind), "{kind}: {kinds:?}");
    }
}

#[test]
fn factors_have_an_age_and_wrong_attempts_are_told_once() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    let of = |browser: &mut crate::harness::Browser| browser.get("/api/auth/factors").ok::<Factors>();
    let first = of(&mut browser);
    assert_eq!((first.recovery_codes_left, first.recovery_codes, first.failed.len()), (10, 10, 0));
    let age = jiff::Timestamp::now().duration_since(first.password_changed_at.unwrap());
    assert!(age.as_secs() < 60, "{first:?}");
    assert_eq!(first.password_changed_at, first.totp_added_at);

    assert_eq!(home.browser().sign_in("000000").code(), Code::WrongCredentials);
    let failed = of(&mut browser).failed;
    assert_eq!(failed.len(), 1, "after its own sign-in, too");
    assert_eq!((&*failed[0].device, failed[0].address.as_deref()), ("Firefox on Linux", Some("127.0.0.1")));
    // The next sign-in is told of it, the one after it is not.
    let (mut second, mut third) = (home.browser(), home.browser());
    assert_eq!(second.sign_in(&owner.recovery[0]).status, 200);
    assert_eq!(third.sign_in(&owner.recovery[1]).status, 200);
    assert_eq!(of(&mut second).failed, failed);
    let left = of(&mut third);
    assert_eq!((left.recovery_codes_left, left.failed.len()), (8, 0));

    let change = json!({ "current": PASSWORD, "new": "another horse, the same stable" });
    assert_eq!(third.post("/api/auth/password", &change).status, 204);
    let changed = of(&mut third);
    assert!(changed.password_changed_at > first.password_changed_at);
    assert_eq!(changed.totp_added_at, first.totp_added_at);
}

#[test]
fn the_one_time_password_is_shown_on_a_terminal() {
    let home = Home::new();
    let command = home.command(["daemon", "--web", "--port", "0"]);
    let terminal = Pty::run(command, 100, 30);
    let said = eventually("the one-time password", || {
        let seen = terminal.seen();
        let start = seen.find("the one-time password is ")? + "the one-time password is ".len();
        let word: String = seen[start..].chars().take(24).collect();
        (word.len() == 24).then_some(word)
    });
    let mut browser = home.browser();
    let begun = browser.post("/api/auth/setup", &json!({"bootstrap": said, "password": PASSWORD}));
    assert_eq!(begun.status, 200, "{}", begun.text());
    home.ok(["daemon", "stop"]);
}

#[test]
fn a_set_up_is_taken_over_on_demand_only() {
    let mut home = Home::new();
    home.start_web(&[]);
    let (mut first, mut second) = (home.browser(), home.browser());
    let word = bootstrap(&home);
    let begin = |take_over: bool| json!({"bootstrap": word, "password": PASSWORD, "take_over": take_over});
    assert_eq!(first.post("/api/auth/setup", &begin(false)).status, 200);
    assert!(second.status().setup_under_way);
    assert_eq!(second.post("/api/auth/setup", &begin(false)).code(), Code::SetupUnderWay);
    assert_eq!(second.post("/api/auth/setup", &begin(true)).status, 200);
    let wrong = json!({"bootstrap": "wrong", "password": PASSWORD});
    assert_eq!(second.post("/api/auth/setup", &wrong).code(), Code::WrongCredentials);
    let short = json!({"bootstrap": word, "password": "short", "take_over": true});
    assert_eq!(second.post("/api/auth/setup", &short).code(), Code::Invalid);
}

#[test]
fn a_login_that_is_revoked_closes_what_it_has_open() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    let mut other = home.browser();
    assert_eq!(other.sign_in(&owner.recovery[0]).status, 200);
    let mut socket = other.websocket();
    socket.tell(&ClientMessage::Events { session: None, after: Some(0) });
    socket.until(|message| matches!(message, ServerMessage::Event { .. }).then_some(()));
    let stolen = other.saying(&[]);
    let logins: Vec<Login> = browser.get("/api/auth/logins").ok();
    assert_eq!(logins.len(), 2);
    let theirs = logins.iter().find(|login| !login.current).unwrap();
    assert_eq!(theirs.open, 1);
    assert!(home.ok(["auth", "sessions"]).contains(&theirs.id.to_string()));
    home.ok(["auth", "revoke", &theirs.id.to_string()]);
    assert_eq!(socket.closed(), Some(4401));
    assert_eq!(other.get("/api/sessions").code(), Code::SignedOut);
    assert_eq!(stolen.open().err(), Some(401), "a stolen cookie");
    assert_eq!(browser.get("/api/sessions").status, 200, "the other login goes on");
    home.fails(3, ["auth", "revoke", &theirs.id.to_string()]);

    let mut own = browser.websocket();
    assert_eq!(browser.delete("/api/auth/logins").status, 204);
    own.tell(&ClientMessage::Ping {});
    own.until(|message| matches!(message, ServerMessage::Pong {}).then_some(()));
    let copy = browser.saying(&[]);
    assert_eq!(browser.post("/api/auth/sign-out", &json!({})).status, 204);
    assert_eq!(own.closed(), Some(4401), "signing out closes the page's own");
    let mut copy = copy;
    assert_eq!(copy.get("/api/sessions").code(), Code::SignedOut, "what was stolen before is void");
}

#[test]
fn the_cookie_alone_opens_nothing() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let mut thief = browser.saying(&[]);
    thief.secret = None;
    assert_eq!(thief.status().stage, AuthStage::SignedOut);
    assert_eq!(thief.get("/api/sessions").code(), Code::SignedOut);
    let start = json!({"provider": "shell", "dir": "/", "args": ["true"]});
    assert_eq!(thief.post("/api/sessions", &start).code(), Code::SignedOut);
    thief.secret = Some("guessed".to_owned());
    assert_eq!(thief.get("/api/sessions").code(), Code::SignedOut);
    let mut socket = thief.open().unwrap();
    socket.tell(&ClientMessage::Events { session: None, after: Some(0) });
    assert_eq!(socket.closed(), Some(4401), "nothing is said before the second secret");
    let mut socket = thief.open().unwrap();
    socket.tell(&ClientMessage::Authenticate { secret: "guessed".to_owned() });
    assert_eq!(socket.closed(), Some(4401));
    thief.cookies.clear();
    thief.secret.clone_from(&browser.secret);
    assert_eq!(thief.get("/api/sessions").code(), Code::SignedOut, "nor does the second secret");
    assert_eq!(thief.open().err(), Some(401));
}

#[test]
fn guessers_do_not_hold_up_the_owner() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    browser.post("/api/auth/sign-out", &json!({}));
    let guess = json!({"password": "a guess that is wrong", "code": "000000"});
    let guessing: Vec<_> = (0..100)
        .map(|_| {
            let (mut guesser, guess) = (home.browser(), guess.clone());
            std::thread::spawn(move || guesser.post("/api/auth/sign-in", &guess).code())
        })
        .collect();
    assert_eq!(browser.sign_in(&owner.recovery[0]).status, 200);
    assert_eq!(home.browser().sign_in(&owner.recovery[2]).status, 200, "from a new browser, too");
    for guesser in guessing {
        assert_eq!(guesser.join().unwrap(), Code::WrongCredentials);
    }

    // A known browser has its own quota.
    let mut known = browser.saying(&[]);
    for left in [4, 3, 2, 1, 0] {
        let problem = known.post("/api/auth/sign-in", &guess).problem();
        assert_eq!((problem.code, problem.tries_left), (Code::WrongCredentials, Some(left)));
    }
    let problem = known.post("/api/auth/sign-in", &guess).problem();
    assert_eq!(problem.code, Code::TooManyTries);
    assert!(problem.retry_after.is_some_and(|seconds| seconds > 20));
    let mut new = home.browser();
    assert_eq!(new.sign_in(&owner.recovery[1]).status, 200, "others are not affected");
}

#[test]
fn a_wrong_try_is_an_event_also_if_the_guesser_hangs_up() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let body = json!({"password": PASSWORD, "code": "000000"}).to_string();
    for _ in 0..10 {
        let mut stream = home.browser().connect();
        let own = format!("127.0.0.1:{}", browser.port);
        let head = format!("POST /api/auth/sign-in HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n");
        std::io::Write::write_all(
            &mut stream,
            format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
        )
        .unwrap();
    }
    eventually("every one is an event", || {
        let found: FoundEvents = browser.get("/api/events?kind=auth.sign_in_failed").ok();
        (found.events.len() == 10).then_some(())
    });
}

#[test]
fn factors_are_changed_by_who_knows_the_present_ones() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    let mut other = home.browser();
    other.sign_in(&owner.recovery[0]);
    let new = "a new password";
    let change = |current: &str| json!({"current": current, "new": new});
    assert_eq!(browser.post("/api/auth/password", &change("wrong")).code(), Code::WrongCredentials);
    assert_eq!(browser.post("/api/auth/password", &change(PASSWORD)).status, 204);
    assert_eq!(other.get("/api/sessions").code(), Code::SignedOut);
    let proof = json!({"password": new, "code": code(&owner.totp, 1)});
    let change: TotpChange = browser.post("/api/auth/totp", &proof).ok();
    let confirm = json!({"token": change.token, "code": code(&change.totp.secret, 0)});
    let codes: RecoveryCodes = browser.post("/api/auth/totp/confirm", &confirm).ok();
    let old = json!({"password": new, "code": owner.recovery[1]});
    assert_eq!(other.post("/api/auth/sign-in", &old).code(), Code::WrongCredentials);
    let right = json!({"password": new, "code": codes.codes[0]});
    assert_eq!(other.post("/api/auth/sign-in", &right).status, 200);
    let found: FoundEvents = browser.get("/api/events?source=auth").ok();
    let changed = |body: &Body| matches!(body, Body::AuthMfaChanged { login: Some(login), by: Some(By::Login(by)) } if login == by);
    assert!(found.events.iter().any(|event| changed(&event.body)));
}

#[test]
fn the_owner_repairs_the_way_in_on_the_socket() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    let new = "set on the socket";
    let ran = home.run_with(["auth", "reset-password"], format!("{new}\n").as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(browser.get("/api/sessions").code(), Code::SignedOut, "every login has ended");
    let said = home.ok(["logs", "--source", "auth"]);
    let changed = said.lines().find(|line| line.contains("auth.password_changed")).unwrap();
    assert!(changed.contains("by process ") && changed.contains("(codepiper < "), "{changed}");
    let ran = home.run_with(["auth", "reset-password"], b"short\n");
    assert_eq!(ran.code, Some(2), "{ran:?}");

    // The code is the first thing that is read, after the secret was shown.
    let mut terminal = home.command(["auth", "reset-mfa"]);
    terminal.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = terminal.spawn().unwrap();
    let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut uri = String::new();
    std::io::BufRead::read_line(&mut said, &mut uri).unwrap();
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().trim().to_owned();
    use std::io::{Read, Write};
    writeln!(child.stdin.take().unwrap(), "{}", code(&secret, 0)).unwrap();
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    let old = json!({"password": new, "code": owner.recovery[0]});
    assert_eq!(browser.post("/api/auth/sign-in", &old).code(), Code::WrongCredentials);
    let right = json!({"password": new, "code": code(&secret, 1)});
    assert_eq!(browser.post("/api/auth/sign-in", &right).status, 200);
    assert!(home.ok(["auth", "status"]).contains("Set up; 1 login"));
}

#[test]
fn what_cannot_be_read_closes_the_web_and_doctor_says_so() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let owner = browser.set_up(&home);
    home.stop_daemon();
    let file = home.path("data/auth.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &kept[..kept.len() / 2]).unwrap();
    let said = home.start_web(&[]);
    assert!(said.contains("Nobody can sign in"), "{said}");
    let mut again = home.browser();
    (again.cookies, again.secret) = (browser.cookies.clone(), browser.secret.clone());
    let status = again.status();
    assert_eq!(status.stage, AuthStage::Closed);
    assert!(status.detail.unwrap().contains("auth.json"));
    assert_eq!(again.sign_in(&owner.recovery[0]).code(), Code::WebClosed);
    assert_eq!(again.get("/api/sessions").code(), Code::SignedOut);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("auth.json") && doctor.stdout.contains("delete it"), "{doctor:?}");
    assert_eq!(home.run(["sessions"]).code, Some(0), "the owner works on");
    home.stop_daemon();
    std::fs::write(&file, &kept).unwrap();
    home.start_web(&[]);
    assert_eq!(home.browser().sign_in(&owner.recovery[0]).status, 200);
}

#[test]
fn an_agent_gets_no_one_time_password() {
    let mut home = Home::new();
    home.start_web(&[]);
    let program = crate::harness::CODEPIPER;
    let session =
        home.bash(&format!("{program} auth bootstrap; echo code $?; {program} auth sessions; echo code $?"));
    home.until_ended(&session);
    let output = home.output(&session);
    assert_eq!(output.matches("code 6").count(), 2, "{output}");
}
