//! The key that signs tokens: ECDSA on P-256, in a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::security::files;

/// Why the key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file can't be read or written.
    #[error("can't {operation} the key of service account tokens in {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// It holds something else.
    #[error(
        "{path} is no private key (PKCS #8, P-256): put back a copy, or remove the file: all tokens are then void, and those of Pods are made again",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It could not be made.
    #[error("can't make a key for service account tokens")]
    Make,
}

/// The key.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    id: String,
}

impl SigningKey {
    /// Reads the key in this file. A file that is not there, or that others could read, gets a new one.
    ///
    /// # Errors
    /// A file that can't be read or written, or that holds something else.
    pub fn open(path: &Path) -> Result<Self, SigningKeyError> {
        let file = |operation| move |source| SigningKeyError::File { operation, path: path.to_owned(), source };
        let damaged = || SigningKeyError::Damaged { path: path.to_owned() };
        let text = match files::read(path).map_err(file("read"))? {
            Some((text, false)) => text,
            kept => {
                if kept.is_some() {
                    tracing::warn!(path = %path.display(), "others could read the key of tokens: it is replaced");
                }
                let made = rcgen::KeyPair::generate().map_err(|_| SigningKeyError::Make)?;
                let text = made.serialize_pem();
                files::replace(path, text.as_bytes()).map_err(file("write"))?;
                text
            }
        };
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| damaged())?;
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_pkcs8_der(), &random).map_err(|_| damaged())?;
        let digest = ring::digest::digest(&ring::digest::SHA256, pair.public_key().as_ref());
        let id = URL_SAFE_NO_PAD.encode(digest);
        Ok(Self { pair, random, id })
    }

    /// The key's name in tokens.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// A signature; nothing if there is no randomness.
    pub(super) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        Some(self.pair.sign(&self.random, text).ok()?.as_ref().to_vec())
    }

    /// Whether this key signed it.
    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        key.verify(text, signature).is_ok()
    }

    /// The public key as a JSON Web Key (RFC 7517).
    pub(super) fn public(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256", "x": encode(x), "y": encode(y)})
    }
}
