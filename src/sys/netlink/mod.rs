//! Netlink: one file per noun, one function per request, no policy.

pub(crate) mod attr;
pub(crate) mod socket;

use std::fmt;

/// What the kernel refused: the error number and, where it gave one, its own
/// sentence (extended ACK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelError {
    /// An errno, such as 17 for EEXIST.
    pub errno: i32,
    /// The kernel's sentence.
    pub text: Option<String>,
}

impl std::error::Error for KernelError {}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = std::io::Error::from_raw_os_error(self.errno).to_string();
        let said = said
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_lowercase();
        match &self.text {
            Some(text) => write!(
                f,
                "{said} (the kernel says: {})",
                text.trim_end_matches('.')
            ),
            None => f.write_str(&said),
        }
    }
}

impl From<KernelError> for std::io::Error {
    fn from(refused: KernelError) -> Self {
        std::io::Error::new(
            std::io::Error::from_raw_os_error(refused.errno).kind(),
            refused,
        )
    }
}
