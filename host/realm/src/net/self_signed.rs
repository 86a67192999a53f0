//! The self-signed certificate in the data folder: made on the first start, and anew when it lacks a configured name.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
};
use time::{Duration, OffsetDateTime};

use super::{NetError, certificate::Files};

const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const VALID_DAYS: i64 = 3_650;

/// The files of the certificate in `data`, made when there are none or when a name is missing in it.
pub(super) fn files(data: &Path, names: &[String]) -> Result<Files, NetError> {
    let folder = data.join("tls");
    let files = Files { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    let wanted = wanted_names(names)?;
    if files.certificate.exists() {
        if !files.key.exists() {
            return Err(NetError::Certificate(format!(
                "{} is missing beside its certificate: restore it, or delete {} to have both made anew",
                files.key.display(),
                files.certificate.display()
            )));
        }
        if names_every(&files.certificate, &wanted) {
            return Ok(files);
        }
        tracing::info!("the self-signed certificate lacks a name of [tls] names: it is made anew");
    }
    make(&folder, &files, &wanted)?;
    Ok(files)
}

fn wanted_names(names: &[String]) -> Result<Vec<String>, NetError> {
    if let Some(wrong) = names.iter().find(|name| ServerName::try_from(name.as_str()).is_err()) {
        return Err(NetError::Certificate(format!(
            "[tls] names: \"{wrong}\" is neither a host name nor an address; write it like realm.example.org or 192.0.2.7"
        )));
    }
    Ok(OWN_NAMES.iter().map(ToString::to_string).chain(names.iter().cloned()).collect())
}

/// A file that cannot be read here is left alone: loading it names what is wrong.
fn names_every(certificate: &Path, names: &[String]) -> bool {
    let Some(der) = fs::read(certificate).ok().and_then(|pem| CertificateDer::from_pem_slice(&pem).ok()) else {
        return true;
    };
    let Ok(parsed) = ParsedCertificate::try_from(&der) else { return true };
    names
        .iter()
        .all(|name| ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok()))
}

fn make(folder: &Path, files: &Files, names: &[String]) -> Result<(), NetError> {
    let unable =
        |error: rcgen::Error| NetError::Certificate(format!("a self-signed certificate cannot be made: {error}"));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unable)?;
    let mut parameters = CertificateParams::new(names.to_vec()).map_err(unable)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Realm, self-signed");
    parameters.distinguished_name = subject;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    // A client whose clock is a little behind shall accept it too.
    parameters.not_before = now - Duration::DAY;
    parameters.not_after = now + Duration::days(VALID_DAYS);
    let certificate = parameters.self_signed(&key).map_err(unable)?;

    // The certificate comes last: its presence says that the pair is whole.
    let stored = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| match fs::remove_file(&files.certificate) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .and_then(|()| write(&files.key, &key.serialize_pem(), 0o600))
        .and_then(|()| write(&files.certificate, &certificate.pem(), 0o644));
    stored.map_err(|error| {
        NetError::Certificate(format!(
            "the self-signed certificate cannot be stored in {}: {error}; make the data folder writable for this user",
            folder.display()
        ))
    })
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = file.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&beside, file)
}
