//! netyard builds, shows and proves container networks.

pub mod state;
mod sys;
