//! REST: one HTTPS connection that is kept and made anew when it has ended.

mod answers;
mod moment;
mod owning;
mod verbs;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;

pub use answers::{Account, Attributes, Character, Characters, GameDetails, Registered, Tokens};
pub use hyper::{HeaderMap, Method};
pub use owning::{Bought, Goods, Letter, LetterDraft, Letters, Listed, Offer, Offers, Taken};

use crate::{ClientError, Endpoint, endpoint::PROTOCOL_HTTP, error::within};

/// Largest answer that is read.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, when it is JSON; else `null`.
    pub json: Value,
    /// The body as it came.
    pub body: Bytes,
}

impl Response {
    /// The answer itself, when it is a success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with what the problem document says.
    pub fn success(self) -> Result<Self, ClientError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(refusal(self.status, &self.body)) }
    }
}

/// Reads a problem document (RFC 9457) with the members `code` and `retry_after_ms`.
pub(crate) fn refusal(status: u16, body: &[u8]) -> ClientError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |member: &str| problem.get(member).and_then(Value::as_str).map(str::to_owned);
    ClientError::Refused {
        status,
        code: text("code").unwrap_or_default(),
        message: text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("HTTP status {status}")),
        retry_after_ms: problem.get("retry_after_ms").and_then(Value::as_u64).unwrap_or(0),
    }
}

/// A client of the REST interface. Remembers the tokens of the last log-in.
pub struct Rest {
    endpoint: Endpoint,
    connection: Option<SendRequest<Full<Bytes>>>,
    access_token: Option<String>,
    refresh_token: Option<String>,
}

impl Rest {
    /// A client that is not logged in; the connection is made with the first request.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
        Self { endpoint: endpoint.clone(), connection: None, access_token: None, refresh_token: None }
    }

    /// The access token that goes with every request, also for [`crate::Login::Token`].
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
    }

    /// Sends this access token from now on, or none.
    pub fn set_access_token(&mut self, token: Option<String>) {
        self.access_token = token;
    }

    /// Speaks of this realm from now on, by its key or name, where a request does not say by a character or game which it means; empty is
    /// the first. [`Endpoint::realm`] is what it begins with.
    pub fn set_realm(&mut self, realm: &str) {
        realm.clone_into(&mut self.endpoint.realm);
    }

    /// An address with the realm that is meant.
    fn in_realm(&self, path: &str) -> String {
        let realm = &self.endpoint.realm;
        if realm.is_empty() {
            return path.to_owned();
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let written: String = realm
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        let before = if path.contains('?') { '&' } else { '?' };
        format!("{path}{before}realm={written}")
    }

    /// The refresh token of the last log-in.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        self.refresh_token.as_deref()
    }

    /// Sends one request and reads its answer, whatever the status. `path` begins with `/`, for example `/api/v1/realms`.
    ///
    /// # Errors
    /// When the realm cannot be reached, is not the trusted one, or does not answer within the endpoint's deadline.
    pub async fn request(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Response, ClientError> {
        self.request_with(method, path, &[], body).await
    }

    /// Like [`Self::request`], with further headers, for example `If-Match` or `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`Self::request`]; and when a header is none.
    pub async fn request_with(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response, ClientError> {
        let (content_type, body) = match body {
            Some(body) => (Some("application/json"), body.to_string().into()),
            None => (None, Bytes::new()),
        };
        self.send(method, path, headers, content_type, body).await
    }

    /// Like [`Self::request`], with a body of any kind, well-formed or not.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn request_bytes(
        &mut self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        self.send(method, path, &[], content_type, body).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        let request = self.build(method, path, headers, content_type, body)?;
        let deadline: Duration = self.endpoint.deadline;
        let answer = within(deadline, "the answer", self.exchange(request)).await;
        if answer.is_err() {
            // Half an answer may still be under way; the next request must not read it.
            self.connection = None;
        }
        answer
    }

    fn build(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let (host, port) = (&self.endpoint.host, self.endpoint.https_port);
        let is_v6 = host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
        let authority = if is_v6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, authority);
        if let Some(token) = &self.access_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request.body(Full::new(body)).map_err(|error| ClientError::Unexpected(format!("{path} is no address: {error}")))
    }

    async fn exchange(&mut self, mut request: Request<Full<Bytes>>) -> Result<Response, ClientError> {
        let lost = |error: hyper::Error| ClientError::Unexpected(format!("no answer: {error}"));
        let kept = self.connection.is_some();
        let mut sender = self.sender().await?;
        let answer = loop {
            match sender.try_send_request(request).await {
                Ok(answer) => break answer,
                // The server had closed the kept connection; the request never left.
                Err(mut error) => match error.take_message().filter(|_| kept) {
                    Some(unsent) => {
                        self.connection = None;
                        (request, sender) = (unsent, self.connect().await?);
                    }
                    None => return Err(lost(error.into_error())),
                },
            }
        };
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| ClientError::Unexpected(format!("no whole answer: {error}")))?.to_bytes();
        self.connection = Some(sender);
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Response { status: head.status.as_u16(), headers: head.headers, json, body })
    }

    /// The kept connection, or a new one.
    async fn sender(&mut self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        if let Some(mut sender) = self.connection.take()
            && sender.ready().await.is_ok()
        {
            return Ok(sender);
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let Endpoint { host, https_port, .. } = &self.endpoint;
        let stream = self.endpoint.open(host, *https_port, PROTOCOL_HTTP).await?;
        let opened = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| ClientError::Unexpected(format!("no HTTP: {error}")))?;
        // Ends with the sender, or with the connection.
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
mod tests;
