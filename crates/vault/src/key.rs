//! To whom things are encrypted, and what opens them again.
//!
//! The format is age's, with X25519 keys, so that what was shipped can be opened with the `age` tool and the secret
//! half alone. The secret half is escrowed outside every site; a controller that only ships does without it.

use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor};
use twinlake_base::Secret;

use crate::VaultError;

/// Recipients, and perhaps the secret half of the key of one of them. Cheap to clone.
#[derive(Clone)]
pub struct Key {
    recipients: Arc<[Recipient]>,
    identities: Arc<[Identity]>,
}

/// Why something did not open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It is for somebody else.
    WrongKey,
    /// It is not whole.
    NotWhole(&'static str),
    /// Only public halves are here.
    NoIdentity,
}

impl Key {
    /// A key as it is configured: at least one recipient (`age1…`), and the text of the secret half where it is at
    /// hand. That text may be a file of `age-keygen`: lines that begin with `#` are passed over, and several
    /// identities may follow each other, so that what was encrypted before a change of keys still opens.
    ///
    /// # Errors
    /// [`VaultError::NoKey`] without recipients; [`VaultError::IdentityOfNobody`] when no identity is a recipient's;
    /// malformed text is never repeated.
    pub fn new(
        recipients: &[impl AsRef<str>],
        identity: Option<&Secret<String>>,
    ) -> Result<Self, VaultError> {
        let mut parsed = Vec::with_capacity(recipients.len());
        for (recipient, number) in recipients.iter().zip(1..) {
            let recipient = recipient.as_ref().trim().parse::<Recipient>();
            parsed.push(recipient.map_err(|why| VaultError::MalformedRecipient { number, why })?);
        }
        if parsed.is_empty() {
            return Err(VaultError::NoKey);
        }
        let identities = identity.map_or_else(|| Ok(Vec::new()), identities_in)?;
        let texts: Vec<String> = parsed.iter().map(Recipient::to_string).collect();
        let ours = |identity: &Identity| texts.contains(&identity.to_public().to_string());
        if !identities.is_empty() && !identities.iter().any(ours) {
            return Err(VaultError::IdentityOfNobody);
        }
        Ok(Self { recipients: parsed.into(), identities: identities.into() })
    }

    /// The secret half alone, to recover with: its own public half is the recipient.
    ///
    /// # Errors
    /// [`VaultError::MalformedIdentity`].
    pub fn of_identity(identity: &Secret<String>) -> Result<Self, VaultError> {
        let identities = identities_in(identity)?;
        let recipients: Vec<Recipient> = identities.iter().map(Identity::to_public).collect();
        Ok(Self { recipients: recipients.into(), identities: identities.into() })
    }

    /// A new key: the secret half, to be escrowed, and the recipient that goes into the config.
    #[must_use]
    pub fn generate() -> (Secret<String>, String) {
        let identity = Identity::generate();
        let secret = Secret::new(identity.to_string().expose_secret().to_owned());
        (secret, identity.to_public().to_string())
    }

    /// Whether the secret half is here.
    #[must_use]
    pub fn can_open(&self) -> bool {
        !self.identities.is_empty()
    }

    /// Encrypts to every recipient.
    pub(crate) fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
        let recipients = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        // With at least one recipient, and X25519 alone, nothing of this can fail: memory is all that it writes to.
        let encryptor = Encryptor::with_recipients(recipients).map_err(|_| VaultError::NoKey)?;
        let mut sealed = Vec::with_capacity(bytes.len() + 512);
        let sealing = encryptor.wrap_output(&mut sealed).and_then(|mut writer| {
            writer.write_all(bytes)?;
            writer.finish()
        });
        sealing.map_err(|_| VaultError::NoKey)?;
        Ok(sealed)
    }

    /// Opens what was sealed to one of our identities: all of it, or nothing.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        if !self.can_open() {
            return Err(Unopened::NoIdentity);
        }
        let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
        let decryptor = Decryptor::new_buffered(sealed).map_err(|error| unopened(&error))?;
        let mut opening = decryptor.decrypt(identities).map_err(|error| unopened(&error))?;
        let mut bytes = Vec::with_capacity(sealed.len());
        match opening.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(_) => Err(Unopened::NotWhole("it was cut short or changed")),
        }
    }
}

fn identities_in(text: &Secret<String>) -> Result<Vec<Identity>, VaultError> {
    let lines = text.expose().lines().map(str::trim);
    let identities = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.parse::<Identity>().map_err(|why| VaultError::MalformedIdentity { why }))
        .collect::<Result<Vec<_>, _>>()?;
    if identities.is_empty() {
        return Err(VaultError::MalformedIdentity { why: "it is empty" });
    }
    Ok(identities)
}

/// age's own texts are translated by the locale; ours are not.
const fn unopened(error: &DecryptError) -> Unopened {
    match error {
        DecryptError::NoMatchingKeys => Unopened::WrongKey,
        DecryptError::Io(_) => Unopened::NotWhole("it was cut short"),
        DecryptError::UnknownFormat | DecryptError::InvalidHeader => {
            Unopened::NotWhole("it does not begin as something encrypted by age")
        }
        _ => Unopened::NotWhole("it was changed"),
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recipients: Vec<String> = self.recipients.iter().map(Recipient::to_string).collect();
        f.debug_struct("Key").field("recipients", &recipients).field("can_open", &self.can_open()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        let (identity, recipient) = Key::generate();
        Key::new(&[recipient], Some(&identity)).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_each_recipient_and_for_nobody_else() {
        let ((one, first), (two, second)) = (Key::generate(), Key::generate());
        let both = Key::new(&[&first, &second], None).unwrap();
        for bytes in [&b""[..], b"x", &[7; 200_000]] {
            let sealed = both.seal(bytes).unwrap();
            for identity in [&one, &two] {
                assert_eq!(Key::of_identity(identity).unwrap().open(&sealed).unwrap(), bytes);
            }
            assert_eq!(key().open(&sealed), Err(Unopened::WrongKey));
            assert_eq!(both.open(&sealed), Err(Unopened::NoIdentity));
        }
    }

    #[test]
    fn no_part_of_something_sealed_opens_and_no_bit_of_it_can_be_changed() {
        let key = key();
        let sealed = key.seal(b"finance moved to west").unwrap();
        for length in 0..sealed.len() {
            assert!(key.open(&sealed[..length]).is_err(), "opened at {length} bytes");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(&changed).is_err(), "opened with byte {at} changed");
        }
    }

    #[test]
    fn the_secret_half_is_printed_by_nothing() {
        let (identity, recipient) = Key::generate();
        let key = Key::new(&[&recipient], Some(&identity)).unwrap();
        let secret = identity.expose().trim_start_matches("AGE-SECRET-KEY-1");
        let misplaced = Key::new(&[identity.expose()], None).unwrap_err();
        let cut = Secret::new(identity.expose()[..40].to_owned());
        let malformed = Key::of_identity(&cut).unwrap_err();
        for text in
            [format!("{key:?}"), format!("{misplaced} {misplaced:?}"), format!("{malformed} {malformed:?}")]
        {
            assert!(!text.contains(&secret[..10]), "{text}");
        }
        assert!(format!("{key:?}").contains(&recipient));
    }

    #[test]
    fn a_file_of_age_keygen_is_read_and_former_keys_still_open() {
        let ((old, _), (new, recipient)) = (Key::generate(), Key::generate());
        let file =
            format!("# created: today\n# public key: {recipient}\n{}\n\n{}\n", new.expose(), old.expose());
        let key = Key::new(&[&recipient], Some(&Secret::new(file))).unwrap();
        let before = Key::of_identity(&old).unwrap().seal(b"before").unwrap();
        assert_eq!(key.open(&before).unwrap(), b"before");
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        let ((identity, _), (_, other)) = (Key::generate(), Key::generate());
        assert!(matches!(Key::new(&[""; 0], None), Err(VaultError::NoKey)));
        assert!(matches!(Key::new(&["age1x"], None), Err(VaultError::MalformedRecipient { number: 1, .. })));
        assert!(matches!(Key::new(&[other], Some(&identity)), Err(VaultError::IdentityOfNobody)));
        let empty = Secret::new("# nothing\n".to_owned());
        assert!(matches!(Key::of_identity(&empty), Err(VaultError::MalformedIdentity { .. })));
    }
}
