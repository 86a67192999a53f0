//! Waiting for a place in a full realm.

use realm_protocol::{ServerMessage, proto};
use tokio::time::Duration;

use super::{Lobby, Login};
use crate::ClientError;

/// What the realm answers to AUTH_REQUEST.
pub(super) enum Answer {
    In(proto::AuthSuccess),
    Wait(proto::QueuePosition),
    Refused(ClientError),
}

impl Answer {
    pub(super) fn of(message: &ServerMessage) -> Option<Self> {
        match message {
            ServerMessage::AuthSuccess(success) => Some(Self::In(success.clone())),
            ServerMessage::QueuePosition(position) => Some(Self::Wait(position.clone())),
            ServerMessage::AuthFailure(failure) => Some(Self::Refused(ClientError::Refused {
                status: 0,
                code: failure.code.clone(),
                message: failure.message.clone(),
                retry_after_ms: failure.retry_after_ms,
            })),
            _ => None,
        }
    }
}

impl Lobby {
    /// Logs in, and waits for a place for as long as it takes when the realm is full. `told` hears the first place in the queue and
    /// every change of it. Bound the wait with `tokio::time::timeout`, or end it by dropping the lobby.
    ///
    /// # Errors
    /// As [`Self::login`], except [`ClientError::Queued`].
    pub async fn login_patiently(
        &mut self,
        login: Login,
        told: impl FnMut(&proto::QueuePosition),
    ) -> Result<&proto::AuthSuccess, ClientError> {
        self.hello_patiently(login.into(), told).await
    }

    /// The same with any AUTH_REQUEST, for example one that resumes a session.
    ///
    /// # Errors
    /// As [`Self::login_patiently`].
    pub async fn hello_patiently(
        &mut self,
        request: proto::AuthRequest,
        mut told: impl FnMut(&proto::QueuePosition),
    ) -> Result<&proto::AuthSuccess, ClientError> {
        match self.ask_for_place(request).await? {
            Answer::In(session) => Ok(self.enter(session)),
            Answer::Refused(refused) => Err(refused),
            Answer::Wait(position) => {
                told(&position);
                self.wait_in_queue(told).await
            }
        }
    }

    /// Goes on waiting after [`ClientError::Queued`]; may be cancelled and called again. While it is polled, signs of life are sent.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when there will be no place, or when the connection fails.
    pub async fn wait_in_queue(
        &mut self,
        mut told: impl FnMut(&proto::QueuePosition),
    ) -> Result<&proto::AuthSuccess, ClientError> {
        loop {
            let answer = match self.wait_for_new(self.connection.deadline(), Answer::of).await {
                // A queue may not move for long; whether the connection is alive, the signs of life find out.
                Err(ClientError::Deadline { .. }) => continue,
                answer => answer?,
            };
            match answer {
                Answer::In(session) => return Ok(self.enter(session)),
                Answer::Refused(refused) => return Err(refused),
                Answer::Wait(position) => told(&position),
            }
        }
    }

    pub(super) async fn ask_for_place(&mut self, mut request: proto::AuthRequest) -> Result<Answer, ClientError> {
        if request.realm.is_empty() {
            request.realm.clone_from(&self.realm);
        }
        let answer = self.ask(request, Answer::of).await?;
        if let Answer::Wait(proto::QueuePosition { heartbeat_ms, .. }) = &answer {
            self.live(*heartbeat_ms);
        }
        Ok(answer)
    }

    pub(super) fn enter(&mut self, session: proto::AuthSuccess) -> &proto::AuthSuccess {
        self.live(session.heartbeat_ms);
        self.session.insert(session)
    }

    fn live(&mut self, heartbeat_ms: u32) {
        if heartbeat_ms > 0 {
            self.connection.set_heartbeat(Some(Duration::from_millis(heartbeat_ms.into())));
        }
    }
}
