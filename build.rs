//! Embeds the dashboard: builds `static/` with Node.js, or takes a directory that
//! `CODEPIPER_DASHBOARD_DIST` names, and writes the table that `src/dashboard.rs` includes.
//!
//! A file `name.br` or `name.gz` beside `name` is its compressed form.

use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

const DIST: &str = "CODEPIPER_DASHBOARD_DIST";
/// What the build of the dashboard reads. The whole folder would include what it installs.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
    "precompress.mjs",
];

fn main() {
    println!("cargo::rerun-if-env-changed={DIST}");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let project = Path::new("static");
    let dist = match std::env::var_os(DIST).filter(|dist| !dist.is_empty()) {
        Some(dist) => {
            let dist = PathBuf::from(dist);
            println!("cargo::rerun-if-changed={}", dist.display());
            if !dist.join("index.html").is_file() {
                fail(&format!("{DIST}={} has no index.html", dist.display()));
            }
            Some(dist)
        }
        None => {
            for source in SOURCES {
                println!("cargo::rerun-if-changed={}", project.join(source).display());
            }
            project.join("package.json").is_file().then(|| build(project, &out))
        }
    };
    let mut files = Vec::new();
    if let Some(dist) = &dist {
        collect(dist, dist, &mut files);
        files.sort();
    }
    fs::write(out.join("assets.rs"), table(&files)).expect("the table of assets can be written");
}

fn build(project: &Path, out: &Path) -> PathBuf {
    install(project);
    let dist = out.join("dashboard");
    let vite = project.join("node_modules/.bin/vite");
    let vite = vite.canonicalize().unwrap_or(vite);
    let dist_text = dist.display().to_string();
    run(Command::new(vite).args(["build", "--emptyOutDir", "--outDir", &dist_text]).current_dir(project));
    run(Command::new("node").args(["precompress.mjs", &dist_text]).current_dir(project));
    dist
}

/// Debug and release builds may come here at once.
fn install(project: &Path) {
    let lock = fs::File::create(std::env::temp_dir().join(lock_name(project))).expect("a lock file");
    lock.lock().expect("a lock");
    let modified = |path: &str| fs::metadata(project.join(path)).and_then(|meta| meta.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_none() || installed < modified("package-lock.json") {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(project));
    }
}

fn lock_name(project: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    project.canonicalize().unwrap_or_default().hash(&mut hasher);
    format!("codepiper-npm-{:016x}.lock", hasher.finish())
}

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => fail(&format!(
            "the dashboard cannot be built: {shown} failed\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => fail(&format!(
            "the dashboard cannot be built: {shown}: {error}; install Node.js 20.19 or newer with npm, or set \
             {DIST} to a directory with a built dashboard"
        )),
    }
}

fn fail(message: &str) -> ! {
    for line in message.lines() {
        println!("cargo::error={line}");
    }
    std::process::exit(1)
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(dir).expect("the dashboard's directory can be read") {
        let path = entry.expect("an entry of the dashboard's directory").path();
        let path = path.canonicalize().expect("a path of the dashboard");
        if path.is_dir() {
            collect(root, &path, files);
            continue;
        }
        let root = root.canonicalize().expect("the dashboard's directory");
        let name = path.strip_prefix(&root).expect("a file below").display().to_string();
        if !name.ends_with(".br") && !name.ends_with(".gz") && !name.ends_with(".map") {
            files.push((name, path));
        }
    }
}

fn table(files: &[(String, PathBuf)]) -> String {
    let mut table = String::from("pub static ASSETS: &[Asset] = &[\n");
    for (name, path) in files {
        let compressed = |extension: &str| {
            let path = PathBuf::from(format!("{}.{extension}", path.display()));
            match path.is_file() {
                true => format!("Some(include_bytes!({path:?}))"),
                false => "None".to_owned(),
            }
        };
        let mut hasher = DefaultHasher::new();
        fs::read(path).expect("an asset can be read").hash(&mut hasher);
        let (brotli, gzip, tag) = (compressed("br"), compressed("gz"), hasher.finish());
        writeln!(
            table,
            "    Asset {{ path: {name:?}, bytes: include_bytes!({path:?}), brotli: {brotli}, gzip: {gzip}, \
             tag: \"\\\"{tag:016x}\\\"\" }},"
        )
        .expect("a string can be written");
    }
    table + "];\n"
}
