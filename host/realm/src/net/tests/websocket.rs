//! `/ws`.

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use realm_protocol::{
    ClientMessage, ServerMessage,
    frame::{Decoder, Encoder},
    proto,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest as _,
        http::{HeaderName, HeaderValue},
    },
};

use super::{House, PATIENCE, client::connect, config, house};

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn open(house: &House, path: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let stream = connect(house, house.addresses.https, &[b"http/1.1"]).await.unwrap();
    let mut request = format!("wss://localhost:{}{path}", house.addresses.https.port()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    Ok(timeout(PATIENCE, client_async(request, stream)).await.unwrap()?.0)
}

async fn json(house: &House) -> Socket {
    open(house, "/ws", &[("sec-websocket-protocol", "realm.v1.json")]).await.unwrap()
}

/// Status and code of a refusal.
async fn refused(house: &House, path: &str, headers: &[(&'static str, &str)]) -> (u16, String) {
    let Err(Error::Http(response)) = open(house, path, headers).await else { panic!("not refused") };
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: serde_json::Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
    (response.status().as_u16(), body["code"].as_str().unwrap().to_owned())
}

async fn receive(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap()
}

async fn ask(socket: &mut Socket, text: &str) -> String {
    socket.send(Message::text(text)).await.unwrap();
    receive(socket).await.into_text().unwrap().to_string()
}

/// The close code and reason that are due, after a goodbye.
async fn closed(socket: &mut Socket) -> (u16, String) {
    let Message::Close(Some(frame)) = receive(socket).await else { panic!("not closed") };
    (frame.code.into(), frame.reason.to_string())
}

#[tokio::test]
async fn json_says_hello_and_events_are_numbered() {
    let house = house(config()).await;
    let mut socket = json(&house).await;
    let ready = ask(&mut socket, r#"{"type":"hello","data":{"access_token":"t","nonce":"n"}}"#).await;
    assert!(ready.starts_with(r#"{"type":"ready","data":{"#) && ready.contains(r#""nonce":"n""#), "{ready}");
    let line = ask(&mut socket, r#"{"type":"chat:message","data":{"text":"good \"evening\""}}"#).await;
    assert!(line.starts_with(r#"{"event":1,"type":"chat:message","data":{"#), "{line}");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["data"]["text"], "good \"evening\"");

    let unknown = ask(&mut socket, r#"{"type":"dance"}"#).await;
    assert!(unknown.contains("MESSAGE_INVALID") && unknown.contains("dance"), "{unknown}");
    let torn = ask(&mut socket, r#"{"type":"#).await;
    assert!(torn.contains("MESSAGE_INVALID"), "{torn}");
    socket.send(Message::Binary(vec![1].into())).await.unwrap();
    assert!(receive(&mut socket).await.into_text().unwrap().contains("text messages only"));
    socket.send(Message::Ping(vec![7].into())).await.unwrap();
    assert_eq!(receive(&mut socket).await, Message::Pong(vec![7].into()));

    let goodbye = ask(&mut socket, r#"{"type":"logout"}"#).await;
    assert!(goodbye.starts_with(r#"{"type":"goodbye""#) && goodbye.contains("LOGGED_OUT"), "{goodbye}");
    assert_eq!(closed(&mut socket).await, (4011, "LOGGED_OUT".to_owned()));
}

#[tokio::test]
async fn large_texts_end_the_connection() {
    let house = house(config()).await;
    let long =
        |bytes: usize| Message::text(format!(r#"{{"type":"hello","data":{{"nonce":"{}"}}}}"#, "n".repeat(bytes)));
    for bytes in [5_000, 20_000] {
        let mut socket = json(&house).await;
        socket.send(long(bytes)).await.unwrap();
        assert!(receive(&mut socket).await.into_text().unwrap().starts_with(r#"{"type":"error""#));
        assert!(receive(&mut socket).await.into_text().unwrap().starts_with(r#"{"type":"goodbye""#));
        assert_eq!(closed(&mut socket).await, (4021, "FRAME_TOO_LARGE".to_owned()));
    }
    let mut socket = json(&house).await;
    ask(&mut socket, r#"{"type":"hello"}"#).await;
    assert!(ask(&mut socket, &long(10_000).into_text().unwrap()).await.starts_with(r#"{"type":"ready""#));
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let house = house(config()).await;
    let mut socket = json(&house).await;
    socket.close(None).await.unwrap();
    assert!(matches!(receive(&mut socket).await, Message::Close(_)));
    assert!(timeout(PATIENCE, socket.next()).await.unwrap().is_none());
    timeout(PATIENCE, house.doors.shared.arrivals.admission.empty()).await.unwrap();
}

#[tokio::test]
async fn frames_and_games_travel_in_binary_messages() {
    let house = house(config()).await;
    let mut socket = open(&house, "/ws", &[("sec-websocket-protocol", "chat, realm.v1.bin")]).await.unwrap();
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(16 * 1024));
    let mut frame = |message: ClientMessage| {
        let mut bytes = BytesMut::new();
        encoder.encode(message.identifier(), 0, &[&message.to_payload()], &mut bytes).unwrap();
        Message::Binary(bytes.freeze())
    };
    let hello = frame(proto::AuthRequest { nonce: "n".into(), ..Default::default() }.into());
    let step = ClientMessage::from(proto::PlayerMove { input: 1, dx: 3, ..Default::default() });
    let ping = frame_pair(&mut frame);
    let moved = frame(step.clone());
    for message in [hello, ping.0, ping.1, moved] {
        socket.send(message).await.unwrap();
    }
    let mut frames = Vec::new();
    for _ in 0..4 {
        let mut bytes = BytesMut::from(receive(&mut socket).await.into_data());
        frames.push(decoder.decode(&mut bytes).unwrap().unwrap());
        assert!(bytes.is_empty(), "one frame a message");
    }
    let message = |index: usize| ServerMessage::decode(frames[index].identifier, &frames[index].payload).unwrap();
    assert!(matches!(message(0), ServerMessage::AuthSuccess(_)));
    assert_eq!(message(1), proto::Pong { token: 1 }.into());
    assert_eq!(message(2), proto::Pong { token: 2 }.into());
    assert_eq!((frames[3].identifier, frames[3].payload.clone()), (0x40, step.to_payload()));

    let Message::Binary(two) = frame(proto::Ping { token: 3 }.into()) else { unreachable!() };
    socket.send(Message::Binary([&two[..], b"more"].concat().into())).await.unwrap();
    for identifier in [0x06, 0x07] {
        assert_eq!(receive(&mut socket).await.into_data()[0], identifier);
    }
    assert_eq!(closed(&mut socket).await, (4020, "FRAME_INVALID".to_owned()));
}

fn frame_pair(frame: &mut impl FnMut(ClientMessage) -> Message) -> (Message, Message) {
    (frame(proto::Ping { token: 1 }.into()), frame(proto::Ping { token: 2 }.into()))
}

#[tokio::test]
async fn what_is_not_agreed_on_is_refused_with_a_code() {
    let house = house(super::Config { origins: vec!["https://play.example".into()], ..config() }).await;
    let json = ("sec-websocket-protocol", "realm.v1.json");
    let own = format!("https://localhost:{}", house.addresses.https.port());
    assert!(open(&house, "/ws", &[json, ("origin", &own)]).await.is_ok());
    assert!(open(&house, "/ws", &[json, ("origin", "https://play.example")]).await.is_ok());
    let foreign = refused(&house, "/ws", &[json, ("origin", "https://evil.example")]).await;
    assert_eq!(foreign, (403, "ORIGIN_REFUSED".to_owned()));
    assert_eq!(refused(&house, "/ws", &[]).await, (400, "SUBPROTOCOL_UNKNOWN".to_owned()));
    let unknown = refused(&house, "/ws", &[("sec-websocket-protocol", "realm.v9")]).await;
    assert_eq!(unknown, (400, "SUBPROTOCOL_UNKNOWN".to_owned()));
    assert_eq!(refused(&house, "/ws?access_token=t", &[json]).await, (400, "REQUEST_INVALID".to_owned()));
}

#[tokio::test]
async fn deadlines_hold_and_closing_doors_say_so() {
    let hasty = house(super::Config { login_deadline_ms: 100, ..config() }).await;
    let mut socket = json(&hasty).await;
    assert!(receive(&mut socket).await.into_text().unwrap().contains("NOT_LOGGED_IN"));
    assert_eq!(closed(&mut socket).await.0, 4001);

    let house = house(config()).await;
    let mut socket = json(&house).await;
    ask(&mut socket, r#"{"type":"hello"}"#).await;
    let closing = tokio::spawn(house.doors.close(60_000));
    assert!(receive(&mut socket).await.into_text().unwrap().contains("REALM_STOPPING"));
    assert_eq!(closed(&mut socket).await.0, 4012);
    drop(socket);
    timeout(PATIENCE, closing).await.unwrap().unwrap();
}
