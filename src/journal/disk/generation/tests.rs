use super::*;

#[test]
fn readers_do_not_lock_the_writer_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1");
    create_dir(&path).unwrap();
    let generation = Generation::existing(1, path, Summary::default(), Probes::default());
    drop(generation.open_for_writing().unwrap());
    assert!(generation.close());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    generation.ask(|db| Ok(db.len())).unwrap();
                }
            });
        }
        for round in 0..40 {
            let opened = generation.open_again().map(drop);
            done.store(opened.is_err() || round == 39, Ordering::Relaxed);
            opened.unwrap();
            generation.close();
        }
    });
}
