use proptest::prelude::*;

use super::*;

fn report(body: &str) -> Option<StatusReport> {
    match parse(body) {
        Some(Sequence::Report(report)) => Some(report),
        _ => None,
    }
}

fn encoded(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// What a terminal says that was told this.
fn told(table: &mut Table, bodies: &[&str]) {
    for body in bodies {
        if let Some(report) = report(body) {
            table.apply(StatusSource::Terminal, report, Timestamp::UNIX_EPOCH);
        }
    }
}

fn table(bodies: &[&str]) -> Table {
    let mut table = Table::default();
    told(&mut table, bodies);
    table
}

fn ids(table: &Table) -> Vec<String> {
    table.list().into_iter().map(|record| record.id.unwrap_or_default()).collect()
}

#[test]
fn a_whole_report_is_understood() {
    let body = format!(
        "state=blocked:kind=permission:id=deploy/eu:progress=42:app=terraform:title={}:msg={}",
        encoded("EU"),
        encoded("Apply?").trim_end_matches('='),
    );
    let expected = StatusReport {
        state: Some(ProgramState::Blocked),
        id: Some("deploy/eu".into()),
        kind: Some(BlockedKind::Permission),
        progress: Some(42),
        app: Some("terraform".into()),
        title: Some("EU".into()),
        message: Some("Apply?".into()),
    };
    assert_eq!(expected.check(), Ok(()));
    assert_eq!(parse(&body), Some(Sequence::Report(expected)));
    assert_eq!(parse("?"), Some(Sequence::Query));
    assert_eq!(report("state=clear"), Some(StatusReport::new(None)));
}

#[test]
fn what_does_not_fit_a_state_is_left_out() {
    let done = report("state=done:kind=auth:progress=3").unwrap();
    assert_eq!((done.kind, done.progress), (None, None));
    let blocked = report("state=blocked:kind=sorrow:progress=101").unwrap();
    assert_eq!((blocked.kind, blocked.progress), (None, None));
    for progress in ["-1", "+5", "4x", "", "256", "1000"] {
        assert_eq!(
            report(&format!("state=working:progress={progress}")).unwrap().progress,
            None,
            "{progress}"
        );
    }
}

#[test]
fn a_malformed_pair_is_passed_over_and_the_last_of_a_key_counts() {
    let report = report("noise:state=idle:=x:KEY=1:unknown=1:app=a b:state=working: app = cargo :").unwrap();
    assert_eq!((report.state, report.app.as_deref()), (Some(ProgramState::Working), Some("cargo")));
}

#[test]
fn what_breaks_a_limit_is_discarded_whole() {
    let long = |letters: usize| "x".repeat(letters);
    for body in [
        "state=sleeping".to_owned(),
        "app=x".to_owned(),
        String::new(),
        "state=clear:id=bad!".to_owned(),
        "state=working:id=".to_owned(),
        format!("state=working:id={}", long(33)),
        format!("state=working:app={}", long(33)),
        format!("state=working:{}=1", long(17)),
        "state=working:msg=a".to_owned(),
        format!("state=working:msg={}", encoded("two\nlines")),
        format!("state=working:msg={}", encoded("\u{9b}31m")),
        format!("state=working:msg={}", BASE64.encode(b"\xff\xfe")),
        format!("state=working:title={}", encoded(&long(193))),
        format!("state=working:msg={}", encoded(&long(2049))),
        format!("state=working:junk={}", long(4096)),
    ] {
        assert_eq!(parse(&body), None, "{body}");
    }
}

#[test]
fn a_report_replaces_its_record_whole_and_a_clear_takes_those_below() {
    let mut table = table(&[
        "state=working:app=deploy:progress=10",
        "state=working:id=eu:progress=20",
        "state=working:id=eu/west/1",
        "state=working:id=europe",
    ]);
    told(&mut table, &["state=working:id=eu"]);
    let eu = table.list().into_iter().find(|record| record.id.as_deref() == Some("eu")).unwrap();
    assert_eq!((eu.progress, eu.app.as_deref()), (None, Some("deploy")), "its name is that of the whole");
    told(&mut table, &["state=clear:id=eu"]);
    assert_eq!(ids(&table), ["", "europe"]);
    told(&mut table, &["state=clear"]);
    assert!(table.list().is_empty() && table.shown().is_none());
}

#[test]
fn what_a_person_must_do_is_shown_first() {
    let shown = |bodies: &[&str]| table(bodies).shown().unwrap().to_string();
    let whole = "state=working:progress=40";
    assert_eq!(shown(&[whole, "state=done:id=a"]), "working 40%");
    assert_eq!(shown(&[whole, "state=working:id=a:progress=7"]), "working 40%");
    assert_eq!(shown(&["state=working:id=a:progress=7", "state=done:id=b"]), "working 7% (a)");
    assert_eq!(
        shown(&[whole, "state=blocked:kind=auth:id=a", "state=working:id=b"]),
        "blocked 40% (auth) (a)"
    );
    assert_eq!(shown(&["state=done:id=b", "state=error"]), "error");
}

#[test]
fn a_program_that_has_ended_leaves_only_its_result() {
    let mut table = table(&[
        "state=working",
        "state=done:id=a",
        "state=error:id=b",
        "state=blocked:id=c",
        "state=idle:id=d",
    ]);
    table.set_bar(1, Some(50), Timestamp::UNIX_EPOCH);
    assert!(table.end());
    assert_eq!(ids(&table), ["a", "b", "d"]);
    assert!(!table.end());
    table.apply(StatusSource::Command, StatusReport::new(Some(ProgramState::Done)), Timestamp::UNIX_EPOCH);
    table.reset();
    assert_eq!(table.list().len(), 1, "a reset of the terminal is none of what a command reported");
}

#[test]
fn the_bar_is_shown_where_there_are_no_words() {
    let mut table = Table::default();
    table.set_bar(1, Some(30), Timestamp::UNIX_EPOCH);
    assert_eq!(table.shown().unwrap().to_string(), "working 30%");
    told(&mut table, &["state=working:id=a"]);
    assert_eq!(table.shown().unwrap().to_string(), "working 30% (a)");
    table.set_bar(0, None, Timestamp::UNIX_EPOCH);
    assert_eq!(table.shown().unwrap().to_string(), "working (a)");
    assert!(table.stated(|_| true).is_some_and(|record| record.state == ProgramState::Working));
}

#[test]
fn a_source_replaces_and_crowds_out_only_its_own() {
    let mut table = table(&["state=working:msg=T25l"]);
    let command = StatusReport::new(Some(ProgramState::Blocked));
    table.apply(StatusSource::Command, command, Timestamp::UNIX_EPOCH);
    assert_eq!(table.list().len(), 2);
    let counted = table.stated(|source| source == StatusSource::Terminal).unwrap();
    assert_eq!(counted.state, ProgramState::Working);
    for number in 0..1000 {
        told(&mut table, &[&format!("state=working:id=n{number}")]);
    }
    assert_eq!(table.list().len(), MOST_RECORDS + 1);
    assert!(ids(&table).contains(&"n999".to_owned()));
}

proptest! {
    #[test]
    fn whatever_is_printed_stays_within_the_limits(bodies in proptest::collection::vec(".{0,200}|(state=(working|done|clear|x)|id=[a-z/]{0,9}|msg=[A-Za-z=]{0,9}|progress=[0-9]{0,4})(:(id=[a-z]{1,3}|msg=SGk=|app=[a-z!]{1,4})){0,3}", 0..40)) {
        let mut table = Table::default();
        for body in &bodies {
            if let Some(report) = report(body) {
                prop_assert_eq!(report.check(), Ok(()));
                table.apply(StatusSource::Terminal, report, Timestamp::UNIX_EPOCH);
            }
        }
        prop_assert!(table.list().len() <= MOST_RECORDS);
        prop_assert_eq!(table.shown().is_none(), table.list().is_empty());
    }
}
