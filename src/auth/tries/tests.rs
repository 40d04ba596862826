use super::*;
use crate::tasks::owned;

const SHORT: Duration = Duration::from_millis(2);

fn bed() -> (tempfile::TempDir, Arc<Tries>) {
    let dir = tempfile::tempdir().unwrap();
    let tries = Tries::paced(dir.path().join("tries.json"), Duration::ZERO, SHORT, SHORT);
    (dir, Arc::new(tries))
}

fn address(last: u32) -> Option<String> {
    Some(format!("10.0.0.{last}"))
}

async fn stranger(tries: &Tries, password: bool, code: bool) -> Result<(), Code> {
    let enter = async { Ok(Some(())) };
    let tried = tries.of_stranger(address(1), async { Ok(password) }, || code, || (), enter).await;
    tried.map_err(|problem| problem.code)
}

#[test]
fn a_known_browser_waits_after_five_tries_and_longer_each_time() {
    let mut quota = Quota::default();
    let begin = Instant::now();
    for left in [4, 3, 2, 1, 0] {
        quota.count(begin).unwrap();
        assert_eq!(quota.left(), left);
    }
    assert_eq!(quota.count(begin), Err(WAIT));
    quota.count(begin + WAIT).unwrap();
    assert_eq!(quota.count(begin + WAIT), Err(2 * WAIT));
    let mut now = begin + WAIT;
    for _ in 0..30 {
        now += LONGEST_WAIT;
        quota.count(now).unwrap();
    }
    assert_eq!(quota.count(now), Err(LONGEST_WAIT));
}

#[tokio::test]
async fn the_tries_of_a_browser_outlive_the_daemon_and_a_right_one_forgets_them() {
    let (dir, tries) = bed();
    let (guesser, owner) = (Digest::of("a"), Digest::of("b"));
    for _ in 0..FREE {
        tries.count(&guesser).await.unwrap();
    }
    tries.count(&owner).await.unwrap();
    tries.forget(&owner).await;
    let again = Tries::load(dir.path().join("tries.json"));
    for tries in [&*tries, &again] {
        let refused = tries.count(&guesser).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), (Code::TooManyTries, true));
        assert_eq!(tries.wrong(&guesser).tries_left, Some(0));
    }
    again.count(&owner).await.unwrap();
    assert_eq!(again.wrong(&owner).tries_left, Some(FREE - 1));
}

#[tokio::test]
async fn a_crowd_of_guessers_keeps_nobody_out() {
    let (_dir, tries) = bed();
    let guess = |tries: Arc<Tries>| async move { stranger(&tries, false, false).await };
    let crowd: Vec<_> = (0..100).map(|_| owned(guess(tries.clone()))).collect();
    tokio::task::yield_now().await;
    stranger(&tries, true, true).await.unwrap();
    for guess in crowd {
        assert_eq!(guess.await.unwrap(), Err(Code::WrongCredentials));
    }
}

#[tokio::test]
async fn what_is_tried_with_the_right_password_is_paid_for_by_the_right_code_also_after_a_restart() {
    let (dir, tries) = bed();
    let begin = Instant::now();
    let guess = |tries: Arc<Tries>| async move { stranger(&tries, true, false).await };
    let guesses: Vec<_> = (0..20).map(|_| owned(guess(tries.clone()))).collect();
    for guess in guesses {
        assert_eq!(guess.await.unwrap(), Err(Code::WrongCredentials));
    }
    stranger(&tries, true, true).await.unwrap();
    assert!(begin.elapsed() >= 20 * SHORT);
    lock(&tries.codes).paid_until = Some(Instant::now() + Duration::from_secs(20));
    tries.write().await;
    let again = Tries::load(dir.path().join("tries.json"));
    assert!(lock(&again.codes).debt_until(Instant::now()) > Instant::now() + Duration::from_secs(10));
}

#[tokio::test]
async fn every_wrong_try_is_told_at_once() {
    let (_dir, tries) = bed();
    for (password, code) in [(false, false), (true, false)] {
        let (sender, told) = oneshot::channel();
        let wrong = || sender.send(()).unwrap();
        let enter = async { Ok(Some(())) };
        let tried = tries.of_stranger(None, async { Ok(password) }, || code, wrong, enter);
        let (tried, told) = tokio::join!(tried, told);
        assert_eq!((tried.unwrap_err().code, told), (Code::WrongCredentials, Ok(())));
    }
}

#[test]
fn addresses_take_turns_and_whoever_fills_the_queue_loses_places() {
    let pace = Pace { every: PASSWORDS, paid_until: None };
    let mut turns = Turns { waiting: VecDeque::new(), taken: true, pace };
    let mut crowd: Vec<_> = (0..WAITING).map(|_| turns.queue(address(1)).unwrap()).collect();
    assert!(turns.queue(address(1)).is_err());
    let mut other = turns.queue(address(2)).unwrap();
    assert_eq!(turns.count(), WAITING);
    assert_eq!(crowd.last_mut().unwrap().try_recv(), Err(oneshot::error::TryRecvError::Closed));
    turns.give_on();
    assert_eq!(crowd[0].try_recv(), Ok(()));
    turns.give_on();
    assert_eq!(other.try_recv(), Ok(()), "the second, not the last");
    turns.give_on();
    assert_eq!(crowd[1].try_recv(), Ok(()));
}

#[test]
fn a_pace_begins_with_a_burst() {
    let mut pace = Pace { every: PASSWORDS, paid_until: None };
    let now = Instant::now();
    let at: Vec<_> = (0..BURST + 3).map(|_| pace.next(now) - now).collect();
    assert!(at[..=BURST as usize].iter().all(Duration::is_zero));
    assert_eq!(at[BURST as usize + 1..], [PASSWORDS, 2 * PASSWORDS]);
}
