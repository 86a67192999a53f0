//! A TLS connection of a client without a runtime. It opens with waiting, and then reads what is there and writes what the socket takes.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use socket2::{Domain, Protocol, Socket, Type};

/// How long opening, and any single read while it is waited for, may take.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Reading stops here for once: the others want their turn.
const READS_MAX: usize = 4;

/// Over loopback the receiving side of a connection works on its sender's processor. Some systems' default costs several times what
/// others' does, and it would be counted as the server's.
pub const CONGESTION_CONTROL: &[u8] = b"reno";

/// Full handshakes with a server whose certificate is known byte for byte.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("the server's certificate is another one".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS settings for the realm of a data folder: every handshake is a full one.
pub fn tls_config(data: &Path, protocol: &[u8]) -> Arc<ClientConfig> {
    let certificate = CertificateDer::from_pem_file(data.join("tls/certificate.pem")).expect("the realm's certificate");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Pinned { certificate, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the library has versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// One of many loopback addresses, so that no limit of one address is in the way.
pub fn loopback(number: usize) -> Ipv4Addr {
    let number = number % (254 * 250);
    let [third, fourth] = [number / 250 + 1, number % 250 + 1].map(|part| u8::try_from(part).expect("a byte"));
    Ipv4Addr::new(127, 7, third, fourth)
}

/// A plain connection from one of our addresses.
pub fn connect(to: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    connect_with(to, from, None)
}

/// The same with a small buffer for what arrives, so that little fills it.
pub fn connect_with(to: SocketAddr, from: Ipv4Addr, receive_bytes: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into())?;
    socket.connect_timeout(&to.into(), DEADLINE)?;
    socket.set_tcp_congestion(CONGESTION_CONTROL)?;
    let socket = TcpStream::from(socket);
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.set_write_timeout(Some(DEADLINE))?;
    Ok(socket)
}

/// Socket and TLS state, driven by their caller.
pub struct Pipe {
    socket: TcpStream,
    tls: ClientConnection,
    /// Bytes that came over the wire, TLS included.
    pub wire_bytes: u64,
}

impl Pipe {
    /// Connects and shakes hands, waiting for it.
    pub fn open(config: &Arc<ClientConfig>, to: SocketAddr, from: Ipv4Addr) -> io::Result<Self> {
        Self::over(config, connect(to, from)?)
    }

    /// Shakes hands over a connection that is there.
    pub fn over(config: &Arc<ClientConfig>, mut socket: TcpStream) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Self { socket, tls, wire_bytes: 0 })
    }

    /// From now on nothing waits.
    pub fn stop_waiting(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }

    /// Appends what has arrived to `out`; false when the other side has closed. While the pipe still waits, waits for the first of it.
    pub fn read(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        for _ in 0..READS_MAX {
            if !self.drain(out)? {
                return Ok(false);
            }
            if out.len() > before {
                return Ok(true);
            }
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.wire_bytes += count as u64;
                    self.tls.process_new_packets().map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut plain = [0; 4_096];
        loop {
            match self.tls.reader().read(&mut plain) {
                Ok(0) => return Ok(false),
                Ok(count) => out.extend_from_slice(&plain[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes as far as the socket takes it; the rest waits in TLS, which has room for some frames.
    pub fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(plain)?;
        self.flush()
    }

    /// True when nothing waits to be written.
    pub fn has_written(&self) -> bool {
        !self.tls.wants_write()
    }

    /// Writes what waits, as far as the socket takes it.
    pub fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until the server has sent a session ticket: only then has it seen the end of the handshake.
    pub fn wait_for_ticket(&mut self) -> io::Result<()> {
        while self.tls.tls13_tickets_received() == 0 {
            if self.tls.read_tls(&mut self.socket)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.tls.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
