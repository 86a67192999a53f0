//! TLS at the three doors: what is spoken, what is refused, tickets, and a certificate that changes while people come and stay.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use realm_client::{Arrival, Connection, Door, ServerMessage, proto};
use rustix::process::Signal;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::CertificateDer,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::harness::{
    DEADLINE, TestRealm, eventually,
    program::{Site, Up},
    raw::{
        ANY_VERSION, certificate_in, client, client_hello, client_with, read_to_end, server_name, shake_hands,
        trusting_client,
    },
};

/// The doors with what is spoken behind them.
fn doors(realm: &TestRealm) -> [(SocketAddr, &'static [u8]); 3] {
    let addresses = realm.realm().addresses();
    [(addresses.https, b"http/1.1"), (addresses.realm, b"realm/1"), (addresses.game, b"realm/1")]
}

/// A word at a door, and its answer until the end: by then the tickets have arrived too.
async fn word(config: &Arc<ClientConfig>, address: SocketAddr) -> HandshakeKind {
    let mut stream = shake_hands(config, address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    read_to_end(&mut stream).await;
    stream.get_ref().1.handshake_kind().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_speaks_its_own_protocol_over_tls_1_3_alone() {
    let realm = TestRealm::start().await;
    for (address, protocol) in doors(&realm) {
        let offering = |protocols: &[&[u8]]| Arc::new(client(&realm, protocols, ANY_VERSION));
        let stream = shake_hands(&offering(&[b"something/9", protocol]), address).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.alpn_protocol(), Some(protocol), "{address}");
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3), "{address}");
        let other: &[u8] = if protocol == b"realm/1" { b"http/1.1" } else { b"realm/1" };
        for foreign in [other, b"h2", b"http/1.0", b"realm/2", b"realm"] {
            let refused = shake_hands(&offering(&[foreign]), address).await.expect_err("a foreign protocol");
            assert!(refused.to_string().contains("NoApplicationProtocol"), "{address}: {refused}");
        }
        let old = Arc::new(client(&realm, &[protocol], &[&TLS12]));
        let refused = shake_hands(&old, address).await.expect_err("TLS 1.2 is off").to_string();
        assert!(refused.contains("ProtocolVersion"), "{address}: {refused}");
    }
    realm.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_comes_by_a_switch_and_with_authenticated_ciphers_alone() {
    const AEAD: [CipherSuite; 3] = [
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    let realm = TestRealm::start_with(|config| config.tls.tls12 = true).await;
    for (address, protocol) in doors(&realm) {
        let old = shake_hands(&Arc::new(client(&realm, &[protocol], &[&TLS12])), address).await.unwrap();
        let (_, session) = old.get_ref();
        assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_2), "{address}");
        let suite = session.negotiated_cipher_suite().unwrap().suite();
        assert!(AEAD.contains(&suite), "{address}: {suite:?}");
        let new = shake_hands(&Arc::new(client(&realm, &[protocol], ANY_VERSION)), address).await.unwrap();
        assert_eq!(new.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3), "{address}");
        // Of what an old client has, the realm chooses.
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites = vec![
            aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ];
        let picky = Arc::new(client_with(provider, &realm, &[protocol], &[&TLS12]));
        let stream = shake_hands(&picky, address).await.unwrap();
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "{address}");
        // A client that only has ciphers without authentication (CBC) is not spoken to.
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(&with_suites(&client(&realm, &[protocol], &[&TLS12]), &[0xC0, 0x09, 0xC0, 0x0A]))
            .await
            .unwrap();
        let answer = read_to_end(&mut socket).await;
        assert_eq!(answer.first(), Some(&21), "{address}: an alert and nothing else: {answer:?}");
    }
    realm.stop().await;
}

/// The ClientHello of a client, with other cipher suites in the place of its own.
fn with_suites(config: &ClientConfig, suites: &[u8]) -> Vec<u8> {
    let mut hello = client_hello(config);
    // Record header 5, handshake header 4, version 2, random 32, then the session id, and the suites by length.
    let at = 5 + 4 + 2 + 32 + 1 + usize::from(hello[5 + 4 + 2 + 32]);
    let length = usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    let fresh = [&u16::try_from(suites.len()).unwrap().to_be_bytes()[..], suites].concat();
    hello.splice(at..at + 2 + length, fresh);
    let total = hello.len();
    hello[3..5].copy_from_slice(&u16::try_from(total - 5).unwrap().to_be_bytes());
    hello[6..9].copy_from_slice(&u32::try_from(total - 9).unwrap().to_be_bytes()[1..]);
    hello
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_again_is_known_by_its_ticket_and_sends_nothing_early() {
    let realm = TestRealm::start_with(|config| config.tls.tls12 = true).await;
    for (address, protocol) in doors(&realm) {
        for version in [&TLS13, &TLS12] {
            let mut config = client(&realm, &[protocol], &[version]);
            config.enable_early_data = true;
            let config = Arc::new(config);
            let first = word(&config, address).await;
            assert!(matches!(first, HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest), "{first:?}");
            // The ticket that has arrived does not allow early data.
            let mut again = ClientConnection::new(Arc::clone(&config), server_name()).unwrap();
            assert!(again.early_data().is_none(), "{address}: 0-RTT is offered");
            drop(again);
            word(&config, address).await;
            assert_eq!(word(&config, address).await, HandshakeKind::Resumed, "{address} {version:?}");
        }
    }
    realm.stop().await;
}

/// A certificate and its key, made for a test.
struct Made {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn make(expires_in: Duration) -> Made {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    parameters.not_before = now - Duration::days(30);
    parameters.not_after = now + expires_in;
    let certificate = parameters.self_signed(&key).unwrap();
    Made { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() }
}

/// Where an operator keeps certificate and key.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new(made: &Made) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write(made, true);
        files
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("private.pem")
    }

    /// One file after the other, as most programs do it.
    fn write(&self, made: &Made, certificate_first: bool) {
        let write = |file: &Path, text: &str| fs::write(file, text).unwrap();
        if certificate_first {
            write(&self.certificate(), &made.certificate);
            write(&self.key(), &made.key);
        } else {
            write(&self.key(), &made.key);
            write(&self.certificate(), &made.certificate);
        }
    }
}

/// The certificate that a newcomer is shown.
async fn shown(config: &Arc<ClientConfig>, address: SocketAddr) -> CertificateDer<'static> {
    let stream = shake_hands(config, address).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// A client that always makes the whole handshake: a ticket would let it in without looking at the certificate.
fn newcomer(protocol: &[u8]) -> Arc<ClientConfig> {
    let mut config = trusting_client(&[protocol]);
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_replaced_while_people_come_and_stay() {
    let swaps = if std::env::var_os("REALM_TEST_LONG").is_some() { 100 } else { 20 };
    let mut longest = std::time::Duration::ZERO;
    let mut made = make(Duration::days(90));
    let files = Files::new(&made);
    let realm = TestRealm::start_with(|config| {
        config.tls.certificate = files.certificate().display().to_string();
        config.tls.key = files.key().display().to_string();
    })
    .await;
    let mut stays = realm.player("Maren").await.lobby(Door::Frames).await.into_connection();
    let (stop, shaken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // People come all the time, whole handshakes and by tickets; each of them gets in.
    let comers: Vec<_> = doors(&realm)
        .into_iter()
        .flat_map(|(address, protocol)| {
            [(address, newcomer(protocol)), (address, Arc::new(trusting_client(&[protocol])))]
        })
        .map(|(address, config)| {
            let (stop, shaken) = (Arc::clone(&stop), Arc::clone(&shaken));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    shake_hands(&config, address).await.expect("a handshake fails while certificates are replaced");
                    shaken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for swap in 0..swaps {
        let before = shaken.load(Ordering::Relaxed);
        made = make(Duration::days(90 + swap));
        files.write(&made, swap % 2 == 0);
        let written = Instant::now();
        for (address, protocol) in doors(&realm) {
            let config = newcomer(protocol);
            eventually("the new certificate", async || (shown(&config, address).await == made.der).then_some(())).await;
        }
        longest = longest.max(written.elapsed());
        stays.send(&proto::Ping { token: 7 }.into()).await.unwrap();
        let pong = Arrival::Message(ServerMessage::Pong(proto::Pong { token: 7 }));
        assert_eq!(stays.next(DEADLINE).await.unwrap(), pong, "who is in stays in");
        eventually("more handshakes", async || (shaken.load(Ordering::Relaxed) > before).then_some(())).await;
    }
    stop.store(true, Ordering::Relaxed);
    for comer in comers {
        comer.await.unwrap();
    }
    // What is written down for the realm's own verbs followed, and so did its fingerprint.
    let note = || fs::read_to_string(realm::Endpoint::file(realm.data())).unwrap();
    eventually("the note for the verbs", async || note().contains(&realm.realm().fingerprint()).then_some(())).await;
    Connection::open(&realm.endpoint(), Door::Frames).await.expect("the fingerprint is that of the last one");
    let handshakes = shaken.load(Ordering::Relaxed);
    println!(
        "{swaps} certificates replaced during {handshakes} handshakes; seen at all doors after {longest:?} at most"
    );
    realm.stop().await;
}

/// Starts the program with a certificate of its own.
fn up(site: &Site, files: &Files) -> Up {
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    command.env("REALM__TLS__CERTIFICATE", files.certificate()).env("REALM__TLS__KEY", files.key());
    Up::start(&mut command)
}

async fn metrics(up: &Up) -> String {
    let line = up.banner().lines().find(|line| line.contains("/metrics")).expect("the banner names the metrics");
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    String::from_utf8(read_to_end(&mut stream).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_cannot_be_used_keeps_the_old_one_and_says_so() {
    let good = make(Duration::days(90));
    let files = Files::new(&good);
    let site = Site::empty();
    let mut up = up(&site, &files);
    let config = newcomer(b"realm/1");
    let address = SocketAddr::from(([127, 0, 0, 1], site.endpoint().realm_port));
    assert_eq!(shown(&config, address).await, good.der);
    let stranger = make(Duration::days(90));
    let expired = make(Duration::days(-1));
    let half = good.certificate.len() / 2;
    let broken: [(&str, &str, &str, &str); 5] = [
        (
            &stranger.certificate,
            &good.key,
            "private.pem does not belong to the certificate in",
            "give [tls] certificate",
        ),
        (&good.certificate[..half], &good.key, "chain.pem holds no certificate in PEM format", "openssl x509"),
        (&good.certificate, "", "private.pem holds no unencrypted private key", "openssl pkey"),
        (&expired.certificate, &expired.key, "chain.pem has expired", "renew it"),
        ("", "", "chain.pem holds no certificate", "correct [tls] certificate"),
    ];
    for (certificate, key, problem, remedy) in broken {
        fs::write(files.certificate(), certificate).unwrap();
        fs::write(files.key(), key).unwrap();
        let said = up.until(problem);
        let line = said.lines().last().unwrap();
        assert!(line.contains("the certificate was not replaced, the one at work stays: "), "{line}");
        assert!(line.contains(remedy), "{line}");
        assert_eq!(shown(&config, address).await, good.der, "{problem}");
        let metrics = metrics(&up).await;
        assert!(metrics.contains("realm_tls_certificate_problem 1"), "{metrics:.2000}");
        assert!(metrics.contains("realm_tls_certificate_refused_total "), "{metrics:.2000}");
    }
    fs::remove_file(files.key()).unwrap();
    fs::write(files.certificate(), &good.certificate).unwrap();
    assert!(up.until("private.pem cannot be read").contains("no such file"));
    // Put right, it is taken, and the complaint is over.
    files.write(&stranger, true);
    up.until("the certificate was replaced");
    assert_eq!(shown(&config, address).await, stranger.der);
    let metrics = metrics(&up).await;
    assert!(metrics.contains("realm_tls_certificate_problem 0"), "{metrics:.2000}");
    assert!(metrics.contains("realm_tls_certificate_expires_timestamp_seconds"), "{metrics:.2000}");
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_signal_looks_at_the_certificate_and_ends_nobody() {
    let good = make(Duration::days(90));
    let files = Files::new(&good);
    let site = Site::empty();
    let mut up = up(&site, &files);
    let mut stays = Connection::open(&site.endpoint(), Door::Frames).await.unwrap();
    up.signal(Signal::HUP);
    up.until("is at work already; nothing was replaced");
    let next = make(Duration::days(90));
    files.write(&next, false);
    up.signal(Signal::HUP);
    up.until("the certificate was replaced");
    let address = SocketAddr::from(([127, 0, 0, 1], site.endpoint().realm_port));
    assert_eq!(shown(&newcomer(b"realm/1"), address).await, next.der);
    stays.send(&proto::Ping { token: 3 }.into()).await.unwrap();
    let pong = Arrival::Message(ServerMessage::Pong(proto::Pong { token: 3 }));
    assert_eq!(stays.next(DEADLINE).await.unwrap(), pong, "who was in is still in");
    drop(stays);
    assert_eq!(up.end(Signal::TERM).0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_a_problem_that_check_names() {
    let expired = make(Duration::days(-1));
    let files = Files::new(&expired);
    let site = Site::empty();
    let mut check = site.realm(&["check", "--data", "realm-data"]);
    check.env("REALM__TLS__CERTIFICATE", files.certificate()).env("REALM__TLS__KEY", files.key());
    let ended = crate::harness::program::run(&mut check, "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("PROBLEM  certificate") && ended.out.contains("chain.pem has expired"), "{}", ended.out);
    assert_eq!(certificate_in(&files.certificate()), expired.der);
}
