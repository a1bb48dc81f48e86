//! Signatures in the format of the `minisign` program: ed25519 over a hash of the file, and over a
//! comment that binds the file's name and version to it.

use crate::report::exit::Fault;
use anyhow::{anyhow, bail, ensure};
use ct_codecs::{Base64, Decoder as _, Encoder as _};
use minisign::{SecretKey, SecretKeyBox};
use minisign_verify::{PublicKey, Signature};
use std::io::{self, Read};
use std::path::Path;

/// Ending of a signature's file.
pub(crate) const ENDING: &str = ".minisig";

/// The first line of a signature's file, which no signature covers.
const UNTRUSTED_COMMENT: &str = "signature by mmops";

/// A secret key that is ready to sign.
pub(crate) struct Signer(SecretKey);

impl Signer {
    /// Reads the text of a secret key's file, which messages name; a key that is encrypted needs its password.
    pub(crate) fn parse(text: &str, file: &Path, password: Option<&str>) -> Result<Self, Fault> {
        let bad = |reason: &str| Fault::config(format!("secret key `{}`: {reason}", file.display()));
        let boxed = || SecretKeyBox::from_string(text).map_err(|_| bad("it is not a minisign secret key"));
        if let Ok(key) = boxed()?.into_unencrypted_secret_key() {
            return Ok(Self(key));
        }
        if let Some(key) = without_checksum(text) {
            return Ok(Self(key));
        }
        let Some(password) = password else {
            let fault = bad("it cannot be used without a password");
            return Err(fault.hint("set MMOPS_SIGN_PASSWORD, or make a key without one by `minisign -G -W`"));
        };
        if is_costly(text) {
            return Err(bad("its password would cost more time or memory than minisign asks for any key"));
        }
        let key = boxed()?.into_secret_key(Some(password.to_owned()));
        key.map(Self).map_err(|error| bad(&error.to_string()))
    }

    /// The text of a signature's file.
    pub(crate) fn sign(&self, file: impl Read, comment: &str) -> Result<String, Fault> {
        let signed = minisign::sign(None, &self.0, file, Some(comment), Some(UNTRUSTED_COMMENT));
        signed
            .map(minisign::SignatureBox::into_string)
            .map_err(|error| Fault::dependency(format!("the file cannot be signed: {error}")))
    }
}

/// Length of a secret key's bytes, and of the checksum that they end with.
const KEY_BYTES: usize = 158;
const CHECKSUM_BYTES: usize = 32;

/// What minisign lets the password of a key cost: operations, and bytes of memory.
const MOST_COST: (u64, u64) = (1 << 25, 1 << 30);

/// Whether a key asks for more than that: who wrote it decides how long whoever reads it waits.
fn is_costly(text: &str) -> bool {
    let bytes = text.lines().nth(1).and_then(|line| Base64::decode_to_vec(line.trim(), None).ok());
    let number = |at: usize| {
        let bytes = bytes.as_ref()?.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    // Behind the algorithms of signature, password and checksum, and the salt.
    number(38).is_none_or(|operations| operations > MOST_COST.0)
        || number(46).is_none_or(|bytes| bytes > MOST_COST.1)
}

/// A key without a password as the program writes it: without a checksum too.
fn without_checksum(text: &str) -> Option<SecretKey> {
    let bytes = Base64::decode_to_vec(text.lines().nth(1)?.trim(), None).ok()?;
    let checksum =
        bytes.get(KEY_BYTES - CHECKSUM_BYTES..).filter(|checksum| checksum.len() == CHECKSUM_BYTES)?;
    let is_ours = bytes.starts_with(b"Ed\0\0") && checksum.iter().all(|byte| *byte == 0);
    is_ours.then(|| SecretKey::from_bytes(&bytes).ok())?
}

fn is_spelled(signature: &str) -> bool {
    let lines: Vec<&str> = signature.split('\n').collect();
    let [untrusted, key, trusted, comment, ""] = lines[..] else { return false };
    let is_base64 = |text: &str| {
        let bytes = Base64::decode_to_vec(text, None);
        bytes.is_ok_and(|bytes| Base64::encode_to_string(bytes).is_ok_and(|again| again == text))
    };
    untrusted.strip_prefix("untrusted comment: ") == Some(UNTRUSTED_COMMENT)
        && trusted.starts_with("trusted comment: ")
        && is_base64(key)
        && is_base64(comment)
}

fn decoded(signature: &str) -> anyhow::Result<Signature> {
    ensure!(is_spelled(signature), "it is not spelled as mmops spells a signature; sign again with --sign");
    Signature::decode(signature).map_err(|error| anyhow!("it is not a signature: {error}"))
}

/// The trusted comment of a signature that no key vouches for.
pub(crate) fn trusted_comment(signature: &str) -> anyhow::Result<String> {
    Ok(decoded(signature)?.trusted_comment().to_owned())
}

pub(crate) struct Verifier(PublicKey);

impl Verifier {
    /// The key that is written out, without a file around it.
    pub(crate) fn of_base64(key: &str) -> Option<Self> {
        PublicKey::from_base64(key).ok().map(Self)
    }

    /// Reads the text of a public key's file, which messages name.
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, Fault> {
        let key = PublicKey::decode(text).or_else(|_| PublicKey::from_base64(text.trim()));
        key.map(Self).map_err(|error| {
            Fault::config(format!("`{}` is not a minisign public key: {error}", file.display()))
        })
    }

    /// Checks a signature over a file, and returns its trusted comment. The text of a signature has one spelling:
    /// what no signature covers could else be changed without a word.
    pub(crate) fn check(&self, mut file: impl Read, signature: &str) -> anyhow::Result<String> {
        let signature = decoded(signature)?;
        let mut stream = self.0.verify_stream(&signature)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => stream.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => bail!("the file cannot be read: {error}"),
            }
        }
        stream.finalize()?;
        Ok(signature.trusted_comment().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_would_cost_too_much_is_not_asked_for() {
        let key = |operations: u64, bytes: u64| {
            let key = [&b"EdScB2"[..], &[7; 32], &operations.to_le_bytes(), &bytes.to_le_bytes(), &[0; 104]];
            format!("untrusted comment: x\n{}\n", Base64::encode_to_string(key.concat()).expect("encoded"))
        };
        for (operations, bytes) in [(1 << 40, 1 << 30), (1 << 25, 1 << 40), (u64::MAX, u64::MAX)] {
            let text = key(operations, bytes);
            let fault = Signer::parse(&text, Path::new("k"), Some("x")).map(|_| ()).expect_err("refused");
            assert!(fault.to_string().contains("would cost more"), "{fault}");
        }
        assert!(!is_costly(&key(1 << 25, 1 << 30)));
    }
}
