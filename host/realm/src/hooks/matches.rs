//! Matches: who of those who wait for a game plays together.

use realm_plugin_host::{FormedMatch, Hook, bindings::matchmaking};

use super::{Hooks, PATIENT_TIMEOUT, Unasked, figures::Function, lane::Lane, tape::Question};

/// Most tickets that a plugin is shown at once.
pub const TICKETS_SHOWN_MAX: usize = 200;

/// What became of the question who plays together.
#[derive(Debug, Clone, PartialEq)]
pub enum Formed {
    /// These matches; the tickets that are in none go on waiting.
    Matches(Vec<FormedMatch>),
    /// No plugin matches players: the realm does it itself.
    NoRule,
    /// The plugin could not say: everybody goes on waiting.
    NoAnswer,
}

impl Hooks {
    /// Forms matches from waiting tickets, oldest first, at most [`TICKETS_SHOWN_MAX`].
    pub async fn form_matches(&self, tickets: Vec<matchmaking::Ticket>, now_ms: i64) -> Formed {
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        match self.ask_within(PATIENT_TIMEOUT, Hook::Matchmaking, move |lane| form(lane, &tickets, now_ms)).await {
            Ok(Some(matches)) => Formed::Matches(matches),
            Err(Unasked::Nobody) => Formed::NoRule,
            Ok(None) | Err(Unasked::Busy | Unasked::Failed) => Formed::NoAnswer,
        }
    }
}

/// The last plugin forms, as it orders; the one before is asked only when it fails.
fn form(lane: &mut Lane, tickets: &[matchmaking::Ticket], now_ms: u64) -> Option<Vec<FormedMatch>> {
    let question = || Question::Form(tickets.to_vec(), now_ms);
    lane.answering(Hook::Matchmaking)
        .rev()
        .find_map(|place| lane.call(place, Function::Form, question, |instance| instance.form(tickets, now_ms)).0)
}
