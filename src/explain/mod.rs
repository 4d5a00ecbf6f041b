//! What becomes of a packet, and why.

pub mod filter;
mod rules;

pub use rules::Rules;
