//! The server in front of the API: who may ask, how much and how slowly, and what it serves.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::stream::{Begin, ClientMessage, Delivery, ServerMessage};
use serde_json::json;

use crate::harness::{Answer, Browser, Frame, Home, WebSocket};

fn home() -> (Home, Browser) {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    (home, browser)
}

#[test]
fn pages_of_other_origins_are_refused_with_all_cookies_and_secrets() {
    let (_home, browser) = home();
    let own = format!("http://127.0.0.1:{}", browser.port);
    for headers in [
        &[("Origin", "http://evil.example")][..],
        &[("Origin", "http://127.0.0.1:8080"), ("Sec-Fetch-Site", "same-site")],
        &[("Origin", "null")],
        &[("Origin", own.as_str()), ("Sec-Fetch-Site", "same-site")],
        &[("Origin", own.as_str()), ("Sec-Fetch-Site", "cross-site")],
        &[("Host", "evil.example")],
        &[("Host", "evil.example:3000"), ("Origin", "http://evil.example:3000")],
        &[("Host", "localhost.evil.example")],
    ] {
        let mut page = browser.saying(headers);
        assert_eq!(page.get("/api/sessions").code(), Code::Refused, "{headers:?}");
        assert_eq!(page.get("/api/auth").code(), Code::Refused, "{headers:?}");
        let start = json!({"provider": "shell", "dir": "/", "args": ["true"]});
        assert_eq!(page.post("/api/sessions", &start).code(), Code::Refused, "{headers:?}");
        assert_eq!(page.open().err(), Some(403), "{headers:?}");
    }
    let mut silent = browser.saying(&[("Origin", "")]);
    assert_eq!(silent.get("/api/sessions").status, 200);
    assert_eq!(silent.post("/api/sessions", &json!({})).code(), Code::Refused, "a change names its origin");
    assert_eq!(silent.open().err(), Some(403));
    let link =
        [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
    let link = [&[("Origin", "")][..], &link].concat();
    assert_eq!(browser.saying(&link).get("/sessions").status, 200, "a link leads to a page");
}

#[test]
fn the_page_and_its_files_are_served_with_strict_headers() {
    let (_home, mut browser) = home();
    for path in ["/", "/index.html", "/sessions", "/sessions/a1b2c3d4/events?x=y"] {
        let page = browser.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    let page = browser.get("/").text();
    let script = page.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let plain = browser.get(script);
    assert!(plain.header("cache-control").contains("immutable"), "{plain:?}");
    let small = browser.saying(&[("Accept-Encoding", "gzip, br")]).get(script);
    assert_eq!(small.header("content-encoding"), "br");
    assert!(small.body.len() < plain.body.len());
    let tag = plain.header("etag").to_owned();
    let again = browser.saying(&[("If-None-Match", &tag)]).get(script);
    assert_eq!((again.status, again.body.len()), (304, 0));
    for path in ["/assets/../../Cargo.toml", "/assets/%2e%2e/x", "/assets/none.js", "/assets/"] {
        let answer = browser.get(path);
        assert!(answer.status == 404 || answer.text() == page, "{path}: {}", answer.text());
    }
    for path in ["/api", "/api/none", "/api/sessions/none/none", "/ws/x"] {
        let answer = browser.get(path);
        assert!(answer.header("content-type").contains("json") || path == "/ws/x", "{path} {answer:?}");
    }
    let api = browser.get("/api/sessions");
    assert_eq!(api.header("cache-control"), "no-store");
}

/// What is permitted and what is done is the same path, however it is spelled.
#[test]
fn a_path_with_more_slashes_opens_nothing() {
    let (home, mut browser) = home();
    let stranger = home.browser();
    let port = browser.port;
    for path in ["/ws/", "//ws", "/ws//", "/ws?x", "/ws/?x", "/WS", "/%77s", "/./ws", "/x/../ws", "/ws;x"] {
        let mut stream = stranger.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nUpgrade: websocket\r\n\
             Connection: upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let answer = Answer::read(stream);
        assert!([200, 401, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(answer.status != 200 || answer.text().starts_with("<!doctype html>"), "{path}: {answer:?}");
    }
    let id = home.bash("echo ready; exec cat").id;
    for what in ["auth/reset-password", "auth/reset-mfa", "auth/bootstrap", "daemon/stop"] {
        let mine = browser.post(&format!("/api/{what}"), &json!({"password": "another password"}));
        assert_eq!(mine.code(), Code::Refused, "{what}");
        for (before, after) in [("", "/"), ("", "//"), ("/", "")] {
            let path = format!("{before}/api/{what}{after}");
            let answer = browser.post(&path, &json!({"password": "another password"}));
            assert!([404, 405].contains(&answer.status), "{path}: {answer:?}");
        }
    }
    for what in ["hooks", "status", "notify"] {
        let answer = browser.post(&format!("/api/sessions/{id}/{what}/"), &json!({}));
        assert_eq!(answer.code(), Code::NotFound, "{what}: {answer:?}");
    }
    assert_eq!(browser.get("/api/sessions/").code(), Code::NotFound);
    assert_eq!(browser.get("/api/sessions").status, 200, "the password is what it was");
}

#[test]
fn requests_that_are_too_large_or_too_slow_are_ended() {
    let (home, mut browser) = home();
    let (port, other) = (browser.port, home.browser());
    let stranger = |head: &str| {
        let mut stream = other.connect();
        let head = format!("{head}Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut stream = stranger("POST /api/auth/sign-in HTTP/1.1\r\n");
    stream.write_all(b"Content-Length: 1000000\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).code(), Code::TooLarge, "who has not signed in sends little");
    let mut stream = stranger("POST /api/auth/sign-in HTTP/1.1\r\n");
    stream.write_all(b"Transfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    for _ in 0..3 {
        // It may be closed before all was written.
        let _ = stream.write_all(&chunk);
    }
    assert_eq!(Answer::read(stream).code(), Code::TooLarge);
    assert_eq!(browser.request("POST", "/api/sessions", Some(vec![b' '; 600 * 1024])).code(), Code::TooLarge);

    let mut stream = stranger("GET /api/auth HTTP/1.1\r\n");
    let long = format!("X: {}\r\n\r\n", "x".repeat(64 * 1024));
    let _ = stream.write_all(long.as_bytes());
    assert_eq!(Answer::read(stream).status, 431);

    let mut slow = stranger("GET /api/auth HTTP/1.1\r\n");
    let begin = Instant::now();
    let mut rest = Vec::new();
    // Nothing, or the word that it took too long.
    let _ = slow.read_to_end(&mut rest);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    assert_eq!(browser.get("/api/sessions").status, 200);
}

#[test]
fn idle_connections_do_not_keep_the_owner_out() {
    let (_home, mut browser) = home();
    let crowd: Vec<_> = (0..300).map(|_| browser.connect()).collect();
    let begin = Instant::now();
    assert_eq!(browser.get("/api/sessions").status, 200);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(crowd);
}

#[test]
fn strangers_with_half_a_head_keep_nobody_out_and_do_not_hold_up_the_end() {
    let (mut home, mut browser) = home();
    let crowd: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = browser.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    assert_eq!(browser.get("/api/sessions").status, 200);
    home.ok(["sessions"]);
    let (mut gone, mut served) = (0, 0);
    for stream in &crowd {
        stream.set_nonblocking(true).unwrap();
        match (&*stream).read(&mut [0; 1]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => served += 1,
            _ => gone += 1,
        }
    }
    assert!(gone >= 100 && served >= 100, "{gone} gave way, {served} are waited for");
    let begin = Instant::now();
    home.stop_daemon();
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[test]
fn a_request_has_one_host() {
    let (home, browser) = home();
    let own = format!("127.0.0.1:{}", browser.port);
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n"),
        format!("GET http://evil.example/ HTTP/1.1\r\nHost: {own}\r\n\r\n"),
    ] {
        let mut stream = browser.connect();
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(Answer::read(stream).status, 400, "{head}");
        let mut stream = std::os::unix::net::UnixStream::connect(home.socket()).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(Answer::read(stream).status, 400, "{head}");
    }
}

#[test]
fn a_websocket_is_opened_by_its_own_handshake_only() {
    let home = Home::running();
    let good = ["Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13"];
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let ask = |version: &str, headers: &[&str]| {
        let mut stream = std::os::unix::net::UnixStream::connect(home.socket()).unwrap();
        let head = format!("GET /ws {version}\r\nHost: x\r\n{}\r\n\r\n", headers.join("\r\n"));
        stream.write_all(head.as_bytes()).unwrap();
        // What was refused is closed at its end.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        Answer::read(stream)
    };
    let [upgrade, connection, version] = good;
    let many = ["Upgrade: h2c, WebSocket", "Connection: keep-alive, Upgrade", version, key];
    for headers in [[upgrade, connection, version, key], many] {
        assert_eq!(ask("HTTP/1.1", &headers).status, 101, "{headers:?}");
    }
    for (headers, status) in [
        (&[upgrade, connection, version][..], 400),
        (&[upgrade, connection, version, key, key], 400),
        (&[upgrade, connection, version, "Sec-WebSocket-Key: short"], 400),
        (&[upgrade, connection, version, "Sec-WebSocket-Key: c2hvcnQ="], 400),
        (&["Upgrade: h2c", connection, version, key], 400),
        (&[upgrade, version, key], 400),
        (&[connection, version, key], 400),
        (&[upgrade, connection, key], 426),
        (&[upgrade, connection, "Sec-WebSocket-Version: 8", key], 426),
    ] {
        let answer = ask("HTTP/1.1", headers);
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), "13");
        }
    }
    assert_eq!(ask("HTTP/1.0", &[upgrade, connection, version, key]).status, 400);
}

#[test]
fn a_websocket_is_closed_with_the_code_that_says_why() {
    let (home, browser) = home();
    for mut socket in [home.websocket(), browser.websocket()] {
        socket.tell(&ClientMessage::Ping {});
        socket.until(|message| matches!(message, ServerMessage::Pong {}).then_some(()));
        socket.raw(&[0x81, 2, b'{', b'}']);
        assert_eq!(socket.closed(), Some(1002), "an unmasked frame");
    }
    let mut socket = home.websocket();
    socket.raw(&[0x81, 0x81, 0, 0, 0, 0, 0xff]);
    assert_eq!(socket.closed(), Some(1007), "text that is none");
    let mut socket = home.websocket();
    let fragment = |first: u8| [&[first, 0x80 | 126, 0x80, 0, 0, 0, 0, 0][..], &[b' '; 0x8000]].concat();
    for first in [0x01, 0x00, 0x00] {
        socket.raw(&fragment(first));
    }
    assert_eq!(socket.closed(), Some(1009), "fragments count together");
    let mut socket = home.websocket();
    socket.raw(&[0x88, 0x82, 0, 0, 0, 0, 0x0b, 0xb8]);
    assert_eq!(socket.closed(), Some(3000), "a close frame is answered with its code");
}

#[test]
fn a_terminal_is_the_same_over_tcp_and_ends_with_1001() {
    let (mut home, browser) = home();
    let session = home.bash("echo hello; while read -r line; do echo \"got $line\"; done");
    let mut socket = browser.websocket();
    socket.subscribe(&session.short_id, Begin::Start, Delivery::Every);
    socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    socket.type_(0, b"word\r");
    home.until_printed(&session, "got word");
    let mut idle = browser.websocket();
    home.stop_daemon();
    assert_eq!(idle.closed(), Some(1001));
    assert_eq!(socket.closed(), Some(1001));
}

/// The bytes of a WebSocket message that carries so many of output: RFC 6455, section 5.2, and a tag.
fn message(output: usize) -> usize {
    let head = match 1 + output {
        0..126 => 2,
        126..65536 => 4,
        _ => 10,
    };
    head + 1 + output
}

#[test]
fn output_costs_hardly_more_than_its_bytes() {
    let (home, browser) = home();
    let script = "stty raw -echo; echo ready; head -c 1; head -c 1 >/dev/null; seq 1 300000; sleep 100";
    let session = home.bash(script);
    home.until_printed(&session, "ready");
    let mut socket = browser.websocket();
    socket.subscribe(&session.short_id, Begin::Start, Delivery::Every);
    let begin = |message| match message {
        ServerMessage::Subscribed { cursor, .. } => Some(cursor.offset),
        _ => None,
    };
    let mut offset = socket.until(begin);
    let mut output = |socket: &mut WebSocket| loop {
        if let Frame::Binary { tag, bytes } = socket.next() {
            offset += bytes.len() as u64;
            socket.tell(&ClientMessage::Ack { channel: tag, offset });
            return bytes;
        }
    };
    while !output(&mut socket).ends_with(b"ready\n") {}

    socket.type_(0, b"x");
    assert_eq!(output(&mut socket), b"x");
    assert!(message(1) <= 8);

    socket.type_(0, b"y");
    let (mut raw, mut wire) = (0, 0);
    while raw < 1_900_000 {
        let length = output(&mut socket).len();
        raw += length;
        wire += message(length);
    }
    assert!(wire * 1000 <= raw * 1005, "{wire} bytes for {raw}");
}

#[test]
fn the_list_of_sessions_is_live() {
    let (home, browser) = home();
    let first = home.start(&["sleep", "1000"]);
    let mut socket = browser.websocket();
    socket.tell(&codepiper_protocol::wire::stream::ClientMessage::Sessions {});
    let listed = socket.until(|message| match message {
        ServerMessage::Sessions { sessions } => Some(sessions),
        _ => None,
    });
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [first.id]);
    let second = home.start(&["sleep", "1000"]);
    let changed = |message| match message {
        ServerMessage::SessionChanged { session } => Some(*session),
        _ => None,
    };
    socket.until(|message| changed(message).filter(|session| session.id == second.id));
    home.ok(["sessions", "rename", &first.short_id, "renamed"]);
    socket.until(|message| changed(message).filter(|session| session.name.as_deref() == Some("renamed")));
    home.ok(["kill", &first.short_id]);
    socket.until(|message| {
        changed(message).filter(|session| session.id == first.id && !session.status.is_live())
    });
    home.ok(["sessions", "remove", &first.short_id]);
    let removed = socket.until(|message| match message {
        ServerMessage::SessionRemoved { id } => Some(id),
        _ => None,
    });
    assert_eq!(removed, first.id);
}

#[test]
fn long_answers_are_compressed_for_who_accepts_that() {
    let (home, mut browser) = home();
    let session = home.start(&["sh", "-c", "seq 2000; sleep 1000"]);
    home.until_printed(&session, "2000");
    let unzip = |bytes: &[u8]| {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    };
    let mut zipping = browser.saying(&[("Accept-Encoding", "gzip, br")]);
    let output = format!("/api/sessions/{}/output", session.id);
    for path in ["/api/policies/ready", &output] {
        let (plain, zipped) = (browser.get(path), zipping.get(path));
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{path}");
        assert_eq!((zipped.status, zipped.header("content-encoding")), (200, "gzip"), "{path}");
        for answer in [&plain, &zipped] {
            assert_eq!(answer.header("vary"), "accept-encoding", "{path}");
            assert_eq!(answer.header("content-type"), plain.header("content-type"));
        }
        assert_eq!(unzip(&zipped.body), plain.body, "{path}");
        assert!(zipped.body.len() * 2 < plain.body.len(), "{} of {}", zipped.body.len(), plain.body.len());
        // What GET says, without its content.
        let mut head = zipping.raw("HEAD", path);
        let mut said = String::new();
        head.read_to_string(&mut said).unwrap();
        assert!(said.contains(&format!("content-length: {}\r\n", zipped.body.len())), "{said}");
        assert!(said.contains("content-encoding: gzip\r\n") && said.ends_with("\r\n\r\n"), "{said}");
    }
    let short = zipping.get("/api/daemon");
    assert_eq!((short.status, short.header("content-encoding"), short.header("vary")), (200, "", ""));
    let refused = browser.saying(&[("Accept-Encoding", "gzip;q=0")]).get("/api/policies/ready");
    assert_eq!(refused.header("content-encoding"), "");
}

#[test]
fn what_cannot_be_served_safely_is_refused_at_the_start() {
    let home = Home::new();
    let fails = |flags: &[&str], words: &[&str]| {
        let message = home.fails(1, [&["daemon", "--web"], flags].concat());
        for word in words {
            assert!(message.contains(word), "{flags:?}: {message}");
        }
    };
    fails(&["--host", "0.0.0.0"], &["0.0.0.0", "--tls-cert", "--behind-proxy"]);
    fails(&["--host", "::"], &["--tls-cert"]);
    fails(&["--behind-proxy"], &["--public-url"]);
    fails(&["--behind-proxy", "--public-url", "nonsense"], &["nonsense"]);
    fails(&["--tls-cert", "/none"], &["--tls-key"]);
    fails(&["--tls-cert", "/none", "--tls-key", "/none"], &["/none"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(&["--port", &port], &[&port, "--port"]);
    std::fs::write(home.path("config.toml"), "[web]\nenabled = true\nhost = '0.0.0.0'\n").unwrap();
    assert!(home.fails(1, ["daemon"]).contains("--tls-cert"));
    std::fs::write(home.path("config.toml"), "[web]\nenabled = true\nport = 0\n").unwrap();
    let mut home = home;
    home.start_daemon();
    assert_eq!(home.browser().get("/api/auth").status, 200, "the file can ask for it");
}

#[test]
fn behind_a_proxy_the_public_address_counts() {
    let mut home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = format!(
        "[web]\nenabled = true\nport = {free}\nbehind_proxy = true\npublic_url = 'https://piper.example'\n"
    );
    std::fs::write(home.path("config.toml"), file).unwrap();
    home.start_daemon();
    // What a proxy hands on.
    let said = [
        ("Host", "piper.example"),
        ("Origin", "https://piper.example"),
        ("X-Forwarded-For", "6.6.6.6, 203.0.113.7"),
    ];
    let mut page = Browser::new(free).saying(&said);
    page.set_up(&home);
    assert!(page.cookies.keys().all(|name| name.starts_with("__Host-")), "{:?}", page.cookies);
    let logins = home.ok(["auth", "sessions"]);
    assert!(logins.contains("203.0.113.7") && !logins.contains("6.6.6.6"), "{logins}");
    page.websocket();
    let mut foreign = page.saying(&[("Host", "piper.example"), ("Origin", "http://piper.example")]);
    assert_eq!(foreign.get("/api/sessions").code(), Code::Refused, "the scheme belongs to the origin");
}

#[test]
fn own_certificates_make_it_https() {
    let mut home = Home::new();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (home.path("cert.pem"), home.path("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = [certificate.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned()];
    let said = home.start_web(&["--tls-cert", &files[0], "--tls-key", &files[1]]);
    assert!(said.contains("https://127.0.0.1:"), "{said}");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().unwrap();
    let connection = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let port = home.port();
    let mut stream = rustls::StreamOwned::new(connection, home.browser().connect());
    write!(stream, "GET /api/auth HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let answer = Answer::read(stream);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn head_answers_what_get_answers_without_its_content() {
    let (_home, mut browser) = home();
    for path in ["/", "/sessions", "/api/auth", "/no/such/file.js"] {
        let whole = browser.get(path);
        let mut stream = browser.connect();
        let host = format!("127.0.0.1:{}", browser.port);
        write!(stream, "HEAD {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", whole.status)), "{path}: {answer}");
        assert!(answer.ends_with("\r\n\r\n") && answer.matches("\r\n\r\n").count() == 1, "{path}: {answer}");
    }
}

/// A browser whose machine was closed says nothing, and its network neither: it is no viewer for ever.
#[test]
fn a_browser_that_says_nothing_is_asked_and_then_let_go() {
    let (home, browser) = home();
    let (mut silent, mut answers, mut owner) = (browser.websocket(), browser.websocket(), home.websocket());
    for socket in [&silent, &answers] {
        socket.wait_for(Duration::from_secs(60));
    }
    let begun = Instant::now();
    let asked = |socket: &mut WebSocket| loop {
        match socket.next() {
            Frame::Ping => return,
            Frame::Closed(code) => panic!("closed: {code:?}"),
            Frame::Message(_) | Frame::Binary { .. } => {}
        }
    };
    asked(&mut answers);
    // A masked pong, as a browser sends it by itself.
    answers.raw(&[0x8a, 0x80, 0, 0, 0, 0]);
    asked(&mut silent);
    silent.closed();
    assert!((55..75).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    for socket in [&mut answers, &mut owner] {
        socket.tell(&ClientMessage::Ping {});
        socket.until(|message| matches!(message, ServerMessage::Pong {}).then_some(()));
    }
}
