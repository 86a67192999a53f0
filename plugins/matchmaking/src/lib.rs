//! The default rule for games: who may join, and in what order the list is seen.

pub mod quick;
pub mod rule;

use realm_plugin::{
    InitError,
    matchmaking::{Admission, Game, Match, Matchmaking, Player, Ticket},
};

use rule::Settings;

/// The rule with its settings.
pub struct LevelBand {
    settings: Settings,
}

impl realm_plugin::Plugin for LevelBand {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        settings.check().map_err(InitError::Configuration)?;
        Ok(Self { settings })
    }
}

impl Matchmaking for LevelBand {
    fn admit(&mut self, player: Player, game: Game) -> Admission {
        match rule::refusal(&self.settings, &player, &game) {
            None => Admission::Admit,
            Some(sentence) => Admission::Refuse(sentence),
        }
    }

    fn order(&mut self, player: Player, games: Vec<Game>) -> Vec<u32> {
        rule::order(&self.settings, &player, &games)
    }

    fn form(&mut self, tickets: Vec<Ticket>, _now_ms: u64) -> Vec<Match> {
        quick::form(&self.settings, &tickets)
    }
}

realm_plugin::plugin! {
    rule: LevelBand,
    name: "matchmaking",
    description: "Brings players of like level together, by difficulty and hardcore.",
    permissions: ["log"],
}
realm_plugin::export_matchmaking!(LevelBand);
