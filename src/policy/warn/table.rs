//! What is known of programs.

/// Run their words, or text in their words, whatever the options.
pub const RUNNERS: &str = "abduco act aider alacritty amm amp anacron ansible ansible-console ansible-playbook ansible-pull asdf ash at \
     automator autossh awk aws-vault babashka bash batch bb blender bpftrace brz bundler busctl busybox bwrap byobu \
     bzr callgrind_control capsh catatonit catchsegv ccl cgdb cgexec chamber chef-client choom chpst chromium chronic \
     chroot chrt claude clickhouse clickhouse-client clickhouse-local cline clisp clj clojure cmd cmd.exe code \
     code-insiders codepiper codex codium combine composer concurrently conda context copilot coresched cpulimit \
     cqlsh crictl crontab cross crush crystal csh csi ctr cursor cvs cypher-shell daemon daemonize darcs dart dash \
     dbclient dbus-launch dbus-run-session dbus-send dc ddd devbox direnv distrobox dlv doas docker-machine doppler \
     dotenv dtach dtrace duckdb dumb-init dune earthly ecl ed elinks elixir elvish emacs emacsclient entr env \
     envchain envdir envuidgid erb erl escript ex exo-open expect fab fakechroot fakeroot faketime firefox firejail \
     fish flatpak-spawn flock flutter fnm foot foreman forever fossil frida ftp gawk gdb gdb-multiarch gdbserver \
     gdbtui gdbus gedit gemini ghc ghci ghostscript gimp gio gm4 gnome-open gnome-terminal gnuplot goawk goenv \
     google-chrome goose gosh gosu gp gpg-agent groff groovy gs gsed guile guix gvim hatch heaptrack helix hg \
     hivemind honcho hx hyperfine i386 iex ifne incrontab incus influx info inv invoke ionice ipython irb isql jbang \
     jed jenv jj joe jruby jshell julia jupyter kak kate kde-open kitty konsole kotlin kotlinc ksh latex latexmk \
     latrace lckdo ld-linux-aarch64.so.1 ld-linux-x86-64.so.2 ld-linux.so.2 ld.so ldd lein less lftp libfaketime \
     libreoffice links linux32 linux64 litecli lldb lldb-server ltrace lua luac luajit lualatex luatex lxc lxc-attach \
     lxc-execute lynx m4 machinectl mamba man mariadb matlab mawk maxima mc mcedit mg micro micromamba mise mispipe \
     mksh mongo mongosh more mosh most multipass mycli mysql nano nawk nc ncat ncftp nerdctl netcat newgrp nice nim \
     nimble nix nix-build nix-env nix-instantiate nix-shell nodemon nodenv nohup nsenter nu numactl nvim nvimdiff nvm \
     ocaml ocamlrun octave octave-cli oil op opam open opencode original-awk osascript osh osqueryi overmind parallel \
     pdb pdflatex pdftex pdm pee perf perl pg pgcli php php-cgi pico pipenv pixi pkexec plackup pm2 powershell \
     powershell.exe prlimit proot prove psql puppet pwsh pyenv pyodide python-config qwen R r2 racket raco radare2 \
     rails raku rbash rbenv rc red redis-cli renice rexec rizin rlfe rlogin rlwrap rnano rr Rscript rsh rtx ruby \
     run-parts run0 runghc runhaskell runuser rview rvim rvm rxvt rye sage salt salt-call sash sbcl scala scala-cli \
     scheme scilab screen script sed sem sensible-browser sensible-editor sensible-pager setarch setlock setpriv \
     setsid setterm setuidgid sftp sg sh shortcuts slogin socat soffice softlimit sotruss sqlite sqlite3 sqlplus ssh \
     ssh-agent sshpass stap start-stop-daemon startx stdbuf strace su su-exec subl sudo sudoedit supervisorctl \
     supervisord svn swift systemd-cat systemd-inhibit systemd-nspawn systemd-run taskset tclsh tcsh telnet \
     terminator tex texlua tftp time timeout tini tmux toolbox toybox troff uclampset uftrace uname26 unbuffer \
     unshare urxvt usql utop uxterm vagrant valgrind valkey-cli vi vidir view vim vimdiff vipe virsh virtualenv vlang \
     volta w3m watch watchexec watchman wezterm windsurf wish wslview www-browser x-www-browser x86_64 xargs xdg-open \
     xelatex xfce4-terminal xinit xonsh xterm xvfb-run yash zed zellij zrun zsh";

/// Interpreters: with a word they run a script, with some options a text.
pub const INTERPRETERS: &str = "python python2 python3 pypy pypy3 node nodejs deno bun tsx ts-node java javaw javac rustc gcc g++ cc c++ \
     clang clang++ tcc mono wine";

/// Run what their words say, also with any further word: `make SHELL=./x test`, `mvn test exec:exec`.
pub const WORD_RUNNERS: &str = "make gmake bmake remake mk mvn mvnw ant sbt";

/// Write, delete or send what their words say.
pub const WRITERS: &str = "cp mv rm ln dd tee install rsync scp truncate shred chmod chown chgrp tar bsdtar cpio unzip zip 7z gzip patch \
     curl wget split csplit mkfifo mknod systemctl launchctl apt apt-get brew dnf yum pacman snap gem cpan sponge \
     rename unlink ffmpeg convert magick mount umount gh aws gcloud az kubectl helm terraform kill pkill killall \
     docker-compose link date hostname hostnamectl timedatectl localectl domainname sethostname mkswap swapon swapoff \
     losetup dmsetup cryptsetup mdadm sgdisk sfdisk cfdisk gdisk blkdiscard hdparm sysctl modprobe insmod rmmod \
     ifconfig route iptables nft ufw useradd userdel usermod passwd chpasswd groupadd visudo vipw loginctl service \
     rc-service initctl update-alternatives dpkg rpm apk zypper emerge flatpak port nix-channel setfacl chattr \
     setfattr setcap fallocate rmdir ditto xcopy robocopy rclone s3cmd restic borg pax ar bzip2 xz zstd lz4 gunzip \
     bunzip2 unxz unzstd uncompress unrar rar uudecode aria2c axel http https httpie xh mail mailx sendmail mutt \
     msmtp tofu terragrunt pulumi packer podman-compose skaffold helmfile fly flyctl heroku vercel netlify wrangler \
     firebase doctl logger wall write xdotool ydotool xclip xsel pbcopy wl-copy notify-send pandoc exiftool sox \
     mogrify qemu-img";

/// Run what the project says, in whatever words.
pub const PROJECT: &str = "make gmake ninja cmake just rake gradle gradlew mvn ant bazel buck2 tox nox pytest jest vitest mocha \
     eslint prettier tsc webpack vite rollup task meson dotnet mix sbt stack cabal zig phpunit rspec \
     playwright pre-commit ruff mypy";

/// Fetch and run a package.
pub const FETCHERS: &str = "npx pnpx bunx uvx pipx yarn-dlx corepack";

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
    ("ip", "netns vrf link addr address route rule neigh neighbour tunnel tuntap xfrm maddress mroute", ""),
    ("dotnet", "exec run fsi tool new nuget msbuild publish add script watch", "build test restore format"),
    ("mix", "run cmd do eval phx.server escript.install archive.install local.hex", "test compile format"),
    ("stack", "exec run runghc runhaskell ghci repl script install", "build test bench"),
    ("cabal", "exec run repl install", "build test bench"),
    ("zig", "run cc c++ ar fetch", "build test fmt"),
    ("bazel", "run", "build test"),
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
