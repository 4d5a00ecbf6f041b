//! netyard builds, shows and proves container networks.

pub mod plan;
pub mod state;
mod sys;
