use std::os::unix::fs::PermissionsExt;

use super::*;

fn sets() -> (tempfile::TempDir, EnvSets) {
    let dir = tempfile::tempdir().unwrap();
    let sets = EnvSets::new(dir.path().join("env-sets"), dir.path().join("env.key"));
    (dir, sets)
}

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, EnvValue> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), EnvValue((*value).to_owned()))).collect()
}

fn set(pairs: &[(&str, &str)]) -> ChangeEnvSet {
    ChangeEnvSet { set: variables(pairs), unset: vec![] }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn later_sets_count_before_earlier_ones() {
    let (dir, sets) = sets();
    sets.create("one", variables(&[("A", "1"), ("B", "1")])).unwrap();
    sets.create("two", variables(&[("B", "zwei ü")])).unwrap();
    let values = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        sets.values(&names).unwrap().into_iter().collect::<Vec<_>>()
    };
    let pairs = |a: &str, b: &str| vec![("A".to_owned(), a.to_owned()), ("B".to_owned(), b.to_owned())];
    assert_eq!(values(&["one", "two"]), pairs("1", "zwei ü"));
    assert_eq!(values(&["two", "one"]), pairs("1", "1"));
    assert_eq!(values(&[]), []);
    assert_eq!(mode(&dir.path().join("env.key")), 0o600);
    assert_eq!(mode(&dir.path().join("env-sets")), 0o700);
    assert_eq!(mode(&dir.path().join("env-sets/one.json")), 0o600);
}

#[test]
fn variables_come_and_go_and_only_their_lengths_are_shown() {
    let (dir, sets) = sets();
    assert_eq!(sets.create("npm", BTreeMap::new()).unwrap().variables, []);
    sets.change("npm", set(&[("TOKEN", "hunter2"), ("EMPTY", "")])).unwrap();
    let shown = sets.show("npm").unwrap();
    let lengths: Vec<_> = shown.variables.iter().map(|one| (one.name.as_str(), one.length)).collect();
    assert_eq!((lengths, shown.problem), (vec![("EMPTY", 0), ("TOKEN", 7)], None));
    let file = fs::read_to_string(dir.path().join("env-sets/npm.json")).unwrap();
    assert!(file.contains("TOKEN") && !file.contains("hunter2"), "{file}");
    let unset = ChangeEnvSet { unset: vec!["EMPTY".into()], ..set(&[("NEW", "x")]) };
    sets.change("npm", unset.clone()).unwrap();
    // All of it or nothing.
    assert_eq!(sets.change("npm", unset).unwrap_err().code, Code::NotFound);
    assert_eq!(sets.list()[0].variables.len(), 2);
    sets.remove("npm").unwrap();
    for gone in [sets.show("npm").err(), sets.remove("npm").err(), sets.values(&["npm".into()]).err()] {
        assert_eq!(gone.unwrap().code, Code::NotFound);
    }
}

#[test]
fn what_cannot_be_read_names_the_set_and_the_file_and_loosens_nothing() {
    let (dir, sets) = sets();
    sets.create("one", variables(&[("A", "secret one"), ("B", "secret two")])).unwrap();
    sets.create("two", variables(&[("A", "secret three")])).unwrap();
    let (key, file) = (dir.path().join("env.key"), dir.path().join("env-sets/one.json"));
    let (good_key, good) = (fs::read(&key).unwrap(), fs::read_to_string(&file).unwrap());
    let other = fs::read_to_string(dir.path().join("env-sets/two.json")).unwrap();
    let sealed = |text: &str, place: usize| -> String {
        text.split("\"value\": ").nth(place).unwrap().split(',').next().unwrap().to_owned()
    };
    let refused = |said: &str| {
        let problem = sets.values(&["two".into(), "one".into()]).unwrap_err().detail;
        assert!(problem.contains("'one'") && problem.contains(file.to_str().unwrap()), "{problem}");
        assert!(problem.contains(said) && !problem.contains("secret"), "{problem}");
        assert_eq!(sets.show("one").unwrap().problem.unwrap(), problem);
        assert_eq!(sets.broken(), [(file.clone(), problem)]);
    };
    for (content, said) in [
        ("{".to_owned(), "damaged"),
        (String::new(), "empty"),
        (good.replace("\"version\": 1", "\"version\": 2"), "newer"),
        // The values of two variables, and those of two sets, cannot be swapped.
        (good.replace(&sealed(&good, 1), "\"\"").replace("\"value\": \"\"", "\"value\": \"AAAA\""), "A: "),
        (good.replace(&sealed(&good, 2), &sealed(&good, 1)), "B: "),
        (good.replace(&sealed(&good, 1), &sealed(&other, 1)), "A: "),
        (other.clone(), "belongs to set 'two'"),
    ] {
        fs::write(&file, content).unwrap();
        refused(said);
    }
    fs::write(&file, &good).unwrap();
    assert!(sets.values(&["one".into()]).is_ok());
    // Without its key nothing is read, and no other key is made.
    fs::remove_file(&key).unwrap();
    let said = sets.values(&["one".into()]).unwrap_err().detail;
    assert!(said.contains(key.to_str().unwrap()) && said.contains("missing"), "{said}");
    let said = sets.change("two", set(&[("C", "x")])).unwrap_err().detail;
    assert!(said.contains(key.to_str().unwrap()) && !key.exists(), "{said}");
    fs::write(&key, &good_key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let said = sets.values(&["one".into()]).unwrap_err().detail;
    assert!(said.contains("chmod 600"), "{said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(sets.values(&["one".into()]).is_ok());
}

#[test]
fn names_are_those_of_the_environment() {
    let (_dir, sets) = sets();
    for bad in ["", "-x", ".x", "a/b", "../a", "a b", "ä", &"x".repeat(65)] {
        assert_eq!(sets.create(bad, BTreeMap::new()).unwrap_err().code, Code::Invalid, "{bad}");
        assert_eq!(sets.show(bad).unwrap_err().code, Code::NotFound, "{bad}");
    }
    sets.create("a.b_C-1", BTreeMap::new()).unwrap();
    assert_eq!(sets.create("a.b_C-1", BTreeMap::new()).unwrap_err().code, Code::NameTaken);
    for bad in ["", "1A", "A-B", "A=B", "Ä", "CODEPIPER_SOCKET", "TMUX_PANE", "TERM", "A\0"] {
        let problem = sets.change("a.b_C-1", set(&[(bad, "hunter2")])).unwrap_err();
        assert_eq!(problem.code, Code::Invalid, "{bad}");
        assert!(!problem.detail.contains("hunter2"));
    }
    for bad in ["a\0b", &"x".repeat(MAX_ENV_VALUE + 1)] {
        assert_eq!(sets.change("a.b_C-1", set(&[("A", bad)])).unwrap_err().code, Code::Invalid);
    }
    sets.change("a.b_C-1", set(&[("_a1", &"x".repeat(MAX_ENV_VALUE)), ("LD_PRELOAD", "x")])).unwrap();
}
