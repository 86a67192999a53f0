//! Who people are, from outside: passwords and sessions, second factors, sanctions, account keys, and what is kept about somebody.

mod own_data;
mod passwords;
mod sanctions;
mod second_factors;
mod verbs;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use realm::types::{Clock, SystemClock};
use realm_client::{ClientError, Door, Endpoint, GameConnection, Lobby, Login, Method, Rest, ServerMessage};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::harness::{
    DEADLINE, PASSWORD, TestRealm, eventually,
    program::{Site, Up},
    raw, refused,
};

const NEW_PASSWORD: &str = "five lanterns by the lake";

const DOORS: [Door; 3] = [Door::Frames, Door::WebSocketJson, Door::WebSocketBinary];

/// A clock that stands still until a test turns it.
struct Hands(AtomicI64);

impl Hands {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now_ms())))
    }

    fn turn_minutes(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn answer(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// A request below `/api/v1`, and its answer when it is a success.
async fn ask(rest: &mut Rest, method: Method, path: &str, body: Option<Value>) -> Result<Value, ClientError> {
    let answer = rest.request(method, &format!("/api/v1{path}"), body.as_ref()).await.expect("an answer");
    answer.success().map(|answer| answer.json)
}

/// A client that speaks as the operator does: with the token in the data folder.
fn operator(data: &Path, endpoint: &Endpoint) -> Rest {
    let token = fs::read_to_string(data.join("operator.token")).expect("a token in the data folder");
    let mut rest = Rest::new(endpoint);
    rest.set_access_token(Some(token));
    rest
}

/// Reads until the realm ends the connection; its code and sentence.
async fn goodbye(lobby: &mut Lobby) -> (String, String) {
    loop {
        match lobby.next().await {
            Ok(_) => {}
            Err(ClientError::Closed(Some(goodbye))) => return (goodbye.code, goodbye.message),
            Err(error) => panic!("the realm should say goodbye, and not so: {error}"),
        }
    }
}

/// Waits until a game connection is over.
async fn game_over(mut game: GameConnection) {
    while game.next().await.is_ok() {}
}

/// The bytes of a secret in base32.
fn bytes_of(base32: &str) -> Vec<u8> {
    let value = |letter: u8| u32::from(if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' });
    let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
    for letter in base32.bytes() {
        held = held << 5 | value(letter);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap());
        }
        held &= (1 << bits) - 1;
    }
    bytes
}

/// What an authenticator shows.
fn code(secret: &str, now_ms: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&bytes_of(secret)).unwrap();
    mac.update(&(now_ms / 30_000).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0xf);
    let word = u32::from_be_bytes(digest[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// A realm of the real program. While its verbs run, a lobby of the test is not read, however long they take.
fn patient(site: &Site) -> Up {
    Up::start(site.realm(&["up", "--data", "realm-data"]).env("REALM__NET__SILENCE_MAX_MS", "600000"))
}
