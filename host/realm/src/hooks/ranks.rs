//! The end of a season: what the best of it carry away.

use realm_plugin_host::{Hook, SeasonAward, bindings::ladder};

use super::{HookUnavailable, Hooks, PATIENT_TIMEOUT, Unasked, figures::Function, lane::Lane, tape::Question};

impl Hooks {
    /// Asks the ladder rule what the best of a season carry away; nothing when there is no ladder rule.
    ///
    /// # Errors
    /// When the rule cannot say now: the season should not end yet.
    pub async fn season_end(
        &self,
        season: ladder::Season,
        standings: Vec<ladder::Standing>,
    ) -> Result<Vec<SeasonAward>, HookUnavailable> {
        match self.ask_within(PATIENT_TIMEOUT, Hook::Ladder, move |lane| season_end(lane, &season, &standings)).await {
            Ok(awards) => awards.ok_or(HookUnavailable),
            Err(Unasked::Nobody) => Ok(Vec::new()),
            Err(Unasked::Busy | Unasked::Failed) => Err(HookUnavailable),
        }
    }
}

/// The plugin that scores also awards.
fn season_end(lane: &mut Lane, season: &ladder::Season, standings: &[ladder::Standing]) -> Option<Vec<SeasonAward>> {
    let place = lane.answering(Hook::Ladder).next()?;
    let question = || Question::SeasonEnd(season.clone(), standings.to_vec());
    lane.call(place, Function::SeasonEnd, question, |instance| instance.season_end(season, standings)).0
}
