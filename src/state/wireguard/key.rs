//! Keys of WireGuard, written in base64 as wg(8) does. Those that nobody else shall know are
//! shown as `(hidden)`, whichever way they are shown.

use std::fmt;
use std::str::FromStr;

use curve25519_dalek::MontgomeryPoint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many bytes a key has (`WG_KEY_LEN`, include/uapi/linux/wireguard.h).
const BYTES: usize = 32;

/// What stands for a key that is not shown.
const HIDDEN: &str = "(hidden)";

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A text that is no key. It does not say the text: that may be a key but for a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// It is not 32 bytes in base64.
    #[error("this is no WireGuard key: 32 bytes in base64, 44 characters of which the last is `=`")]
    Form,
    /// The kernel takes a key of zeros for none.
    #[error("a WireGuard key of nothing but zeros is none")]
    Zeros,
}

/// By whom a peer is known: what follows from its private key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; BYTES]);

/// What an interface proves with who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PrivateKey([u8; BYTES]);

/// What two peers know beside that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresharedKey([u8; BYTES]);

impl PrivateKey {
    /// As the kernel has it: with the bits set and cleared that every key of this curve has so
    /// (`curve25519_clamp_secret`, include/crypto/curve25519.h).
    fn new(mut bytes: [u8; BYTES]) -> Self {
        bytes[0] &= 0b1111_1000;
        bytes[31] = bytes[31] & 0b0111_1111 | 0b0100_0000;
        PrivateKey(bytes)
    }

    /// The key by which others know who has this one (X25519, RFC 7748, 6.1).
    pub fn public(&self) -> PublicKey {
        PublicKey(MontgomeryPoint::mul_base_clamped(self.0).to_bytes())
    }
}

impl PublicKey {
    fn new(bytes: [u8; BYTES]) -> Self {
        PublicKey(bytes)
    }
}

impl PresharedKey {
    fn new(bytes: [u8; BYTES]) -> Self {
        PresharedKey(bytes)
    }
}

macro_rules! key {
    ($name:ident) => {
        impl $name {
            /// The bytes as the kernel tells them; zeros are no key.
            pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; BYTES] = bytes.try_into().ok()?;
                (bytes != [0; BYTES]).then(|| $name::new(bytes))
            }

            pub(crate) fn bytes(&self) -> &[u8; BYTES] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAKey;
            fn from_str(text: &str) -> Result<Self, NotAKey> {
                let bytes = read(text).ok_or(NotAKey::Form)?;
                $name::from_bytes(&bytes).ok_or(NotAKey::Zeros)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

key!(PublicKey);
key!(PrivateKey);
key!(PresharedKey);

macro_rules! secret {
    ($name:ident) => {
        impl $name {
            /// The key itself, for who has to type it.
            pub fn revealed(&self) -> String {
                written(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(HIDDEN)
            }
        }
    };
}

secret!(PrivateKey);
secret!(PresharedKey);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&self.0))
    }
}

/// Base64 of 32 bytes (RFC 4648, 4): ten times three bytes, then two and a `=`.
fn written(bytes: &[u8; BYTES]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut all = [0; 4];
        all[1..=three.len()].copy_from_slice(three);
        let number = u32::from_be_bytes(all);
        for digit in 0..=three.len() {
            let at = number >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[at as usize]));
        }
    }
    text + "="
}

/// The only way to write a key is read: bits that stand for nothing are zero.
fn read(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.strip_suffix('=')?.as_bytes();
    let value = |digit: &u8| DIGITS.iter().position(|known| known == digit);
    let mut bytes = Vec::new();
    for four in digits.chunks(4) {
        let mut number = 0;
        for digit in four {
            number = number << 6 | u32::try_from(value(digit)?).ok()?;
        }
        number <<= 6 * (4 - four.len());
        bytes.extend(&number.to_be_bytes()[1..four.len()]);
    }
    let bytes = bytes.try_into().ok()?;
    (written(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Alice's and Bob's of RFC 7748, 6.1, in base64.
    const PAIRS: [[&str; 2]; 2] = [
        [
            "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
            "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=",
        ],
        [
            "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
            "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
        ],
    ];

    #[test]
    fn a_public_key_follows_from_the_private_one() {
        for [private, public] in PAIRS {
            let private: PrivateKey = private.parse().unwrap();
            assert_eq!(private.public().to_string(), public);
        }
    }

    #[test]
    fn a_private_key_is_the_kernels() {
        let [private, public] = PAIRS[0];
        let mut bytes = read(private).unwrap();
        bytes[0] |= 7;
        let other: PrivateKey = written(&bytes).parse().unwrap();
        assert_eq!(other.public().to_string(), public);
        assert_eq!(other.bytes()[0] & 7, 0);
        assert_eq!(other.bytes()[31] & 0b1100_0000, 0b0100_0000);
    }

    #[test]
    fn secrets_are_not_shown() {
        let private: PrivateKey = PAIRS[0][0].parse().unwrap();
        let preshared: PresharedKey = PAIRS[0][0].parse().unwrap();
        let shown = format!("{private} {private:?} {preshared} {preshared:?}");
        assert_eq!(shown, "(hidden) (hidden) (hidden) (hidden)");
        assert_eq!(serde_json::to_string(&private).unwrap(), "\"(hidden)\"");
        assert_eq!(preshared.revealed(), PAIRS[0][0]);
    }

    #[test]
    fn other_texts_are_no_keys() {
        let key = PAIRS[0][1];
        let [short, long] = [key[1..].to_owned(), format!("A{key}")];
        let (loose, open) = (key.replace("mo=", "mp="), key.trim_end_matches('='));
        for text in ["", "=", "(hidden)", &short, &long, &loose, open] {
            assert_eq!(text.parse::<PublicKey>(), Err(NotAKey::Form), "{text}");
        }
        let zeros = written(&[0; BYTES]);
        assert_eq!(zeros.parse::<PublicKey>(), Err(NotAKey::Zeros));
        assert_eq!(zeros.parse::<PresharedKey>(), Err(NotAKey::Zeros));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in any::<[u8; BYTES]>()) {
            let text = written(&bytes);
            prop_assert_eq!(text.len(), 44);
            prop_assert_eq!(read(&text), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_not(text in "[A-Za-z0-9+/=(\u{e9}]{0,48}") {
            if let Some(bytes) = read(&text) {
                prop_assert_eq!(written(&bytes), text);
            }
        }
    }
}
