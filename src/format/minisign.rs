//! Signatures in the format of the `minisign` program: ed25519 over a hash of the file, and over a
//! comment that binds the file's name and version to it.

use crate::report::exit::Fault;
use crate::sys::fsio;
use ct_codecs::{Base64, Decoder as _};
use minisign::{SecretKey, SecretKeyBox};
use minisign_verify::{PublicKey, Signature};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Ending of a signature's file.
pub(crate) const ENDING: &str = ".minisig";

/// A secret key that is ready to sign.
pub(crate) struct Signer(SecretKey);

impl Signer {
    /// Reads a secret key; one that is encrypted needs its password.
    pub(crate) fn load(path: &Path, password: Option<&str>) -> Result<Self, Fault> {
        let text = fsio::read_text(path)?;
        let bad = |reason: &str| Fault::config(format!("secret key `{}`: {reason}", path.display()));
        let boxed = || SecretKeyBox::from_string(&text).map_err(|_| bad("it is no minisign secret key"));
        if let Ok(key) = boxed()?.into_unencrypted_secret_key() {
            return Ok(Self(key));
        }
        if let Some(key) = without_checksum(&text) {
            return Ok(Self(key));
        }
        let Some(password) = password else {
            let fault = bad("it cannot be used without a password");
            return Err(fault.hint("set MMOPS_SIGN_PASSWORD, or make a key without one by `minisign -G -W`"));
        };
        let key = boxed()?.into_secret_key(Some(password.to_owned()));
        key.map(Self).map_err(|error| bad(&error.to_string()))
    }

    /// The text of a signature's file.
    pub(crate) fn sign(&self, file: File, comment: &str) -> Result<String, Fault> {
        let signed = minisign::sign(None, &self.0, file, Some(comment), Some("signature by mmops"));
        signed
            .map(minisign::SignatureBox::into_string)
            .map_err(|error| Fault::dependency(format!("the file cannot be signed: {error}")))
    }
}

/// Length of a secret key's bytes, and of the checksum that they end with.
const KEY_BYTES: usize = 158;
const CHECKSUM_BYTES: usize = 32;

/// A key without a password as the program writes it: without a checksum too.
fn without_checksum(text: &str) -> Option<SecretKey> {
    let bytes = Base64::decode_to_vec(text.lines().nth(1)?.trim(), None).ok()?;
    let checksum =
        bytes.get(KEY_BYTES - CHECKSUM_BYTES..).filter(|checksum| checksum.len() == CHECKSUM_BYTES)?;
    let is_ours = bytes.starts_with(b"Ed\0\0") && checksum.iter().all(|byte| *byte == 0);
    is_ours.then(|| SecretKey::from_bytes(&bytes).ok())?
}

/// Where the signature of a file is.
pub(crate) fn beside(path: &Path) -> PathBuf {
    fsio::with_ending(path, ENDING)
}

/// A public key.
pub(crate) struct Verifier(PublicKey);

impl Verifier {
    /// The key of a file, or of the text itself.
    pub(crate) fn load(path: &Path, text: &str) -> Result<Self, Fault> {
        if let Ok(key) = PublicKey::from_base64(text) {
            return Ok(Self(key));
        }
        let text = fsio::read_text(path)?;
        let key = PublicKey::decode(&text).or_else(|_| PublicKey::from_base64(text.trim()));
        key.map(Self).map_err(|error| {
            Fault::config(format!("`{}` is no minisign public key: {error}", path.display()))
        })
    }

    /// Checks a signature over a file, and returns its trusted comment.
    pub(crate) fn check(&self, file: &mut File, signature: &str) -> Result<String, String> {
        let signature =
            Signature::decode(signature).map_err(|error| format!("it is no signature: {error}"))?;
        let mut stream = self.0.verify_stream(&signature).map_err(|error| error.to_string())?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => stream.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("the file cannot be read: {error}")),
            }
        }
        stream.finalize().map_err(|error| error.to_string())?;
        Ok(signature.trusted_comment().to_owned())
    }
}
