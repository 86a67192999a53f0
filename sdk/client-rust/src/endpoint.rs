//! Where a realm is, and how a TLS connection to it is made.

use std::{io, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{ClientError, Trust, error::within};

/// What the doors speak inside TLS.
pub(crate) const PROTOCOL_HTTP: &[u8] = b"http/1.1";
pub(crate) const PROTOCOL_FRAMES: &[u8] = b"realm/1";

/// Where a realm is, and why it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// REST and WebSocket; 8443 by default.
    pub https_port: u16,
    /// Realm frames; 6112 by default.
    pub realm_port: u16,
    /// Game sessions; 4000 by default. A ticket that names a port has the last word.
    pub game_port: u16,
    /// The realm to play in, by its key or name, for a server of several; empty for its first. Log-ins and REST name it.
    pub realm: String,
    /// Why the certificate is trusted.
    pub trust: Trust,
    /// How long connecting, an answer or a write may take.
    pub deadline: Duration,
}

impl Endpoint {
    /// A realm on its default ports, with a deadline of 10 seconds for everything.
    #[must_use]
    pub fn new(host: &str, trust: Trust) -> Self {
        Self {
            host: host.to_owned(),
            https_port: 8443,
            realm_port: 6112,
            game_port: 4000,
            realm: String::new(),
            trust,
            deadline: Duration::from_secs(10),
        }
    }

    /// The same server, in this realm of it.
    #[must_use]
    pub fn in_realm(&self, realm: &str) -> Self {
        Self { realm: realm.to_owned(), ..self.clone() }
    }

    /// Opens a TLS connection, within the deadline.
    pub(crate) async fn open(
        &self,
        host: &str,
        port: u16,
        protocol: &[u8],
    ) -> Result<TlsStream<TcpStream>, ClientError> {
        let config = self.trust.client_config(protocol)?;
        let failed = |problem: io::Error| ClientError::Connect { address: format!("{host}:{port}"), problem };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        within(self.deadline, "the connection", async {
            let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
            // Inputs are small and must not wait for more.
            stream.set_nodelay(true).map_err(failed)?;
            TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(failed)
        })
        .await
    }
}
