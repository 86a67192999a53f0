//! Seasons: when one ends, its best are kept with what they carry away, and everybody begins anew.

mod store;

use std::{collections::HashMap, sync::Arc};

use realm_plugin_host::bindings::ladder;
use serde_json::json;

use super::Ladder;
use crate::{
    audit::{self, By},
    once::{self, Answered, Once},
    storage::StorageError,
    types::{CharacterId, Code, Refusal},
};

/// Longest name of a season, in characters.
pub const SEASON_NAME_CHARACTERS_MAX: usize = 32;

/// When a rule that has no answer is worth another try.
const RETRY_MS: u64 = 5_000;

/// A season of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Season {
    /// 1 for the first.
    pub number: u32,
    /// As the operator named it.
    pub name: String,
    /// In milliseconds since 1970; of the first season, when the first one that followed it was begun, 0.
    pub began_ms: i64,
    /// In milliseconds since 1970; `None` while it is running.
    pub ended_ms: Option<i64>,
}

/// A place in which a season ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// From 1.
    pub rank: u32,
    /// The character.
    pub character: CharacterId,
    /// Its name at that time.
    pub name: String,
    /// Name of its class.
    pub class: String,
    /// Its level at that time.
    pub level: u32,
    /// Its score.
    pub score: u64,
    /// What it carries away; empty is nothing.
    pub title: String,
}

/// A season that has ended, and its places, the best first.
pub type Ended = (Season, Vec<Standing>);

impl Ladder {
    /// The season that is running.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn season(&self) -> Result<Season, StorageError> {
        let running = store::running(self.storage.reader(), &self.realm).await?;
        Ok(running.unwrap_or(Season { number: 1, name: "Season 1".to_owned(), began_ms: 0, ended_ms: None }))
    }

    /// The seasons that have ended, the last first, at most 100.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn seasons(&self) -> Result<Vec<Season>, StorageError> {
        store::ended(self.storage.reader(), &self.realm).await
    }

    /// The places in which a season ended, the best first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn standings(&self, season: u32) -> Result<Vec<Standing>, StorageError> {
        store::standings(self.storage.reader(), &self.realm, season).await
    }

    /// Ends the running season: its best [`Self::ENTRIES_MAX`] are kept with what the ladder rule gives them, all scores are
    /// forgotten, and the next season begins under this name (empty: its number). Answers with the season that has ended; asked again under
    /// one key with what was answered then.
    ///
    /// # Errors
    /// When the name is too long, the rule cannot say now, another has ended the season meanwhile, or the database does not
    /// answer; then everything is as before.
    pub async fn end_season(&self, by: By, next: &str, once: Option<Once<Ended>>) -> Result<Answered<Ended>, Refusal> {
        if let Some(once) = &once
            && let Some(kept) = once.before::<Refusal>(&self.storage).await?
        {
            return Ok(Answered::Before(kept));
        }
        let next = next.trim();
        if next.chars().count() > SEASON_NAME_CHARACTERS_MAX || next.chars().any(char::is_control) {
            let sentence = format!("A season's name has at most {SEASON_NAME_CHARACTERS_MAX} plain characters.");
            return Err(Refusal::new(Code::RequestInvalid, sentence));
        }
        let now_ms = self.storage.now_ms();
        let season = Season { ended_ms: Some(now_ms), ..self.season().await? };
        let best = store::best(self.storage.reader(), &self.realm, Self::ENTRIES_MAX).await?;
        let asked = best.iter().map(|(standing, character)| ladder::Standing {
            rank: standing.rank,
            character: character.clone(),
            score: standing.score,
        });
        let unsigned = |moment: i64| u64::try_from(moment).unwrap_or(0);
        let about = ladder::Season {
            number: season.number,
            name: season.name.clone(),
            began_ms: unsigned(season.began_ms),
            ended_ms: unsigned(now_ms),
        };
        let awards = self.hooks.season_end(about, asked.collect()).await.map_err(|_| {
            let sentence = "The ladder rule could not say what the best carry away; the season goes on. Try again.";
            Refusal::retry(Code::PluginRefused, sentence, RETRY_MS)
        })?;
        let mut titles: HashMap<u64, String> = awards.into_iter().map(|award| (award.character, award.title)).collect();
        let standings: Vec<Standing> = best
            .into_iter()
            .map(|(standing, character)| Standing {
                title: titles.remove(&character.id).unwrap_or_default(),
                ..standing
            })
            .collect();
        let number = season.number.saturating_add(1);
        let name = if next.is_empty() { format!("Season {number}") } else { next.to_owned() };
        let following = Season { number, name, began_ms: now_ms, ended_ms: None };
        let realm = Arc::clone(&self.realm);
        let (ended, kept) = (season.clone(), standings.clone());
        let turned = once::write(&self.storage, once, move |connection| {
            Box::pin(async move {
                if !store::turn(connection, &realm, &ended, &kept, &following).await? {
                    let sentence = "The season has been ended by somebody else just now; look at the seasons.";
                    return Err(Refusal::new(Code::PluginRefused, sentence));
                }
                let told = |season: &Season| json!({"number": season.number, "name": season.name});
                let deed = by.does("ladder.season_end", "season", ended.number);
                audit::write(connection, &deed.changing(told(&ended), told(&following)), now_ms).await?;
                Ok((ended, kept))
            })
        })
        .await?;
        tracing::info!(
            season = season.number,
            name = season.name,
            places = standings.len(),
            "a season of the ladder has ended"
        );
        Ok(turned)
    }
}
