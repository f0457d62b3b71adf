//! DKIM signatures of what leaves: the keys of the secrets file, over a queued message.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mail_service::queue::{Entry, Outgoing};
use mail_service::{MailService, ServiceError};
use mail_store::secrets::{DkimAlgorithm, DkimKey, DkimState, Secrets};
use mail_types::Domain;
use sender_auth::{Algorithm, BodyHasher, Canonicalization, Signer, SigningKey, author_domain};
use smtp_relay::Sign;

/// Header sections above this are left unsigned; a client's are far smaller.
const HEADER_BYTES_MAX: u64 = 256 << 10;

/// The keys that sign, by the domain they sign for.
pub(crate) type Signers = HashMap<Domain, Signer>;

/// The signing keys of all domains.
pub(crate) struct Signing {
    service: MailService,
    signers: ArcSwap<Signers>,
}

impl Signing {
    /// Takes the keys that sign from the secrets file.
    pub(crate) fn new(service: MailService, secrets_file: &Path) -> Result<Self, String> {
        Ok(Self { service, signers: ArcSwap::from_pointee(signers(secrets_file)?) })
    }

    /// Signs with these keys from now on.
    pub(crate) fn exchange(&self, signers: Signers) {
        self.signers.store(Arc::new(signers));
    }

    async fn signatures(
        &self,
        entry: &Entry,
        outgoing: &Outgoing,
    ) -> Result<Vec<u8>, ServiceError> {
        let message = &entry.message;
        // Only for what was written here: a stranger may put any name into `From`.
        let is_ours = message.submitter.is_some() || message.is_notice;
        if !is_ours || message.header_size >= HEADER_BYTES_MAX {
            return Ok(Vec::new());
        }
        let header = outgoing.header(HEADER_BYTES_MAX).await?;
        let signers = self.signers.load_full();
        let Some(signer) = author_domain(&header).and_then(|domain| signers.get(&domain)) else {
            return Ok(Vec::new());
        };
        let mut body = BodyHasher::new(Canonicalization::Relaxed);
        let mut offset = header.len() as u64;
        while offset < outgoing.size() {
            let piece = outgoing.piece(offset).await?;
            body.push(&piece);
            offset += piece.len() as u64;
        }
        match signer.sign(&header, &body.finish(), self.service.now().as_second()) {
            Ok(lines) => Ok(lines.into_bytes()),
            // Better unsigned than never.
            Err(error) => {
                tracing::error!(target: "facteur", queue_id = %entry.id, %error, "not signed");
                Ok(Vec::new())
            }
        }
    }
}

impl Sign for Signing {
    fn sign<'a>(
        &'a self,
        entry: &'a Entry,
        outgoing: &'a Outgoing,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, ServiceError>> + Send + 'a>> {
        Box::pin(self.signatures(entry, outgoing))
    }
}

/// The keys that are in the secrets file now.
pub(crate) fn signers(secrets_file: &Path) -> Result<Signers, String> {
    let secrets = Secrets::load(secrets_file, false).map_err(|error| error.to_string())?;
    let mut keys: HashMap<Domain, Vec<SigningKey>> = HashMap::new();
    for key in secrets.dkim().iter().filter(|key| key.state() == DkimState::Signing) {
        keys.entry(key.domain().clone()).or_default().push(signing_key(key)?);
    }
    Ok(keys.into_iter().map(|(domain, keys)| (domain, Signer::new(keys))).collect())
}

fn signing_key(key: &DkimKey) -> Result<SigningKey, String> {
    let algorithm = match key.algorithm() {
        DkimAlgorithm::Rsa2048 => Algorithm::Rsa,
        DkimAlgorithm::Ed25519 => Algorithm::Ed25519,
    };
    let (domain, selector) = (key.domain(), key.selector());
    SigningKey::from_pkcs8(domain.clone(), selector, algorithm, key.pkcs8())
        .map_err(|error| format!("DKIM key {selector} of {domain}: {error}"))
}
