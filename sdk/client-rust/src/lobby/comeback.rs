//! Coming back after a connection was lost: when to try, how often, and when not at all.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use realm_protocol::proto;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Lobby, Login};
use crate::{ClientError, Door, Endpoint};

/// The first pause between two tries; each further one is twice as long …
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// What a lobby leaves when its connection is lost: enough to continue its session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lost {
    /// The token of the session.
    pub resume_token: String,
    /// Number of the last event that was read.
    pub event: u64,
    /// What the server said at the end, if it said anything.
    pub goodbye: Option<proto::Goodbye>,
}

impl Lost {
    /// When the server wants its client back; `None` when it does not, unless the user wishes.
    fn first_pause(&self) -> Option<Duration> {
        match &self.goodbye {
            // The network broke: at once.
            None => Some(Duration::ZERO),
            Some(goodbye) if goodbye.reconnect_after_ms == 0 => None,
            // The server has spread its clients already.
            Some(goodbye) => Some(Duration::from_millis(goodbye.reconnect_after_ms)),
        }
    }
}

/// How to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComeBack {
    /// Where the realm is, unless its goodbye named another host.
    pub endpoint: Endpoint,
    /// Which way in; it needs not be the one that was lost.
    pub door: Door,
    /// Who comes back.
    pub login: Login,
    /// Gives up after this time. A wait in the queue of a full realm counts.
    pub patience: Duration,
}

impl ComeBack {
    /// Comes back: waits as long as the server asked for, then tries until it works. When the realm is full, `told` hears the places in
    /// its queue. In the answer, [`Lobby::session`] says whether events were lost (`resync`).
    ///
    /// # Errors
    /// [`ClientError::Closed`] at once when the server said not to come back by itself; [`ClientError::Refused`] when it refuses and
    /// waiting does not help, for example because the token has expired; and the last error when patience is at its end.
    pub async fn after(&self, lost: &Lost, mut told: impl FnMut(&proto::QueuePosition)) -> Result<Lobby, ClientError> {
        let end = Instant::now() + self.patience;
        let Some(first) = lost.first_pause() else { return Err(ClientError::Closed(lost.goodbye.clone())) };
        sleep(first.min(self.patience)).await;
        let mut pause = PAUSE_FIRST;
        loop {
            let tried = timeout_at(end, self.try_once(lost, &mut told)).await;
            let error = match tried {
                Ok(Ok(lobby)) => return Ok(lobby),
                Ok(Err(error)) => error,
                Err(_) => {
                    let deadline_ms = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
                    return Err(ClientError::Deadline { waited_for: "the way back into the realm", deadline_ms });
                }
            };
            let wait = match &error {
                ClientError::Refused { retry_after_ms: 0, .. } => return Err(error),
                ClientError::Refused { retry_after_ms, .. } => Duration::from_millis(*retry_after_ms),
                ClientError::Closed(Some(goodbye)) if goodbye.reconnect_after_ms == 0 => return Err(error),
                ClientError::Closed(Some(goodbye)) => Duration::from_millis(goodbye.reconnect_after_ms),
                ClientError::Trust(_) => return Err(error),
                _ => {
                    let wait = shifted(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                    wait
                }
            };
            if Instant::now() + wait >= end {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    async fn try_once(&self, lost: &Lost, told: &mut impl FnMut(&proto::QueuePosition)) -> Result<Lobby, ClientError> {
        let mut endpoint = self.endpoint.clone();
        if let Some(goodbye) = &lost.goodbye
            && !goodbye.reconnect_host.is_empty()
        {
            endpoint.host.clone_from(&goodbye.reconnect_host);
        }
        let mut lobby = Lobby::connect(&endpoint, self.door).await?;
        lobby.resume_patiently(self.login.clone(), &lost.resume_token, lost.event, told).await?;
        Ok(lobby)
    }
}

impl Lobby {
    /// What continues this session over another connection.
    #[must_use]
    pub fn lost(&self) -> Lost {
        Lost {
            resume_token: self.session().map(|session| session.resume_token.clone()).unwrap_or_default(),
            event: self.event(),
            goodbye: self.goodbye().cloned(),
        }
    }

    async fn resume_patiently(
        &mut self,
        login: Login,
        token: &str,
        event: u64,
        told: impl FnMut(&proto::QueuePosition),
    ) -> Result<&proto::AuthSuccess, ClientError> {
        self.event = event;
        let request = proto::AuthRequest { resume_token: token.to_owned(), resume_event: event, ..login.into() };
        self.hello_patiently(request, told).await
    }
}

/// Half of it to one and a half, so that clients which were lost together do not come together.
fn shifted(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 1_000;
    pause / 2 + pause.mul_f64(f64::from(u32::try_from(random).unwrap_or(0)) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(goodbye: Option<(&str, u64)>) -> Lost {
        let goodbye = goodbye.map(|(code, reconnect_after_ms)| proto::Goodbye {
            code: code.to_owned(),
            reconnect_after_ms,
            ..Default::default()
        });
        Lost { goodbye, ..Lost::default() }
    }

    #[test]
    fn the_goodbye_says_when_and_whether() {
        assert_eq!(lost(None).first_pause(), Some(Duration::ZERO));
        assert_eq!(lost(Some(("REALM_STOPPING", 1_234))).first_pause(), Some(Duration::from_millis(1_234)));
        assert_eq!(lost(Some(("SESSION_REPLACED", 0))).first_pause(), None);
    }

    #[test]
    fn pauses_are_shifted_around_their_length() {
        let pauses: Vec<_> = (0..1_000).map(|_| shifted(Duration::from_secs(2))).collect();
        assert!(pauses.iter().all(|pause| (1_000..3_000).contains(&pause.as_millis())));
        let early = pauses.iter().filter(|pause| pause.as_millis() < 2_000).count();
        assert!((300..700).contains(&early), "{early} of 1000");
    }

    #[tokio::test(start_paused = true)]
    async fn who_shall_not_come_back_does_not_try() {
        let trust = crate::Trust::fingerprint(&vec!["AB"; 32].join(":")).unwrap();
        let come_back = ComeBack {
            endpoint: Endpoint::new("256.0.0.1", trust),
            door: Door::Frames,
            login: Login::Token(String::new()),
            patience: Duration::from_secs(5),
        };
        let begin = Instant::now();
        let replaced = come_back.after(&lost(Some(("SESSION_REPLACED", 0))), |_| {}).await.err().unwrap();
        assert_eq!((replaced.code(), begin.elapsed().as_secs()), (Some("SESSION_REPLACED"), 0));
    }
}
