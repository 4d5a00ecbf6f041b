//! What the system refused, in its own words.

use std::{fmt, io};

use crate::report::Kernel;

/// An error number and, where the kernel gave one, its own sentence (extended ACK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// An errno, such as 17 for EEXIST; 0 when the system gave none.
    pub errno: i32,
    /// The sentence.
    pub text: Option<String>,
}

impl std::error::Error for Failure {}

impl Failure {
    /// Whether it says that what was to be removed is not there.
    pub(crate) fn is_absence(&self) -> bool {
        let errors = [libc::ENOENT, libc::ENODEV, libc::ESRCH, libc::EADDRNOTAVAIL];
        errors.contains(&self.errno)
    }

    /// What the error number means; the sentence where there is no number.
    pub(crate) fn meaning(&self) -> String {
        match &self.text {
            Some(text) if self.errno == 0 => text.clone(),
            _ => {
                let said = io::Error::from_raw_os_error(self.errno).to_string();
                let said = said.split(" (os error").next().unwrap_or_default();
                said.to_lowercase()
            }
        }
    }

    /// The same for a report; `None` where the kernel did not speak.
    pub(crate) fn told(&self) -> Option<Kernel> {
        let text = self.text.as_deref().map(|text| text.trim_end_matches('.'));
        (self.errno != 0).then(|| Kernel {
            errno: self.errno,
            text: text.map_or_else(|| self.meaning(), str::to_owned),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.meaning())?;
        match &self.text {
            Some(text) if self.errno != 0 => {
                write!(f, " (the kernel says: {})", text.trim_end_matches('.'))
            }
            _ => Ok(()),
        }
    }
}

impl From<Failure> for io::Error {
    fn from(refused: Failure) -> Self {
        io::Error::new(io::Error::from_raw_os_error(refused.errno).kind(), refused)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if let Some(errno) = error.raw_os_error() {
            return Failure { errno, text: None };
        }
        match error.downcast::<Failure>() {
            Ok(refused) => refused,
            Err(error) => Failure {
                errno: 0,
                text: Some(error.to_string()),
            },
        }
    }
}
