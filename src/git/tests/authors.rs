//! Who commits, beside git itself.

use codepiper_protocol::wire::git::MakeCommit;
use codepiper_protocol::wire::problem::{Code, Problem};

use super::super::commit::commit;
use super::Sandbox;

fn made(message: &str, amend: bool) -> MakeCommit {
    MakeCommit { message: message.into(), amend, ..MakeCommit::default() }
}

#[test]
fn the_author_and_the_committer_are_those_of_git() {
    for settings in [
        [("author.name", "a"), ("author.email", "a@example.org")].as_slice(),
        &[("committer.name", "c"), ("committer.email", "c@example.org")],
        &[("author.name", "a"), ("committer.email", "c@example.org")],
        &[("author.name", "a"), ("author.email", "a@"), ("committer.name", "c"), ("committer.email", "c@")],
        &[("author.name", ""), ("committer.email", "")],
        &[],
    ] {
        let sandbox = Sandbox::new();
        for (key, value) in settings {
            sandbox.git(["config", key, value]);
        }
        let people = || sandbox.text(["log", "-1", "--format=%an <%ae> %cn <%ce>"]);
        sandbox.git(["commit", "-q", "--allow-empty", "-m", "by git"]);
        let by_git = people();
        sandbox.write("f", "1\n");
        sandbox.git(["add", "f"]);
        commit(&mut sandbox.repo(), &made("by us", false)).unwrap();
        assert_eq!((people(), sandbox.text(["log", "-1", "--format=%s"])), (by_git, "by us".into()));
        // Who amends is the committer alone.
        sandbox.git(["commit", "-q", "--amend", "--author=z <z@example.org>", "-m", "by z"]);
        let by_git = people();
        commit(&mut sandbox.repo(), &made("amended", true)).unwrap();
        assert_eq!((people(), sandbox.text(["log", "-1", "--format=%s"])), (by_git, "amended".into()));
    }
}

#[test]
fn files_that_are_included_for_a_remote_are_left_to_git() {
    for is_included in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.commit_all();
        sandbox.git(["remote", "add", "origin", "https://example.org/work/x"]);
        let config = match is_included {
            true => sandbox.path(".git/more"),
            false => sandbox.path(".git/config"),
        };
        let work = sandbox.path(".git/work").to_str().unwrap().to_owned();
        sandbox.git(["config", "-f", &work, "user.email", "work@example.org"]);
        let condition = "includeIf.hasconfig:remote.*.url:https://example.org/work/**.path";
        sandbox.git(["config", "-f", config.to_str().unwrap(), condition, &work]);
        if is_included {
            sandbox.git(["config", "include.path", config.to_str().unwrap()]);
        }
        assert_eq!(sandbox.text(["config", "user.email"]), "work@example.org");
        sandbox.write("f", "1\n");
        sandbox.git(["add", "f"]);
        for amend in [false, true] {
            let before = sandbox.text(["rev-parse", "HEAD"]);
            let problem = Problem::from(commit(&mut sandbox.repo(), &made("x", amend)).unwrap_err());
            assert!(problem.code == Code::Invalid && problem.detail.contains("hasconfig"), "{problem}");
            assert_eq!(sandbox.text(["rev-parse", "HEAD"]), before);
        }
    }
}
