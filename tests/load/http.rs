//! HTTPS with one connection for the requests of many accounts, because setting up is not what is measured.

use std::{io, net::Ipv4Addr, net::SocketAddr, sync::Arc};

use rustls::ClientConfig;
use serde_json::Value;

use super::pipe::Pipe;

/// Answers are small.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How often a request is repeated that the server asks to repeat.
const TRIES_MAX: u32 = 200;

/// A kept connection.
pub struct Https {
    config: Arc<ClientConfig>,
    to: SocketAddr,
    from: Ipv4Addr,
    pipe: Option<Pipe>,
}

/// Status and body.
pub type Answer = (u16, Value);

impl Https {
    pub fn new(config: &Arc<ClientConfig>, to: SocketAddr, from: Ipv4Addr) -> Self {
        Self { config: Arc::clone(config), to, from, pipe: None }
    }

    /// Asks and waits for the answer; a connection that the server has ended meanwhile is made anew, once.
    pub fn ask(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if let Some(pipe) = &mut self.pipe
            && let Ok((answer, kept)) = exchange(pipe, request.as_bytes())
        {
            if !kept {
                self.pipe = None;
            }
            return Ok(answer);
        }
        let mut pipe = Pipe::open(&self.config, self.to, self.from)?;
        let (answer, kept) = exchange(&mut pipe, request.as_bytes())?;
        self.pipe = kept.then_some(pipe);
        Ok(answer)
    }

    /// Asks until the server has time, and fails when it says no.
    pub fn success(&mut self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
        for _ in 0..TRIES_MAX {
            let (status, answer) = self.ask(method, path, token, body).expect("the realm answers");
            match status {
                200..=299 => return answer,
                429 | 503 => super::machine::pause(std::time::Duration::from_millis(50)),
                _ => panic!("{method} {path} is answered with {status}: {answer}"),
            }
        }
        panic!("{method} {path} is put off again and again");
    }
}

/// The answer, and whether the connection is kept.
fn exchange(pipe: &mut Pipe, request: &[u8]) -> io::Result<(Answer, bool)> {
    pipe.write(request)?;
    let mut bytes = Vec::new();
    loop {
        if let Some((head, body)) = split(&bytes) {
            let head = String::from_utf8_lossy(head).to_ascii_lowercase();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let length = field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                let value = serde_json::from_slice(&body[..length]).unwrap_or(Value::Null);
                return Ok(((status, value), field("connection:") != Some("close")));
            }
        }
        let open = pipe.read(&mut bytes)?;
        if !open || bytes.len() > ANSWER_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&bytes[..at], &bytes[at + 4..]))
}
