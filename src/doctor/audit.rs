//! Whether what people ask for can be recorded, and was.

use std::path::Path;

use codepiper_protocol::visible::count;
use codepiper_protocol::wire::daemon::{Check, Verdict};

use super::size;
use crate::audit::trail::Standing;

pub(super) fn check(standing: &Standing, dir: &Path) -> Check {
    let Standing { failing, alarms, missing, max_days } = standing;
    let files = std::fs::read_dir(dir).into_iter().flatten();
    let bytes = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum();
    let dir = dir.display();
    let mut told = Vec::new();
    if let Some(why) = failing {
        told.push(format!(
            "cannot be written, so nothing is started or allowed: {why}; free space or make {dir} writable; no restart \
             is needed"
        ));
    }
    if *missing > 0 {
        let missing = count(*missing, "action");
        told.push(format!("{missing} could not be recorded since the daemon started; a record says which"));
    }
    if !alarms.is_empty() {
        let alarms = alarms.join("; ");
        told.push(format!("something else changed it: {alarms}"));
    }
    let verdict = match (failing, told.is_empty()) {
        (Some(_), _) => Verdict::Broken,
        (None, false) => Verdict::Warning,
        (None, true) => Verdict::Fine,
    };
    let kept = max_days.map_or("kept for ever".to_owned(), |days| format!("kept for {}", count(days, "day")));
    let detail = if told.is_empty() { format!("{}, {kept}, {dir}", size(bytes)) } else { told.join("; ") };
    Check { name: "audit".into(), verdict, detail, next: None }
}
