//! What is known of programs.

/// Run their words, or text in their words, whatever the options.
pub const RUNNERS: &str = "aa-exec abduco accelerate act aider air alacritty amm ammonite amp anacron ansible \
     ansible-console ansible-playbook ansible-pull apptainer arara arch artisan asdf ash asy at atq automator \
     autossh awk aws-vault babashka babel-node bacon bash batch bb behave berglas blender box64 box86 bpftrace \
     bpython brz bspc bsub buildah buildctl bundler busctl busybox bwrap byobu bzless bzr c8 caffeinate \
     callgrind_control capsh cargo-make cargo-nextest cargo-watch catatonit catchsegv ccache ccl celery cgdb cgexec \
     chamber chef-client chezmoi chokidar choom chpst chromium chronic chroot chrt claude clickhouse \
     clickhouse-client clickhouse-local cline clisp clj clojure clush cmd cmd.exe code code-insiders codepiper \
     codex codium colima combine composer conan concurrently conda consul consul-template context copilot coresched \
     coverage cpanm cpulimit cqlsh crictl crond crontab cross cross-env cross-env-shell crun crush crystal csh csi \
     ctr cu cucumber cursor cvs cypher-shell daemon daemonize daphne darcs dart dash dbclient dbus-launch \
     dbus-run-session dbus-send dc ddd deepspeed devbox devenv direnv distcc distrobox django-admin dlv doas \
     docker-machine doit doppler dotenv dotenvx dotnet-script drush dtach dtrace duckdb dumb-init dune dvips \
     earthly easy_install eatmydata ecl ed editor electron elinks elixir elvis elvish emacs emacsclient entr env \
     env-cmd envchain envconsul envdir envuidgid erb erl escript esmo esno ex execlineb exo-open expect fab \
     fakechroot fakeroot fakeroot-* faketime fastlane fcron firefox firejail fish flask flatpak-spawn flock flox \
     flutter fnm foot forego foreman forever fossil frida fsi ftp fzf gawk gcore gdb gdb-multiarch gdbserver gdbtui \
     gdbus gedit gemini ghc ghci ghcup ghostscript gimp ginkgo gio git-gui gitk glab gm4 gnome-open gnome-terminal \
     gnuplot goawk goenv google-chrome goose goreman gosh gosu gotestsum gotty gp gpg-agent groff groovy grunt gs \
     gsed guard guile guix gulp gum gunicorn gview gvim gvimdiff hatch heaptrack helix hg hivemind honcho hub \
     hwloc-bind hx hypercorn hyperfine hyprctl i3-msg i386 icecc iex ifne in.* incrontab incus inetd infisical \
     influx info inv invoke ionice ipdb ipdb3 ipython irb isql jbang jed jenv jiti jj jjs jmacs joe jruby \
     jrunscript jshell julia jupyter jupyter-* k3d k6 kak kate kde-open kermit kernprof kind kitty konsole kotlin \
     kotlin-repl kotlinc ksh ksh93 lage latex latexmk latrace lazygit lckdo ld-linux-aarch64.so.1 \
     ld-linux-x86-64.so.2 ld-linux.so.2 ld.so ldd lefthook lein lerna less lesspipe lftp libfaketime libreoffice \
     likwid-pin lima limactl links lint-staged linux32 linux64 litecli lldb lldb-server lli llvm-lli logsave loksh \
     ltrace lua luac luajit lualatex luarocks luatex lxc lxc-attach lxc-execute lxd lynx m4 machinectl mage mamba \
     man mariadb matlab mawk maxima mc mcedit memray memusage mg micro micromamba minicom minijail0 minikube mise \
     mispipe mitmdump mksh mksh-static mlr modd mongo mongosh moon more mosh most mpiexec mpirun mpirun.* mpost mpv \
     mr msgexec msgfilter multipass mycli mysql mysqlsh nano nawk nc ncat ncftp ncu ne nerdctl netcat newgrp \
     newrole nice nim nimble nix nix-build nix-env nix-instantiate nix-shell nmap nodemon nodenv nohup nomad nose2 \
     nosetests not npm-run-all nq nsenter nsjail nsys nu numactl nvi nvim nvimdiff nvm nvprof nx nyc oc ocaml \
     ocamlrun octave octave-cli oil oksh onchange op opam open opencode original-awk osascript osh osql osqueryi \
     overcommit overmind pager papermill parallel parallel-ssh pdb pdflatex pdftex pdm pdsh pear pecl pee perf perl \
     pg pg_virtualenv pgcli php php-cgi pico picocom pipenv pixi pkexec pkgx plackup pm2 pod posh powershell \
     powershell.exe prlimit proot prove proxychains proxychains4 psql pssh ptpython pudb pueue pueued puma puppet \
     pwsh py py-spy pydoc pyenv pyinstrument pyodide python-config qdbus qemu-* qsub qwen R r2 racket rackup raco \
     radare2 rails raku rbash rbenv rc red redis-cli reflex renice repo retry rexec rizin rlfe rlogin rlwrap rnano \
     robot rr Rscript rsh rsh-client rtx ruby run-p run-parts run-s run0 runc runcon rundll32 runghc runhaskell \
     runit runsv runuser rush rview rvim rvm rxvt rye s6-* sage salloc salt salt-call sandbox sandbox-exec sash \
     sbatch sbcl scala scala-cli scalene sccache schedtool scheme scilab scons screen script scriptlive \
     scriptreplay sed sem sensible-browser sensible-editor sensible-pager setarch setlock setpriv setsid setterm \
     setuidgid sftp sg sh shortcuts singularity sk slogin socat soffice softlimit sops sotruss sphinx-build sqlcmd \
     sqlite sqlite3 sqlplus srun ssh ssh-agent sshfs sshpass stap start-stop-daemon startx stdbuf strace streamlit \
     su su-exec subl sudo sudoedit summon supervisorctl supervisord sv svn swaymsg swift symfony sysdig systemd-cat \
     systemd-inhibit systemd-nspawn systemd-run systemd-socket-activate taskpolicy taskset tclsh tcpdump tcpserver \
     tcsh tea tectonic teller telnet terminator tex texlua tftp thor tig time timelimit timeout tini tmate tmux \
     toolbox torchrun torify torsocks toybox trace-cmd trial troff ts ts-node-dev tshark tsnd tsocks tsp tsql ttyd \
     turbo uclampset udocker uftrace uname26 unbuffer unicorn unshare urxvt usql utop uvicorn uxterm vagrant \
     valgrind valkey-cli vault vcpkg vcsh vhs vi vidir view vim vimdiff vimtutor vipe virsh virtualenv vite-node \
     viztracer vlang volta w3m waf watch watchexec watchman websocat wezterm windsurf winpty wireit wish \
     with-contenv wp wrk wscat wsl wsl.exe wslview www-browser x-terminal-emulator x-www-browser x86_64 xargs \
     xcodebuild xcrun xdg-open xelatex xfce4-terminal xinetd xinit xonsh xterm xtrace xvfb-run xzless yarnpkg yash \
     zed zellij zless zmore zrun zsh zx";

/// Interpreters: with a word they run a script, with some options a text.
pub const INTERPRETERS: &str = "bun c++ cc clang clang++ deno g++ gcc java javac javaw mono node nodejs pydoc pypy \
     pypy3 python python2 python3 rustc tcc ts-node tsx wine";

/// Run what their words say, also with any further word: `make SHELL=./x test`, `mvn test exec:exec`.
pub const WORD_RUNNERS: &str = "make gmake bmake remake mk mvn mvnw ant sbt";

/// Write, delete or send what their words say.
pub const WRITERS: &str = "7z 7za 7zr 7zz apk apt apt-get aptitude ar aria2c autopep8 aws axel az blkdiscard borg \
     bpftool brew bsdtar bunzip2 bzip2 cfdisk chattr chgrp chmod chown chpasswd clang-format compare composite \
     compress convert cp cpan cpio cpp cryptsetup csplit curl date dconf dd defaults display ditto dmsetup dnf \
     docker-compose doctl domainname dos2unix dpkg emerge exiftool fallocate fdisk ffmpeg firebase flatpak fly \
     flyctl gcloud gdisk gem gh git-annex git-filter-repo git-lfs gpg groupadd gsettings gunzip gzip hdparm helm \
     helmfile heroku hostname hostnamectl http httpie https iconvconfig identify ifconfig indent initctl inkscape \
     insmod install iptables isort jar keytool kill killall kubectl launchctl link ln localectl logger loginctl \
     losetup lrzip lz4 lzma magick mail mailx makepkg mdadm mkfifo mkfs mkfs.* mknod mkswap modprobe mogrify \
     mongodump mongoexport mongoimport montage mount msmtp mutt mv mysqlbinlog mysqldump nala netlify nft \
     nix-channel notify-send objcopy openssl packer pacman pandoc parted paru passwd patch pax pbcopy pdftotext \
     pg_dump pg_restore pigz pkill podman-compose port ptx pulumi qemu-img qpdf rar rc-service rclone rename restic \
     rm rmdir rmmod robocopy route rpm rsync rustfmt s3cmd scp security sendmail service setcap setfacl setfattr \
     sethostname setsebool sfdisk sgdisk shred skaffold snap sox split sponge sqlite-utils ssh-add ssh-copy-id \
     ssh-keygen strip swapoff swapon sysctl systemctl tar tee terraform terragrunt timedatectl tofu truncate ufw \
     umount uncompress unix2dos unlink unrar unxz unzip unzstd update-alternatives useradd userdel usermod uudecode \
     vercel vipw visudo wall wget wipefs wl-copy wrangler write xclip xcopy xdotool xh xsel xxd xz yapf yay ydotool \
     youtube-dl yt-dlp yum zip zopfli zstd zypper";

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
    ("fdfind", "-x -X --exec --exec-batch"),
    ("rg", "--pre --hostname-bin --search-zip -z"),
    ("sort", "-o --output --compress-program -T --temporary-directory"),
    ("tree", "-o"),
    ("base64", "-o --output"),
    (
        "git",
        "--output --ext-diff --textconv --upload-pack --receive-pack --exec -x -O --open-files-in-pager \
         --contents --edit --template --config-env --exec-path --git-dir --work-tree",
    ),
    ("cargo", "--config -Z --manifest-path -C --target-dir --artifact-dir --out-dir"),
    (
        "go",
        "-exec -toolexec -overlay -o -C -modfile -vettool -ldflags -gcflags -asmflags -gccgoflags -compiler -pkgdir \
         -coverprofile -cpuprofile -memprofile -blockprofile -mutexprofile -trace -outputdir",
    ),
    (
        "java",
        "-javaagent -agentlib -agentpath -cp -classpath --class-path -jar -XX:OnError -XX:OnOutOfMemoryError \
         -XX:Flags --module-path -p",
    ),
    ("rsync", "-e --rsh --rsync-path --files-from --log-file --backup-dir --temp-dir -T --write-batch"),
    (
        "tar",
        "-I --use-compress-program --to-command --checkpoint-action -F --info-script --new-volume-script --rsh-command \
         --rmt-command -P --absolute-names -C --directory --index-file -T --files-from",
    ),
    ("bsdtar", "--use-compress-program -C --directory -P"),
    ("zip", "-TT --unzip-command -T --test -O --output-file -lf --logfile-path"),
    (
        "curl",
        "-K --config -o --output -O --remote-name --output-dir -J -T --upload-file -D --dump-header -c --cookie-jar --trace \
         --trace-ascii --stderr --libcurl --engine --etag-save --hsts --alt-svc -d --data --data-binary -F --form --netrc-file",
    ),
    (
        "wget",
        "-O --output-document -o --output-file -a --append-output -P --directory-prefix -e --execute --use-askpass --config \
         -i --input-file --post-file --body-file --rejected-log --warc-file --save-cookies",
    ),
    ("docker", "-H --host --context -c --config"),
    ("kubectl", "--kubeconfig"),
    ("ssh-keygen", "-D -f -w"),
    ("openssl", "-engine -provider -provider-path -out -config"),
    ("bat", "--pager"),
    ("jq", "-L --library-path"),
    ("man", "-P --pager -H --html -C --config-file"),
    (
        "node",
        "-e --eval -p --print -r --require --import --loader --experimental-loader -C --env-file --build-snapshot",
    ),
    (
        "eslint",
        "-c --config --plugin --parser --rulesdir -f --format -o --output-file --resolve-plugins-relative-to",
    ),
    ("prettier", "--plugin --config --with-node-modules --find-config-path"),
    (
        "tsc",
        "--outDir --outFile --declarationDir -p --project -b --build --tsBuildInfoFile --generateTrace --generateCpuProfile",
    ),
    (
        "jest",
        "-c --config --runner --testRunner --globalSetup --setupFiles --outputFile --transform --rootDir",
    ),
    ("vitest", "-c --config --outputFile --root --globalSetup"),
    ("mocha", "-r --require --config --reporter --ui --import --loader"),
    ("mypy", "--config-file --python-executable --cache-dir --junit-xml --install-types"),
    ("black", "--config --code"),
    ("ruff", "--config --output-file -o --cache-dir"),
    ("xxd", "-r"),
    ("mvn", "-f --file -s --settings -gs -D"),
    (
        "gradle",
        "-I --init-script -b --build-file -p --project-dir -c --settings-file -g --gradle-user-home -D",
    ),
    ("make", "-f --file --makefile -C --directory --eval -E -I"),
    (
        "npm",
        "--prefix -C --script-shell --userconfig --globalconfig --node-options --shell --scripts-prepend-node-path",
    ),
    (
        "pnpm",
        "--script-shell -C --dir --prefix --config --shell-mode --node-options --use-node-version --pnpmfile --global-pnpmfile",
    ),
    ("yarn", "--script-shell --cwd --use-yarnrc --modules-folder --global-folder --prefix"),
    (
        "pytest",
        "-c --config-file -p --rootdir --confcutdir -o --override-ini --junitxml --junit-xml --basetemp --pyargs --log-file \
         --cov-config --cov-report --debug --pastebin --import-mode --pythonpath",
    ),
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
         filter-branch filter-repo gui help hook instaweb maintenance merge-file merge-index mergetool p4 push rebase \
         receive-pack remote remote-ext remote-fd send-email send-pack shell submodule subtree svn update-ref worktree \
         annex lfs flow http-push imap-send init merge-one-file for-each-repo cvsimport cvsserver quiltimport request-pull \
         upload-archive upload-pack web--browse credential-store credential-cache checkout-index read-tree replace \
         interpret-trailers format-patch bugreport diagnose scalar extras absorb difftool--helper submodule--helper fsmonitor--daemon",
        "commit merge checkout switch pull cherry-pick revert stash restore reset add",
    ),
    (
        "npm",
        "exec x explore config c set publish install i in ins inst insta instal isnt isnta isntal isntall ci clean-install ic \
         install-clean isntall-clean add update up upgrade udpate init innit create link ln edit uninstall un unlink rm r \
         remove rebuild rb it install-test cit clean-install-test install-ci-test sit pkg dedupe ddp prune pack version diff \
         rum urn dlx completion docs home repo bugs issues doctor cache shrinkwrap adduser login token owner unpublish deprecate \
         dist-tag access team org hook audit fund sbom query stage trust undeprecate",
        "run run-script test t tst start stop restart",
    ),
    (
        "pnpm",
        "exec dlx install i it install-test add config c set publish create update up upgrade recursive multi m link ln unlink \
         remove rm uninstall un rebuild rb import patch patch-commit deploy env init pack prune server store setup self-update \
         fetch dedupe approve-builds cat-file",
        "run run-script test t tst start",
    ),
    (
        "yarn",
        "exec dlx install add config node create set plugin workspace workspaces up upgrade upgrade-interactive global link unlink \
         remove publish npm import init pack patch patch-commit rebuild stage unplug dedupe policies self-update autoclean cache",
        "run test start",
    ),
    (
        "cargo",
        "install publish login owner yank add fix init new miri remove update vendor package uninstall watch make expand xtask generate",
        "build b test t run r bench check c clippy doc rustc nextest",
    ),
    // `go run example.com/x@latest`
    ("go", "install get env mod tool work run bug telemetry fix clean", "build test generate vet fmt"),
    (
        "docker",
        "run exec build builder cp compose container context create buildx bake load save import export image plugin push pull rm \
         rmi kill stop start restart attach commit debug service stack swarm system volume network model scout sandbox mcp ai \
         init login secret config node trust manifest update rename",
        "",
    ),
    ("ip", "netns vrf link addr address route rule neigh neighbour tunnel tuntap xfrm maddress mroute", ""),
    ("dotnet", "exec run fsi tool new nuget msbuild publish add script watch", "build test restore format"),
    ("mix", "run cmd do eval phx.server escript.install archive.install local.hex", "test compile format"),
    ("stack", "exec run runghc runhaskell ghci repl script install", "build test bench"),
    ("cabal", "exec run repl install", "build test bench"),
    ("zig", "run cc c++ ar fetch", "build test fmt"),
    ("bazel", "run", "build test"),
    (
        "podman",
        "run exec build cp compose container create unshare machine kube play image load save import export generate system \
         volume network pod push pull rm rmi start restart farm artifact quadlet commit attach mount",
        "",
    ),
    ("meson", "devenv install dist subprojects wrap init rewrite", "setup compile test configure"),
    ("pre-commit", "try-repo install init-templatedir autoupdate install-hooks", "run validate-config"),
    ("bun", "x run exec create add install i link pm publish repl update upgrade", "test build"),
    ("deno", "run x eval repl install compile task jupyter serve add upgrade", "test check fmt lint"),
    ("uv", "run tool pip add sync venv init build publish python self lock remove x cache", ""),
    (
        "poetry",
        "run add install config shell update self publish build env init new remove sync source plugin python",
        "",
    ),
    ("bundle", "exec install config console open gem update add plugin init", ""),
    ("rustup", "run install default override self toolchain update", ""),
    ("pip", "install download config wheel uninstall cache debug lock", ""),
];

/// Whether a word stands in a table, in which `x*` is whatever begins with `x`.
pub fn has(table: &str, word: &str) -> bool {
    table.split(' ').any(|known| match known.strip_suffix('*') {
        Some(beginning) => word.starts_with(beginning),
        None => known == word,
    })
}

/// Whether the first word of a program is a command of its own.
pub fn has_commands(name: &str) -> bool {
    SUBCOMMANDS.iter().any(|(known, ..)| *known == name)
}

/// Places of programs that an agent does not write.
const SYSTEM: [&str; 5] = ["/bin/", "/sbin/", "/usr/", "/opt/", "/nix/"];

/// Whether a program is named by a path into which an agent may be able to write.
pub fn may_be_written(program: &str) -> bool {
    let inside = SYSTEM.iter().any(|place| program.starts_with(place));
    program.starts_with('/') && (!inside || program.split('/').any(|segment| segment == ".."))
}

/// What stands between a compiler's target and its name: `x86_64-linux-gnu-gcc-13`.
const TARGETS: [&str; 9] =
    ["-gnu-", "-gnueabi-", "-gnueabihf-", "-musl-", "-mingw32-", "-eabi-", "-elf-", "-darwin-", "-android-"];

/// The names that a program may be known by: its own, and without what tells its version, its target or its kind:
/// `pip3.11`, `perl5.36-x86_64-linux-gnu`, `vim.basic`, `x86_64-linux-gnu-gcc-13`, `gxargs`, `cmd.exe`.
pub fn names(program: &str) -> Vec<&str> {
    let mut names = vec![program.rsplit('/').next().unwrap_or(program)];
    let mut at = 0;
    while let Some(&name) = names.get(at) {
        let behind_target = TARGETS.iter().find_map(|target| name.split_once(target)).map(|(_, name)| name);
        let version = name.find(|letter: char| letter.is_ascii_digit() || letter == '.').filter(|at| *at > 0);
        let unversioned = version.map(|at| name[..at].trim_end_matches(['-', '_', '.']));
        // GNU's programs beside others of the same name.
        let of_gnu = name.strip_prefix('g').filter(|name| name.len() > 1);
        for found in [behind_target, unversioned, of_gnu].into_iter().flatten() {
            if !names.contains(&found) {
                names.push(found);
            }
        }
        at += 1;
    }
    names
}
