//! An ordinary look around under the policy that is for it.

use super::super::rule::Action;
use super::{answer, command, decide, policy};
use crate::policy::ready;

const LOOKING_AROUND: &str = r#"
ls
ls -la --color=never
ls -ltr src
cat -n src/main.rs | head -20
tail -n 5 log.txt
wc -l src/main.rs
echo -n x
date +%Y
pwd
grep -rnE 'a|b' src
grep -rn --include='*.rs' x src
grep -rn TODO . | wc -l
grep -rl x src | sort | uniq -c | sort -rn | head -5
grep -A 3 -B 3 x src/main.rs
rg x
rg -n 'a|b' src
rg -g '*.rs' x
rg -t rust -l x
rg --files
rg --files src -g '*.ts' | wc -l
find . -name '*.rs'
find . -type f | wc -l
find . -mtime -1
find src -name '*.rs' -o -name '*.toml'
sort -u x | cut -d: -f1 | tr a-z A-Z
git status
git status -sb
git status --porcelain
git diff
git diff HEAD~1 HEAD
git diff main...HEAD
git diff --name-only main
git diff --cached --stat
git diff -- src/main.rs
git log
git log --oneline -10
git log -1 --format=%H
git log --pretty=format:'%h %an %s' -5
git log --graph --oneline --all
git log --author=Jane --since='2 weeks ago'
git log -p src/main.rs
git log --follow src/main.rs
git log -S foo
git log -S'foo' --oneline
git log --stat -2
git log origin/main..HEAD
git show
git show HEAD:src/main.rs
git show main:src/main.rs
git show --stat HEAD
git show abc123 --name-only
git blame -L 1,5 src/main.rs
git branch -a
git branch --show-current
git branch --merged
git remote
git remote -v
git stash list
git tag
git tag --list
git rev-parse HEAD
git rev-parse --short HEAD
git rev-parse --show-toplevel
git ls-files
git ls-files --others --exclude-standard
git shortlog -sn
git reflog
git reflog -5
git describe --tags --always
git grep foo
git grep -n foo src
git rev-list --count HEAD
git merge-base HEAD main
git cat-file -p HEAD
"#;

#[test]
fn a_read_only_session_may_look_around() {
    let policies = [policy(ready::text("read-only").unwrap())];
    let denied: Vec<String> = LOOKING_AROUND
        .lines()
        .filter(|line| !line.is_empty())
        .map(|text| (text, decide(&policies, &command(text)).unwrap()))
        .filter(|(_, decision)| decision.action != Action::Allow)
        .map(|(text, decision)| format!("{text}: {}", decision.why))
        .collect();
    assert!(denied.is_empty(), "{}", denied.join("\n"));
    for text in [
        "git log --output=x",
        "git log --ext-diff",
        "git diff --no-index /etc/passwd x",
        "git diff main:/../../x y",
        "git grep -O foo",
        "git grep --no-index x /etc",
        "git reflog delete x",
        "git remote add x y",
        "git branch x",
        "git tag x",
        "git stash",
        "git -c core.pager=x log",
        "rg --pre ./x y",
        "rg -f /etc/passwd x",
        "grep -f /etc/passwd x",
        "sort -o x y",
        "sort -no x",
        "uniq a b",
        "find . -delete",
        "find . -fprint x",
        "date 01010000",
        "cut -f1 /etc/passwd",
    ] {
        assert_eq!(answer(&policies, text), Action::Deny, "{text}");
    }
}
