//! The right to write one character.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use realm_world::Sheet;

use super::{
    Character, CharactersError, Place,
    holder::{Holder, free_lapsed},
    store, unknown_or_busy,
};
use crate::{
    storage::{self, Change, Changed, Connection, Storage, StorageError, WriteFuture},
    types::{AccountId, CharacterId, Id, kind},
};

/// The right to write one character, until it is given back, its holder ends, or it is taken over. One that is dropped is given back, past
/// everything that waits to be written: nothing of it may still be queued.
#[derive(Debug)]
pub struct Lease {
    /// The character.
    pub character: CharacterId,
    /// Key of the realm that it is in; it does not leave it while the lease is held.
    pub realm: Arc<str>,
    /// Rises with each lease; a stale holder is refused by it.
    pub(super) epoch: i64,
    /// The version that the next save replaces.
    pub(super) version: i64,
    /// Saves since that version of which nobody knows whether they are stored.
    pub(super) unconfirmed: i64,
    /// Time spent in games, in milliseconds, as it is stored with that version.
    pub(super) play_time_ms: i64,
    /// Points spent on skills, for the anti-cheat rule; nobody spends any while the lease is held.
    pub(super) skill_levels: u32,
    /// What is stored with that version, as far as it is known: the next save writes what is different.
    stored: Option<(Sheet, Option<Place>)>,
    /// The process, as long as it may write.
    holder: Arc<Holder>,
    given_back: AtomicBool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !*self.given_back.get_mut() {
            self.holder.drop_lease(self.character, self.epoch);
        }
    }
}

impl Lease {
    /// The lease of an epoch over a character as it was stored then, of a holder that never ends.
    #[must_use]
    pub fn new(character: CharacterId, epoch: i64, version: i64, play_time_ms: i64) -> Self {
        Self::of(Arc::new(Holder::endless(0)), (character, "".into()), epoch, (version, play_time_ms))
    }

    fn of(
        holder: Arc<Holder>,
        (character, realm): (CharacterId, Arc<str>),
        epoch: i64,
        (version, play_time_ms): (i64, i64),
    ) -> Self {
        let given_back = AtomicBool::new(false);
        Self {
            character,
            realm,
            epoch,
            version,
            unconfirmed: 0,
            play_time_ms,
            skill_levels: 0,
            stored: None,
            holder,
            given_back,
        }
    }

    /// What tells it from every other lease of the character: who writes under it names it.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// True when this process holds nothing any more that it held when it took this lease.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.holder.has_ended()
    }

    /// Epochs begin above it.
    const EPOCH_NONE: i64 = -1;

    pub(super) async fn take_as(
        holder: Arc<Holder>,
        storage: &Storage,
        realm: &Arc<str>,
        account: AccountId,
        id: CharacterId,
    ) -> Result<(Character, Self), CharactersError> {
        let (own_realm, realm) = (Arc::clone(realm), Arc::clone(realm));
        let epoch_taken = Arc::new(AtomicI64::new(Self::EPOCH_NONE));
        let (note, taker, own) = (Arc::clone(&epoch_taken), Arc::clone(&holder), storage.clone());
        let taken = storage
            .write(move |connection| {
                Box::pin(async move {
                    if !taker.is_alive(own.steady_ms()) {
                        return Err(CharactersError::Lapsed);
                    }
                    let number: Id<kind::LeaseHolder> = own.ids().next(own.now_ms());
                    let taking = (taker.id, number.to_sql());
                    let mut taken = store::take(connection, taking, &realm, account, id).await?;
                    if taken.is_none() && free_others(&own, connection, taker.id).await? {
                        taken = store::take(connection, taking, &realm, account, id).await?;
                    }
                    let Some((character, epoch)) = taken else {
                        if !store::holders::is_listed(connection, taker.id).await? {
                            return Err(CharactersError::Lapsed);
                        }
                        return Err(unknown_or_busy(connection, &realm, account, id).await?);
                    };
                    note.store(epoch, Ordering::Release);
                    Ok((character, epoch))
                })
            })
            .await;
        if matches!(taken, Err(CharactersError::Storage(StorageError::Unconfirmed))) {
            // It may be taken, and nobody would ever give it back.
            let (storage, holder) = (storage.clone(), Arc::clone(&holder));
            tokio::spawn(async move {
                if give_back(&storage, id, Arc::clone(&epoch_taken)).await.is_err() {
                    let epoch = epoch_taken.load(Ordering::Acquire);
                    // With the renewals it is tried until it is done.
                    if epoch != Self::EPOCH_NONE {
                        holder.drop_lease(id, epoch);
                    }
                }
            });
        }
        let (character, epoch) = taken?;
        let mut lease = Self::of(holder, (id, own_realm), epoch, (character.version, character.play_time_ms));
        lease.stored = Some((character.sheet, None));
        Ok((character, lease))
    }

    pub(super) async fn save_at(
        &mut self,
        storage: &Storage,
        sheet: &Sheet,
        place: Option<Place>,
        play_time_ms: i64,
    ) -> Result<Character, CharactersError> {
        let save = store::saves::Save {
            id: self.character,
            epoch: self.epoch,
            version: self.version,
            version_max: self.version + self.unconfirmed,
            delta: store::saves::Delta::between(self.stored.as_ref(), sheet, place),
            play_time_ms: self.play_time_ms.saturating_add(play_time_ms.max(0)),
            now_ms: storage.now_ms(),
        };
        let saving = Saving { save, holder: Arc::clone(&self.holder), storage: storage.clone() };
        let saved = storage.write_change(saving).await;
        match &saved {
            Ok(saved) => {
                let place = place.or(self.stored.and_then(|(_, place)| place));
                self.stored = Some((*sheet, place));
                (self.version, self.unconfirmed, self.play_time_ms) = (saved.version, 0, saved.play_time_ms);
            }
            Err(CharactersError::Storage(StorageError::Unconfirmed)) => {
                (self.unconfirmed, self.stored) = (self.unconfirmed + 1, None)
            }
            Err(_) => {}
        }
        saved
    }

    pub(super) async fn release(&self, storage: &Storage) -> Result<(), CharactersError> {
        let (id, epoch) = (self.character, self.epoch);
        let released = storage
            .write(move |connection| {
                Box::pin(async move {
                    let released = store::release(connection, id, epoch).await?;
                    if released { Ok(()) } else { Err(CharactersError::Fenced) }
                })
            })
            .await;
        if matches!(released, Ok(()) | Err(CharactersError::Fenced)) {
            self.given_back.store(true, Ordering::Release);
        }
        released
    }
}

/// A save under a lease, as it waits for the writer.
struct Saving {
    save: store::saves::Save,
    holder: Arc<Holder>,
    storage: Storage,
}

impl Change for Saving {
    type Answer = Character;
    type Error = CharactersError;

    fn key(&self) -> i64 {
        self.save.id.to_sql()
    }

    fn carry_out<'c>(
        connection: &'c mut Connection,
        changes: &'c [&'c Self],
    ) -> WriteFuture<'c, Result<Changed<Self>, StorageError>> {
        Box::pin(async move {
            // Now, and not when it was queued.
            let is_alive = |change: &Self| change.holder.is_alive(change.storage.steady_ms());
            let alive: Vec<bool> = changes.iter().map(|change| is_alive(change)).collect();
            let saves: Vec<_> =
                changes.iter().zip(&alive).filter(|(_, alive)| **alive).map(|(change, _)| &change.save).collect();
            let mut saved = store::saves::save(connection, &saves).await?.into_iter();
            let outcome = |alive| match alive {
                false => Err(CharactersError::Lapsed),
                true => saved.next().flatten().ok_or(CharactersError::Fenced),
            };
            Ok(alive.into_iter().map(outcome).collect())
        })
    }
}

/// Frees what others hold whose time is over; true when there were such. Over a file there are no others.
async fn free_others(storage: &Storage, connection: &mut Connection, own: i64) -> Result<bool, StorageError> {
    if !storage::is_shared(connection) {
        return Ok(false);
    }
    let now_ms = storage.shared_now_ms(connection).await?;
    free_lapsed(connection, own, now_ms).await
}

/// Gives back what an unconfirmed take may have taken. The writer keeps the order: when this is carried out, the epoch is known.
async fn give_back(storage: &Storage, id: CharacterId, epoch_taken: Arc<AtomicI64>) -> Result<(), StorageError> {
    storage
        .write(move |connection| {
            Box::pin(async move {
                let epoch = epoch_taken.load(Ordering::Acquire);
                if epoch != Lease::EPOCH_NONE {
                    store::release(connection, id, epoch).await?;
                }
                Ok(())
            })
        })
        .await
}

#[cfg(test)]
impl Lease {
    /// Saves from no place.
    pub(super) async fn save(
        &mut self,
        storage: &Storage,
        sheet: &Sheet,
        play_time_ms: i64,
    ) -> Result<Character, CharactersError> {
        self.save_at(storage, sheet, None, play_time_ms).await
    }

    /// Takes a lease as a holder of its own that never ends.
    pub(super) async fn take(
        storage: &Storage,
        realm: &Arc<str>,
        account: AccountId,
        id: CharacterId,
    ) -> Result<(Character, Self), CharactersError> {
        let holder: i64 = storage.ids().next::<kind::LeaseHolder>(storage.now_ms()).to_sql();
        let own = storage.clone();
        let listed = storage.write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                let until_ms = own.shared_now_ms(connection).await? + super::holder::LEASE_MS_MAX;
                store::holders::register(connection, holder, 0, "test", until_ms).await
            })
        });
        listed.await?;
        Self::take_as(Arc::new(Holder::endless(holder)), storage, realm, account, id).await
    }
}
