//! A WebSocket, with JSON texts or with one frame in each binary message.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink as _, StreamExt as _};
use realm_protocol::{Decoder, Encoder, frame::SIZE_MAX_AFTER_LOGIN};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::WebSocketConfig,
    },
};

use super::{AnyStream, OUTGOING_BYTES_MAX, Received, outgoing_full};
use crate::{ClientError, rest::refusal};

/// A WebSocket to `/ws`.
pub(crate) struct WebSocketWire {
    socket: WebSocketStream<AnyStream>,
    frames: Option<(Decoder, Encoder)>,
    texts: u32,
    outgoing: VecDeque<Message>,
    closed: Option<(u16, String)>,
}

impl WebSocketWire {
    /// Upgrades a fresh HTTPS connection.
    pub(crate) async fn upgrade(stream: AnyStream, host: &str, port: u16, json: bool) -> Result<Self, ClientError> {
        let failed = |problem: &dyn std::fmt::Display| ClientError::Unexpected(format!("no WebSocket: {problem}"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let mut request = format!("wss://{host}:{port}/ws").into_client_request().map_err(|error| failed(&error))?;
        let protocol = if json { "realm.v1.json" } else { "realm.v1.bin" };
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        let limits = WebSocketConfig::default()
            .max_message_size(Some(SIZE_MAX_AFTER_LOGIN * 4))
            .max_frame_size(Some(SIZE_MAX_AFTER_LOGIN * 4));
        match client_async_with_config(request, stream, Some(limits)).await {
            Ok((socket, _)) => {
                let frames = (!json).then(|| (Decoder::new(SIZE_MAX_AFTER_LOGIN), Encoder::new()));
                Ok(Self { socket, frames, texts: 0, outgoing: VecDeque::new(), closed: None })
            }
            Err(tungstenite::Error::Http(answer)) => {
                let (head, body) = answer.into_parts();
                Err(refusal(head.status.as_u16(), &body.unwrap_or_default()))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    pub(super) fn is_json(&self) -> bool {
        self.frames.is_none()
    }

    pub(super) fn close_frame(&self) -> Option<(u16, String)> {
        self.closed.clone()
    }

    pub(super) fn queue_text(&mut self, text: String) -> Result<u32, ClientError> {
        self.queue(Message::text(text))?;
        let sequence = self.texts;
        self.texts = sequence.wrapping_add(1);
        Ok(sequence)
    }

    pub(super) fn queue_frame(
        &mut self,
        identifier: u8,
        payload: &[u8],
        timestamp_ms: u32,
    ) -> Result<u32, ClientError> {
        let Some((_, encoder)) = &mut self.frames else {
            return Err(ClientError::Unexpected("there are no frames on realm.v1.json".to_owned()));
        };
        let mut bytes = BytesMut::new();
        let sequence = encoder.encode(identifier, timestamp_ms, &[payload], &mut bytes)?;
        self.queue(Message::Binary(bytes.freeze()))?;
        Ok(sequence)
    }

    pub(super) fn queue_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.queue(Message::Binary(Bytes::copy_from_slice(bytes)))?;
        // The server counts it like any other message on realm.v1.json.
        self.texts = self.texts.wrapping_add(1);
        Ok(())
    }

    fn queue(&mut self, message: Message) -> Result<(), ClientError> {
        if self.outgoing.iter().map(Message::len).sum::<usize>() + message.len() > OUTGOING_BYTES_MAX {
            return Err(outgoing_full());
        }
        self.outgoing.push_back(message);
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        poll_fn(|context| self.poll_flush(context)).await.map_err(|_| ClientError::Closed(None))
    }

    /// A message leaves the queue only when the socket has it, so that a cancelled flush can be continued.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), tungstenite::Error>> {
        while !self.outgoing.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(context))?;
            if let Some(message) = self.outgoing.pop_front() {
                Pin::new(&mut self.socket).start_send(message)?;
            }
        }
        Pin::new(&mut self.socket).poll_flush(context)
    }

    pub(super) async fn receive(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(Received::Text(text.to_string()))),
                Some(Ok(Message::Binary(bytes))) => return self.frame(bytes).map(Some),
                Some(Ok(Message::Close(frame))) => {
                    self.closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                }
                // Pings are answered by the socket itself.
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    fn frame(&mut self, bytes: Bytes) -> Result<Received, ClientError> {
        let unexpected = || ClientError::Unexpected("a WebSocket message is not exactly one frame".to_owned());
        let (decoder, _) = self.frames.as_mut().ok_or_else(unexpected)?;
        let mut buffer = BytesMut::from(bytes);
        let frame = decoder.decode(&mut buffer)?.filter(|_| buffer.is_empty());
        frame.map(Received::Frame).ok_or_else(unexpected)
    }

    pub(super) async fn shut(&mut self) -> Result<(), ClientError> {
        self.flush().await?;
        self.socket.close(None).await.map_err(|_| ClientError::Closed(None))
    }
}

#[cfg(test)]
mod tests {
    use realm_protocol::{ClientMessage, Encoded, ServerMessage, event_suffix, json, proto};
    use tokio::io::{DuplexStream, duplex};
    use tokio_tungstenite::{
        accept_hdr_async,
        tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response},
    };

    use super::*;
    use crate::wire::{Arrived, Wire};

    /// Takes the first sub-protocol that is offered.
    struct TakeProtocol;

    impl Callback for TakeProtocol {
        fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri().path(), "/ws");
            let offered = request.headers()[SEC_WEBSOCKET_PROTOCOL].clone();
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offered);
            Ok(response)
        }
    }

    async fn pair(json: bool) -> (Wire, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = duplex(1_024);
        let upgrade = WebSocketWire::upgrade(Box::new(ours), "localhost", 8443, json);
        let (client, server) = tokio::join!(upgrade, accept_hdr_async(theirs, TakeProtocol));
        (Wire::WebSocket(Box::new(client.unwrap())), server.unwrap())
    }

    async fn message(wire: &mut Wire) -> ServerMessage {
        let Arrived::Message(message) = wire.receive().await.unwrap().unwrap().read().unwrap() else {
            panic!("snapshot")
        };
        message
    }

    fn line() -> ServerMessage {
        proto::ChatMessage { text: "Hello".to_owned(), ..Default::default() }.into()
    }

    #[tokio::test]
    async fn texts_go_both_ways_and_are_counted() {
        let (mut wire, mut server) = pair(true).await;
        for sequence in 0..2 {
            assert_eq!(wire.queue(&proto::JoinChannel { channel: "Town".to_owned() }.into(), 0).unwrap(), sequence);
        }
        wire.flush().await.unwrap();
        let text = server.next().await.unwrap().unwrap();
        let expected = ClientMessage::from(proto::JoinChannel { channel: "Town".to_owned() });
        assert_eq!(json::parse_client(text.to_text().unwrap()).unwrap(), expected);
        let text = json::server_text(&Encoded::from(&line()), Some(9));
        futures_util::SinkExt::send(&mut server, Message::text(text)).await.unwrap();
        assert_eq!(message(&mut wire).await.event(), Some(9));
        assert!(wire.queue_frame(1, &[], 0).is_err());
    }

    #[tokio::test]
    async fn each_binary_message_is_one_frame() {
        let (mut wire, mut server) = pair(false).await;
        assert_eq!(wire.queue(&proto::Ping { token: 3 }.into(), 5).unwrap(), 0);
        wire.flush().await.unwrap();
        let mut bytes = BytesMut::from(server.next().await.unwrap().unwrap().into_data());
        let frame = Decoder::new(4_096).decode(&mut bytes).unwrap().unwrap();
        assert_eq!((frame.identifier, frame.timestamp_ms, bytes.len()), (0x04, 5, 0));

        let (mut encoder, mut out) = (Encoder::new(), BytesMut::new());
        encoder.encode(0x22, 0, &[&line().to_payload(), event_suffix(9).as_bytes()], &mut out).unwrap();
        futures_util::SinkExt::send(&mut server, Message::Binary(out.split().freeze())).await.unwrap();
        assert_eq!(message(&mut wire).await.event(), Some(9));
        encoder.encode(0x04, 0, &[], &mut out).unwrap();
        encoder.encode(0x04, 0, &[], &mut out).unwrap();
        futures_util::SinkExt::send(&mut server, Message::Binary(out.freeze())).await.unwrap();
        assert!(matches!(wire.receive().await, Err(ClientError::Unexpected(_))), "two frames in one message");
    }

    #[tokio::test]
    async fn the_close_frame_is_kept() {
        let (mut wire, mut server) = pair(true).await;
        let frame = tungstenite::protocol::CloseFrame { code: 4001.into(), reason: "SESSION_REPLACED".into() };
        server.close(Some(frame)).await.unwrap();
        drop(server);
        assert!(wire.receive().await.unwrap().is_none());
        assert_eq!(wire.close_frame(), Some((4001, "SESSION_REPLACED".to_owned())));
    }
}
