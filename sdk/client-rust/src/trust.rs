//! Which certificate is the realm's. A realm's own certificate is signed by nobody, so it is pinned.

use std::{fmt::Write as _, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};

use crate::ClientError;

/// Why the realm's certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Its SHA-256 is this; name and dates do not count then.
    Fingerprint([u8; 32]),
    /// It is one of these certificates, or was issued by one of them for the name of the host.
    CertificatePem(String),
}

impl Trust {
    /// Reads a fingerprint as the realm prints it: 32 bytes in hex, with or without colons.
    ///
    /// # Errors
    /// When the text is no SHA-256.
    pub fn fingerprint(text: &str) -> Result<Self, ClientError> {
        let digits: String = text.chars().filter(|character| *character != ':').collect();
        let mut bytes = [0; 32];
        let wrong = || ClientError::Trust(format!("\"{text}\" is no SHA-256 fingerprint: 64 hexadecimal digits"));
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self::Fingerprint(bytes))
    }

    /// The TLS settings for a door that speaks `protocol`.
    pub(crate) fn client_config(&self, protocol: &[u8]) -> Result<ClientConfig, ClientError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let problem = |error: Error| ClientError::Trust(format!("TLS cannot start: {error}"));
        let verifier = Verifier::new(self, &provider)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(problem)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(config)
    }
}

/// Takes certificates with a known fingerprint, then those with a known issuer.
#[derive(Debug)]
struct Verifier {
    fingerprints: Vec<[u8; 32]>,
    issuers: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

fn fingerprint_of(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

impl Verifier {
    fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self, ClientError> {
        let provider = Arc::clone(provider);
        let pem = match trust {
            Trust::Fingerprint(fingerprint) => {
                return Ok(Self { fingerprints: vec![*fingerprint], issuers: None, provider });
            }
            Trust::CertificatePem(pem) => pem,
        };
        let wrong = |problem: String| ClientError::Trust(format!("the certificate to trust cannot be used: {problem}"));
        let (mut roots, mut fingerprints) = (RootCertStore::empty(), Vec::new());
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            fingerprints.push(fingerprint_of(&certificate));
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if fingerprints.is_empty() {
            return Err(wrong("it is not PEM, or holds no CERTIFICATE".to_owned()));
        }
        let issuers = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        Ok(Self { fingerprints, issuers: Some(issuers.map_err(|error| wrong(error.to_string()))?), provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = fingerprint_of(end_entity);
        if self.fingerprints.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.issuers {
            Some(issuers) => issuers.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => {
                let mut text = "the server's certificate is another one, with the fingerprint ".to_owned();
                for byte in found {
                    write!(text, "{byte:02X}").map_err(|_| CertificateError::UnknownIssuer)?;
                }
                Err(Error::General(text))
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        let colons = ["AB"; 32].join(":");
        assert_eq!(Trust::fingerprint(&colons).unwrap(), Trust::Fingerprint([0xAB; 32]));
        assert_eq!(Trust::fingerprint(&"ab".repeat(32)).unwrap(), Trust::Fingerprint([0xAB; 32]));
        for wrong in ["", "AB:CD", &"zz".repeat(32), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(matches!(Trust::fingerprint(wrong), Err(ClientError::Trust(_))), "{wrong}");
        }
    }

    #[test]
    fn text_that_is_no_certificate_is_refused() {
        let trust = Trust::CertificatePem("no certificate".to_owned());
        assert!(matches!(trust.client_config(b"realm/1"), Err(ClientError::Trust(_))));
    }
}
