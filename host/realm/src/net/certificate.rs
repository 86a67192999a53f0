//! A certificate chain and its key: read from their files, checked, and given to every handshake.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use rustls::{
    CertificateError, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{Error as PemError, PemObject},
    },
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};

use super::NetError;

/// Larger files hold no certificate.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The end of the year 9999, when everything has expired.
const END_OF_TIME_S: u64 = 253_402_300_799;

/// Where certificate chain and private key stand.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What stands in the files, or why they cannot be read.
pub(super) struct Contents {
    certificate: Result<Vec<u8>, NetError>,
    key: Result<Vec<u8>, NetError>,
}

/// A chain whose key belongs to it.
#[derive(Debug)]
pub(super) struct Pair {
    certified: Arc<CertifiedKey>,
    pub(super) fingerprint: String,
    /// Tells whether the files have changed since.
    pub(super) digest: [u8; 32],
}

/// The pair that is at work; handshakes take whichever is there when they need it.
#[derive(Debug)]
pub(super) struct InUse(ArcSwap<Pair>);

impl InUse {
    pub(super) fn new(pair: Pair) -> Self {
        Self(ArcSwap::from_pointee(pair))
    }

    pub(super) fn pair(&self) -> Arc<Pair> {
        self.0.load_full()
    }

    pub(super) fn replace(&self, pair: Pair) {
        self.0.store(Arc::new(pair));
    }
}

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }
}

impl Files {
    pub(super) fn contents(&self) -> Contents {
        Contents { certificate: read(&self.certificate, "certificate"), key: read(&self.key, "key") }
    }
}

impl Contents {
    /// The same for the same contents, readable or not.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.certificate, &self.key] {
            let (kind, bytes) = match part {
                Ok(bytes) => (0_u8, bytes.clone()),
                Err(error) => (1, error.to_string().into_bytes()),
            };
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}

impl Pair {
    /// Makes the pair that stands in the files.
    ///
    /// # Errors
    /// When a file could not be read or is not PEM, or the key does not belong to the certificate.
    pub(super) fn read(contents: &Contents, files: &Files, provider: &CryptoProvider) -> Result<Self, NetError> {
        let text = |part: &Result<Vec<u8>, NetError>| match part {
            Ok(bytes) => Ok(bytes.clone()),
            Err(error) => Err(NetError::Certificate(error.to_string())),
        };
        let chain = chain(&text(&contents.certificate)?, &files.certificate)?;
        let key = key(&text(&contents.key)?, &files.key)?;
        let fingerprint = fingerprint(&chain[0]);
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| mismatch(files, &error))?;
        Ok(Self { certified: Arc::new(certified), fingerprint, digest: contents.digest() })
    }

    /// # Errors
    /// When the certificate has expired or is not valid yet.
    pub(super) fn check_validity(&self, files: &Files) -> Result<(), NetError> {
        let problem = match self.problem_at(UnixTime::now()) {
            Some(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => "has expired",
            Some(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => "is not valid yet",
            _ => return Ok(()),
        };
        Err(NetError::Certificate(format!(
            "the certificate in {} {problem}: renew it, or correct this machine's clock (`date`)",
            files.certificate.display()
        )))
    }

    /// When the certificate expires, in seconds since 1970.
    pub(super) fn expires_s(&self) -> Option<u64> {
        match self.problem_at(UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME_S))) {
            Some(CertificateError::ExpiredContext { not_after, .. }) => Some(not_after.as_secs()),
            _ => None,
        }
    }

    /// What a client that trusts nobody would say. The time is looked at before trust is, so only that is of interest.
    fn problem_at(&self, time: UnixTime) -> Option<CertificateError> {
        let certificate = ParsedCertificate::try_from(self.certified.cert.first()?).ok()?;
        let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&certificate, &RootCertStore::empty(), &[], time, algorithms) {
            Err(rustls::Error::InvalidCertificate(problem)) => Some(problem),
            _ => None,
        }
    }
}

fn mismatch(files: &Files, error: &rustls::Error) -> NetError {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    NetError::Certificate(match error {
        rustls::Error::InconsistentKeys(_) => format!(
            "the private key in {key} does not belong to the certificate in {certificate}: give [tls] certificate and [tls] \
             key files that were made together"
        ),
        error => format!("the certificate in {certificate} with the key in {key} cannot be used: {error}"),
    })
}

fn chain(bytes: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(NetError::Certificate(format!(
            "{} holds no certificate in PEM format (a block \"BEGIN CERTIFICATE\"): convert it with `openssl x509 -inform der`, \
             or correct [tls] certificate",
            file.display()
        ))),
    }
}

fn key(bytes: &[u8], file: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|_| {
        NetError::Certificate(format!(
            "{} holds no unencrypted private key in PEM format (a block \"BEGIN PRIVATE KEY\"): convert it with `openssl pkey`, \
             or correct [tls] key",
            file.display()
        ))
    })
}

fn read(file: &Path, what: &str) -> Result<Vec<u8>, NetError> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => format!(
                "there is no such file; correct [tls] {what}, or leave [tls] certificate and [tls] key empty for a \
                 self-signed certificate"
            ),
            io::ErrorKind::PermissionDenied => "this user may not read it; change the file's owner or mode".to_owned(),
            _ => format!("{error}; correct [tls] {what}"),
        };
        NetError::Certificate(format!("the {what} file {} cannot be read: {remedy}", file.display()))
    })
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
