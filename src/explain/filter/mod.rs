//! What the rules of a namespace do with one packet at one hook: every table's, ours and
//! others'. Rules are run on the packet as the kernel runs them. What cannot be followed is
//! taken both ways; where these end differently, that is said.

mod bytes;
mod headers;
mod hook;
mod load;
mod lookup;
mod machine;
mod nat;
mod packet;
mod passage;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod xt;

pub use crate::state::ruleset::Hook;
pub use hook::pass;
pub use packet::{Arp, Bits, Connection, ConnectionState, Device, Ends, Layer, Packet};
pub use passage::{AddressType, Ask, Fate, Line, Passage, Question, Rewrite};
pub(crate) use text::line_at;
