//! TLS of the three doors: versions, protocols, tickets, and the certificate that is at work.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::ProducesTickets,
    version,
};

use super::{
    NetError, Renewal, TlsConfig,
    certificate::{Files, InUse, Pair},
    renewal, self_signed,
};

/// Spoken on the HTTPS door.
pub(super) const ALPN_HTTP: &[u8] = b"http/1.1";
/// Spoken on the two doors of frames.
pub(super) const ALPN_FRAMES: &[u8] = b"realm/1";

/// What the doors need for TLS; clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    pub(super) https: Arc<ServerConfig>,
    pub(super) frames: Arc<ServerConfig>,
    files: Files,
    provider: Arc<CryptoProvider>,
    in_use: Arc<InUse>,
    self_signed: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
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
        let provider = Arc::new(aws_lc_rs::default_provider());
        let in_use = Arc::new(InUse::new(Pair::read(&files.contents(), &files, &provider)?));
        // Their keys change every six hours, and a key is forgotten six hours later.
        let tickets =
            aws_lc_rs::Ticketer::new().map_err(|error| NetError::Certificate(format!("TLS cannot start: {error}")))?;
        let door = |alpn: &[u8]| {
            server_config(&provider, &tickets, &in_use, alpn, config.tls12)
                .map_err(|error| NetError::Certificate(format!("TLS cannot start: {error}")))
        };
        Ok(Self { https: door(ALPN_HTTP)?, frames: door(ALPN_FRAMES)?, files, provider, in_use, self_signed })
    }

    /// Watches the files of the certificate from now on; `replaced` is called with the fingerprint of each new one that is at work.
    #[must_use = "dropping it ends the watch"]
    pub fn watch(&self, replaced: impl Fn(&str) + Send + 'static) -> Renewal {
        renewal::start(self.files.clone(), Arc::clone(&self.provider), Arc::clone(&self.in_use), replaced)
    }

    /// SHA-256 of the certificate that is at work, `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.in_use.pair().fingerprint.clone()
    }

    /// Why clients will not accept the certificate today although its files are in order: it has expired, or is not valid yet.
    #[must_use]
    pub fn validity_problem(&self) -> Option<String> {
        self.in_use.pair().check_validity(&self.files).err().map(|error| error.to_string())
    }

    /// True when the realm made the certificate itself.
    #[must_use]
    pub fn self_signed(&self) -> bool {
        self.self_signed
    }
}

/// TLS 1.3 alone refuses old clients outright; with `tls12` only AEAD suites are added, rustls has no others. There is no 0-RTT:
/// early data could be replayed, and nobody gains by it where connections are long.
fn server_config(
    provider: &Arc<CryptoProvider>,
    tickets: &Arc<dyn ProducesTickets>,
    in_use: &Arc<InUse>,
    alpn: &[u8],
    tls12: bool,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    const MODERN: &[&SupportedProtocolVersion] = &[&version::TLS13];
    const ALSO_OLD: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(if tls12 { ALSO_OLD } else { MODERN })?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(in_use) as _);
    config.alpn_protocols = vec![alpn.to_vec()];
    config.ticketer = Arc::clone(tickets);
    config.max_early_data_size = 0;
    // Clients of TLS 1.3 know best which cipher their processor is good at; old ones are not asked.
    config.ignore_client_order = tls12;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

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
