//! The lobby against a server that is played by the test: real frames over a pipe.

use bytes::BytesMut;
use realm_protocol::{Decoder, Encoder, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::wire::{FrameWire, Wire};

/// The server's end of a pipe.
struct Server {
    stream: DuplexStream,
    decoder: Decoder,
    encoder: Encoder,
    buffer: BytesMut,
}

impl Server {
    async fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer).unwrap() {
                return frame;
            }
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "the client has gone");
        }
    }

    async fn message(&mut self) -> ClientMessage {
        let frame = self.frame().await;
        ClientMessage::decode(frame.identifier, &frame.payload).unwrap()
    }

    async fn say(&mut self, message: impl Into<ServerMessage>) {
        let message = message.into();
        let mut out = BytesMut::new();
        self.encoder.encode(message.identifier(), 0, &[&message.to_payload()], &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }
}

const DEADLINE: Duration = Duration::from_secs(5);

fn pair(deadline: Duration) -> (Lobby, Server) {
    let (ours, theirs) = duplex(1_024);
    let connection = Connection::over(Wire::Frames(FrameWire::new(Box::new(ours))), deadline);
    let server = Server {
        stream: theirs,
        decoder: Decoder::new(realm_protocol::frame::SIZE_MAX_AFTER_LOGIN),
        encoder: Encoder::new(),
        buffer: BytesMut::new(),
    };
    (Lobby::over(connection), server)
}

fn line(text: &str, event: u64) -> proto::ChatMessage {
    proto::ChatMessage { text: text.to_owned(), event, ..proto::ChatMessage::default() }
}

#[tokio::test]
async fn login_gives_the_session() {
    let (mut lobby, mut server) = pair(DEADLINE);
    let serve = async {
        let ClientMessage::AuthRequest(request) = server.message().await else { panic!("no AUTH_REQUEST") };
        assert_eq!((request.account.as_str(), request.password.as_str()), ("Ann", "secret"));
        server.say(proto::AuthSuccess { account_id: 7, heartbeat_ms: 20_000, ..Default::default() }).await;
    };
    let login = Login::Password { account: "Ann".to_owned(), password: "secret".to_owned() };
    let (session, ()) = tokio::join!(lobby.login(login), serve);
    assert_eq!(session.unwrap().account_id, 7);
    assert_eq!(lobby.session().unwrap().account_id, 7);
}

#[tokio::test]
async fn a_refused_login_tells_code_and_time() {
    let (mut lobby, mut server) = pair(DEADLINE);
    let serve = async {
        server.message().await;
        let (code, message) = ("ACCOUNT_LOCKED".to_owned(), "Wait.".to_owned());
        server.say(proto::AuthFailure { code, message, retry_after_ms: 900, ..Default::default() }).await;
    };
    let (error, ()) = tokio::join!(lobby.login(Login::Token("t".to_owned())), serve);
    let ClientError::Refused { code, retry_after_ms, .. } = error.map(|_| ()).unwrap_err() else { panic!("refused") };
    assert_eq!((code.as_str(), retry_after_ms), ("ACCOUNT_LOCKED", 900));
}

#[tokio::test]
async fn an_error_belongs_to_the_request_it_names_and_the_rest_is_kept() {
    let (mut lobby, mut server) = pair(DEADLINE);
    let serve = async {
        assert_eq!(server.frame().await.sequence, 0);
        let frame = server.frame().await;
        server.say(line("one", 1)).await;
        server.say(proto::Error { code: "RATE_LIMITED".to_owned(), sequence: 0, ..Default::default() }).await;
        server.say(line("two", 2)).await;
        let sequence = frame.sequence;
        server.say(proto::Error { code: "CHANNEL_FULL".to_owned(), sequence, ..Default::default() }).await;
    };
    let ask = async {
        lobby.say("hello").await.unwrap();
        lobby.join_channel("Town").await.unwrap_err()
    };
    let (error, ()) = tokio::join!(ask, serve);
    assert_eq!(error.code(), Some("CHANNEL_FULL"));
    assert_eq!(lobby.event(), 2);
    let two = lobby.wait_for(DEADLINE, |message| message.event().filter(|event| *event == 2)).await;
    assert_eq!(two.unwrap(), 2);
    assert_eq!(lobby.next().await.unwrap(), line("one", 1).into());
    assert!(matches!(lobby.next().await.unwrap(), ServerMessage::Error(error) if error.code == "RATE_LIMITED"));
}

#[tokio::test]
async fn pings_are_answered_while_something_is_waited_for() {
    let (mut lobby, mut server) = pair(DEADLINE);
    let serve = async {
        server.say(proto::Ping { token: 99 }).await;
        assert_eq!(server.message().await, proto::Pong { token: 99 }.into());
        server.say(line("after", 1)).await;
    };
    let (message, ()) = tokio::join!(lobby.next(), serve);
    assert_eq!(message.unwrap(), line("after", 1).into());
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_sends_signs_of_life() {
    let (mut lobby, mut server) = pair(Duration::from_secs(120));
    lobby.connection().set_heartbeat(Some(Duration::from_secs(20)));
    let start = Instant::now();
    let serve = async {
        for _ in 0..3 {
            let ClientMessage::Ping(ping) = server.message().await else { panic!("no PING") };
            server.say(proto::Pong { token: ping.token }).await;
        }
        server.say(line("late", 1)).await;
    };
    let (message, ()) = tokio::join!(lobby.next(), serve);
    assert_eq!(message.unwrap(), line("late", 1).into());
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_leaves_the_connection_usable() {
    let (mut lobby, mut server) = pair(DEADLINE);
    assert!(matches!(lobby.next().await, Err(ClientError::Deadline { deadline_ms: 5_000, .. })));
    server.say(line("late", 1)).await;
    assert_eq!(lobby.next().await.unwrap(), line("late", 1).into());
}

#[tokio::test]
async fn the_reason_of_the_end_is_kept() {
    let (mut lobby, mut server) = pair(DEADLINE);
    server.say(proto::Goodbye { code: "REALM_STOPPING".to_owned(), ..Default::default() }).await;
    drop(server);
    assert!(matches!(lobby.next().await, Ok(ServerMessage::Goodbye(_))));
    assert_eq!(lobby.next().await.unwrap_err().code(), Some("REALM_STOPPING"));
    assert_eq!(lobby.say("too late").await.unwrap_err().code(), Some("REALM_STOPPING"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_read_is_given_up() {
    let (mut lobby, _server) = pair(DEADLINE);
    let text = "x".repeat(2_000);
    assert!(matches!(lobby.say(&text).await, Err(ClientError::Deadline { .. })));
}

#[tokio::test]
async fn messages_of_a_newer_realm_are_passed_over() {
    let (mut lobby, mut server) = pair(DEADLINE);
    let mut out = BytesMut::new();
    server.encoder.encode(0xEE, 0, &[b"new"], &mut out).unwrap();
    server.stream.write_all(&out).await.unwrap();
    server.say(line("old", 1)).await;
    assert_eq!(lobby.next().await.unwrap(), line("old", 1).into());
}
