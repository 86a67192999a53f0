//! What a ban does to those who are connected: they are told, sent away and their tokens end, whoever decided it, on whichever node.

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Sessions, Shared};
use crate::{
    games::Banned,
    moderation::{Kind, Sanction, Target},
    types::{CloseReason, Code, Refusal},
};

/// How long the game of a banned account may take to let it go before the verb answers.
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);

impl Sessions {
    /// Sends away whom a ban in force concerns, from games too, and ends their tokens. Done when it answers. Other sanctions ask for nothing.
    ///
    /// # Errors
    /// When tokens could not be ended.
    pub async fn carry_out(&self, sanction: &Sanction) -> Result<(), Refusal> {
        self.shared.enforce(sanction).await
    }
}

impl Shared {
    async fn enforce(&self, sanction: &Sanction) -> Result<(), Refusal> {
        if sanction.kind != Kind::Ban || !sanction.in_force(self.features.moderation.now_ms()) {
            return Ok(());
        }
        match sanction.target {
            Target::Account(account) => {
                self.disconnect(Banned { account, ban: sanction.clone().ban() });
                self.features.accounts.end_sessions(account).await?;
                // Its game connection is another one. Who is in no game is refused, which is as good.
                let _ = tokio::time::timeout(LEAVE_DEADLINE, self.features.games.leave(account)).await;
            }
            Target::Network(network) => {
                let banned = move |address: IpAddr| network.contains(&address.to_canonical());
                let ended = self.features.accounts.end_sessions_from(banned).await?;
                tracing::info!(%network, ended, "sessions from a banned network have ended");
            }
        }
        Ok(())
    }

    /// Disconnects a banned account.
    fn disconnect(&self, Banned { account, ban }: Banned) {
        let handle = self.registry().get(account);
        if let Some(handle) = handle {
            handle.end(CloseReason { code: Code::AccountBanned, message: ban.sentence(), reconnect_after_ms: 0 });
        }
    }

    /// Carries a ban out that another node may have spoken, as it is now: whoever was let in again since stays. Tokens have ended with the
    /// ban, on every node; the game lets go beside what comes next.
    async fn carry_out_heard(&self, sanction: &Sanction) -> Result<(), Refusal> {
        let Target::Account(account) = sanction.target else { return self.enforce(sanction).await };
        if sanction.kind != Kind::Ban
            || (self.registry().get(account).is_none() && self.features.games.current(account).is_none())
        {
            return Ok(());
        }
        let Some(ban) = self.features.moderation.ban_in_force(account).await? else { return Ok(()) };
        self.disconnect(Banned { account, ban });
        let games = self.features.games.clone();
        tokio::spawn(async move { tokio::time::timeout(LEAVE_DEADLINE, games.leave(account)).await });
        Ok(())
    }

    /// Asks of everybody who is connected whether there is a ban: what was told has been missed.
    async fn look_at_everybody(&self) -> Result<(), Refusal> {
        let connected: Vec<_> = self.registry().all().into_iter().map(|(account, _)| account).collect();
        for account in connected {
            if let Some(ban) = self.features.moderation.ban_in_force(account).await? {
                self.disconnect(Banned { account, ban });
                let games = self.features.games.clone();
                tokio::spawn(async move { tokio::time::timeout(LEAVE_DEADLINE, games.leave(account)).await });
            }
        }
        Ok(())
    }

    /// Disconnects an account that a rule banned, and ends its tokens.
    async fn shut_out(&self, banned: Banned) {
        let account = banned.account;
        self.disconnect(banned);
        if let Err(error) = self.features.accounts.end_sessions(account).await {
            tracing::error!(%account, %error, "the tokens of a banned account could not be ended");
        }
    }
}

/// Follows the bans of the games' own rules until the games or the sessions are gone.
pub(super) async fn follow_bans(shared: Weak<Shared>, bans: Receiver<Banned>) {
    follow(shared, bans, async |shared, banned| {
        shared.shut_out(banned).await;
        Ok(())
    })
    .await;
}

/// Follows the sanctions of all nodes until the sessions are gone.
pub(super) async fn follow_sanctions(shared: Weak<Shared>, sanctions: Receiver<Sanction>) {
    follow(shared, sanctions, async |shared, sanction| shared.carry_out_heard(&sanction).await).await;
}

async fn follow<T: Clone>(
    shared: Weak<Shared>,
    mut news: Receiver<T>,
    act: impl AsyncFn(Arc<Shared>, T) -> Result<(), Refusal>,
) {
    loop {
        let next = match news.recv().await {
            Err(RecvError::Closed) => return,
            next => next,
        };
        let Some(shared) = shared.upgrade() else { return };
        let done = match next {
            Ok(one) => act(shared, one).await,
            // Too much at once: nobody is forgotten for it.
            Err(_) => shared.look_at_everybody().await,
        };
        if let Err(refusal) = done {
            let problem = refusal.message;
            tracing::error!(problem, "somebody who is banned could not be sent away; his next log-in is refused");
        }
    }
}
