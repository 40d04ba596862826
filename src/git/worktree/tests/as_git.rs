//! Repositories in which git would do more than its library does.

use super::*;

#[test]
fn files_that_git_would_write_otherwise_are_left_to_it() {
    let (utf16, latin1) = (b"\xff\xfeh\0i\0\n\0".as_slice(), b"\xe9\n".as_slice());
    for (attributes, file, said) in [
        ("sub/*.txt working-tree-encoding=UTF-16LE-BOM", utf16, "needs the encoding UTF-16LE-BOM"),
        ("[attr]old working-tree-encoding=ISO-8859-1\n*.txt old", latin1, "needs the encoding ISO-8859-1"),
        ("*.txt filter=rot", b"h\n", "needs the filter rot"),
        ("*.txt filter=run", b"h\n", "needs the filter run"),
    ] {
        let bed = Bed::new();
        bed.git(&["config", "filter.rot.smudge", "tr a-z n-za-m"]);
        bed.git(&["config", "filter.rot.clean", "tr n-za-m a-z"]);
        bed.git(&["branch", "before"]);
        bed.write(".gitattributes", attributes);
        fs::write(bed.repository().join("sub/x.txt"), file).unwrap();
        bed.commit("other files");
        bed.git(&["config", "filter.run.process", "false"]);
        let refused = bed.refused(create("work"));
        assert!(refused.contains("sub/x.txt") && refused.contains(said), "{refused}");
        assert!(refused.contains("git worktree add"), "{refused}");
        // It depends on the commit, not on what is checked out.
        bed.made(on("before"));
        bed.git(&["config", "filter.run.process", ""]);
        bed.git(&["checkout", "-q", "before~0"]);
        bed.git(&["config", "filter.run.process", "false"]);
        assert!(bed.refused(on("main")).contains(said));
    }
}

#[test]
fn an_encoding_may_be_named_outside_of_the_files() {
    for place in [".git/info/attributes", "own-attributes"] {
        let bed = Bed::new();
        fs::write(bed.repository().join("sub/x.txt"), b"\xe9\n").unwrap();
        bed.commit("a file");
        let own = bed.dir.path().join("own-attributes");
        bed.git(&["config", "core.attributesFile", own.to_str().unwrap()]);
        let path = if place == "own-attributes" { own } else { bed.repository().join(place) };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "*.txt working-tree-encoding=ISO-8859-1\n").unwrap();
        assert!(bed.refused(create("work")).contains("needs the encoding ISO-8859-1"), "{place}");
    }
}

#[test]
fn files_that_git_would_write_the_same_do_not_matter() {
    let bed = Bed::new();
    bed.git(&["config", "filter.strip.smudge", "cat"]);
    bed.git(&["config", "filter.strip.clean", "sed s/x//"]);
    bed.git(&["config", "filter.lfs.smudge", "false"]);
    bed.write(
        ".gitattributes",
        "a working-tree-encoding=utf-8\nb filter=strip\nc filter=none\nd filter=lfs\n",
    );
    for name in ["a", "b", "c", "d"] {
        bed.write(name, "1\n");
    }
    bed.commit("files");
    let path = bed.made(create("work"));
    assert_eq!(git(&path, &["status", "--porcelain"]), "");
}

#[test]
fn what_a_partial_clone_lacks_is_fetched_by_git_alone() {
    let bed = Bed::new();
    bed.git(&["config", "uploadpack.allowFilter", "true"]);
    bed.git(&["branch", "topic"]);
    bed.write("sub/file", "two");
    bed.commit("second");
    let origin = format!("file://{}", bed.repository().display());
    let clone = bed.dir.path().join("clone");
    bed.git(&["clone", "-q", "--filter=blob:none", &origin, clone.to_str().unwrap()]);
    let older = || make(&bed.home(), &clone, &from("origin/topic"), "a1b2c3d4");
    let problem = older().err().unwrap();
    assert_eq!(problem.code, Code::Invalid);
    for said in ["partial clone", "fetch all of them first"] {
        assert!(problem.detail.contains(said), "{problem}");
    }
    assert_eq!(
        (list(&bed.home()).len(), git(&clone, &["branch", "--list", "codepiper/*"])),
        (0, String::new())
    );
    git(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
    let path = older().map_err(|problem| problem.detail).unwrap().worktree.path;
    assert_eq!(fs::read_to_string(path.join("sub/file")).unwrap(), "one");
}
