//! What happens while others use the repository, and several files at once: all of it or nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::ChosenFile;
use codepiper_protocol::wire::problem::{Code, Problem};

use super::super::{discard, index, stage};
use super::staging::{shown, whole};
use super::{Sandbox, exists};

#[test]
fn what_others_stage_meanwhile_is_staged_too() {
    let sandbox = Sandbox::new();
    let names = |kind: &str| (0..60).map(|number| format!("{kind}{number}")).collect::<Vec<_>>();
    let (ours, theirs) = (names("ours"), names("theirs"));
    for name in ours.iter().chain(&theirs) {
        sandbox.write(name, "1");
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for name in &theirs {
                // Git does not wait for the lock.
                while !sandbox.try_git(["add", name.as_str()], b"").status.success() {}
            }
            over.store(true, Ordering::Relaxed);
        });
        for name in &ours {
            while let Err(failure) = stage::stage(&sandbox.repo(), &[whole(name)]) {
                assert_eq!(Problem::from(failure).code, Code::GitInUse);
            }
        }
    });
    assert!(over.load(Ordering::Relaxed));
    assert_eq!(sandbox.text(["ls-files"]).lines().count(), ours.len() + theirs.len());
}

#[test]
fn a_change_of_the_index_begins_anew_when_another_program_was_faster() {
    let sandbox = Sandbox::new();
    let files: Vec<ChosenFile> = (0..50).map(|number| whole(&format!("f{number}"))).collect();
    for file in &files {
        sandbox.write(&file.path, "1");
    }
    sandbox.write("theirs", "1");
    let mut tries = 0;
    index::change(&sandbox.repo(), |_, index| {
        tries += 1;
        index.add_path("f0".as_ref())?;
        if tries == 1 {
            sandbox.git(["add", "theirs"]);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!((tries, sandbox.text(["ls-files"]).as_str()), (2, "f0\ntheirs"));
    stage::stage(&sandbox.repo(), &files[1..]).unwrap();
    assert_eq!(sandbox.text(["ls-files"]).lines().count(), 51);
    // One of them cannot be: none is.
    sandbox.git(["rm", "-q", "--cached", "-r", "."]);
    let mut with_another = files.clone();
    with_another.push(whole("missing"));
    assert!(stage::stage(&sandbox.repo(), &with_another).is_err());
    assert_eq!(sandbox.text(["ls-files"]), "");
    let left: Vec<_> =
        fs::read_dir(sandbox.path(".git")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("codepiper")), "{left:?}");
}

#[test]
fn files_are_discarded_together_or_not_at_all() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "1\n");
    sandbox.write("d/x", "1\n");
    sandbox.commit_all();
    sandbox.write("a", "2\n");
    fs::remove_dir_all(sandbox.path("d")).unwrap();
    sandbox.write("d", "a file now");
    let (repo, session) = (sandbox.repo(), SessionId::random());
    assert!(discard::discard(&repo, session, &[whole("a"), whole("d/x")]).is_err());
    assert_eq!(sandbox.read("a"), b"2\n");
    assert!(discard::list(&repo, session).unwrap().is_empty(), "nothing was discarded");
}

#[test]
fn a_file_comes_back_with_its_permissions_wherever_it_was() {
    let sandbox = Sandbox::new();
    let odd = OsStr::from_bytes(b"d\xff/x");
    for name in ["secret".as_ref(), "run".as_ref(), odd] {
        sandbox.write(name, "1\n");
    }
    let permit = |name: &OsStr, bits| {
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(bits)).unwrap()
    };
    permit("run".as_ref(), 0o754);
    sandbox.commit_all();
    sandbox.write("secret", "2\n");
    sandbox.write("run", "2\n");
    sandbox.write("new", "2\n");
    sandbox.write(odd, "2\n");
    for (name, bits) in [("secret", 0o600), ("run", 0o754), ("new", 0o640)] {
        permit(name.as_ref(), bits);
    }
    let names = ["secret".as_ref(), "run".as_ref(), "new".as_ref(), odd];
    let look = |name: &OsStr| {
        let bits = sandbox.path(name).metadata().ok()?.permissions().mode() & 0o777;
        Some((sandbox.read(name), bits))
    };
    let before = names.map(look);
    let (repo, session) = (sandbox.repo(), SessionId::random());
    let files = names.map(|name| whole(&codepiper_protocol::os_text::encode(name)));
    let discarded = discard::discard(&repo, session, &files).unwrap();
    assert!(!exists(&sandbox.path("new")));
    // Those that stay keep theirs.
    assert_eq!(look("run".as_ref()).unwrap(), (b"1\n".to_vec(), 0o754));
    assert_eq!(look("secret".as_ref()).unwrap(), (b"1\n".to_vec(), 0o600));
    assert_eq!(discard::list(&repo, session).unwrap(), std::slice::from_ref(&discarded));
    discard::restore(&repo, session, &discarded.id).unwrap();
    assert_eq!(names.map(look), before);
}

#[test]
fn a_file_that_moved_on_is_shown_as_it_is_now() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "1\n");
    sandbox.commit_all();
    sandbox.write("f", "2\n");
    let version = shown(&sandbox, "index", "work", "f").unwrap().version;
    sandbox.write("f", "three\n");
    let chosen = ChosenFile { version: Some(version), ..whole("f") };
    let problem = Problem::from(stage::stage(&sandbox.repo(), &[chosen]).unwrap_err());
    assert_eq!(problem.code, Code::Changed);
    let now = problem.diff.unwrap();
    assert_eq!(now.hunks[0].lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["1", "three"]);
    assert_eq!(now.version, shown(&sandbox, "index", "work", "f").unwrap().version);
}
