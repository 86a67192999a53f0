//! What has happened, on its way to the plugins that want to hear of it.
//!
//! Who tells never waits: tick threads tell, too. What no plugin wants to hear of is not even put together.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use crossbeam_queue::ArrayQueue;
use realm_plugin_host::{
    Hook, Instance,
    bindings::events::{Event, Fight, Find, Kinds, Occurrence, Person, Place},
};
use tokio::sync::mpsc;

use super::{
    effects::{self, PluginActs},
    figures::Function,
    general::Work,
    lane::Lane,
    roll::{Playing, Present, Roll},
    tape::Question,
};
use crate::types::{AccountId, Clock as _, SystemClock};

/// Events that wait for the general lane; beyond, the oldest is left out.
const WAITING_MAX: usize = 4_096;
/// Events in one call.
const BATCH_MAX: usize = 64;
/// Answers to events that wait to be carried out.
const ACTS_MAX: usize = 256;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HappeningKind {
    /// A session has begun.
    LogIn,
    /// A session has ended.
    LogOut,
    /// A character has entered a game.
    Join,
    /// A character has left a game.
    Leave,
    /// A character has killed.
    Kill,
    /// A character was killed.
    Death,
    /// Something has dropped before a character.
    Drop,
    /// A character has reached a level.
    LevelUp,
}

impl HappeningKind {
    fn bit(self) -> u8 {
        let kinds = match self {
            Self::LogIn => Kinds::LOG_IN,
            Self::LogOut => Kinds::LOG_OUT,
            Self::Join => Kinds::JOIN,
            Self::Leave => Kinds::LEAVE,
            Self::Kill => Kinds::KILL,
            Self::Death => Kinds::DEATH,
            Self::Drop => Kinds::DROP,
            Self::LevelUp => Kinds::LEVEL_UP,
        };
        mask(kinds)
    }
}

/// The kinds as one number that threads share.
pub(super) fn mask(kinds: Kinds) -> u8 {
    let all = [
        Kinds::LOG_IN,
        Kinds::LOG_OUT,
        Kinds::JOIN,
        Kinds::LEAVE,
        Kinds::KILL,
        Kinds::DEATH,
        Kinds::DROP,
        Kinds::LEVEL_UP,
    ];
    all.into_iter().enumerate().fold(0, |bits, (place, kind)| bits | u8::from(kinds.contains(kind)) << place)
}

/// What happened to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The account's session has begun.
    LogIn,
    /// The account's session has ended.
    LogOut,
    /// Its character has entered the game that it plays.
    Join,
    /// Its character has left the game that it plays.
    Leave,
    /// Its character has killed this opponent.
    Kill {
        /// Name of a character, or type of a monster.
        opponent: String,
    },
    /// Its character was killed by this opponent.
    Death {
        /// Name of a character, or type of a monster.
        opponent: String,
    },
    /// This has dropped before its character, which killed who had it.
    Drop {
        /// Its type in the content pack.
        base_type: String,
        /// Its quality, as `wit/events.wit` names them.
        quality: &'static str,
    },
    /// Its character has reached this level.
    LevelUp {
        /// The level.
        level: u32,
    },
}

impl Happening {
    fn kind(&self) -> HappeningKind {
        match self {
            Self::LogIn => HappeningKind::LogIn,
            Self::LogOut => HappeningKind::LogOut,
            Self::Join => HappeningKind::Join,
            Self::Leave => HappeningKind::Leave,
            Self::Kill { .. } => HappeningKind::Kill,
            Self::Death { .. } => HappeningKind::Death,
            Self::Drop { .. } => HappeningKind::Drop,
            Self::LevelUp { .. } => HappeningKind::LevelUp,
        }
    }
}

struct Inner {
    /// What any plugin wants to hear of.
    wanted: AtomicU8,
    waiting: ArrayQueue<Event>,
    /// The lane has been rung for and has not come yet.
    rung: AtomicBool,
    lane: OnceLock<mpsc::WeakSender<Work>>,
    acts: mpsc::Sender<PluginActs>,
    acts_out: Mutex<Option<mpsc::Receiver<PluginActs>>>,
    roll: Roll,
}

/// Where events are told; cheap to clone.
#[derive(Clone)]
pub struct Happenings {
    inner: Arc<Inner>,
}

impl Default for Happenings {
    fn default() -> Self {
        let (acts, acts_out) = mpsc::channel(ACTS_MAX);
        Self {
            inner: Arc::new(Inner {
                wanted: AtomicU8::new(0),
                waiting: ArrayQueue::new(WAITING_MAX),
                rung: AtomicBool::new(false),
                lane: OnceLock::new(),
                acts,
                acts_out: Mutex::new(Some(acts_out)),
                roll: Roll::default(),
            }),
        }
    }
}

impl Happenings {
    /// Who is there.
    #[must_use]
    pub fn roll(&self) -> &Roll {
        &self.inner.roll
    }

    /// What plugins answer to events; `None` when somebody carries it out already.
    #[must_use]
    pub fn take_acts(&self) -> Option<mpsc::Receiver<PluginActs>> {
        self.inner.acts_out.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn ring(&self, lane: mpsc::WeakSender<Work>) {
        let _ = self.inner.lane.set(lane);
    }

    /// Does any plugin want to hear of this? One atomic load.
    #[must_use]
    pub fn wants(&self, kind: HappeningKind) -> bool {
        self.inner.wanted.load(Ordering::Relaxed) & kind.bit() != 0
    }

    /// Tells what has happened to an account that is on the roll. Never waits; when too much waits, the oldest is left out.
    pub fn tell(&self, account: AccountId, happening: Happening) {
        if !self.wants(happening.kind()) {
            return;
        }
        let Some(present) = self.inner.roll.account(account) else { return };
        let Some(event) = event(account, &present, happening) else { return };
        if self.inner.waiting.force_push(event).is_some() {
            metrics::counter!("realm_plugin_events_left_out_total", "reason" => "queue").increment(1);
        }
        if !self.inner.rung.swap(true, Ordering::AcqRel) {
            // A lane that has too much to do looks here after each thing that it does.
            let _ = self.inner.lane.get().and_then(mpsc::WeakSender::upgrade).map(|lane| lane.try_send(Work::Wake));
        }
    }
}

fn event(account: AccountId, present: &Present, happening: Happening) -> Option<Event> {
    let playing = present.playing.as_ref();
    let game = |playing: &Playing| Place { game: playing.game.raw(), game_name: playing.game_name.clone() };
    let fight = |playing: &Playing, opponent| Fight { game: playing.game.raw(), opponent };
    let what = match happening {
        Happening::LogIn => Occurrence::LogIn,
        Happening::LogOut => Occurrence::LogOut,
        Happening::Join => Occurrence::Join(game(playing?)),
        Happening::Leave => Occurrence::Leave(game(playing?)),
        Happening::Kill { opponent } => Occurrence::Kill(fight(playing?, opponent)),
        Happening::Death { opponent } => Occurrence::Death(fight(playing?, opponent)),
        Happening::Drop { base_type, quality } => {
            Occurrence::Drop(Find { game: playing?.game.raw(), base_type, quality: quality.to_owned() })
        }
        Happening::LevelUp { level } => Occurrence::LevelUp(level),
    };
    let who = Person {
        account: account.raw(),
        account_name: present.name.clone(),
        character: playing.map_or(0, |playing| playing.character.raw()),
        character_name: playing.map(|playing| playing.name.clone()).unwrap_or_default(),
        level: playing.map_or(0, |playing| playing.level),
    };
    Some(Event { at_ms: u64::try_from(SystemClock.now_ms()).unwrap_or(0), who, what })
}

/// What the general lane knows of its plugins' interests.
#[derive(Default)]
pub(super) struct Listeners {
    happenings: Happenings,
    /// By installation.
    interests: Vec<(u64, u8)>,
}

impl Listeners {
    pub(super) fn new(happenings: Happenings) -> Self {
        Self { happenings, interests: Vec::new() }
    }

    /// Asks every plugin what it wants to hear of; who cannot say now hears what it heard before.
    pub(super) fn refresh(&mut self, lane: &mut Lane) {
        let mut interests = Vec::new();
        for place in lane.answering(Hook::Events) {
            let id = lane.installed(place).id;
            let before = || self.interests.iter().find(|(known, _)| *known == id).map_or(0, |(_, mask)| *mask);
            let wanted = lane.call(place, Function::Interests, || Question::Interests, Instance::interests).0;
            interests.push((id, wanted.map_or_else(before, mask)));
        }
        let all = interests.iter().fold(0, |bits, (_, mask)| bits | mask);
        self.interests = interests;
        self.happenings.inner.wanted.store(all, Ordering::Relaxed);
    }

    /// Hands over what waits, one batch to every plugin that wants it. True when more is waiting.
    pub(super) fn hand_over(&mut self, lane: &mut Lane) -> bool {
        let inner = &self.happenings.inner;
        inner.rung.store(false, Ordering::Release);
        let batch: Vec<Event> = std::iter::from_fn(|| inner.waiting.pop()).take(BATCH_MAX).collect();
        if batch.is_empty() {
            return false;
        }
        for place in lane.answering(Hook::Events) {
            let id = lane.installed(place).id;
            let mask = self.interests.iter().find(|(known, _)| *known == id).map_or(0, |(_, mask)| *mask);
            let of: Vec<Event> =
                batch.iter().filter(|event| mask & occurrence_bit(&event.what) != 0).cloned().collect();
            if of.is_empty() {
                continue;
            }
            let question = || Question::Handle(of.clone());
            let effects = match lane.call(place, Function::Handle, question, |instance| instance.handle(&of)).0 {
                Some(effects) if effects.is_empty() => continue,
                Some(effects) => effects,
                None => {
                    metrics::counter!("realm_plugin_events_left_out_total", "reason" => "failed")
                        .increment(of.len() as u64);
                    continue;
                }
            };
            let acts = effects::acts(&lane.installed(place).plugin.manifest().name, effects);
            if let Err(error) = inner.acts.try_send(acts) {
                let (mpsc::error::TrySendError::Full(acts) | mpsc::error::TrySendError::Closed(acts)) = error;
                effects::left_out(&acts, "queue");
            }
        }
        !inner.waiting.is_empty()
    }
}

fn occurrence_bit(what: &Occurrence) -> u8 {
    mask(match what {
        Occurrence::LogIn => Kinds::LOG_IN,
        Occurrence::LogOut => Kinds::LOG_OUT,
        Occurrence::Join(_) => Kinds::JOIN,
        Occurrence::Leave(_) => Kinds::LEAVE,
        Occurrence::Kill(_) => Kinds::KILL,
        Occurrence::Death(_) => Kinds::DEATH,
        Occurrence::Drop(_) => Kinds::DROP,
        Occurrence::LevelUp(_) => Kinds::LEVEL_UP,
    })
}
