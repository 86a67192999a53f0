//! Replacing the certificate while the doors are open: its files are looked at again and again, and a pair that fits is taken.
//!
//! Whatever is wrong with the files, the pair that is at work stays. Connections that are open keep what they have agreed on.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use rustls::crypto::CryptoProvider;

use super::certificate::{Files, InUse, Pair};

/// How often the files are looked at. A pair that fits is at work within this time, a broken one is reported within twice as long:
/// between the writing of the one file and of the other they do not fit, and that is nobody's mistake.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The watch over the files; dropping it ends the watch.
#[derive(Debug)]
pub struct Renewal {
    asked: SyncSender<()>,
}

impl Renewal {
    /// Looks at the files at once, and says what came of it in any case.
    pub fn look_now(&self) {
        // When somebody has asked already, that is enough.
        let _ = self.asked.try_send(());
    }
}

/// A thread of its own: files may lie where reading them takes long.
pub(super) fn start(
    files: Files,
    provider: Arc<CryptoProvider>,
    in_use: Arc<InUse>,
    replaced: impl Fn(&str) + Send + 'static,
) -> Renewal {
    let (asked, requests) = sync_channel(1);
    let watch = Watch { files, provider, in_use, suspect: None, reported: None };
    watch.show_expiry();
    let started = thread::Builder::new().name("certificate".to_owned()).spawn(move || watch.run(&requests, replaced));
    if let Err(error) = started {
        tracing::error!("the certificate's files are not watched, because no thread can be started: {error}");
    }
    Renewal { asked }
}

struct Watch {
    files: Files,
    provider: Arc<CryptoProvider>,
    in_use: Arc<InUse>,
    /// Contents that did not fit when they were last seen.
    suspect: Option<[u8; 32]>,
    /// Contents that were complained about already.
    reported: Option<[u8; 32]>,
}

/// What a look at the files found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The pair that is at work.
    Same,
    /// A new pair; its fingerprint.
    Replaced(String),
    /// Files that do not fit, perhaps only for the moment.
    Suspect,
    /// Files that do not fit; what is wrong.
    Broken(String),
    /// The same again.
    StillBroken,
}

impl Watch {
    fn run(mut self, requests: &Receiver<()>, replaced: impl Fn(&str)) {
        loop {
            let asked = match requests.recv_timeout(LOOK_EVERY) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match self.look(asked) {
                Found::Same if asked => tracing::info!(
                    "the certificate in {} is at work already; nothing was replaced",
                    self.files.certificate.display()
                ),
                Found::Same | Found::Suspect | Found::StillBroken => {}
                Found::Replaced(fingerprint) => {
                    metrics::counter!("realm_tls_certificate_replaced_total").increment(1);
                    self.show_expiry();
                    replaced(&fingerprint);
                    tracing::info!(fingerprint, "the certificate was replaced; new connections get the new one");
                }
                Found::Broken(problem) => {
                    metrics::counter!("realm_tls_certificate_refused_total").increment(1);
                    metrics::gauge!("realm_tls_certificate_problem").set(1.0);
                    tracing::error!("the certificate was not replaced, the one at work stays: {problem}");
                }
            }
        }
    }

    fn look(&mut self, asked: bool) -> Found {
        let contents = self.files.contents();
        let digest = contents.digest();
        if digest == self.in_use.pair().digest {
            if self.reported.take().is_some() {
                metrics::gauge!("realm_tls_certificate_problem").set(0.0);
            }
            self.suspect = None;
            return Found::Same;
        }
        let pair = Pair::read(&contents, &self.files, &self.provider)
            .and_then(|pair| pair.check_validity(&self.files).map(|()| pair));
        match pair {
            Ok(pair) => {
                let fingerprint = pair.fingerprint.clone();
                self.in_use.replace(pair);
                (self.suspect, self.reported) = (None, None);
                Found::Replaced(fingerprint)
            }
            Err(_) if !asked && self.reported == Some(digest) => Found::StillBroken,
            Err(_) if !asked && self.suspect != Some(digest) => {
                self.suspect = Some(digest);
                Found::Suspect
            }
            Err(error) => {
                (self.suspect, self.reported) = (None, Some(digest));
                Found::Broken(error.to_string())
            }
        }
    }

    fn show_expiry(&self) {
        metrics::gauge!("realm_tls_certificate_problem").set(0.0);
        if let Some(expires_s) = self.in_use.pair().expires_s() {
            metrics::gauge!("realm_tls_certificate_expires_timestamp_seconds").set(expires_s as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::net::{Tls, TlsConfig};

    /// A watch over the self-signed certificate in `data`.
    fn watch(data: &Path) -> Watch {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let files = Files { certificate: data.join("tls/certificate.pem"), key: data.join("tls/key.pem") };
        let pair = Pair::read(&files.contents(), &files, &provider).unwrap();
        Watch { files, provider, in_use: Arc::new(InUse::new(pair)), suspect: None, reported: None }
    }

    #[test]
    fn what_does_not_fit_is_reported_once_and_what_fits_is_taken_at_once() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&data, &other] {
            Tls::load(&TlsConfig::default(), folder.path()).unwrap();
        }
        let mut watch = watch(data.path());
        let first = watch.in_use.pair().fingerprint.clone();
        assert_eq!(watch.look(false), Found::Same);
        fs::copy(other.path().join("tls/certificate.pem"), &watch.files.certificate).unwrap();
        assert_eq!(watch.look(false), Found::Suspect, "the key may be on its way");
        assert!(matches!(watch.look(false), Found::Broken(problem) if problem.contains("does not belong")));
        assert_eq!((watch.look(false), watch.look(false)), (Found::StillBroken, Found::StillBroken));
        assert!(matches!(watch.look(true), Found::Broken(_)), "who asks is answered");
        assert_eq!(watch.in_use.pair().fingerprint, first);
        fs::copy(other.path().join("tls/key.pem"), &watch.files.key).unwrap();
        let second = Tls::load(&TlsConfig::default(), other.path()).unwrap().fingerprint();
        assert_eq!(watch.look(false), Found::Replaced(second.clone()));
        assert_eq!((watch.look(false), watch.in_use.pair().fingerprint.clone()), (Found::Same, second));
        assert!(watch.in_use.pair().expires_s().is_some_and(|expires_s| expires_s > 2_000_000_000));
    }
}
