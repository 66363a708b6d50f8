//! The key under which the state leaves this machine: to whom it is encrypted, and where the secret half is.

use serde::Serialize;

use crate::SecretRef;
use crate::checked::setting;
use crate::fields::At;
use crate::problem::{Problem, Report};
use crate::raw::RawStateKey;

/// How a recipient of age begins; it is the human-readable part of a Bech32 text, and its separator.
const PREFIX: &str = "age1";

/// The letters of Bech32, in order of value.
const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// How many of them a public key of 32 bytes takes, with the six of the checksum.
const LENGTH: usize = 52 + 6;

/// To whom the state is encrypted wherever it is shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateKey {
    /// The public keys, `age1…`. Any one of their identities opens it.
    pub recipients: Vec<String>,
    /// Where an identity is kept, for what has to read what was shipped. Its secret is kept outside every site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<SecretRef>,
}

/// Checks the key. None only if the report says why.
pub(crate) fn check(raw: &RawStateKey, report: &Report) -> Option<StateKey> {
    let mut recipients: Vec<&At<String>> = Vec::new();
    for typed in &raw.recipients {
        if !is_recipient(&typed.value) {
            // It may be the secret half, so it is not repeated.
            report.add(Problem::at(&typed.spot, "is not a public key of age").suggest(
                "write what age-keygen prints as \"Public key\", age1… with 62 letters; a letter may be wrong".to_owned(),
            ));
        } else if let Some(first) = recipients.iter().find(|first| first.value == typed.value) {
            report.add(
                Problem::at(&typed.spot, "is named twice").related(&first.spot.mark, "first named here"),
            );
        } else {
            recipients.push(typed);
        }
    }
    let identity = raw.identity.as_ref().map(|typed| setting::secret(typed, "identity", report));
    Some(StateKey {
        recipients: recipients.into_iter().map(|typed| typed.value.clone()).collect(),
        identity: match identity {
            Some(identity) => Some(identity?),
            None => None,
        },
    })
}

/// Whether a text is a public key of age: Bech32 (BIP 173) of 32 bytes. Its checksum finds every slip of the hand.
fn is_recipient(text: &str) -> bool {
    let Some(data) = text.strip_prefix(PREFIX) else { return false };
    let values: Option<Vec<u8>> = data.bytes().map(value).collect();
    values.is_some_and(|values| values.len() == LENGTH && checksum(&values) == 1 && values[51] & 0b1111 == 0)
}

fn value(letter: u8) -> Option<u8> {
    LETTERS.iter().position(|known| *known == letter).and_then(|at| u8::try_from(at).ok())
}

/// The remainder that is 1 for what was written correctly.
fn checksum(values: &[u8]) -> u32 {
    const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let name = PREFIX.trim_end_matches('1').as_bytes();
    let high = name.iter().map(|letter| letter >> 5);
    let low = name.iter().map(|letter| letter & 31);
    let all = high.chain([0]).chain(low).chain(values.iter().copied());
    all.fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        let terms = GENERATORS.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
        terms.fold(shifted, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A public key, as age-keygen prints it.
    const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_public_key_is_known_and_every_slip_in_it_found() {
        assert!(is_recipient(KEY));
        for at in PREFIX.len()..KEY.len() {
            for letter in LETTERS.iter().map(|letter| char::from(*letter)) {
                let mut typed: Vec<char> = KEY.chars().collect();
                typed[at] = letter;
                let typed: String = typed.into_iter().collect();
                assert_eq!(is_recipient(&typed), typed == KEY, "{typed}");
            }
            let mut swapped = KEY.as_bytes().to_vec();
            swapped.swap(at, (at + 1).min(KEY.len() - 1));
            let swapped = String::from_utf8(swapped).unwrap();
            assert_eq!(is_recipient(&swapped), swapped == KEY, "{swapped}");
        }
        for text in
            ["", "age1", "age", &KEY[..61], &KEY.to_uppercase(), "ssh-ed25519 AAAA", &format!("{KEY}q")]
        {
            assert!(!is_recipient(text), "{text}");
        }
    }
}
