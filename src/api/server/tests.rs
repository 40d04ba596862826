use tokio::task::yield_now;

use codepiper_protocol::event::Process;

use super::*;

fn owner() -> Caller {
    Caller::Owner(Arc::new(Process { pid: 1, names: String::new() }))
}

fn asks(changes: bool) -> Asks {
    Asks { stranger: false, changes, place: None }
}

#[tokio::test]
async fn what_was_begun_runs_to_its_end_at_whichever_await_the_connection_is_cut() {
    const STEPS: usize = 6;
    for cut_after in 0..=STEPS {
        let (work, steps) = (TaskTracker::new(), Arc::new(AtomicUsize::new(0)));
        let counted = steps.clone();
        let router = service_fn(move |_: Request<Full<Bytes>>| {
            let counted = counted.clone();
            async move {
                for _ in 0..STEPS {
                    yield_now().await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Infallible>(Response::default())
            }
        });
        let request = Request::post("/").extension(owner()).body(Full::default()).unwrap();
        let tasks = Tasks::default();
        let mut answer = Box::pin(to_the_end(&tasks, &work, router, asks(true), async { Ok(request) }));
        for _ in 0..cut_after {
            assert!((&mut answer).now_or_never().is_none());
            yield_now().await;
        }
        drop(answer);
        yield_now().await;
        work.close();
        work.wait().await;
        assert_eq!(steps.load(Ordering::Relaxed), STEPS, "cut after {cut_after}");
    }
}

#[tokio::test]
async fn a_daemon_that_leaves_begins_nothing_new_and_still_tells() {
    let work = TaskTracker::new();
    work.close();
    for (method, status) in [("POST", 500), ("DELETE", 500), ("PATCH", 500), ("GET", 200)] {
        let router = service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::default()) });
        let request = Request::builder().method(method).extension(owner()).body(Full::default()).unwrap();
        let asks = asks(method != "GET");
        let answer = to_the_end(&Tasks::default(), &work, router, asks, async { Ok(request) }).await;
        assert_eq!(answer.status(), status, "{method}");
    }
}
