//! Encryption at rest: Secrets are stored under AES-256-GCM, with keys in a file of their own.
//!
//! The file has one key a line, in base64. The first seals, all open: a new line put before the others is a new key, and a line
//! may go once everything that it sealed was written again. What is sealed names its key, so a missing one is told by name.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use super::files;
use super::follow::SECRETS;
use crate::store::{Key, Seal, SealError};

/// What stands before everything that is sealed. No JSON begins so.
const MARK: &[u8] = b"\0aes256gcm1";
const KEY_LENGTH: usize = 32;
const ID_LENGTH: usize = 8;

/// Why the keys can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read or written.
    #[error("can't {operation} the encryption keys in {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others can read it.
    #[error("others can read the encryption keys in {path}: chmod 600 it, and put a new key before the others", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A line is no key.
    #[error("line {line} of {path} is no key of 32 bytes in base64: put back a copy of the file", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// There is no key in it.
    #[error("{path} has no key: put back a copy of the file; without it nothing that is encrypted can be read", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is no randomness.
    #[error("no random numbers for an encryption key")]
    Random,
}

/// Seals Secrets.
pub struct SecretSeal {
    path: PathBuf,
    keys: Vec<SealKey>,
    random: SystemRandom,
}

struct SealKey {
    id: [u8; ID_LENGTH],
    key: LessSafeKey,
}

impl SecretSeal {
    /// Reads the keys in this file; a file that is not there gets one.
    ///
    /// # Errors
    /// A file that can't be read or written, that others can read, or that holds something else.
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let random = SystemRandom::new();
        let file = |operation| move |source| KeyFileError::File { operation, path: path.to_owned(), source };
        let text = match files::read(path).map_err(file("read"))? {
            Some((_, true)) => return Err(KeyFileError::Exposed { path: path.to_owned() }),
            Some((text, false)) => text,
            None => {
                let mut key = [0; KEY_LENGTH];
                random.fill(&mut key).map_err(|_| KeyFileError::Random)?;
                let text = format!("{}\n", STANDARD.encode(key));
                files::replace(path, text.as_bytes()).map_err(file("write"))?;
                text
            }
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let damaged = |line| KeyFileError::Damaged { path: path.to_owned(), line: line + 1 };
        let keys = lines.map(|(line, text)| SealKey::parse(text.trim()).ok_or_else(|| damaged(line)));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyFileError::Empty { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), keys, random })
    }

    fn unknown(&self, id: &[u8]) -> SealError {
        let known: Vec<String> = self.keys.iter().map(|key| hex(&key.id)).collect();
        let (path, id, known) = (self.path.display(), hex(id), known.join(", "));
        SealError(format!("it is encrypted with key {id}, and {path} has {known}: put back the file that has it"))
    }
}

impl SealKey {
    fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == KEY_LENGTH)?;
        let mut digest = Context::new(&SHA256);
        digest.update(b"reprise encryption key");
        digest.update(&bytes);
        let id = digest.finish().as_ref().first_chunk().copied()?;
        Some(Self { id, key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?) })
    }
}

impl Seal for SecretSeal {
    fn seal<'a>(&self, key: &Key, plain: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError> {
        if key.resource != SECRETS {
            return Ok(Cow::Borrowed(plain));
        }
        let failed = |_| SealError("it can't be encrypted".to_owned());
        let Some(first) = self.keys.first() else { return Err(SealError("there is no key".to_owned())) };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(failed)?;
        let mut text = plain.to_vec();
        let aad = Aad::from(place(key));
        let sealed = first.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text);
        sealed.map_err(failed)?;
        Ok(Cow::Owned([MARK, &first.id, &nonce, &text].concat()))
    }

    fn open<'a>(&self, key: &Key, sealed: &'a [u8]) -> Result<Cow<'a, [u8]>, SealError> {
        let Some(rest) = sealed.strip_prefix(MARK) else { return Ok(Cow::Borrowed(sealed)) };
        let damaged = || SealError("it is damaged on the disk".to_owned());
        let (id, rest) = rest.split_first_chunk::<ID_LENGTH>().ok_or_else(damaged)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let known = self.keys.iter().find(|known| known.id == *id).ok_or_else(|| self.unknown(id))?;
        let mut text = text.to_vec();
        let aad = Aad::from(place(key));
        let plain = known.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text);
        let length = plain.map_err(|_| damaged())?.len();
        text.truncate(length);
        Ok(Cow::Owned(text))
    }
}

/// The object's name: what is sealed can be opened in its own place only.
fn place(key: &Key) -> Vec<u8> {
    [key.resource, &key.namespace, &key.name].join("\0").into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn key(resource: &'static str, name: &str) -> Key {
        Key { resource, namespace: "n".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn only_secrets_are_sealed_and_only_in_their_own_place_opened() {
        let folder = tempfile::tempdir().unwrap();
        let seal = SecretSeal::open(&folder.path().join("keys")).unwrap();
        assert_eq!(&*seal.seal(&key("pods", "p"), b"{}").unwrap(), b"{}");
        let sealed = seal.seal(&key(SECRETS, "s"), b"{\"data\":\"password\"}").unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("password"));
        assert_eq!(&*seal.open(&key(SECRETS, "s"), &sealed).unwrap(), b"{\"data\":\"password\"}");
        assert!(seal.open(&key(SECRETS, "t"), &sealed).is_err());
        assert_eq!(&*seal.open(&key(SECRETS, "s"), b"{}").unwrap(), b"{}", "stored before it was sealed");
    }

    #[test]
    fn a_new_key_goes_first_and_old_ones_still_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let old = SecretSeal::open(&path).unwrap().seal(&key(SECRETS, "s"), b"{}").unwrap().into_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{}\n{kept}", STANDARD.encode([7; KEY_LENGTH]))).unwrap();
        let seal = SecretSeal::open(&path).unwrap();
        assert_eq!(&*seal.open(&key(SECRETS, "s"), &old).unwrap(), b"{}");
        let new = seal.seal(&key(SECRETS, "s"), b"{}").unwrap().into_owned();
        fs::write(&path, kept).unwrap();
        let error = SecretSeal::open(&path).unwrap().open(&key(SECRETS, "s"), &new).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("put back"), "{error}");
    }

    #[test]
    fn a_file_that_is_damaged_or_open_to_others_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        SecretSeal::open(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SecretSeal::open(&path), Err(KeyFileError::Exposed { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for (content, line) in [("c2hvcnQ=\n", 1), ("\n***\n", 2)] {
            fs::write(&path, content).unwrap();
            assert!(matches!(SecretSeal::open(&path), Err(KeyFileError::Damaged { line: found, .. }) if found == line));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        fs::write(&path, "").unwrap();
        assert!(matches!(SecretSeal::open(&path), Err(KeyFileError::Empty { .. })));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(text in proptest::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
            let folder = tempfile::tempdir().unwrap();
            let seal = SecretSeal::open(&folder.path().join("keys")).unwrap();
            let mut sealed = seal.seal(&key(SECRETS, "s"), &text).unwrap().into_owned();
            prop_assert_eq!(&*seal.open(&key(SECRETS, "s"), &sealed).unwrap(), &text[..]);
            let at = MARK.len() + at.index(sealed.len() - MARK.len());
            sealed[at] ^= 1;
            prop_assert!(seal.open(&key(SECRETS, "s"), &sealed).is_err());
        }
    }
}
