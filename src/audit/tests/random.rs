//! Whatever happens in whatever order, what was synced is there and nothing is an alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::lock::lock;

#[derive(Clone, Debug)]
enum Op {
    Append {
        before: bool,
        size: usize,
    },
    Flush,
    /// The next step of this sort fails, so many bytes of a write were written.
    Break(Break, usize),
    /// The program is killed: what was written is there, but for this part of what was not synced.
    Crash {
        lost: f64,
        garbage: usize,
    },
    Prune(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Break {
    Write,
    Cut,
    Sync,
    Head,
    PruneRename,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let step = prop_oneof![
        Just(Break::Write),
        Just(Break::Cut),
        Just(Break::Sync),
        Just(Break::Head),
        Just(Break::PruneRename)
    ];
    let op = prop_oneof![
        8 => (any::<bool>(), 0_usize..400).prop_map(|(before, size)| Op::Append { before, size }),
        1 => Just(Op::Flush),
        2 => (step, 0_usize..500).prop_map(|(step, bytes)| Op::Break(step, bytes)),
        2 => (0.0..1.0, 0_usize..100).prop_map(|(lost, garbage)| Op::Crash { lost, garbage }),
        1 => (0.0..1.0).prop_map(Op::Prune),
    ];
    prop::collection::vec(op, 1..40)
}

type Broken = Arc<Mutex<Option<(Break, usize)>>>;

fn open_breaking(dir: &Path, broken: &Broken) -> Audit {
    let broken = broken.clone();
    let steps = watch(move |step| {
        let this = match step {
            Step::Write(_) => Break::Write,
            Step::Cut => Break::Cut,
            Step::Sync => Break::Sync,
            Step::Head => Break::Head,
            Step::PruneRename => Break::PruneRename,
            _ => return fine(step),
        };
        match lock(&broken).take_if(|(step, _)| *step == this) {
            Some((Break::Write, bytes)) => fine(step).map(|all| bytes.min(all - 1)),
            Some(_) => Err(full()),
            None => fine(step),
        }
    });
    let (audit, opened) = open_with(dir, steps);
    assert_eq!(opened.alarms, []);
    audit
}

/// What the log has promised.
#[derive(Default)]
struct Model {
    synced: BTreeMap<Seq, usize>,
    later: BTreeMap<Seq, usize>,
    given: BTreeSet<Seq>,
    pruned: Seq,
}

impl Model {
    fn sync(&mut self) {
        self.synced.append(&mut self.later);
    }

    fn check(&self, dir: &Path) {
        let report = whole(dir);
        let records = read(dir, &Filter::default()).unwrap().records;
        let found: BTreeMap<Seq, &Record> = records.iter().map(|record| (record.seq, record)).collect();
        for (seq, size) in self.synced.range(self.pruned + 1..) {
            let text = found.get(seq).unwrap_or_else(|| panic!("{seq} is gone")).data["text"].as_str();
            assert_eq!(text.map(str::len), Some(*size));
        }
        let explained = |seq| {
            report.recorded.iter().any(|gap| gap.missing.is_some_and(|(from, to)| (from..=to).contains(&seq)))
        };
        let last = report.last.map_or(0, |last| last.seq);
        for seq in self.pruned + 1..=last {
            assert!(found.contains_key(&seq) || explained(seq), "{seq} is missing\n{report}");
        }
    }
}

/// The log, what it has promised, and the step that fails next.
struct World {
    dir: TempDir,
    audit: Option<Audit>,
    model: Model,
    broken: Broken,
}

impl World {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Append { before, size } => self.append(if before { Sync::Before } else { Sync::Later }, size),
            Op::Flush => match self.audit().flush() {
                Ok(()) => self.model.sync(),
                Err(_) => self.model.later.clear(),
            },
            Op::Break(step, bytes) => *lock(&self.broken) = Some((step, bytes)),
            Op::Crash { lost, garbage } => self.crash(lost, garbage),
            Op::Prune(part) => {
                let last = self.model.given.last().copied().unwrap_or(0);
                match self.audit().prune(KeepAfter::Seq((last as f64 * part) as Seq)) {
                    // Its order was synced, and everything before it.
                    Ok(Some(Pruned { to, .. })) => {
                        self.model.sync();
                        self.model.pruned = to;
                    }
                    Ok(None) => {}
                    Err(_) => self.model.later.clear(),
                }
            }
        }
    }

    fn audit(&self) -> &Audit {
        self.audit.as_ref().unwrap()
    }

    fn append(&mut self, sync: Sync, size: usize) {
        match self.audit().append(&record("a", &"x".repeat(size)), sync) {
            Ok(seq) => {
                assert!(self.model.given.insert(seq), "{seq} was given twice");
                self.model.later.insert(seq, size);
                if sync == Sync::Before {
                    self.model.sync();
                }
            }
            Err(error) if error.to_string().contains("write a record") => {}
            // A failed sync took what was not synced along.
            Err(_) => self.model.later.clear(),
        }
    }

    fn crash(&mut self, lost: f64, garbage: usize) {
        *lock(&self.broken) = None;
        drop(self.audit.take());
        let dir = self.dir.path();
        let all = bytes(dir);
        let head::HeadFile::Read(head) = head::load(dir).unwrap() else { panic!() };
        let not_synced = all.len() as u64 - head.length.min(all.len() as u64);
        let left = all.len() - (not_synced as f64 * lost) as usize;
        set(dir, [&all[..left], &vec![0; garbage][..]].concat());
        self.audit = Some(open_breaking(dir, &self.broken));
        // What was not promised may be there or not; the numbers go on from there.
        self.model.later.clear();
        self.model.given = self.model.synced.keys().copied().collect();
        self.model.given.extend(numbers(dir));
    }
}

fn run(ops: Vec<Op>) {
    let (dir, broken) = (directory(), Broken::default());
    let audit = Some(open_breaking(dir.path(), &broken));
    let mut world = World { dir, audit, model: Model::default(), broken };
    for op in ops {
        world.apply(op);
        world.model.check(world.dir.path());
    }
    *lock(&world.broken) = None;
    world.append(Sync::Before, 1);
    drop(world.audit.take());
    open_quietly(world.dir.path());
    world.model.check(world.dir.path());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_is_there_and_every_missing_number_is_explained(ops in ops()) {
        run(ops);
    }

    #[test]
    fn changed_bytes_never_end_the_program(changes in prop::collection::vec((any::<bool>(), 0.0..1.0, any::<u8>()), 1..6), length in 0.0..1.5) {
        let dir = log_of(4);
        let (mut log, mut head) = (bytes(dir.path()), fs::read(head_path(dir.path())).unwrap());
        for (in_log, at, byte) in changes {
            let file = if in_log { &mut log } else { &mut head };
            let at = (file.len() as f64 * at) as usize;
            file[at] = byte;
        }
        log.truncate((log.len() as f64 * length) as usize);
        set(dir.path(), log);
        fs::write(head_path(dir.path()), head).unwrap();
        let report = verified(dir.path());
        let (audit, opened) = Audit::open(dir.path()).unwrap();
        if !opened.alarms.is_empty() {
            assert!(!report.is_whole());
        }
        audit.append(&record("a", "goes on"), Sync::Before).unwrap();
        drop(audit);
        assert!(report.is_whole() || !verified(dir.path()).is_whole());
        open_quietly(dir.path());
    }
}
