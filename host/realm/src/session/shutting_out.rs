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
                self.disconnect(Banned { account, ban: sanction.clone().ban() }).await;
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

    /// Disconnects a banned account, and ends its tokens.
    async fn disconnect(&self, Banned { account, ban }: Banned) {
        let handle = self.registry().get(account);
        if let Some(handle) = handle {
            handle.end(CloseReason { code: Code::AccountBanned, message: ban.sentence(), reconnect_after_ms: 0 });
        }
        if let Err(error) = self.features.accounts.end_sessions(account).await {
            tracing::error!(%account, %error, "the tokens of a banned account could not be ended");
        }
    }
}

/// Follows the bans of the games' own rules until the games or the sessions are gone.
pub(super) async fn follow_bans(shared: Weak<Shared>, bans: Receiver<Banned>) {
    follow(shared, bans, async |shared, banned| shared.disconnect(banned).await).await;
}

/// Follows the sanctions of all nodes until the sessions are gone.
pub(super) async fn follow_sanctions(shared: Weak<Shared>, sanctions: Receiver<Sanction>) {
    follow(shared, sanctions, async |shared, sanction| {
        if let Err(refusal) = shared.enforce(&sanction).await {
            let (number, problem) = (sanction.number, refusal.message);
            tracing::error!(number, problem, "sessions of somebody who is banned could not be ended");
        }
    })
    .await;
}

async fn follow<T: Clone>(shared: Weak<Shared>, mut news: Receiver<T>, act: impl AsyncFn(Arc<Shared>, T)) {
    loop {
        match news.recv().await {
            Ok(one) => match shared.upgrade() {
                Some(shared) => act(shared, one).await,
                None => return,
            },
            Err(RecvError::Lagged(missed)) => {
                tracing::error!(
                    missed,
                    "banned accounts stay connected until their next log-in: too many bans at once"
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}
