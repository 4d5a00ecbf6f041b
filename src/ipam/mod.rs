//! Which address comes next, and who holds which. Nothing is stored here: leases
//! are a value that goes in and comes out.

mod lease;
mod pool;
mod special;

pub use lease::Leases;
pub use pool::{Pool, first_host, is_host, last_host};
pub use special::special;
