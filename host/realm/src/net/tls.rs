//! The certificate of all doors: a configured one, or a self-signed one that is made on the first start.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject},
    },
    server::ProducesTickets,
    version,
};
use sha2::{Digest, Sha256};

use super::{NetError, TlsConfig, self_signed};

/// Spoken on the HTTPS door.
pub(super) const ALPN_HTTP: &[u8] = b"http/1.1";
/// Spoken on the two doors of frames.
pub(super) const ALPN_FRAMES: &[u8] = b"realm/1";

/// Where certificate chain and private key stand.
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The certificate, loaded or freshly made.
pub struct Tls {
    pub(super) https: Arc<ServerConfig>,
    pub(super) frames: Arc<ServerConfig>,
    fingerprint: String,
    self_signed: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads the configured certificate, or the self-signed one in `data`, which is made on the first start.
    ///
    /// # Errors
    /// When a file is missing, is not PEM, or the key does not belong to the certificate; the text names file and remedy.
    pub fn load(config: &TlsConfig, data: &Path) -> Result<Self, NetError> {
        let self_signed = config.certificate.is_empty() && config.key.is_empty();
        let files = if self_signed {
            self_signed::files(data, &config.names)?
        } else if config.certificate.is_empty() || config.key.is_empty() {
            return Err(NetError::Certificate(
                "[tls] certificate and [tls] key go together: set both, or leave both empty for a self-signed certificate"
                    .to_owned(),
            ));
        } else {
            Files { certificate: PathBuf::from(&config.certificate), key: PathBuf::from(&config.key) }
        };
        let chain = read_chain(&files.certificate)?;
        let key = read_key(&files.key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let tickets =
            aws_lc_rs::Ticketer::new().map_err(|error| NetError::Certificate(format!("TLS cannot start: {error}")))?;
        let door = |alpn: &[u8]| {
            server_config(&provider, &tickets, (&chain, &key), alpn, config.tls12).map_err(|e| mismatch(&files, &e))
        };
        Ok(Self {
            https: door(ALPN_HTTP)?,
            frames: door(ALPN_FRAMES)?,
            fingerprint: fingerprint(&chain[0]),
            self_signed,
        })
    }

    /// SHA-256 of the certificate, `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// True when the realm made the certificate itself.
    #[must_use]
    pub fn self_signed(&self) -> bool {
        self.self_signed
    }
}

/// TLS 1.3 alone refuses old clients outright; with `tls12` only AEAD suites are added, rustls has no others.
fn server_config(
    provider: &Arc<CryptoProvider>,
    tickets: &Arc<dyn ProducesTickets>,
    (chain, key): (&[CertificateDer<'static>], &PrivateKeyDer<'static>),
    alpn: &[u8],
    tls12: bool,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    const MODERN: &[&SupportedProtocolVersion] = &[&version::TLS13];
    const ALSO_OLD: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(if tls12 { ALSO_OLD } else { MODERN })?
        .with_no_client_auth()
        .with_single_cert(chain.to_vec(), key.clone_key())?;
    config.alpn_protocols = vec![alpn.to_vec()];
    config.ticketer = Arc::clone(tickets);
    Ok(Arc::new(config))
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

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let bytes = read(file, "certificate")?;
    let chain: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(NetError::Certificate(format!(
            "{} holds no certificate in PEM format (a block \"BEGIN CERTIFICATE\"): convert it with `openssl x509 -inform der`, \
             or correct [tls] certificate",
            file.display()
        ))),
    }
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, NetError> {
    PrivateKeyDer::from_pem_slice(&read(file, "key")?).map_err(|_| {
        NetError::Certificate(format!(
            "{} holds no unencrypted private key in PEM format (a block \"BEGIN PRIVATE KEY\"): convert it with `openssl pkey`, \
             or correct [tls] key",
            file.display()
        ))
    })
}

fn read(file: &Path, what: &str) -> Result<Vec<u8>, NetError> {
    fs::read(file).map_err(|error| {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(certificate: &Path, key: &Path) -> TlsConfig {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        TlsConfig { certificate: text(certificate), key: text(key), ..TlsConfig::default() }
    }

    fn refused(config: &TlsConfig, data: &Path) -> String {
        Tls::load(config, data).unwrap_err().to_string()
    }

    #[test]
    fn the_self_signed_certificate_is_kept_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let first = Tls::load(&TlsConfig::default(), data.path()).unwrap();
        let again = Tls::load(&TlsConfig::default(), data.path()).unwrap();
        assert!(first.self_signed());
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
        let mode = fs::metadata(data.path().join("tls/key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_new_name_makes_a_new_certificate() {
        let data = tempfile::tempdir().unwrap();
        let first = Tls::load(&TlsConfig::default(), data.path()).unwrap();
        let named = TlsConfig { names: vec!["realm.example".into(), "10.1.2.3".into()], ..TlsConfig::default() };
        let second = Tls::load(&named, data.path()).unwrap();
        assert_ne!(first.fingerprint(), second.fingerprint());
        assert_eq!(second.fingerprint(), Tls::load(&named, data.path()).unwrap().fingerprint());
        let wrong = TlsConfig { names: vec!["no name".into()], ..TlsConfig::default() };
        assert!(refused(&wrong, data.path()).contains("[tls] names: \"no name\""), "{}", refused(&wrong, data.path()));
    }

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_remedy() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for data in [&one, &other] {
            Tls::load(&TlsConfig::default(), data.path()).unwrap();
        }
        let (certificate, key) = (one.path().join("tls/certificate.pem"), one.path().join("tls/key.pem"));
        assert!(!Tls::load(&configured(&certificate, &key), one.path()).unwrap().self_signed());

        let missing = refused(&configured(&one.path().join("none.pem"), &key), one.path());
        assert!(
            missing.contains("none.pem") && missing.contains("no such file; correct [tls] certificate"),
            "{missing}"
        );

        let plain = one.path().join("plain.txt");
        fs::write(&plain, "not PEM").unwrap();
        let not_pem = refused(&configured(&plain, &key), one.path());
        assert!(not_pem.contains("plain.txt holds no certificate in PEM format"), "{not_pem}");
        let no_key = refused(&configured(&certificate, &plain), one.path());
        assert!(no_key.contains("plain.txt holds no unencrypted private key"), "{no_key}");

        let foreign = refused(&configured(&certificate, &other.path().join("tls/key.pem")), one.path());
        assert!(foreign.contains("does not belong to the certificate"), "{foreign}");

        let half = TlsConfig { certificate: "a.pem".into(), ..TlsConfig::default() };
        assert!(refused(&half, one.path()).contains("go together"));

        fs::remove_file(&key).unwrap();
        let lost = refused(&TlsConfig::default(), one.path());
        assert!(lost.contains("key.pem is missing") && lost.contains("delete"), "{lost}");
    }
}
