//! Places for connections: how many each kind of caller may hold at once. The owner's socket needs none.
//!
//! When a kind has used up its places, the oldest connection that is asking nothing gives way, first of whoever holds the
//! most: a crowd from one address displaces itself.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::auth::LoginId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::lock::lock;
use crate::process;

/// Connections of people who have not signed in.
const STRANGERS: usize = 256;
/// Connections of one session's programs, and of all.
const OF_SESSION: usize = 64;
const AGENTS: usize = 256;
/// Connections of one login, and of all.
const OF_LOGIN: usize = 64;
const LOGINS: usize = 512;
/// Longer bodies, in bytes, are read only while all of their kind that are being read or worked on take less than
/// so much.
const SMALL_BODY: usize = 64 * 1024;
const BODIES: usize = 32 * 1024 * 1024;

/// Who holds a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Somebody over TCP, at this address.
    Stranger(IpAddr),
    /// A program inside a session, if it is known which.
    Agent(Option<SessionId>),
    Login(LoginId),
}

/// All places of a daemon. Clones share them.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    /// The most connections of one kind: descriptors are needed for other things, too.
    most: usize,
    of_agents: Arc<Semaphore>,
    of_logins: Arc<Semaphore>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    numbers: u64,
    /// The oldest first.
    all: Vec<Entry>,
}

struct Entry {
    number: u64,
    holder: Holder,
    /// Requests that are being answered.
    asks: usize,
    gone: CancellationToken,
}

/// A place that is held; given back with this value.
pub struct Place {
    number: u64,
    /// Cancelled when the connection has to give way, and when the daemon leaves.
    pub gone: CancellationToken,
    places: Places,
}

/// Something is asked; until this value goes, the connection does not give way.
pub struct Asking(Arc<Place>);

impl Places {
    pub fn by_descriptors() -> Self {
        Self::of(usize::try_from(process::descriptor_limit() / 8).unwrap_or(usize::MAX).max(8))
    }

    fn of(most: usize) -> Self {
        let bodies = || Arc::new(Semaphore::new(BODIES));
        let taken = Mutex::default();
        Self(Arc::new(Inner { most, of_agents: bodies(), of_logins: bodies(), taken }))
    }

    /// A place, and `gone` is cancelled when it is lost. `None` when all are taken by who is being answered.
    pub fn take(&self, holder: Holder, gone: CancellationToken) -> Option<Arc<Place>> {
        let mut taken = self.taken();
        taken.make_room(holder, self.0.most)?;
        taken.numbers += 1;
        let number = taken.numbers;
        taken.all.push(Entry { number, holder, asks: 0, gone: gone.clone() });
        drop(taken);
        Some(Arc::new(Place { number, gone, places: self.clone() }))
    }

    /// Waits until a body of this length may be read.
    pub async fn room_for(&self, agent: bool, length: usize) -> Option<OwnedSemaphorePermit> {
        if length <= SMALL_BODY {
            return None;
        }
        let bodies = if agent { &self.0.of_agents } else { &self.0.of_logins };
        bodies.clone().acquire_many_owned(length.min(BODIES) as u32).await.ok()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        lock(&self.0.taken)
    }
}

impl Taken {
    /// `None` when there is none to be made.
    fn make_room(&mut self, holder: Holder, most: usize) -> Option<()> {
        let (each, all) = match holder {
            Holder::Stranger(_) => (STRANGERS.min(most), STRANGERS.min(most)),
            Holder::Agent(_) => (OF_SESSION.min(most), AGENTS.min(most)),
            Holder::Login(_) => (OF_LOGIN.min(most), LOGINS.min(most)),
        };
        let kind = std::mem::discriminant(&holder);
        let of_kind = |entry: &&Entry| std::mem::discriminant(&entry.holder) == kind;
        let held = |holder| self.all.iter().filter(|entry| entry.holder == holder).count();
        let gives_way = |of: Holder| self.all.iter().position(|entry| entry.holder == of && entry.asks == 0);
        let index = if held(holder) >= each {
            gives_way(holder)?
        } else if self.all.iter().filter(of_kind).count() >= all {
            let idle = self.all.iter().filter(of_kind).filter(|entry| entry.asks == 0);
            gives_way(idle.map(|entry| entry.holder).max_by_key(|holder| held(*holder))?)?
        } else {
            return Some(());
        };
        self.all.remove(index).gone.cancel();
        Some(())
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let index = self.all.binary_search_by_key(&number, |entry| entry.number).ok()?;
        self.all.get_mut(index)
    }
}

impl Place {
    pub fn ask(self: &Arc<Self>) -> Asking {
        self.count(1);
        Asking(self.clone())
    }

    /// It is known now who holds it.
    pub fn is_of(&self, login: LoginId) {
        let holder = Holder::Login(login);
        let mut taken = self.places.taken();
        if taken.entry(self.number).is_none_or(|entry| entry.holder == holder) {
            return;
        }
        // Where all are busy, there is one more for a moment.
        let _ = taken.make_room(holder, self.places.0.most);
        if let Some(entry) = taken.entry(self.number) {
            entry.holder = holder;
        }
    }

    fn count(&self, asks: isize) {
        if let Some(entry) = self.places.taken().entry(self.number) {
            entry.asks = entry.asks.saturating_add_signed(asks);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.count(-1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all.retain(|entry| entry.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(last: u8) -> Holder {
        Holder::Stranger(IpAddr::from([10, 0, 0, last]))
    }

    fn take(places: &Places, holder: Holder) -> Option<Arc<Place>> {
        places.take(holder, CancellationToken::new())
    }

    fn gone(held: &[Arc<Place>]) -> Vec<usize> {
        (0..held.len()).filter(|index| held[*index].gone.is_cancelled()).collect()
    }

    #[test]
    fn the_oldest_that_asks_nothing_gives_way_first_of_whoever_holds_the_most() {
        let places = Places::of(5);
        let mut held = vec![take(&places, stranger(1)).unwrap()];
        held.extend((0..4).map(|_| take(&places, stranger(2)).unwrap()));
        let second = held[1].clone();
        let asking = second.ask();
        held.push(take(&places, stranger(3)).unwrap());
        assert_eq!(gone(&held), [2], "not the oldest of all, and not one that is being answered");
        held.push(take(&places, stranger(1)).unwrap());
        assert_eq!(gone(&held).len(), 2);
        drop(asking);
        let known = LoginId(uuid::Uuid::new_v4());
        held.last().unwrap().is_of(known);
        assert_eq!(gone(&held).len(), 2, "who is known counts elsewhere");
        drop((held, second));
        assert_eq!(places.taken().all.len(), 0);
    }

    #[test]
    fn where_all_are_being_answered_nobody_else_is_let_in_and_other_kinds_are() {
        let places = Places::of(2);
        let held = [take(&places, stranger(1)).unwrap(), take(&places, stranger(2)).unwrap()];
        let asking = [held[0].ask(), held[1].ask()];
        assert!(take(&places, stranger(3)).is_none());
        assert!(take(&places, Holder::Agent(None)).is_some());
        drop(asking);
        assert!(take(&places, stranger(3)).is_some());
    }

    #[test]
    fn a_session_displaces_only_itself() {
        let places = Places::of(usize::MAX);
        let (one, other) = (SessionId::random(), SessionId::random());
        let others = take(&places, Holder::Agent(Some(other))).unwrap();
        let held: Vec<_> =
            (0..=OF_SESSION).map(|_| take(&places, Holder::Agent(Some(one))).unwrap()).collect();
        assert_eq!(gone(&held), [0]);
        assert!(!others.gone.is_cancelled());
    }

    #[tokio::test]
    async fn long_bodies_wait_for_each_other_and_small_ones_for_none() {
        let places = Places::of(8);
        let first = places.room_for(true, BODIES).await;
        assert!(places.room_for(true, SMALL_BODY).await.is_none());
        let mut second = Box::pin(places.room_for(true, SMALL_BODY + 1));
        assert!(futures_util::FutureExt::now_or_never(&mut second).is_none());
        assert!(places.room_for(false, BODIES).await.is_some(), "those of others");
        drop(first);
        assert!(second.await.is_some());
    }
}
