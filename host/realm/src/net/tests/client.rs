//! What a client of the doors does.

use std::{net::SocketAddr, path::Path, sync::Arc};

use bytes::BytesMut;
use realm_protocol::{
    ClientMessage, ServerMessage,
    frame::{Decoder, Encoder, Frame},
    proto,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{House, PATIENCE};

pub(super) async fn connect(
    house: &House,
    address: SocketAddr,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_over(house, TcpStream::connect(address).await?, alpn).await
}

/// TLS over a connection that is open already.
pub(super) async fn connect_over(
    house: &House,
    socket: TcpStream,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(client_config(house.data.path(), alpn)));
    timeout(PATIENCE, connector.connect(server_name(), socket)).await.unwrap()
}

/// The first bytes of a handshake.
pub(super) fn hello(house: &House) -> Vec<u8> {
    let config = client_config(house.data.path(), &[b"realm/1"]);
    let mut connection = ClientConnection::new(Arc::new(config), server_name()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

fn client_config(data: &Path, alpn: &[&[u8]]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data.join("tls/certificate.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Speaks frames.
pub(super) struct FrameClient {
    pub(super) stream: TlsStream<TcpStream>,
    encoder: Encoder,
    decoder: Decoder,
    buffer: BytesMut,
}

impl FrameClient {
    pub(super) async fn connect(house: &House, address: SocketAddr) -> Self {
        Self::over(connect(house, address, &[b"realm/1"]).await.unwrap())
    }

    pub(super) fn over(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, encoder: Encoder::new(), decoder: Decoder::new(16 * 1024), buffer: BytesMut::new() }
    }

    pub(super) async fn logged_in(house: &House) -> Self {
        let mut client = Self::connect(house, house.addresses.realm).await;
        client.send(proto::AuthRequest { nonce: "n".into(), ..Default::default() }).await;
        assert!(matches!(client.receive().await, ServerMessage::AuthSuccess(success) if success.nonce == "n"));
        client
    }

    /// The bytes of the next frame.
    pub(super) fn frame(&mut self, identifier: u8, payload: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        self.encoder.encode(identifier, 1, &[payload], &mut bytes).unwrap();
        bytes
    }

    pub(super) async fn send(&mut self, message: impl Into<ClientMessage>) {
        let message = message.into();
        let bytes = self.frame(message.identifier(), &message.to_payload());
        self.write(&bytes).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// False when the connection ends before a word is said.
    pub(super) async fn can_read(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.unwrap();
        read.is_ok_and(|count| count > 0)
    }

    /// `None` at a clean end of the connection.
    pub(super) async fn receive_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer).unwrap() {
                return Some(frame);
            }
            if timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await.unwrap().unwrap() == 0 {
                assert!(self.buffer.is_empty(), "the last frame is whole");
                return None;
            }
        }
    }

    pub(super) async fn receive(&mut self) -> ServerMessage {
        let frame = self.receive_frame().await.unwrap();
        ServerMessage::decode(frame.identifier, &frame.payload).unwrap()
    }

    /// The code of the ERROR that is due.
    pub(super) async fn error(&mut self) -> proto::Error {
        match self.receive().await {
            ServerMessage::Error(error) => error,
            other => panic!("no ERROR but {other:?}"),
        }
    }

    /// The code of the GOODBYE that is due, and the clean end after it.
    pub(super) async fn goodbye(&mut self) -> String {
        let ServerMessage::Goodbye(goodbye) = self.receive().await else { panic!("no GOODBYE") };
        assert!(self.receive_frame().await.is_none(), "closed with close_notify");
        goodbye.code
    }
}
