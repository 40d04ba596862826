//! Which programs an import allows with further words.

use super::super::import;
use super::super::rule::Action;
use super::answer;
use super::imports::{allows, settings};

/// Programs that run what their words say, or write it somewhere, each of another kind.
const PROGRAMS: &str = "chronic pee ifne gnuplot octave dc mongosh redis-cli xdg-open open ldd perf link nice ionice setarch unshare \
    chroot firejail bwrap systemd-run systemd-nspawn script expect parallel entr watch time strace ltrace gdb valgrind hyperfine flock \
    stdbuf faketime proot fakeroot start-stop-daemon setpriv capsh runuser sg su sudo doas run0 ssh mosh autossh tmux screen zellij \
    vim emacsclient kak less man psql mariadb duckdb sqlite3 nix guix conda jbang scala racket sbcl escript runghc busybox toybox \
    numactl chpst setuidgid tini dbus-run-session ssh-agent xvfb-run watchexec nodemon hg svn latexmk gs claude codex npx bunx uvx \
    dlv rr bpftrace lldb gcc javac wine crontab at ansible vagrant lxc nsenter busctl aria2c rclone mkswap insmod xclip";

#[test]
fn no_program_that_runs_its_words_is_taken_over() {
    for program in PROGRAMS.split(' ') {
        for rule in [
            format!("Bash({program}:*)"),
            format!("Bash({program} x *)"),
            format!("Bash(/usr/bin/{program}:*)"),
        ] {
            let import = settings(&[&rule], &[], &[]);
            assert!(import.policy.rules.is_empty(), "{rule}");
            assert!(import.notes.iter().any(|note| !note.carried_over), "{rule}");
        }
    }
}

/// What runs, overwrites or sends by its words, and what an import cannot know.
const UNKNOWN: &str = "logsave memusage msgexec msgfilter not-14 fakeroot-sysv pg_virtualenv pydoc3 perl5.36-x86_64-linux-gnu xxd cpp \
    cross-env nyc c8 zx vite-node electron nx turbo lerna gulp run-s npm-run-all yarnpkg coverage uvicorn celery streamlit py-spy \
    scons torsocks proxychains4 eatmydata runcon minijail0 pkgx tsp pueue retry ttyd websocat mpirun srun s6-setuidgid execlineb \
    systemd-socket-activate chezmoi lli editor pager vim.basic nvi busybox.static qemu-x86_64 caffeinate xcrun genv gtimeout gxargs \
    gtar gfind gsort gmv gtee oc nomad vault apptainer runc infisical pssh wsl wp glab swaymsg gsettings dconf mlr tectonic jjs cpanm \
    conan vcpkg yay jar 7za objcopy strip dos2unix qpdf composite lzma x86_64-linux-gnu-gcc-13 pip3.11 some-unknown-program";

#[test]
fn a_program_that_is_not_known_to_be_harmless_is_not_taken_over_with_any_words() {
    for program in UNKNOWN.split(' ') {
        for rule in [
            format!("Bash({program}:*)"),
            format!("Bash({program} x:*)"),
            format!("Bash(/usr/bin/{program} x*)"),
        ] {
            let import = settings(&[&rule], &[], &[]);
            assert!(import.policy.rules.is_empty(), "{rule}");
            assert!(import.notes.iter().any(|note| !note.carried_over && note.rule == rule), "{rule}");
        }
        let codex = import::codex(&format!("prefix_rule(pattern = [\"{program}\"])"), "x").unwrap();
        assert!(codex.policy.rules.is_empty(), "{program}");
    }
    for command in [
        "meson devenv",
        "pre-commit try-repo",
        "pnpm create",
        "pnpm i",
        "pnpm up",
        "pnpm recursive",
        "yarn create",
        "yarn set version",
        "yarn plugin import",
        "yarn workspace",
        "yarn up",
        "yarn global",
        "npm it",
        "npm cit",
        "npm in",
        "npm isntall",
        "npm innit",
        "npm up",
        "npm rum",
        "npm pkg set",
        "docker image build",
        "podman kube play",
        "podman play kube",
        "git remote-ext",
        "git merge-index",
        "git merge-file",
        "git filter-repo",
        "git subtree",
        "git receive-pack",
        "git send-pack",
        "go run",
        "git unheard-of",
        "npm unheard-of",
        "/home/u/project/run.sh",
    ] {
        let import = settings(&[&format!("Bash({command}:*)")], &[], &[]);
        assert!(import.policy.rules.is_empty(), "{command}");
    }
    // Every word of it is known.
    assert_eq!(answer(&allows("Bash(some-unknown-program x)"), "some-unknown-program x"), Action::Allow);
    let import = settings(&["Bash(some-unknown-program:*)"], &[], &[]);
    assert!(import.notes[0].why.contains("not known to be harmless"), "{:?}", import.notes);
    for rule in [
        "cat",
        "head",
        "grep",
        "find",
        "jq",
        "git log",
        "git branch",
        "cargo build",
        "npm ls",
        "docker ps",
        "pytest",
        "eslint",
    ] {
        let import = settings(&[&format!("Bash({rule}:*)")], &[], &[]);
        assert_eq!(import.policy.rules.len(), 1, "{rule}: {:?}", import.notes);
    }
}

#[test]
fn a_test_runner_gets_the_paths_of_the_project_only() {
    for (rule, allowed, asked) in [
        ("mocha", "mocha test/x.js", "mocha /tmp/evil.js"),
        ("pytest", "pytest tests/test_x.py::test_y", "pytest /tmp/evil.py"),
        ("rspec", "rspec", "rspec ../evil.rb"),
        ("phpunit", "phpunit tests", "phpunit /tmp/evil.php"),
        ("eslint", "eslint src", "eslint /tmp/evil"),
        ("prettier", "prettier src/x.js", "prettier /tmp/evil/x.js"),
        ("mix test", "mix test test/x.exs", "mix test /tmp/evil.exs"),
        ("zig test", "zig test src/x.zig", "zig test /tmp/evil.zig"),
        ("go test", "go test ./...", "go test /tmp/x_test.go"),
        ("go generate", "go generate ./pkg", "go generate /tmp/x.go"),
        ("npm test", "npm test login", "npm test /tmp/evil.js"),
        ("npm run test", "npm run test src/x", "npm run test /tmp/evil.js"),
        ("git branch", "git branch", "git branch x"),
        ("git tag", "git tag", "git tag v1"),
        ("git reflog", "git reflog", "git reflog delete HEAD"),
        ("git fetch", "git fetch origin main", "git fetch https://evil.com/x"),
        ("git ls-remote", "git ls-remote", "git ls-remote /tmp/evil"),
        ("git pull", "git pull origin main", "git pull /tmp/evil"),
        ("git -C x status", "true", "git -C /tmp/evil status"),
    ] {
        let policies = [settings(&[&format!("Bash({rule}:*)"), "Bash(true)"], &[], &[]).policy];
        assert_eq!(answer(&policies, allowed), Action::Allow, "{rule}: {allowed}");
        assert_eq!(answer(&policies, asked), Action::Ask, "{rule}: {asked}");
        let words: Vec<String> = rule.split(' ').map(|word| format!("\"{word}\"")).collect();
        let codex = format!("prefix_rule(pattern = [{}])", words.join(", "));
        let policies = [import::codex(&codex, "x").unwrap().policy];
        assert_eq!(answer(&policies, asked), Action::Ask, "{codex}: {asked}");
    }
    for (rule, text) in [
        ("cargo test", "cargo test some::test"),
        ("cargo build", "cargo build"),
        ("git log", "git log main..HEAD"),
        ("git checkout", "git checkout feature/x"),
        ("cat", "cat /etc/hostname"),
        ("ps", "ps aux"),
    ] {
        assert_eq!(answer(&allows(&format!("Bash({rule}:*)")), text), Action::Allow, "{rule}: {text}");
    }
    for rule in [
        "dotnet build",
        "dotnet test",
        "dotnet restore",
        "dotnet",
        "meson setup",
        "cargo nextest",
        "deno test",
        "bun test",
    ] {
        let import = settings(&[&format!("Bash({rule}:*)")], &[], &[]);
        assert!(import.policy.rules.is_empty(), "{rule}");
    }
    let told = settings(&["Bash(pytest:*)"], &[], &[]).notes;
    assert!(
        told.iter().any(|note| note.carried_over && note.why.contains("paths of the project")),
        "{told:?}"
    );
}
