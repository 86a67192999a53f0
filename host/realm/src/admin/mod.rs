//! The operator's verbs on a running realm: one implementation for the command line, for REST, and for whatever comes after them.
//!
//! Decides who may do what, by permission, and tells in the audit log who did it. Whoever runs the realm proves it with the token in the
//! data folder, over loopback; staff by their account.

mod actor;
mod sanctions;
mod token;

use std::{net::IpAddr, path::Path};

use serde_json::{Value, json};

use crate::{
    accounts::{Accounts, Permission},
    audit::{Audit, By, Deed},
    games::Games,
    hooks::PluginLine,
    moderation::Moderation,
    rules::{Act, OrderError, PluginState, PluginStatus, Rules},
    types::{Code, Refusal, in_task},
};

pub use actor::Actor;
pub use sanctions::SanctionWish;
pub use token::OperatorToken;

/// Most lines that are asked for at once.
const LINES_MAX: usize = 200;

/// A plugin, and how many games are played under it.
#[derive(Debug, Clone)]
pub struct PluginReport {
    /// The plugin.
    pub status: PluginStatus,
    /// Open games whose tick thread has this version at work; 0 for what decides outside games.
    pub games: usize,
}

/// The verbs; cheap to clone.
#[derive(Clone)]
pub struct Admin {
    rules: Rules,
    games: Games,
    audit: Audit,
    accounts: Accounts,
    moderation: Moderation,
    token: OperatorToken,
}

impl Admin {
    /// Leaves a fresh operator's token in the data folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(
        data: &Path,
        rules: Rules,
        games: Games,
        accounts: Accounts,
        moderation: Moderation,
        audit: Audit,
    ) -> std::io::Result<Self> {
        Ok(Self { rules, games, audit, accounts, moderation, token: OperatorToken::leave(data)? })
    }

    /// The time by which sanctions end, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.moderation.now_ms()
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who acts and why, for a verb that writes its own line, once they may.
    ///
    /// # Errors
    /// When they may not.
    pub fn allow(&self, actor: &Actor, permission: Permission, reason: &str) -> Result<By, Refusal> {
        actor.ask(permission)?;
        Ok(self.audit.by(actor.who(), reason))
    }

    /// Writes the line of an act outside the database, before it is done.
    ///
    /// # Errors
    /// When it cannot be stored: then the act must not be done.
    pub async fn note(&self, deed: Deed) -> Result<(), Refusal> {
        Ok(self.audit.note(deed).await?)
    }

    /// True when a bearer token is the operator's, and comes from this machine.
    #[must_use]
    pub fn is_operator(&self, bearer: &str, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback() && self.token.is(bearer)
    }

    /// Every installed plugin, by name.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginReport> {
        let played = self.games.rules_in_play();
        let report = |status: PluginStatus| {
            let games = played.get(&format!("{} {}", status.name, status.version)).copied().unwrap_or_default();
            PluginReport { status, games }
        };
        self.rules.status().into_iter().map(report).collect()
    }

    /// One plugin, by the name in its manifest.
    ///
    /// # Errors
    /// When there is none.
    pub fn plugin(&self, name: &str) -> Result<PluginReport, Refusal> {
        let mut plugins = self.plugins();
        // Two files may claim one name: the one at work is meant.
        let decides = |status: &PluginStatus| !status.version.is_empty() && status.state != PluginState::Shadow;
        let at_work = |report: &PluginReport| report.status.name == name && decides(&report.status);
        let place = plugins.iter().position(at_work).or_else(|| plugins.iter().position(|one| one.status.name == name));
        match place {
            Some(place) => Ok(plugins.swap_remove(place)),
            None => {
                let installed = plugins.into_iter().map(|report| report.status.name).collect();
                Err(refusal(&OrderError::Unknown { name: name.to_owned(), installed }))
            }
        }
    }

    /// The last lines of a plugin and about it, oldest first.
    ///
    /// # Errors
    /// When there is no such plugin, and none was.
    pub fn plugin_lines(&self, name: &str, count: usize) -> Result<Vec<PluginLine>, Refusal> {
        let lines = self.rules.lines(name, count.min(LINES_MAX));
        if lines.is_empty() {
            self.plugin(name)?;
        }
        Ok(lines)
    }

    /// Does something to a plugin. What is to be done stands in the audit log before it is done, and that it was refused after.
    ///
    /// # Errors
    /// When the actor may not, there is no such plugin, or it does not work; then everything is as before.
    pub async fn act(&self, actor: &Actor, name: &str, act: Act) -> Result<PluginReport, Refusal> {
        let by = self.allow(actor, Permission::PluginsReload, "")?;
        let (admin, actor, name) = (self.clone(), actor.clone(), name.to_owned());
        // What is noted is done, or noted as refused, also when whoever asked has gone meanwhile.
        in_task(async move {
            let before = admin.plugin(&name).map(|report| shown(&report.status)).unwrap_or(Value::Null);
            let deed = || by.does(done(act), "plugin", &name);
            admin.note(deed().changing(before.clone(), Value::Null)).await?;
            let outcome = admin.rules.order(&name, act).await;
            let verb = act.as_str();
            match &outcome {
                Ok(_) => tracing::info!(plugin = name, verb, "{actor} ordered: {verb} {name}"),
                Err(error) => {
                    tracing::warn!(plugin = name, verb, "{actor} ordered: {verb} {name}; refused: {error}");
                    admin.note(deed().changing(before, json!({"refused": error.to_string()}))).await?;
                }
            }
            outcome.map_err(|error| refusal(&error))?;
            admin.plugin(&name)
        })
        .await
    }

    /// Notes that the operator is about to put a file into the plugin folder.
    ///
    /// # Errors
    /// When the actor may not, or it cannot be noted.
    pub async fn note_file(&self, actor: &Actor, file: &str, sha256: &str) -> Result<(), Refusal> {
        let by = self.allow(actor, Permission::PluginsReload, "")?;
        let after = json!({"sha256": sha256});
        self.note(by.does("plugins.shadow", "file", file).changing(Value::Null, after)).await
    }
}

/// The name of an act in the audit log.
fn done(act: Act) -> &'static str {
    match act {
        Act::Enable => "plugins.enable",
        Act::Disable => "plugins.disable",
        Act::Reload => "plugins.reload",
        Act::Promote => "plugins.promote",
        Act::Drop => "plugins.drop",
        Act::Rollback => "plugins.rollback",
    }
}

fn shown(status: &PluginStatus) -> Value {
    json!({"state": status.state, "version": status.version, "sha256": status.sha256})
}

fn refusal(error: &OrderError) -> Refusal {
    let sentence = sentence(&error.to_string());
    match error {
        OrderError::Unknown { .. } => Refusal::new(Code::PluginUnknown, sentence),
        OrderError::Refused(_) => Refusal::new(Code::PluginRefused, sentence),
        OrderError::Busy => Refusal::retry(Code::PluginRefused, sentence, 1_000),
    }
}

/// A text as a sentence: a capital at the beginning, a full stop at the end.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
