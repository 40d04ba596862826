//! Files that somebody writes while they are discarded: no byte of theirs is lost.

use std::fs;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{ChosenFile, ChosenHunk, Discarded};
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{Signature, Time};

use super::super::error::Failure;
use super::super::{discard, stage};
use super::staging::{shown, whole};
use super::{Sandbox, exists};

/// Another program writes `f` once while it is changed, each time a little later. What it writes replaces the file, as
/// editors and agents do it.
fn meanwhile<T>(sandbox: &Sandbox, draft: &[u8], theirs: &[u8], change: impl Fn() -> T, look: impl Fn(T)) {
    const TIMES: u32 = 100;
    let begin = || {
        sandbox.write("f", draft);
        Instant::now()
    };
    let began = begin();
    change();
    let takes = began.elapsed();
    for number in 0..TIMES {
        begin();
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(takes * number / TIMES);
                sandbox.write("theirs", theirs);
                fs::rename(sandbox.path("theirs"), sandbox.path("f")).unwrap();
            });
            change()
        });
        look(done);
    }
}

fn kept(sandbox: &Sandbox, session: SessionId, discarded: &Discarded, path: &str) -> Vec<u8> {
    sandbox.git(["show", &format!("refs/codepiper/discarded/{session}/{}:before/{path}", discarded.id)])
}

#[test]
fn what_is_written_during_a_discard_stays_or_is_kept() {
    let sandbox = Sandbox::new();
    let (base, draft, theirs) = (b"base\n".repeat(4000), b"draft\n", b"theirs\n");
    sandbox.write("f", &base);
    sandbox.commit_all();
    let session = SessionId::random();
    let is_theirs_kept = |done: Result<Discarded, Failure>| {
        let now = if exists(&sandbox.path("f")) { sandbox.read("f") } else { vec![] };
        let is_kept = done.is_ok_and(|done| kept(&sandbox, session, &done, "f") == theirs);
        assert!(now == theirs || is_kept, "{}", String::from_utf8_lossy(&now[..now.len().min(20)]));
    };
    let discard = || discard::discard(&sandbox.repo(), session, &[whole("f")]);
    meanwhile(&sandbox, draft, theirs, discard, is_theirs_kept);
    // A file that git does not track only goes.
    sandbox.git(["rm", "-q", "--cached", "f"]);
    meanwhile(&sandbox, draft, theirs, discard, is_theirs_kept);
    // And one that comes back comes where nothing is.
    sandbox.write("f", draft);
    let discarded = discard().unwrap();
    let name = format!("refs/codepiper/discarded/{session}/{}", discarded.id);
    let commit = sandbox.text(["rev-parse", &name]);
    let restore = || {
        sandbox.git(["update-ref", &name, &commit]);
        discard::restore(&sandbox.repo(), session, &discarded.id)
    };
    let look = |_| assert_eq!(sandbox.read("f"), theirs);
    meanwhile(&sandbox, draft, theirs, restore, look);
    let left: Vec<_> =
        fs::read_dir(sandbox.dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_hunk_that_moves_while_it_is_discarded_is_the_one_that_goes() {
    let sandbox = Sandbox::new();
    let base = b"base\n".repeat(100_000);
    let (draft, theirs) = ([&base[..], b"draft\n"].concat(), [b"theirs\n", &base[..], b"draft\n"].concat());
    sandbox.write("f", &base);
    sandbox.commit_all();
    sandbox.write("f", &draft);
    let name = shown(&sandbox, "index", "work", "f").unwrap().hunks[0].name.clone();
    let hunks = Some(vec![ChosenHunk { name, lines: None }]);
    let file = ChosenFile { path: "f".into(), version: None, hunks };
    let discard = || discard::discard(&sandbox.repo(), SessionId::random(), std::slice::from_ref(&file));
    let look = |done: Result<Discarded, Failure>| {
        let now = sandbox.read("f");
        assert!(now == theirs || done.is_ok() && !now.ends_with(b"draft\n"), "another line went");
    };
    meanwhile(&sandbox, &draft, &theirs, discard, look);
}

#[test]
fn what_was_seen_is_staged_or_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "base\n");
    sandbox.commit_all();
    let (draft, theirs) = (vec![b'A'; 1_000_000], vec![b'B'; 1_000_000]);
    sandbox.write("f", &draft);
    let version = Some(shown(&sandbox, "index", "work", "f").unwrap().version);
    let file = ChosenFile { version, ..whole("f") };
    let stage = || {
        sandbox.git(["reset", "-q"]);
        stage::stage(&sandbox.repo(), std::slice::from_ref(&file))
    };
    meanwhile(&sandbox, &draft, &theirs, stage, |done| {
        let staged = sandbox.git(["show", ":f"]);
        assert!(
            staged == if done.is_ok() { draft.clone() } else { b"base\n".to_vec() },
            "not seen: {done:?}"
        );
    });
}

#[test]
fn what_cannot_be_put_back_stays_kept() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..30).map(|number| format!("f{number:02}")).collect();
    for name in &names {
        sandbox.write(name, "base\n");
    }
    sandbox.commit_all();
    let files: Vec<ChosenFile> = names.iter().map(|name| whole(name)).collect();
    let refused = (0..20).find_map(|_| {
        let session = SessionId::random();
        for name in &names {
            sandbox.write(name, "draft\n");
        }
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                let until = Instant::now() + Duration::from_secs(5);
                while sandbox.read("f00") != b"base\n" && Instant::now() < until {}
                sandbox.write("f29", "theirs\n");
                sandbox.write("f00", "theirs\n");
            });
            discard::discard(&sandbox.repo(), session, &files)
        });
        Some((session, Problem::from(done.err()?)))
    });
    let (session, problem) = refused.unwrap();
    assert_eq!(problem.code, Code::Changed);
    assert!(problem.detail.contains("f29 is changing") && problem.detail.contains(": f00."), "{problem}");
    assert_eq!((sandbox.read("f00"), sandbox.read("f01")), (b"theirs\n".to_vec(), b"draft\n".to_vec()));
    let listed = discard::list(&sandbox.repo(), session).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(kept(&sandbox, session, &listed[0], "f00"), b"draft\n");
}

#[test]
fn a_directory_that_became_a_file_is_discarded_and_brought_back() {
    let sandbox = Sandbox::new();
    sandbox.write("d/sub/a", "1\n");
    sandbox.commit_all();
    fs::remove_dir_all(sandbox.path("d")).unwrap();
    sandbox.write("d", "mine\n");
    let (repo, session) = (sandbox.repo(), SessionId::random());
    let both = [whole("d"), whole("d/sub/a")];
    let problem = Problem::from(discard::discard(&repo, session, &both).unwrap_err());
    assert!(problem.code == Code::Invalid && problem.detail.contains("discard d first"), "{problem}");
    assert_eq!(sandbox.read("d"), b"mine\n");
    let done =
        both.each_ref().map(|file| discard::discard(&repo, session, std::slice::from_ref(file)).unwrap());
    assert_eq!(sandbox.text(["status", "--porcelain"]), "");
    for discarded in done.iter().rev() {
        discard::restore(&repo, session, &discarded.id).unwrap();
    }
    assert_eq!(sandbox.read("d"), b"mine\n");
}

#[test]
fn what_was_done_is_done_though_a_reference_cannot_go() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "base\n");
    sandbox.commit_all();
    sandbox.write("f", "draft\n");
    let (repo, session) = (sandbox.repo(), SessionId::random());
    // One that is older than 30 days.
    let tree = repo.git.head().unwrap().peel_to_tree().unwrap();
    let long_ago = Signature::new("x", "x@example.org", &Time::new(0, 0)).unwrap();
    let old = repo.git.commit(None, &long_ago, &long_ago, "Discarded", &tree, &[]).unwrap();
    repo.git.reference("refs/codepiper/discarded/x/old", old, true, "").unwrap();
    sandbox.git(["pack-refs", "--all"]);
    sandbox.write(".git/packed-refs.lock", "");
    let discarded = discard::discard(&repo, session, &[whole("f")]).unwrap();
    assert_eq!(sandbox.read("f"), b"base\n");
    discard::restore(&repo, session, &discarded.id).unwrap();
    assert_eq!(sandbox.read("f"), b"draft\n");
}
