//! REST over real TLS sockets, against answers that are written here.

use std::{io, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{Door, Lobby, Trust};

/// A realm that answers with what it is given, one list of answers for each connection.
struct Realm {
    endpoint: Endpoint,
    pem: String,
    requests: JoinHandle<Vec<String>>,
}

async fn door(connections: Vec<Vec<String>>) -> Realm {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let https_port = listener.local_addr().unwrap().port();
    let requests = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answers in connections {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate goes away.
            let Ok(mut stream) = TlsAcceptor::from(Arc::new(config.clone())).accept(stream).await else { continue };
            for answer in answers {
                requests.push(request(&mut stream).await.unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            stream.shutdown().await.unwrap();
        }
        requests
    });
    let trust = Trust::Fingerprint(Sha256::digest(&certificate).into());
    let endpoint = Endpoint { https_port, ..Endpoint::new("127.0.0.1", trust) };
    Realm { endpoint, pem: made.cert.pem(), requests }
}

/// Reads one request: head, and as many bytes as `content-length` says.
async fn request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<String> {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Ok(text);
            }
        }
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await?;
        text.push(char::from(byte[0]));
    }
}

fn answer(status: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn tokens() -> Value {
    json!({"access_token": "a.b.c", "access_expires_seconds": 600, "refresh_token": "r",
        "account": {"id": "9007199254740993", "name": "Ann", "role": "player"}})
}

#[tokio::test]
async fn a_login_is_remembered_and_one_connection_is_kept() {
    let character = json!({"id": "5", "name": "Isa", "class": "Druid", "level": 3, "experience": 900, "hardcore": false,
        "dead": false, "attributes": {"strength": 20, "dexterity": 20, "vitality": 20, "energy": 20},
        "created": "2026-01-01T00:00:00Z", "play_time_ms": 5});
    let characters = json!({"characters": [character], "characters_max": 18});
    let answers =
        vec![answer("200 OK", &tokens()), answer("200 OK", &characters), answer("204 No Content", &json!(null))];
    let door = door(vec![answers]).await;
    let mut rest = Rest::new(&door.endpoint);
    assert_eq!(rest.login("Ann", "secret").await.unwrap().account.id, 9_007_199_254_740_993);
    assert_eq!(rest.access_token(), Some("a.b.c"));
    assert_eq!(rest.characters().await.unwrap().characters[0].id, 5);
    rest.logout().await.unwrap();
    assert_eq!((rest.access_token(), rest.refresh_token()), (None, None));
    let requests = door.requests.await.unwrap();
    assert!(requests[0].starts_with("POST /api/v1/auth/login HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].ends_with(r#"{"name":"Ann","password":"secret"}"#), "{}", requests[0]);
    assert!(requests[1].contains("authorization: Bearer a.b.c"), "{}", requests[1]);
}

#[tokio::test]
async fn a_closed_connection_is_made_anew() {
    let one = || vec![answer("200 OK", &json!({"realms": []}))];
    let door = door(vec![one(), one()]).await;
    let mut rest = Rest::new(&door.endpoint);
    rest.realms().await.unwrap();
    rest.realms().await.unwrap();
    assert_eq!(door.requests.await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_problem_document_is_a_refusal() {
    let problem = json!({"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Choose another name.",
        "code": "ACCOUNT_TAKEN", "retry_after_ms": 20});
    let door =
        door(vec![vec![answer("409 Conflict", &problem), answer("500 Oops", &json!("no problem document"))]]).await;
    let mut rest = Rest::new(&door.endpoint);
    let ClientError::Refused { status, code, message, retry_after_ms } =
        rest.register("Ann", "secret").await.unwrap_err()
    else {
        panic!("refused")
    };
    assert_eq!((status, code.as_str(), message.as_str()), (409, "ACCOUNT_TAKEN", "Choose another name."));
    assert_eq!(retry_after_ms, 20);
    let response = rest.request(Method::GET, "/api/v1/realms", None).await.unwrap();
    assert_eq!(response.status, 500);
    assert!(matches!(response.success(), Err(ClientError::Refused { status: 500, .. })));
}

#[tokio::test]
async fn another_certificate_is_not_trusted() {
    let door = door(vec![Vec::new()]).await;
    let endpoint = Endpoint { trust: Trust::Fingerprint([7; 32]), ..door.endpoint };
    let error = Rest::new(&endpoint).realms().await.unwrap_err();
    let ClientError::Connect { problem, .. } = &error else { panic!("{error}") };
    assert!(problem.to_string().contains("fingerprint"), "{problem}");
}

#[tokio::test]
async fn a_certificate_file_is_trusted() {
    let door = door(vec![vec![answer("200 OK", &json!({}))]]).await;
    let endpoint = Endpoint { trust: Trust::CertificatePem(door.pem), ..door.endpoint };
    Rest::new(&endpoint).realms().await.unwrap();
}

#[tokio::test]
async fn a_refused_websocket_tells_the_code() {
    let problem = json!({"title": "Forbidden", "detail": "Not from this page.", "code": "ORIGIN_REFUSED"});
    let door = door(vec![vec![answer("403 Forbidden", &problem)]]).await;
    let error = Lobby::connect(&door.endpoint, Door::WebSocketJson).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Some("ORIGIN_REFUSED"));
    let request = &door.requests.await.unwrap()[0];
    assert!(request.to_lowercase().contains("sec-websocket-protocol: realm.v1.json"), "{request}");
}

#[tokio::test]
async fn nobody_there_is_said() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let https_port = listener.local_addr().unwrap().port();
    drop(listener);
    let endpoint = Endpoint { https_port, ..Endpoint::new("127.0.0.1", Trust::Fingerprint([0; 32])) };
    assert!(matches!(Rest::new(&endpoint).realms().await, Err(ClientError::Connect { .. })));
}
