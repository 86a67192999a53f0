//! How much one client may ask for. Pure: time is an argument.

use std::time::{Duration, Instant};

use realm_protocol::ClientMessage;

use super::Config;

/// Requests refused one after the other before the client is taken for one that floods.
const REFUSED_IN_A_ROW_MAX: u32 = 200;

/// What a message counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line or a whisper.
    Chat,
    /// Everything else in the lobby.
    Request,
    /// An input of a game: the game takes a bounded number of them in each tick by itself.
    Game,
}

impl Kind {
    pub(super) fn of(message: &ClientMessage) -> Self {
        match message {
            ClientMessage::ChatSend(_) | ClientMessage::Whisper(_) => Self::Chat,
            ClientMessage::PlayerMove(_)
            | ClientMessage::PlayerAttack(_)
            | ClientMessage::ItemDrop(_)
            | ClientMessage::NpcInteraction(_)
            | ClientMessage::SnapshotAcknowledge(_)
            | ClientMessage::Respawn(_)
            | ClientMessage::SkillUse(_)
            | ClientMessage::PickUp(_)
            | ClientMessage::PotionUse(_)
            | ClientMessage::ItemUse(_) => Self::Game,
            ClientMessage::AuthRequest(_)
            | ClientMessage::Ping(_)
            | ClientMessage::Pong(_)
            | ClientMessage::Logout(_)
            | ClientMessage::CharListRequest(_)
            | ClientMessage::CharCreate(_)
            | ClientMessage::CharDelete(_)
            | ClientMessage::CharSelect(_)
            | ClientMessage::JoinChannel(_)
            | ClientMessage::LeaveChannel(_)
            | ClientMessage::GameCreate(_)
            | ClientMessage::GameListRequest(_)
            | ClientMessage::GameJoin(_)
            | ClientMessage::GameLeave(_)
            | ClientMessage::MatchSearch(_)
            | ClientMessage::MatchCancel(_)
            | ClientMessage::GameEnter(_)
            | ClientMessage::TradeInvite(_)
            | ClientMessage::TradeAccept(_)
            | ClientMessage::TradeOffer(_)
            | ClientMessage::TradeLock(_)
            | ClientMessage::TradeConfirm(_)
            | ClientMessage::TradeCancel(_)
            | ClientMessage::TradeQuery(_) => Self::Request,
        }
    }
}

/// So many at once, then so many a minute (the generic cell rate algorithm).
#[derive(Debug)]
struct Allowance {
    interval: Duration,
    tolerance: Duration,
    /// When the whole burst is available again; `None` before the first use.
    full_at: Option<Instant>,
}

impl Allowance {
    fn new(burst: u32, per_minute: u32) -> Self {
        let interval = Duration::from_secs(60) / per_minute.max(1);
        Self { interval, tolerance: interval * burst.saturating_sub(1), full_at: None }
    }

    /// Takes one, or says how long to wait for it.
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let ahead = full_at.duration_since(now);
        if ahead > self.tolerance {
            return Err(ahead.saturating_sub(self.tolerance));
        }
        self.full_at = Some(full_at + self.interval);
        Ok(())
    }
}

/// Why a message is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overrun {
    /// It may be sent again after so long.
    Wait(Duration),
    /// The client does not listen to refusals: close it.
    Flood,
}

/// The limits of one session; they outlive a lost connection, so that reconnecting does not refill them.
#[derive(Debug)]
pub(super) struct Limits {
    chat: Allowance,
    requests: Allowance,
    refused_in_a_row: u32,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            chat: Allowance::new(config.chat_burst, config.chat_per_minute),
            requests: Allowance::new(config.request_burst, config.request_per_minute),
            refused_in_a_row: 0,
        }
    }

    /// Counts one message.
    pub(super) fn admit(&mut self, kind: Kind, now: Instant) -> Result<(), Overrun> {
        let taken = match kind {
            Kind::Chat => self.chat.take(now),
            Kind::Request => self.requests.take(now),
            Kind::Game => return Ok(()),
        };
        match taken {
            Ok(()) => {
                self.refused_in_a_row = 0;
                Ok(())
            }
            Err(_) if self.refused_in_a_row >= REFUSED_IN_A_ROW_MAX => Err(Overrun::Flood),
            Err(wait) => {
                self.refused_in_a_row += 1;
                Err(Overrun::Wait(wait))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_at_a_time_and_idleness_refills() {
        let mut allowance = Allowance::new(3, 60);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(allowance.take(start), Ok(()));
        }
        assert_eq!(allowance.take(start), Err(Duration::from_secs(1)));
        assert_eq!(allowance.take(start + Duration::from_millis(400)), Err(Duration::from_millis(600)));
        assert_eq!(allowance.take(start + Duration::from_secs(1)), Ok(()), "exactly when it was promised");
        assert!(allowance.take(start + Duration::from_secs(1)).is_err());
        let rested = start + Duration::from_secs(3_600);
        assert_eq!((0..9).filter(|_| allowance.take(rested).is_ok()).count(), 3, "never more than the burst");
    }

    #[test]
    fn over_a_long_time_the_rate_is_kept() {
        let mut allowance = Allowance::new(5, 60);
        let start = Instant::now();
        let taken = (0..600_000).step_by(50).filter(|ms| allowance.take(start + Duration::from_millis(*ms)).is_ok());
        assert_eq!(taken.count(), 5 + 600 - 1);
    }

    #[test]
    fn chat_and_requests_have_allowances_of_their_own() {
        let mut limits = Limits::new(&Config { chat_burst: 1, request_burst: 1, ..Config::default() });
        let now = Instant::now();
        assert_eq!(limits.admit(Kind::Chat, now), Ok(()));
        assert!(matches!(limits.admit(Kind::Chat, now), Err(Overrun::Wait(_))));
        assert_eq!(limits.admit(Kind::Request, now), Ok(()));
        assert!((0..1_000).all(|_| limits.admit(Kind::Game, now).is_ok()));
    }

    #[test]
    fn whoever_goes_on_after_many_refusals_floods() {
        let mut limits = Limits::new(&Config { chat_burst: 1, ..Config::default() });
        let now = Instant::now();
        assert_eq!(limits.admit(Kind::Chat, now), Ok(()));
        for _ in 0..REFUSED_IN_A_ROW_MAX {
            assert!(matches!(limits.admit(Kind::Chat, now), Err(Overrun::Wait(_))));
        }
        assert_eq!(limits.admit(Kind::Chat, now), Err(Overrun::Flood));
    }

    #[test]
    fn a_request_that_passes_forgives_the_refusals_before_it() {
        let mut limits = Limits::new(&Config { chat_burst: 1, ..Config::default() });
        let start = Instant::now();
        for round in 0..3 {
            let now = start + Duration::from_secs(round * 10);
            assert_eq!(limits.admit(Kind::Chat, now), Ok(()));
            assert!((0..150).all(|_| matches!(limits.admit(Kind::Chat, now), Err(Overrun::Wait(_)))));
        }
    }
}
