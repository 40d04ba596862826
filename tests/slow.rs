//! A subscriber that does not read makes nobody wait.

use std::thread::sleep;
use std::time::{Duration, Instant};

use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{
    Begin, ClientMessage, Delivery, GapReason, KEYFRAME_BIT, KeyframeReason, Lost, ServerMessage, WINDOW,
};

use crate::harness::{Frame, Home, WebSocket, assert_same, eventually, numbers, status_of};

/// More than the daemon keeps of a session, in lines of 100 bytes.
const LINES: u32 = 720_000;
/// What the daemon keeps of one session.
const KEPT: u64 = 64 << 20;

fn resident(home: &Home) -> u64 {
    let kilobytes = status_of(home.daemon_pid(), "VmRSS").unwrap();
    kilobytes.trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn subscribed(home: &Home, session: &Session, delivery: Delivery) -> WebSocket {
    let mut socket = home.websocket();
    socket.subscribe(&session.short_id, Begin::Start, delivery);
    socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    socket
}

/// Reads up to the end of the session and acknowledges everything: what it was told, and how many bytes.
fn catch_up(socket: &mut WebSocket) -> (Vec<ServerMessage>, u64) {
    let (mut told, mut bytes, mut offset) = (Vec::new(), 0, 0);
    loop {
        match socket.next() {
            Frame::Binary { tag, bytes: _ } if tag & KEYFRAME_BIT != 0 => {}
            Frame::Binary { bytes: piece, tag } => {
                bytes += piece.len() as u64;
                offset += piece.len() as u64;
                socket.tell(&ClientMessage::Ack { channel: tag, offset });
            }
            Frame::Message(message) => {
                match &*message {
                    ServerMessage::Ended { .. } => return (told, bytes),
                    ServerMessage::Gap { cursor, .. } | ServerMessage::Keyframe { cursor, .. } => {
                        offset = cursor.offset;
                    }
                    _ => {}
                }
                told.push(*message);
            }
            Frame::Ping => {}
            Frame::Closed(_) => panic!("closed after {bytes} bytes: {told:?}"),
        }
    }
}

#[test]
fn a_subscriber_that_never_reads_costs_nobody_anything_and_is_told_what_it_missed() {
    let home = Home::running();
    let script = format!("stty -echo; echo ready; read; exec seq -f '%099.0f' 1 {LINES}");
    let session = home.bash(&script);
    home.until_printed(&session, "ready");
    let mut latest = subscribed(&home, &session, Delivery::Latest);
    let mut every = subscribed(&home, &session, Delivery::Every);
    let before = resident(&home);
    home.ok(["send", &session.short_id, ""]);
    // Others do not notice.
    let other = home.bash("seq 1 20000");
    let mut reader = home.follow(&other, &["--raw", "-n", "all"]);
    assert_same(&reader.finish(), numbers(20_000).as_bytes());
    home.ok(["wait", &session.short_id, "--until", "exit", "--timeout", "100"]);
    let printed = home.session(&session.short_id).cursor.offset;
    assert!(printed > KEPT + (4 << 20), "{printed}");
    let grown = resident(&home).saturating_sub(before);
    assert!(grown < 128 << 20, "the daemon has grown by {grown} bytes");

    // The screen may lag behind the log.
    eventually("the screen shows the end", || {
        let mut now = home.websocket();
        now.subscribe(&session.short_id, Begin::Live, Delivery::Latest);
        let cursor = now.until(|message| match message {
            ServerMessage::Keyframe { cursor, .. } => Some(cursor),
            _ => None,
        });
        (cursor.offset == printed).then_some(())
    });
    let (told, bytes) = catch_up(&mut latest);
    let behind = told.iter().any(|message| {
        matches!(message, ServerMessage::Gap { reason: GapReason::Behind, lost: Lost::Bytes(lost), .. } if *lost > KEPT)
    });
    let keyframe = told
        .iter()
        .any(|message| matches!(message, ServerMessage::Keyframe { reason: KeyframeReason::Behind, .. }));
    assert!(behind && keyframe, "{told:?}");
    assert!(bytes < 4 * WINDOW, "{bytes}");

    // Everything, from the journal.
    let (told, bytes) = catch_up(&mut every);
    let lost: u64 = told
        .iter()
        .map(|message| match message {
            ServerMessage::Gap { reason: GapReason::Evicted, lost: Lost::Bytes(lost), .. } => *lost,
            _ => 0,
        })
        .sum();
    let ready = "ready\r\n".len() as u64;
    assert_eq!(bytes + lost, printed - ready);
    assert_eq!(lost, 0);
}

#[test]
fn a_client_may_write_much_before_it_reads_on() {
    let home = Home::running();
    let session = home.bash("seq 1 200000");
    home.until_ended(&session);
    let mut socket = home.websocket();
    socket.subscribe(&session.short_id, Begin::Start, Delivery::Every);
    let mut output = Vec::new();
    loop {
        match socket.next() {
            Frame::Binary { tag: 0, bytes } => {
                output.extend_from_slice(&bytes);
                let offset = output.len() as u64;
                for _ in 0..1000 {
                    socket.tell(&ClientMessage::Ack { channel: 0, offset });
                }
            }
            Frame::Message(message) if matches!(*message, ServerMessage::Ended { .. }) => break,
            Frame::Closed(_) => panic!("closed"),
            _ => {}
        }
    }
    assert_same(&output, numbers(200_000).as_bytes());
}

#[test]
fn a_reader_that_is_stopped_for_a_while_gets_everything() {
    use nix::sys::signal::{Signal, kill};
    let home = Home::running();
    let session = home.bash("stty -echo; echo ready; read; seq 1 300000; echo >over; read");
    let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
    reader.wait_for("ready\r\n");
    let pid = nix::unistd::Pid::from_raw(reader.pid());
    kill(pid, Signal::SIGSTOP).unwrap();
    home.ok(["send", &session.short_id, ""]);
    eventually("the program does not wait", || home.path("over").exists().then_some(()));
    kill(pid, Signal::SIGCONT).unwrap();
    home.ok(["send", &session.short_id, ""]);
    assert_same(&reader.finish(), format!("ready\r\n{}", numbers(300_000)).as_bytes());
}

#[test]
fn a_client_that_rests_gets_all_small_pieces_in_order_when_it_goes_on() {
    let home = Home::running();
    // More than a socket holds, and less than may be unacknowledged.
    let session =
        home.bash("stty -echo; echo ready; read; for ((n = 0; n < 6000; n++)); do printf '%099d\n' $n; done");
    home.until_printed(&session, "ready");
    let mut resting = subscribed(&home, &session, Delivery::Every);
    home.ok(["send", &session.short_id, ""]);
    home.until_ended(&session);
    let mut got = Vec::new();
    loop {
        match resting.next() {
            Frame::Binary { bytes, .. } => got.extend(bytes),
            Frame::Message(message) if matches!(*message, ServerMessage::Ended { .. }) => break,
            Frame::Message(_) => {}
            Frame::Ping => {}
            Frame::Closed(_) => panic!("closed after {} bytes", got.len()),
        }
    }
    let wanted: String = (0..6000).map(|number| format!("{number:099}\r\n")).collect();
    assert_same(&got, wanted.as_bytes());
}

#[test]
fn what_is_asked_while_the_socket_is_full_is_answered_when_it_is_not() {
    // One frame, which no socket takes in parts.
    const PIECE: usize = 1000;
    let home = Home::running();
    let session = home.bash(&format!(
        "stty raw -echo; printf ready; while head -c 1 >/dev/null; do printf '%0{PIECE}d' 0; done"
    ));
    home.until_printed(&session, "ready");
    let mut socket = home.websocket();
    socket.subscribe(&session.short_id, Begin::Live, Delivery::Every);
    while !matches!(socket.next(), Frame::Binary { .. }) {}
    socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    // One piece at a time, until one is not received: that one waits in the daemon, and nothing behind it.
    let (printed, head) = (home.session(&session.short_id).cursor.offset, 5);
    let mut pieces = 0;
    loop {
        pieces += 1;
        socket.type_(0, b"x");
        home.until(&session, "a piece is printed", |session| {
            session.cursor.offset == printed + (pieces * PIECE) as u64
        });
        let whole = pieces * (PIECE + head);
        assert!((whole as u64) < WINDOW, "a socket holds less");
        let deadline = Instant::now() + Duration::from_millis(300);
        while socket.received() < whole && Instant::now() < deadline {
            sleep(Duration::from_millis(1));
        }
        if socket.received() < whole {
            break;
        }
    }
    socket.tell(&ClientMessage::Ping {});
    // A client that reads on at once asks when the socket is no longer full.
    sleep(Duration::from_millis(100));
    let (mut bytes, mut answered) = (0, false);
    while !answered || bytes < pieces * PIECE {
        match socket.next() {
            Frame::Binary { bytes: piece, .. } => bytes += piece.len(),
            Frame::Message(message) => answered |= matches!(*message, ServerMessage::Pong {}),
            Frame::Ping => {}
            Frame::Closed(_) => panic!("{bytes} of {} bytes, answered: {answered}", pieces * PIECE),
        }
    }
    assert_eq!(bytes, pieces * PIECE);
}

#[test]
fn every_channel_gets_every_echo_once() {
    let home = Home::running();
    let [echo, other] = ["a", "b"].map(|_| home.bash("stty raw -echo; printf ready; exec cat"));
    let mut socket = home.websocket();
    for session in [&echo, &echo, &other] {
        home.until_printed(session, "ready");
        socket.subscribe(&session.short_id, Begin::Start, Delivery::Every);
        socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    }
    let mut got = [const { Vec::new() }; 3];
    for key in b'a'..=b'z' {
        let whole = usize::from(key - b'a') + 1;
        for channel in [1, 2] {
            socket.type_(channel, &[key]);
        }
        while got.iter().any(|got| got.len() < whole) {
            if let Frame::Binary { tag, bytes } = socket.next() {
                got[usize::from(tag)].extend(bytes);
            }
        }
    }
    for got in got {
        assert_same(&got, b"abcdefghijklmnopqrstuvwxyz");
    }
}
