//! Which address comes next, and who holds which.

mod lease;
mod pool;

pub use lease::Leases;
pub use pool::Pool;
