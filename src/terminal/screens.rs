//! The thread that feeds every session's screen.
//!
//! It has a queue that is bounded in bytes. When the queue is full, the reader of the control
//! connection pauses; tmux then lets the programs wait, and nothing is lost. A model may lag behind
//! its log, never skip; a keyframe names the offset that the model has reached.

mod model;

pub use model::{Heal, Keyframe, Loaded, Model};

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bytes::Bytes;
use codepiper_protocol::{SessionId, Size};
use tokio::sync::{Notify, oneshot};

use super::capture::Capture;
use super::screen::{Modes, Rules, Screen};
use crate::lock::{lock, wait};

/// Bytes that may wait to be fed.
const QUEUE_LIMIT: usize = 8 * 1024 * 1024;

/// What the thread says without being asked.
#[derive(Debug)]
pub enum Notice {
    /// Rendering can begin here. With the rows that had scrolled into tmux's history, if known.
    Checkpoint(Keyframe, Option<u64>),
    /// tmux has a screen that the model cannot know: it must be captured.
    WantsCapture,
}

/// Hands bytes and questions to the thread.
pub struct Screens {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// The thread waits here for work.
    work: Condvar,
    /// The connection waits here for room.
    room: Notify,
    /// How the tmux that runs counts columns.
    rules: Mutex<Rules>,
    on_notice: Box<dyn Fn(SessionId, Notice) + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Who wants a keyframe. They go ahead of bytes: a keyframe says which bytes it shows.
    questions: Vec<(SessionId, oneshot::Sender<Keyframe>)>,
    /// Bytes in `jobs`.
    bytes: usize,
    waiting: bool,
    closed: bool,
}

enum Job {
    Open {
        session: SessionId,
        model: Box<Model>,
    },
    Feed {
        session: SessionId,
        bytes: Bytes,
    },
    Load {
        session: SessionId,
        size: Size,
        capture: Box<Capture>,
        heal: Option<Heal>,
        reply: oneshot::Sender<Option<Loaded>>,
    },
    Modes {
        session: SessionId,
        reply: oneshot::Sender<Modes>,
    },
    LastLine {
        session: SessionId,
        prompts: bool,
        reply: oneshot::Sender<String>,
    },
    EndString {
        session: SessionId,
        reply: oneshot::Sender<Keyframe>,
    },
    Close {
        session: SessionId,
    },
}

impl Screens {
    /// No screens at all: nothing is fed, and every question stays without an answer.
    pub fn none() -> Self {
        let queue = Mutex::new(Queue { closed: true, ..Queue::default() });
        let (work, room) = (Condvar::new(), Notify::new());
        Self {
            shared: Arc::new(Shared {
                queue,
                work,
                room,
                rules: Mutex::default(),
                on_notice: Box::new(|_, _| {}),
            }),
        }
    }

    /// Starts the thread; `on_notice` is called on it.
    pub fn start(on_notice: impl Fn(SessionId, Notice) + Send + Sync + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            rules: Mutex::default(),
            on_notice: Box::new(on_notice),
        });
        let worker = shared.clone();
        std::thread::Builder::new().name("screens".into()).spawn(move || worker.run())?;
        Ok(Self { shared })
    }

    /// From here on, columns are counted as the tmux does that runs.
    pub fn count_as(&self, rules: Rules) {
        *lock(&self.shared.rules) = rules;
    }

    /// The keyframe of a blank screen.
    pub fn blank(&self, size: Size) -> Bytes {
        Screen::with_rules(size, self.shared.rules()).keyframe().into()
    }

    /// A session's screen from here on. Replaces an older one.
    pub fn open(&self, session: SessionId, model: Model) {
        self.push(Job::Open { session, model: Box::new(model) });
    }

    /// Hands over what a session printed. The thread takes it after the next [`Screens::wake`], or when
    /// it is asked for something else: waking it takes longer than all the rest of a key's echo, so
    /// whoever waits for the echo goes first.
    pub fn feed(&self, session: SessionId, bytes: Bytes) {
        let mut queue = self.shared.queue();
        if queue.closed {
            return;
        }
        queue.bytes += bytes.len();
        queue.jobs.push_back(Job::Feed { session, bytes });
    }

    /// Lets the thread take what it was fed.
    pub fn wake(&self) {
        let queue = self.shared.queue();
        if !queue.jobs.is_empty() {
            self.shared.wake(queue);
        }
    }

    /// Replaces what is on the screen, in order with the bytes fed. With `heal`, what was printed
    /// meanwhile is found first.
    pub fn load(
        &self,
        session: SessionId,
        size: Size,
        capture: Capture,
        heal: Option<Heal>,
    ) -> oneshot::Receiver<Option<Loaded>> {
        let (reply, receiver) = oneshot::channel();
        self.push(Job::Load { session, size, capture: Box::new(capture), heal, reply });
        receiver
    }

    /// The screen of now. `None` when the session has no screen.
    pub async fn keyframe(&self, session: SessionId) -> Option<Keyframe> {
        let (reply, receiver) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            if queue.closed {
                return None;
            }
            queue.questions.push((session, reply));
            self.shared.wake(queue);
        }
        receiver.await.ok()
    }

    /// What the program has asked the terminal for, with all that was fed before. `None` when the session has no
    /// screen.
    pub async fn modes(&self, session: SessionId) -> Option<Modes> {
        let (reply, receiver) = oneshot::channel();
        self.push(Job::Modes { session, reply });
        receiver.await.ok()
    }

    /// [`Screen::last_line`], with all that was fed before. `None` when the session has no screen.
    pub async fn last_line(&self, session: SessionId, prompts: bool) -> Option<String> {
        let (reply, receiver) = oneshot::channel();
        self.push(Job::LastLine { session, prompts, reply });
        receiver.await.ok()
    }

    /// Forgets the sequence that a session's output is in, in order with the bytes fed; the screen then.
    pub fn end_string(&self, session: SessionId) -> oneshot::Receiver<Keyframe> {
        let (reply, receiver) = oneshot::channel();
        self.push(Job::EndString { session, reply });
        receiver
    }

    pub fn close(&self, session: SessionId) {
        self.push(Job::Close { session });
    }

    /// Returns when the queue has room.
    pub async fn room(&self) {
        while self.is_full() {
            self.shared.room.notified().await;
        }
    }

    pub fn is_full(&self) -> bool {
        self.shared.queue().bytes > QUEUE_LIMIT
    }

    fn push(&self, job: Job) {
        let mut queue = self.shared.queue();
        if queue.closed {
            return;
        }
        queue.jobs.push_back(job);
        self.shared.wake(queue);
    }
}

impl Drop for Screens {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.closed = true;
        self.shared.wake(queue);
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn rules(&self) -> Rules {
        *lock(&self.rules)
    }

    fn wake(&self, queue: MutexGuard<'_, Queue>) {
        let waiting = queue.waiting;
        drop(queue);
        if waiting {
            self.work.notify_one();
        }
    }

    fn run(&self) {
        let mut models: HashMap<SessionId, Model> = HashMap::new();
        loop {
            let mut queue = self.queue();
            while queue.jobs.is_empty() && queue.questions.is_empty() {
                if queue.closed {
                    return;
                }
                queue.waiting = true;
                queue = wait(&self.work, queue);
                queue.waiting = false;
            }
            let questions = std::mem::take(&mut queue.questions);
            let job = queue.jobs.pop_front();
            if let Some(Job::Feed { bytes, .. }) = &job {
                let was_full = queue.bytes > QUEUE_LIMIT;
                queue.bytes -= bytes.len();
                if was_full && queue.bytes <= QUEUE_LIMIT {
                    self.room.notify_one();
                }
            }
            drop(queue);
            let mut unanswered = Vec::new();
            for (session, reply) in questions {
                match models.get(&session) {
                    // Nobody may wait any more.
                    Some(model) => drop(reply.send(model.keyframe())),
                    None => unanswered.push((session, reply)),
                }
            }
            if let Some(job) = job {
                self.run_job(&mut models, job);
            }
            if !unanswered.is_empty() {
                // The screen may have been opened by this job, or is by one that still waits.
                let mut queue = self.queue();
                let more = !queue.jobs.is_empty();
                unanswered.retain(|(session, _)| more || models.contains_key(session));
                queue.questions.append(&mut unanswered);
            }
        }
    }

    fn run_job(&self, models: &mut HashMap<SessionId, Model>, job: Job) {
        match job {
            Job::Open { session, model } => {
                models.insert(session, *model);
            }
            Job::Feed { session, bytes } => {
                let Some(model) = models.get_mut(&session) else { return };
                model.feed(&bytes);
                if model.screen.wants_capture() && !std::mem::replace(&mut model.asked_for_capture, true) {
                    (self.on_notice)(session, Notice::WantsCapture);
                }
                if model.offset >= model.checkpoint_at {
                    (self.on_notice)(session, model.checkpoint());
                }
            }
            Job::Load { session, size, capture, heal, reply } => {
                let Some(model) = models.get_mut(&session) else { return };
                model.screen.set_rules(self.rules());
                let loaded = model.load(size, &capture, heal);
                if loaded.is_some() {
                    (self.on_notice)(session, model.checkpoint());
                }
                // Nobody waits any more when the session ended meanwhile.
                let _ = reply.send(loaded);
            }
            Job::Modes { session, reply } => {
                if let Some(model) = models.get(&session) {
                    // Nobody may wait any more.
                    let _ = reply.send(model.screen.modes().clone());
                }
            }
            Job::LastLine { session, prompts, reply } => {
                if let Some(model) = models.get(&session) {
                    // Nobody may wait any more.
                    let _ = reply.send(model.screen.last_line(prompts));
                }
            }
            Job::EndString { session, reply } => {
                if let Some(model) = models.get_mut(&session) {
                    model.screen.end_string();
                    // Nobody waits any more when the session ended meanwhile.
                    let _ = reply.send(model.keyframe());
                }
            }
            Job::Close { session } => {
                models.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_screen_that_was_opened_just_now_is_known() {
        let screens = Screens::start(|_, _| {}).unwrap();
        let (busy, size) = (SessionId::random(), Size::new(80, 24).unwrap());
        screens.open(busy, Model::new(size, 0));
        for _ in 0..50 {
            // The thread finds the opening and the question at once.
            screens.feed(busy, vec![b'x'; 64 * 1024].into());
            let session = SessionId::random();
            screens.open(session, Model::new(size, 0));
            assert!(screens.keyframe(session).await.is_some());
        }
    }

    #[tokio::test]
    async fn the_modes_are_those_behind_everything_that_was_fed() {
        let screens = Screens::start(|_, _| {}).unwrap();
        let session = SessionId::random();
        assert_eq!(screens.modes(session).await, None);
        screens.open(session, Model::new(Size::new(80, 24).unwrap(), 0));
        for wanted in [true, false, true] {
            // Much is still to be fed when the question comes.
            for _ in 0..64 {
                screens.feed(session, Bytes::from_static(&[b'x'; 4096]));
            }
            screens.feed(session, Bytes::from_static(if wanted { b"\x1b[?2004h" } else { b"\x1b[?2004l" }));
            assert_eq!(screens.modes(session).await.unwrap().bracketed_paste, wanted);
        }
        screens.close(session);
        assert_eq!(screens.modes(session).await, None);
    }
}
