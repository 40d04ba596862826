//! A developer's day under the ready-made policies.

use super::super::rule::{Action, Policy};
use super::super::warn::{self, Risk};
use super::{answer, command, decide, policy, request};
use crate::policy::ready;
use serde_json::json;

fn ready_made(name: &str) -> Vec<Policy> {
    vec![policy(ready::text(name).unwrap())]
}

const DAY: &str = r#"
git status
git status --short --branch
git diff
git diff --stat HEAD~1
git diff --cached -- src/main.rs
git log --oneline -20
git log -p -n 3 src/lib.rs
git log --since=yesterday --author=me
git log main..HEAD --stat
git show HEAD~2
git show HEAD:src/main.rs | head -50
git blame -L 10,20 src/main.rs
git branch --show-current
git branch -vv
git rev-parse --abbrev-ref HEAD
git ls-files | wc -l
git stash list
git remote -v
git add -A
git add src/main.rs tests/x.rs
git restore --staged src/main.rs
git commit -m "area: what changes"
git commit -am 'fix: say "hello" (again) & again; really $5'
git add -A && git commit -q -m "title" -m "body
with two lines"
git switch -c feature/x
git checkout -b fix/y
cargo build
cargo build --release --locked 2>&1 | tail -n 20
cargo check --workspace --all-targets
cargo test
cargo test -p protocol --test integration some_name -- --nocapture --test-threads=1
cargo test 2>&1 | grep -E "FAILED|panicked" | head -30
cargo fmt --all --check
cargo clippy --all-targets -- -D warnings
cargo doc --no-deps && echo done
cargo tree -d
npm test
npm run build
npm run lint 2>/dev/null
pnpm run typecheck
python -m pytest
python3 -m pytest -q tests/test_x.py -k "name and not slow"
pytest -x -q
ruff check src
tsc --noEmit
go build ./...
go test ./...
go test -race -run TestX ./pkg/...
go vet ./...
make test
make check -j4
ls
ls -la src
ls -lhR ./tests
cat README.md
cat -n src/main.rs | head -n 100
head -n 20 Cargo.toml
tail -50 log.txt
wc -l src/main.rs
rg "fn main" src
rg -n -C 3 'struct \w+ \{' --type rust
grep -rn TODO .
grep -rn --include='*.rs' unwrap src | sort | uniq -c | sort -rn | head
find . -name '*.rs' -not -path './target/*'
find src -type f -maxdepth 2
tree -L 2 src
du -sh target
pwd
date
which cargo
mkdir -p src/new/deep
touch src/new/mod.rs
diff --no-dereference -u a.txt b.txt
echo "done: $((1))"?
node --version
cargo --version; rustc --version; go version
pytest tests/test_x.py::test_y
python3 -m pytest tests/test_x.py::TestC::test_y -v
pytest 'tests/test_x.py::test_y[1-a]'
cargo fmt --all -- --check
cargo test --doc
cargo test --workspace --exclude slow
yarn build
pnpm lint
node -v
git show main:src/x
git grep -n foo
git reflog -5
git shortlog -sn
git branch --merged
date +%Y
date "+%Y-%m-%d"
echo -n x
find . -mtime -1
find src -name '*.rs' -o -name '*.toml'
"#;

/// Each is one command; a line that is not complete goes on.
fn day() -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in DAY.lines().filter(|line| !line.is_empty() && !line.ends_with('?')) {
        match commands.last_mut() {
            Some(last) if last.matches('"').count() % 2 == 1 => {
                last.push('\n');
                last.push_str(line);
            }
            _ => commands.push(line.to_owned()),
        }
    }
    commands
}

#[test]
fn an_ordinary_day_asks_nothing() {
    let policies = ready_made("safe-development");
    let day = day();
    assert!(day.len() >= 60, "{}", day.len());
    let asked: Vec<String> = day
        .iter()
        .map(|text| (text, decide(&policies, &command(text)).unwrap()))
        .filter(|(_, decision)| decision.action != Action::Allow)
        .map(|(text, decision)| format!("{text}: {}", decision.why))
        .collect();
    assert!(asked.is_empty(), "{}", asked.join("\n"));
}

#[test]
fn what_a_development_policy_does_not_mean_is_asked() {
    let policies = ready_made("safe-development");
    for text in [
        "diff a b",
        "diff -u a b",
        "pytest /tmp/test_x.py::test_y",
        "pytest src/../../x.py::test_y",
        "pytest 'tests::../../x.py'",
        "cat src/x::y",
        "cargo fmt -- /tmp/x.rs",
        "git show --output=x main:y",
        "git diff main:../../x y",
        "git grep -O foo",
        "git reflog expire --all",
        "git branch --contains x y",
        "find . -mtime -delete",
        "date 01010000",
        "yarn add x",
        "node -v x.js",
        "cat -n /etc/passwd",
        "cat ../other/x",
        "head -n /etc/passwd",
        "du -L /etc",
        "file -L /etc/shadow",
        "diff -r a b",
        "diff -rN a b",
        "grep -R x .",
        "grep -rS x .",
        "rg --follow x",
        "rg -L x",
        "find -L . -name x",
        "tree -l",
        "ls -LR",
        "cp -L a b",
        "cargo test -- --logfile=/tmp/evil",
        "cargo test -- --logfile /tmp/evil",
        "cargo test -- -Z unstable-options",
        "cargo test --target-dir /tmp/evil",
        "cargo clippy -- -o /tmp/evil",
        "cargo clippy -- -C linker=./evil",
        "cargo build --artifact-dir /tmp/evil",
        "cargo doc --open",
        "pytest --junitxml=/tmp/evil",
        "pytest -o cache_dir=/tmp/evil",
        "pytest --basetemp=/tmp/evil",
        "pytest -p evil",
        "pytest -c /tmp/evil.ini",
        "pytest --cov-config=/tmp/evil",
        "pytest /tmp/evil.py",
        "go test -o /tmp/evil ./...",
        "go test -coverprofile=/tmp/evil ./...",
        "go test -exec ./evil ./...",
        "go build -toolexec=./evil ./...",
        "go build -overlay=evil.json ./...",
        "go vet -vettool=./evil ./...",
        "npm test -- --outputFile=/tmp/evil",
        "npm test --script-shell=./evil",
        "eslint --output-file /tmp/evil .",
        "eslint --config /tmp/evil.js .",
        "eslint --plugin evil .",
        "prettier --plugin ./evil.js .",
        "prettier --config /tmp/evil .",
        "tsc --outDir /tmp/evil",
        "tsc -p /tmp/evil",
        "tsc @evil",
        "mypy --config-file /tmp/evil .",
        "mypy --python-executable ./evil .",
        "ruff check --output-file /tmp/evil .",
        "ruff check --config /tmp/evil .",
        "black --config /tmp/evil .",
        "python -m unittest -p evil",
        "make SHELL=./evil test",
        "make test SHELL=./evil",
        "tree -o /tmp/evil",
        "md5sum -c /etc/x",
        "make -j install",
        "make test -j install",
        "git blame -S /etc/passwd x",
        "git blame -n /etc/passwd",
        "git diff /etc/passwd /etc/shadow",
        "git diff --no-index a b",
        "git stash drop",
        "git checkout .",
        "git push",
        "git pull",
        "git tag v1",
        "git branch -D x",
        "git config user.name x",
        "git clone x",
        "npm install",
        "npm run deploy",
        "npm version",
        "yarn version",
        "cargo run",
        "cargo install x",
        "cargo publish",
        "go run ./x",
        "go build -o /usr/local/bin/x",
        "python -m http.server",
        "python x.py",
        "rm x",
        "mv a b",
        "cp a b",
        "curl https://x",
        "touch .git/hooks/pre-commit",
        "touch sub/.git/hooks/x",
        "mkdir -p .claude/hooks",
        "cat .env",
        "rg key .env",
        "cat deploy/.env.production",
        "grep -e x /etc/passwd",
        "rg -f /etc/passwd x",
        "find / -name x",
        "find . -newer /etc/passwd",
        "ls ~",
        "ls $HOME",
        "sed -n 1,5p x",
        "sort -o x y",
        "sleep 1 & ls",
        "date -s 2020-01-01",
        "hostname x",
        "codepiper approve 1",
    ] {
        assert_eq!(answer(&policies, text), Action::Ask, "{text}");
    }
}

#[test]
fn files_outside_the_project_and_files_that_start_programs_are_asked() {
    let policies = ready_made("safe-development");
    for (tool, path, action) in [
        ("Read", "/home/u/project/src/main.rs", Action::Allow),
        ("Read", "/home/u/project/.env", Action::Ask),
        ("Read", "/etc/passwd", Action::Ask),
        ("Write", "/home/u/project/src/new.rs", Action::Allow),
        ("Edit", "/home/u/project/src/main.rs", Action::Allow),
        ("Write", "/home/u/project/.git/hooks/pre-commit", Action::Ask),
        ("Write", "/home/u/project/sub/.git/config", Action::Ask),
        ("Edit", "/home/u/project/.claude/settings.json", Action::Ask),
        ("Write", "/home/u/project/.GIT/config", Action::Ask),
        ("Write", "/home/u/project/../.bashrc", Action::Ask),
        ("Write", "~/.bashrc", Action::Ask),
    ] {
        let asked =
            request(tool, json!({ "file_path": path, "content": "see ~/.ssh/id_rsa and .git/config" }));
        assert_eq!(decide(&policies, &asked).unwrap().action, action, "{tool} {path}");
    }
    for (tool, input, action) in [
        ("Grep", json!({ "pattern": ".env", "path": "src" }), Action::Allow),
        ("Grep", json!({ "pattern": "x", "path": "deploy/.env" }), Action::Ask),
        ("Glob", json!({ "pattern": "src/**/*.rs" }), Action::Allow),
        ("Glob", json!({ "pattern": "/etc/*" }), Action::Ask),
        ("Glob", json!({ "pattern": "*", "path": "secrets" }), Action::Ask),
        ("Bash", json!({ "command": "cat src/credentials.rs" }), Action::Allow),
    ] {
        let decision = decide(&policies, &request(tool, input.clone())).unwrap();
        assert_eq!(decision.action, action, "{tool} {input}: {}", decision.why);
    }
    let nothing = request("Write", json!({ "content": "x" }));
    assert_eq!(decide(&policies, &nothing).unwrap().action, Action::Ask);
}

#[test]
fn a_read_only_session_is_never_asked_and_changes_nothing() {
    let policies = ready_made("read-only");
    for (text, action) in [
        ("git log --oneline -5", Action::Allow),
        ("rg 'fn main' src | head -20", Action::Allow),
        ("cat src/main.rs", Action::Allow),
        ("git commit -m x", Action::Deny),
        ("touch x", Action::Deny),
        ("cat .env", Action::Deny),
        ("echo x > y", Action::Deny),
        ("echo $(id)", Action::Deny),
        ("cargo test", Action::Deny),
    ] {
        assert_eq!(answer(&policies, text), action, "{text}");
    }
    let question = request("AskUserQuestion", json!({ "questions": [] }));
    assert_eq!(decide(&policies, &question).unwrap().action, Action::Ask);
    let glob = request("Glob", json!({ "pattern": "/etc/**" }));
    assert_eq!(decide(&policies, &glob).unwrap().action, Action::Deny);
    let edit = request("Edit", json!({ "file_path": "src/main.rs" }));
    assert_eq!(decide(&policies, &edit).unwrap().action, Action::Deny);
}

#[test]
fn the_ready_made_policies_warn_of_nothing_worse_than_the_projects_own_code() {
    for (name, text) in ready::ALL {
        let told = warn::warnings(&policy(text));
        let worst: Vec<_> = told.iter().filter(|warning| warning.risk == Risk::Anything).collect();
        assert!(worst.is_empty(), "{name}: {worst:#?}");
    }
}

#[test]
fn the_ready_made_policies_say_what_they_do_not_stop() {
    for (name, text) in ready::ALL {
        let description = policy(text).description;
        assert!(description.contains(" NOT "), "{name}");
    }
}

#[test]
fn what_makes_a_repository_is_asked_about() {
    let policies = ready_made("safe-development");
    let write = |path: &str| {
        let asked = request("Write", json!({ "file_path": path, "content": "x" }));
        decide(&policies, &asked).unwrap().action
    };
    for path in
        ["HEAD", "config", "sub/head", "refs/.keep", "commondir", "x.git/hooks/update", "CLAUDE.local.md"]
    {
        assert_eq!(write(path), Action::Ask, "{path}");
    }
    for path in ["config/app.toml", "src/config.rs", "HEADER"] {
        assert_eq!(write(path), Action::Allow, "{path}");
    }
    assert_eq!(answer(&policies, "git show HEAD"), Action::Allow);
}
