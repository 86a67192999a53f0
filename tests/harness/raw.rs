//! Bytes at the doors, without a client library: inside TLS and outside.

use std::{net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{DEADLINE, TestRealm};

/// Both versions that a door may speak.
pub const ANY_VERSION: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// What a client offers that trusts the realm's own certificate.
pub fn client(realm: &TestRealm, protocols: &[&[u8]], versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    client_with(aws_lc_rs::default_provider(), realm, protocols, versions)
}

/// The same with the ciphers of a provider.
pub fn client_with(
    provider: CryptoProvider,
    realm: &TestRealm,
    protocols: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(realm.data().join("tls/certificate.pem")).unwrap();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// The same, trusting every certificate whose key the other side has.
pub fn trusting_client(protocols: &[&[u8]]) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(ANY_VERSION)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(HasItsKey))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

#[derive(Debug)]
struct HasItsKey;

impl ServerCertVerifier for HasItsKey {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A handshake, which may fail.
pub async fn shake_hands(config: &Arc<ClientConfig>, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    let connecting = TlsConnector::from(Arc::clone(config)).connect(server_name(), socket);
    timeout(DEADLINE, connecting).await.expect("a handshake ends in one way or the other")
}

/// The first bytes of a handshake.
pub fn client_hello(config: &ClientConfig) -> Vec<u8> {
    let mut connection = ClientConnection::new(Arc::new(config.clone()), server_name()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

/// TLS to a door, and whatever bytes one likes inside.
pub async fn tls(realm: &TestRealm, address: SocketAddr, protocol: &[u8]) -> TlsStream<TcpStream> {
    shake_hands(&Arc::new(client(realm, &[protocol], ANY_VERSION)), address).await.unwrap()
}

/// Everything until the other side closes; a reset is an end too.
pub async fn read_to_end(stream: &mut (impl tokio::io::AsyncRead + Unpin + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = async {
        let mut some = [0; 4_096];
        while let Ok(count @ 1..) = stream.read(&mut some).await {
            bytes.extend_from_slice(&some[..count]);
        }
    };
    timeout(DEADLINE, reading).await.expect("the realm closes the connection");
    bytes
}

/// Sends bytes to the HTTPS door and gives the whole answer until it closes.
pub async fn http(realm: &TestRealm, request: impl AsRef<[u8]>) -> String {
    let mut stream = tls(realm, realm.realm().addresses().https, b"http/1.1").await;
    stream.write_all(request.as_ref()).await.unwrap();
    String::from_utf8(read_to_end(&mut stream).await).unwrap()
}

/// A plain request to the loopback port of metrics and health.
pub async fn loopback(realm: &TestRealm, path: &str) -> String {
    let mut stream = TcpStream::connect(realm.realm().telemetry_address().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    String::from_utf8(read_to_end(&mut stream).await).unwrap()
}

/// The certificate in a file, as clients see it.
pub fn certificate_in(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).unwrap()
}
