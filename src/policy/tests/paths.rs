//! Paths are what the disk says.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::super::decide::Policies;
use super::super::input::Request;
use super::super::path::{Entry, Places, on_disk};
use super::super::rule::Action;
use super::{answer, request, rules};

struct Disk {
    dir: TempDir,
}

impl Disk {
    /// A project, a secret outside, and links between them.
    fn new() -> Self {
        let disk = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["home/.ssh", "project/src", "project/.git", "elsewhere"] {
            fs::create_dir_all(disk.path(dir)).unwrap();
        }
        fs::write(disk.path("home/.ssh/id"), "").unwrap();
        disk
    }

    fn path(&self, name: &str) -> PathBuf {
        // The temporary directory itself may be a link.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn link(&self, name: &str, target: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    fn request(&self, tool: &str, input: serde_json::Value) -> Request {
        Request { cwd: self.path("project"), home: self.path("home"), ..request(tool, input) }
    }

    fn cat(&self, rules_text: &str, path: &str) -> Action {
        let asked = self.request("Bash", json!({ "command": format!("cat {path}") }));
        Policies::new(vec![rules(rules_text)]).decide(&asked).unwrap().action
    }
}

const CAT_HERE: &str = "[[rule]]\naction = \"allow\"\ncommand = { program = \"cat\", words = [\"./**\"] }\n";
const CAT_SRC: &str =
    "[[rule]]\naction = \"allow\"\ncommand = { program = \"cat\", words = [\"./src/**\"] }\n";
const NO_KEYS: &str = "[[rule]]\naction = \"deny\"\npaths = \"~/.ssh/**\"\n";

#[test]
fn a_link_that_leads_out_is_not_allowed() {
    let disk = Disk::new();
    assert_eq!(disk.cat(CAT_HERE, "src/x"), Action::Allow);
    disk.link("project/keys", "../home/.ssh");
    disk.link("project/src/one", "/etc/passwd");
    disk.link("project/chain", "keys");
    for path in ["keys/id", "src/one", "chain/id", "chain", "src/../../home/.ssh/id", "src/../keys/../x"] {
        assert_eq!(disk.cat(CAT_HERE, path), Action::Ask, "{path}");
    }
    disk.link("project/inside", "src");
    assert_eq!(disk.cat(CAT_HERE, "inside/x"), Action::Allow);
}

#[test]
fn a_link_put_in_the_place_of_a_directory_of_the_rule_allows_nothing() {
    let disk = Disk::new();
    assert_eq!(disk.cat(CAT_SRC, "src/x"), Action::Allow);
    fs::remove_dir(disk.path("project/src")).unwrap();
    disk.link("project/src", "../home/.ssh");
    assert_eq!(disk.cat(CAT_SRC, "src/id"), Action::Ask);
    assert_eq!(disk.cat(CAT_SRC, "../home/.ssh/id"), Action::Ask);
}

#[test]
fn a_link_in_a_circle_is_not_proven() {
    let disk = Disk::new();
    disk.link("project/a", "b");
    disk.link("project/b", "a");
    assert_eq!(disk.cat(CAT_HERE, "a/x"), Action::Ask);
}

#[test]
fn a_deny_finds_a_file_under_every_name_that_leads_to_it() {
    let disk = Disk::new();
    disk.link("project/keys", "../home/.ssh");
    disk.link("elsewhere/way", disk.path("home").to_str().unwrap());
    for path in [
        "keys/id",
        "./keys",
        "../elsewhere/way/.ssh/id",
        "~/.ssh/id",
        "../home/.ssh/../.ssh/id",
        "--file=keys/id",
        "-fkeys/id",
    ] {
        assert_eq!(disk.cat(&format!("{CAT_HERE}{NO_KEYS}"), path), Action::Deny, "{path}");
    }
    let read = disk.request("Read", json!({ "file_path": disk.path("project/keys/id") }));
    assert_eq!(Policies::new(vec![rules(NO_KEYS)]).decide(&read).unwrap().action, Action::Deny);
    fs::rename(disk.path("home/.ssh"), disk.path("elsewhere/real")).unwrap();
    disk.link("home/.ssh", "../elsewhere/real");
    assert_eq!(disk.cat(NO_KEYS, "../elsewhere/real/id"), Action::Deny);
    assert_eq!(disk.cat(NO_KEYS, "../elsewhere/other"), Action::Ask);
}

#[test]
fn an_agent_in_a_linked_directory_is_where_the_link_leads() {
    let disk = Disk::new();
    disk.link("work", "project");
    let policy = rules(&format!("directories = [\"{}\"]\n{CAT_HERE}", disk.path("work").display()));
    let mut asked = disk.request("Bash", json!({ "command": "cat x" }));
    assert_eq!(Policies::new(vec![policy.clone()]).decide(&asked).unwrap().action, Action::Allow);
    asked.cwd = disk.path("work/src");
    assert_eq!(Policies::new(vec![policy.clone()]).decide(&asked).unwrap().action, Action::Allow);
    asked.cwd = disk.path("elsewhere");
    assert_eq!(Policies::new(vec![policy]).decide(&asked), None);
}

#[test]
fn what_cannot_be_looked_at_is_not_allowed() {
    let policies = Policies::new(vec![rules(CAT_HERE)]);
    let asked = request("Bash", json!({ "command": "cat src/x" }));
    let look = |path: &str| if path.ends_with("/src") { Entry::Unknown } else { Entry::NoLink };
    assert_eq!(policies.decide_with(&asked, &look).unwrap().action, Action::Ask);
    let relative = Request { cwd: PathBuf::from("project"), ..asked };
    assert_eq!(policies.decide_with(&relative, &|_| Entry::NoLink).unwrap().action, Action::Ask);
}

#[test]
fn what_is_not_plainly_a_path_is_not_allowed_as_one() {
    for word in ["host:x", "a=b", "@x", "'~/x'", "'a*'", "-x", "+x", "''", "'a$b'", "http://x", "%x"] {
        assert_eq!(answer(&[rules(CAT_HERE)], &format!("cat {word}")), Action::Ask, "{word}");
    }
    assert_eq!(answer(&[rules(CAT_HERE)], "cat 'a b (1).txt'"), Action::Allow);
}

#[test]
fn the_home_directory_and_what_is_above_it_is_no_project() {
    let policies = Policies::new(vec![rules(CAT_HERE)]);
    for (cwd, action) in [
        ("/", Action::Ask),
        ("/home", Action::Ask),
        ("/home/u", Action::Ask),
        ("/home/u/p", Action::Allow),
        ("/srv/p", Action::Allow),
    ] {
        let asked = Request { cwd: PathBuf::from(cwd), ..request("Bash", json!({ "command": "cat x" })) };
        assert_eq!(policies.decide_with(&asked, &|_| Entry::NoLink).unwrap().action, action, "{cwd}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_lead_where_the_system_says(links in vec(("[abc]", prop::sample::select(vec!["..", ".", "a", "b/c", "../a", "c/.."])), 0..5), path in vec(prop::sample::select(vec!["a", "b", "c", "d", "..", "."]), 1..6)) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for made in ["d/a", "d/b/c", "d/d"] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        for (name, target) in links {
            let _ = symlink(target, root.join("d").join(&name));
            let _ = symlink(target, root.join("d/d").join(name));
        }
        let cwd = root.join("d");
        let places = Places::new(&cwd, &root, &on_disk);
        let path = path.join("/");
        let ours = places.resolve(&path);
        if let Ok(real) = cwd.join(&path).canonicalize() {
            prop_assert!(ours.proven);
            prop_assert_eq!(ours.path, real.to_str().unwrap());
        }
    }
}
