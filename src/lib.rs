//! netyard builds, shows and proves container networks.

pub mod ipam;
pub mod plan;
pub mod state;
mod sys;
pub mod topology;
