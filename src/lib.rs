//! netyard builds, shows and proves container networks.

pub mod error;
pub mod ipam;
pub mod plan;
pub mod reconcile;
pub mod state;
mod sys;
pub mod topology;
