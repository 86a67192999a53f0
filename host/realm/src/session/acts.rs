//! What plugins bring about by their answers, carried out under their names.

use std::sync::{Arc, Weak};

use realm_protocol::{Encoded, ServerMessage, proto};
use tokio::sync::mpsc;

use super::Shared;
use crate::{
    hooks::{PluginAct, PluginActs, count_act},
    moderation::{Decider, Mute},
    realms::Home,
    types::{AccountId, Clock as _, CloseReason, Code, SystemClock},
};

/// Carries out what plugins answer to events, until the plugins or the sessions are gone.
pub(super) async fn follow(shared: Weak<Shared>, mut acts: mpsc::Receiver<PluginActs>) {
    while let Some(acts) = acts.recv().await {
        let Some(shared) = shared.upgrade() else { return };
        shared.carry_out(acts, shared.features.realms.all()).await;
    }
}

fn notice(plugin: &str, text: &str, everybody: bool) -> proto::Notice {
    let sent_ms = u64::try_from(SystemClock.now_ms()).unwrap_or(0);
    proto::Notice { plugin: plugin.to_owned(), lines: vec![text.to_owned()], everybody, sent_ms, event: 0 }
}

impl Shared {
    /// Carries out the acts in their order. What has no target any more is left out and counted. A channel is meant in each of these realms
    /// that has one of its name.
    pub(super) async fn carry_out(&self, acts: PluginActs, realms: &[Arc<Home>]) {
        let PluginActs { plugin, acts } = acts;
        for act in acts {
            let outcome = self.act(&plugin, &act, realms).await;
            count_act(&plugin, act.word(), outcome);
        }
    }

    async fn act(&self, plugin: &str, act: &PluginAct, realms: &[Arc<Home>]) -> &'static str {
        let there = |name: &str| {
            let account = self.features.hooks.happenings().roll().account_named(name)?;
            let handle = self.registry().get(account).filter(|handle| handle.events.closed().is_none())?;
            Some((account, handle))
        };
        match act {
            PluginAct::Say { channel, text } => {
                let said = realms.iter().filter(|home| home.chat.say_as_plugin(plugin, channel, text)).count();
                if said > 0 { "done" } else { "no-channel" }
            }
            PluginAct::Whisper { account, text } => {
                let Some((_, handle)) = there(account) else { return "offline" };
                handle.events.tell(notice(plugin, text.as_str(), false));
                "done"
            }
            PluginAct::Announce { text } => {
                let everybody = self.registry().all();
                let message = ServerMessage::from(notice(plugin, text.as_str(), true));
                let encoded = Arc::new(Encoded::from(&message));
                for (_, handle) in everybody {
                    handle.events.send(&encoded);
                }
                "done"
            }
            PluginAct::Mute { account, duration_ms, reason } => {
                let Some((account, handle)) = there(account) else { return "offline" };
                let until_ms = SystemClock.now_ms().saturating_add(i64::try_from(*duration_ms).unwrap_or(i64::MAX));
                let mute = Mute::new(reason.as_str(), until_ms);
                handle.events.tell(notice(plugin, &mute.sentence(), false));
                stored(
                    self.features.moderation.mute(account, mute, Decider::Plugin(plugin.to_owned())).await,
                    plugin,
                    account,
                )
            }
            PluginAct::Kick { account, reason } => {
                let Some((account, handle)) = there(account) else { return "offline" };
                tracing::info!(%account, by = plugin, reason, "session ended");
                let message = format!("A rule of the realm ended your session: {}.", reason.trim_end_matches('.'));
                handle.end(CloseReason { code: Code::Kicked, message, reconnect_after_ms: 0 });
                // Its game connection is another one. Who is in no game is refused, which is as good.
                let games = self.features.games.clone();
                tokio::spawn(async move { games.leave(account).await.ok() });
                "done"
            }
            PluginAct::Flag { account, reason } => {
                let roll = self.features.hooks.happenings().roll();
                let Some(account) = roll.account_named(account) else { return "offline" };
                let Some(present) = roll.account(account).filter(|present| present.online) else { return "offline" };
                let outcome = self.features.moderation.flag(account, reason, Decider::Plugin(plugin.to_owned())).await;
                self.tell_staff(&notice(plugin, &format!("{} needs your attention: {reason}", present.name), false));
                stored(outcome, plugin, account)
            }
        }
    }

    fn tell_staff(&self, notice: &proto::Notice) {
        let roll = self.features.hooks.happenings().roll();
        for (account, handle) in self.registry().all() {
            if roll.account(account).is_some_and(|present| present.staff) {
                handle.events.tell(notice.clone());
            }
        }
    }
}

fn stored<E: std::fmt::Display>(outcome: Result<(), E>, plugin: &str, account: AccountId) -> &'static str {
    match outcome {
        Ok(()) => "done",
        Err(error) => {
            tracing::error!(%account, plugin, %error, "what a plugin wanted with an account could not be stored");
            "not-stored"
        }
    }
}
