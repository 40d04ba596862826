//! Notifications: who is told of what, by which way, and what the log says of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codepiper_protocol::wire::notification::Notifications;
use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::ServerMessage;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey};
use ring::hmac;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::harness::{Browser, Home, Pty, WebSocket, eventually};

const LIMIT: Duration = Duration::from_secs(30);

/// A request that the server below got.
struct Got {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// A server on loopback that answers what `answers` says, then 201; its address, and what it got.
fn server(answers: &'static [&'static str]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, got) = channel();
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut lines = (&mut reader).lines().map(Result::unwrap);
            let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
            let headers: Vec<(String, String)> = lines
                .take_while(|line| !line.is_empty())
                .map(|line| {
                    let (name, value) = line.split_once(": ").unwrap();
                    (name.to_ascii_lowercase(), value.to_owned())
                })
                .collect();
            let mut got = Got { path, headers, body: Vec::new() };
            got.body.resize(got.header("content-length").parse().unwrap(), 0);
            reader.read_exact(&mut got.body).unwrap();
            let status = answers.next().unwrap_or(&"201 Created");
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send(got).is_err() {
                return;
            }
        }
    });
    (address, got)
}

/// A daemon whose devices may have push services on loopback, and a browser that has signed in.
fn web(config: &str) -> (Home, Browser) {
    let mut home = Home::new();
    std::fs::write(home.path("config.toml"), format!("[notifications]\nprivate_endpoints = true\n{config}"))
        .unwrap();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    (home, browser)
}

fn subscription(endpoint: &str) -> Value {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
    let point = URL_SAFE_NO_PAD.encode(own.compute_public_key().unwrap());
    json!({"endpoint": endpoint, "p256dh": point, "auth": URL_SAFE_NO_PAD.encode([7; 16])})
}

fn device(push: Option<Value>, rules: Value) -> Value {
    json!({"origin": "https://codepiper.example", "push": push, "rules": rules})
}

fn everything() -> Value {
    json!({"kinds": ["permission", "crashed", "attention", "finished"], "muted": [], "quiet": null})
}

/// A program in a session asks for attention.
fn calls(home: &Home, text: &str) -> Session {
    let program = crate::harness::CODEPIPER;
    home.bash(&format!("{program} notify '{text}'; exec sleep 1000"))
}

fn logged(home: &Home, text: &str) {
    eventually(text, || home.ok(["logs", "--source", "notification"]).contains(text).then_some(()));
}

#[test]
fn terminals_that_are_attached_are_notified_once() {
    let home = Home::running();
    let looked_at = home.bash("echo ready; exec sleep 1000");
    let attach = |term: &str| {
        let mut command = home.command(["attach", &looked_at.short_id]);
        command.env("TERM", term);
        let person = Pty::run(command, 80, 24);
        person.wait_for("ready");
        person
    };
    let person = attach("xterm-256color");
    // To this one, a title would be a title.
    let inside = attach("screen-256color");
    home.until(&looked_at, "they are attached", |session| session.attached == 2);
    // What means something to tmux or to a terminal arrives as text.
    let text = "50% of #{pid} %H \u{1b}]9;9;x\u{7}; \"$HOME";
    let session = calls(&home, text);
    let shown = "\u{1b}]9;CodePiper: ";
    person.wait_for(shown);
    person.wait_for("50% of #{pid} %H ");
    person.wait_for("\"$HOME");
    logged(&home, "attached terminals");
    let seen = person.seen();
    assert_eq!(seen.matches("\u{1b}]9;").count(), 1, "{seen:?}");
    assert!(!seen.contains("]9;9;x\u{7}"), "{seen:?}");
    // The same again is shown again, also by the next daemon, which finds them attached.
    for times in 2..5 {
        if times == 4 {
            home.ok(["daemon", "restart"]);
        }
        // The next daemon may not be connected to tmux yet, and says that nobody is there to be told.
        eventually("it is sent", || (home.run(["notifications", "test"]).code == Some(0)).then_some(()));
        eventually("it is shown", || (person.seen().matches(shown).count() == times).then_some(()));
    }
    // What was shown is not shown to who comes later.
    eventually("tmux offers it no more", || {
        let set = home.tmux_says(&["show-options", "-gv", "set-titles"]);
        (set.trim() == "off").then_some(())
    });
    let late = attach("xterm-256color");
    for other in [late, inside] {
        assert!(!other.seen().contains("]9;") && !other.seen().contains("CodePiper"), "{:?}", other.seen());
    }
    home.ok(["stop", &session.short_id]);
}

#[test]
fn a_device_is_pushed_what_waits_and_its_end() {
    let (home, mut browser) = web("");
    let (address, got) = server(&["503 Service Unavailable\r\nRetry-After: 1"]);
    let set = device(Some(subscription(&format!("{address}/send/1"))), everything());
    let set: Notifications =
        browser.request("PUT", "/api/notifications/device", Some(set.to_string().into())).ok();
    assert!(set.devices.len() == 1 && set.devices[0].current, "{set:?}");
    let session = calls(&home, "the build is red");

    // The service was busy, and is asked again.
    let (first, push) = (got.recv_timeout(LIMIT).unwrap(), got.recv_timeout(LIMIT).unwrap());
    assert_eq!((first.path.as_str(), push.path.as_str()), ("/send/1", "/send/1"));
    assert_eq!(push.header("content-encoding"), "aes128gcm");
    assert_eq!(push.header("urgency"), "normal");
    assert_eq!(push.header("topic"), session.id.to_string().replace('-', ""));
    assert!(push.header("ttl").parse::<u32>().unwrap() >= 3600);
    assert!(push.header("authorization").starts_with("vapid t="), "{}", push.header("authorization"));
    assert!(!String::from_utf8_lossy(&push.body).contains("the build is red"), "it is encrypted");
    logged(&home, "wants your attention: the build is red");

    // What is over takes its place.
    home.ok(["inbox", "done", &session.short_id]);
    let over = got.recv_timeout(LIMIT).unwrap();
    assert_eq!((over.header("topic"), over.header("urgency")), (push.header("topic"), "low"));
    let logs = home.ok(["logs", "--source", "notification"]);
    assert_eq!(logs.lines().count(), 1, "one ask is one notification: {logs}");
    let listed = home.ok(["notifications"]);
    assert!(listed.contains("127.0.0.1") && listed.contains("permission, crashed"), "{listed}");
}

#[test]
fn what_is_not_sent_is_logged_with_its_reason() {
    let (home, mut browser) = web("");
    let (address, got) = server(&[]);
    let mut set = |rules: Value| {
        let set = device(Some(subscription(&format!("{address}/"))), rules);
        browser
            .request("PUT", "/api/notifications/device", Some(set.to_string().into()))
            .ok::<Notifications>()
    };
    set(json!({"kinds": ["permission"], "muted": [], "quiet": null}));
    calls(&home, "one");
    logged(&home, "'attention' is off for it");
    set(json!({"kinds": ["attention"], "quiet": {"from": "00:00", "to": "23:59", "time_zone": "UTC"}}));
    calls(&home, "two");
    logged(&home, "quiet hours until 23:59");
    set(everything());
    let soon = calls(&home, "three");
    eventually("it is asked", || home.ok(["inbox"]).contains("three").then_some(()));
    // As fast as a person can be.
    std::thread::sleep(Duration::from_secs(1));
    home.ok(["inbox", "done", &soon.short_id]);
    logged(&home, "over within 5 s: seen by command line");
    assert!(got.try_recv().is_err(), "nothing was sent");
}

#[test]
fn an_open_dashboard_is_told_and_says_what_became_of_it() {
    let (home, mut browser) = web("");
    let set = device(None, everything());
    browser.request("PUT", "/api/notifications/device", Some(set.to_string().into())).ok::<Notifications>();
    calls(&home, "one");
    logged(&home, "no dashboard that is open there takes it, and push is off");
    let mut socket: WebSocket = browser.websocket();
    calls(&home, "two");
    let told = socket.until(|message| match message {
        ServerMessage::Notification { notification, pushed } => Some((notification, pushed)),
        _ => None,
    });
    let (notification, pushed) = told;
    assert!(notification.body == "two" && notification.path.starts_with("/inbox?ask=ask-") && !pushed);
    let report = json!({"receipt": notification.receipt, "outcome": "foreground"});
    assert_eq!(browser.post("/api/notifications/receipts", &report).status, 204);
    logged(&home, "the dashboard is in the foreground there");
    assert_eq!(browser.post("/api/notifications/receipts", &report).code(), Code::NotFound, "once");
}

#[test]
fn a_subscription_ends_with_its_browser_or_its_login() {
    let (home, mut browser) = web("");
    let (address, got) = server(&["410 Gone"]);
    let set = device(Some(subscription(&address)), everything()).to_string();
    let put = |browser: &mut Browser| {
        browser.request("PUT", "/api/notifications/device", Some(set.clone().into())).ok::<Notifications>()
    };
    put(&mut browser);
    home.ok(["notifications", "test"]);
    got.recv_timeout(LIMIT).unwrap();
    logged(&home, "the browser has ended its subscription");
    eventually("it is gone", || {
        let all: Notifications = serde_json::from_str(&home.ok(["notifications", "--json"])).unwrap();
        all.devices.is_empty().then_some(())
    });
    put(&mut browser);
    assert_eq!(browser.post("/api/auth/sign-out", &json!({})).status, 204);
    assert!(home.fails(3, ["notifications", "test"]).contains("nothing gets notifications"));
}

#[test]
fn the_command_and_the_webhook_are_told() {
    let (address, got) = server(&[]);
    let told = tempfile::NamedTempFile::new().unwrap();
    let script = format!("printf '%s' \\\"$CODEPIPER_NOTIFICATION_TITLE\\\" >{}", told.path().display());
    let (home, _browser) = web(&format!(
        "command = [\"/bin/sh\", \"-c\", \"{script}\"]\nwebhook = \"{address}/hook\"\n\
         webhook_secret = \"0123456789abcdef\"\n"
    ));
    let session = calls(&home, "look here");
    let call = got.recv_timeout(LIMIT).unwrap();
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        (call.path.as_str(), &body["state"], &body["body"]),
        ("/hook", &json!("open"), &json!("look here"))
    );
    let signature = call.header("x-codepiper-signature");
    let (time, hex) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef");
    let wanted = hmac::sign(&key, &[time.as_bytes(), b".", &call.body].concat());
    let wanted: String = wanted.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, wanted);
    eventually("the command is run", || {
        std::fs::read_to_string(told.path()).unwrap().contains("wants your attention").then_some(())
    });
    home.ok(["inbox", "done", &session.short_id]);
    let closed: Value = serde_json::from_slice(&got.recv_timeout(LIMIT).unwrap().body).unwrap();
    assert_eq!((&closed["state"], &closed["ask"]), (&json!("closed"), &body["ask"]));
}

#[test]
fn a_new_daemon_tells_nothing_twice() {
    let (mut home, mut browser) = web("");
    let (address, got) = server(&[]);
    let set = device(Some(subscription(&address)), everything()).to_string();
    browser.request("PUT", "/api/notifications/device", Some(set.into())).ok::<Notifications>();
    let first = calls(&home, "one");
    got.recv_timeout(LIMIT).unwrap();
    logged(&home, "one");
    home.stop_daemon();
    home.start_web(&[]);
    home.ok(["inbox", "show", &first.short_id]);
    let second = calls(&home, "two");
    let push = got.recv_timeout(LIMIT).unwrap();
    assert_eq!(push.header("topic"), second.id.to_string().replace('-', ""));
    assert!(got.try_recv().is_err());
}

#[test]
fn what_cannot_be_used_is_refused() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let mut put = |device: Value| {
        let answer = browser.request("PUT", "/api/notifications/device", Some(device.to_string().into()));
        let problem = answer.problem();
        assert_eq!(problem.code, Code::Invalid, "{problem:?}");
        problem.detail
    };
    let good = subscription("https://push.example/x");
    assert!(put(device(Some(subscription("http://127.0.0.1:9/")), everything())).contains("https://"));
    assert!(
        put(device(Some(json!({"endpoint": "https://x/", "p256dh": "AA", "auth": "AA"})), everything()))
            .contains("p256dh")
    );
    let zone = json!({"kinds": [], "quiet": {"from": "22:00", "to": "07:00", "time_zone": "Mars/Olympus"}});
    assert!(put(device(Some(good.clone()), zone)).contains("Mars/Olympus"));
    let origin = json!({"origin": "javascript:alert(1)", "push": good, "rules": everything()});
    assert!(put(origin).contains("origin"));
    // A push service that leads home is found out when it is asked.
    let set = device(Some(subscription("https://localhost:9/")), everything());
    browser.request("PUT", "/api/notifications/device", Some(set.to_string().into())).ok::<Notifications>();
    home.ok(["notifications", "test"]);
    logged(&home, "which is not a public address");
}

/// A question that nobody hears of is worse than one that is heard of twice.
#[test]
fn what_has_not_arrived_is_told_by_the_next_daemon() {
    let (mut home, mut browser) = web("");
    let (address, got) = server(&["503 Service Unavailable\r\nRetry-After: 300"]);
    let set = device(Some(subscription(&address)), everything()).to_string();
    browser.request("PUT", "/api/notifications/device", Some(set.into())).ok::<Notifications>();
    calls(&home, "one");
    got.recv_timeout(LIMIT).unwrap();
    home.stop_daemon();
    home.start_web(&[]);
    got.recv_timeout(LIMIT).unwrap();
    logged(&home, "Notification sent");
}
