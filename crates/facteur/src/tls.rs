//! Certificates: read, checked, swapped without a restart; made for the demo.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::cms;
use crate::config::Tls;

/// The certificate in use; a reload swaps it, and running sessions keep theirs.
#[derive(Debug)]
pub(crate) struct Certificates {
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    config: Arc<ServerConfig>,
}

impl Certificates {
    /// Reads both files. The error says which is wrong.
    pub(crate) fn load(files: &Tls) -> Result<Self, String> {
        Ok(Self { current: ArcSwap::from_pointee(Current::load(files)?) })
    }

    /// Reads both files again; keeps the old certificate when one is wrong.
    pub(crate) fn reload(&self, files: &Tls) -> Result<(), String> {
        self.current.store(Arc::new(Current::load(files)?));
        Ok(())
    }

    /// What the edges ask at each handshake.
    pub(crate) fn source(self: &Arc<Self>) -> Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync> {
        let certificates = Arc::clone(self);
        Arc::new(move || Arc::clone(&certificates.current.load().config))
    }

    /// What signs profiles with the same certificate.
    pub(crate) fn signer(self: &Arc<Self>) -> webmail::ProfileSigner {
        let (certificates, clock) = (Arc::clone(self), crate::clock::system());
        Arc::new(move |profile: &[u8]| {
            cms::sign(&certificates.current.load().key, profile, clock())
        })
    }
}

impl Current {
    fn load(files: &Tls) -> Result<Self, String> {
        let named =
            |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| named(&files.certificate, &error))?;
        if chain.is_empty() {
            return Err(named(&files.certificate, &"no CERTIFICATE block in it"));
        }
        let key =
            PrivateKeyDer::from_pem_file(&files.key).map_err(|error| named(&files.key, &error))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = CertifiedKey::from_der(chain, key, &provider)
            .map_err(|error| named(&files.certificate, &error))?;
        let key = Arc::new(key);
        let resolver = SingleCertAndKey::from(Arc::clone(&key));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| named(&files.certificate, &error))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        Ok(Self { key, config: Arc::new(config) })
    }
}

/// Makes a self-signed certificate for these names, unless there is one.
pub(crate) fn make_self_signed(files: &Tls, names: Vec<String>) -> Result<(), String> {
    if files.certificate.exists() && files.key.exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    // The key first: a power cut between the two leaves no certificate, and both are made again.
    write_private(&files.key, made.signing_key.serialize_pem().as_bytes())?;
    write_private(&files.certificate, made.cert.pem().as_bytes())
}

/// Writes a file that only its owner may read, and syncs it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> Tls {
        Tls { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") }
    }

    #[test]
    fn a_bad_certificate_keeps_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        make_self_signed(&files, vec!["mail.ac-paris.test".into()]).unwrap();
        let certificates = Arc::new(Certificates::load(&files).unwrap());
        let before = certificates.source()();
        std::fs::write(&files.certificate, "nonsense").unwrap();
        let error = certificates.reload(&files).unwrap_err();
        assert!(error.contains("certificate.pem"), "{error}");
        assert!(Arc::ptr_eq(&before, &certificates.source()()));
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Certificates::load(&files(dir.path())).unwrap_err();
        assert!(error.contains("certificate.pem"), "{error}");
    }
}
