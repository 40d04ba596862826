//! What is known of programs.

/// Run their words, or text in their words, whatever the options.
pub const RUNNERS: &str = "ash awk bash busybox bwrap chroot chrt csh dash direnv doas ed elixir emacs env erl ex expect \
     fakeroot firejail fish flock gawk gdb ghci groovy guile ionice irb jshell julia ksh less lldb ltrace \
     lua luajit m4 man mawk more nawk nice nohup nsenter ocaml osascript parallel perl php pkexec \
     powershell psql pwsh R rlwrap Rscript ruby run-parts screen script sed setarch setpriv setsid sftp \
     sh sqlite3 ssh start-stop-daemon stdbuf strace su sudo swift systemd-run taskset tclsh tcsh time \
     timeout tmux unshare unbuffer vi view vim nvim nano pico vimdiff watch wish xargs xonsh xterm zsh at \
     batch crontab ansible ansible-playbook nix-shell mise asdf devbox distrobox toolbox entr watchexec \
     hyperfine codepiper claude codex aider gemini mysql ftp telnet socat nc ncat";

/// Interpreters: with a word they run a script, with some options a text.
pub const INTERPRETERS: &str = "python python2 python3 pypy3 node nodejs deno bun tsx ts-node";

/// Write, delete or send what their words say.
pub const WRITERS: &str = "cp mv rm ln dd tee install rsync scp truncate shred chmod chown chgrp tar bsdtar cpio unzip zip 7z \
     gzip patch curl wget split csplit mkfifo mknod systemctl launchctl apt apt-get brew dnf yum pacman \
     snap gem cpan sponge rename unlink ffmpeg convert magick mount umount gh aws gcloud az kubectl helm \
     terraform kill pkill killall docker-compose";

/// Run what the project says, in whatever words.
pub const PROJECT: &str = "make gmake ninja cmake just rake gradle gradlew mvn ant bazel buck2 tox nox pytest jest vitest mocha \
     eslint prettier tsc webpack vite rollup task meson dotnet mix sbt stack cabal zig phpunit rspec \
     playwright pre-commit ruff mypy";

/// Fetch and run a package.
pub const FETCHERS: &str = "npx pnpx bunx uvx pipx yarn-dlx";

/// Safe by their words, not by some options, which a rule therefore should list one by one.
pub const BY_OPTIONS: &[(&str, &str)] = &[
    ("find", "-exec -execdir -ok -okdir -delete -fprint -fprint0 -fprintf -fls"),
    ("fd", "-x -X --exec --exec-batch"),
    ("rg", "--pre --hostname-bin --search-zip -z"),
    ("sort", "-o --output --compress-program -T --temporary-directory"),
    ("tree", "-o"),
    ("base64", "-o --output"),
    (
        "git",
        "--output --ext-diff --textconv --upload-pack --receive-pack --exec -x -O --open-files-in-pager \
         --contents --edit --template",
    ),
    ("cargo", "--config -Z --manifest-path -C"),
    ("go", "-exec -toolexec -overlay -o -C -modfile -vettool"),
    ("make", "-f --file --makefile -C --directory --eval -E -I"),
    ("npm", "--prefix -C --script-shell --userconfig --globalconfig --node-options"),
    ("pytest", "-c -p --rootdir --confcutdir -o --override-ini"),
    ("file", "-f --files-from -m --magic-file -C --compile"),
    ("date", "-s --set -f --file"),
    ("wc", "--files0-from"),
    ("du", "--files0-from -X --exclude-from"),
    ("diff", "--to-file --from-file -l --paginate"),
    ("uniq", ""),
    ("ps", ""),
];

/// Subcommands that run others or write anywhere, and those that run what the project says.
pub const SUBCOMMANDS: &[(&str, &str, &str)] = &[
    (
        "git",
        "alias am apply archive bisect bundle citool clone config credential daemon difftool fast-import \
         filter-branch gui help hook instaweb maintenance mergetool p4 push rebase remote send-email \
         shell submodule svn update-ref worktree",
        "commit merge checkout switch pull cherry-pick revert stash restore reset add",
    ),
    (
        "npm",
        "exec x explore config set publish install i ci add update init create link edit uninstall \
         rebuild",
        "run run-script test t tst start stop restart",
    ),
    ("pnpm", "exec dlx install add config publish", "run test start"),
    ("yarn", "exec dlx install add config node", "run test start"),
    (
        "cargo",
        "install publish login owner yank add fix init new miri",
        "build b test t run r bench check c clippy doc rustc nextest",
    ),
    ("go", "install get env mod tool work", "build test run generate vet"),
    (
        "docker",
        "run exec build cp compose container context create buildx load import plugin push pull rm rmi \
         kill stop start service stack swarm system volume",
        "",
    ),
    ("podman", "run exec build cp compose container create unshare machine", ""),
    ("uv", "run tool pip add sync", ""),
    ("poetry", "run add install config shell", ""),
    ("bundle", "exec install config", ""),
    ("rustup", "run install default override self toolchain update", ""),
    ("pip", "install download config wheel", ""),
    ("pip3", "install download config wheel", ""),
];

/// Whether a word stands in a table.
pub fn has(table: &str, word: &str) -> bool {
    table.split(' ').any(|known| known == word)
}
