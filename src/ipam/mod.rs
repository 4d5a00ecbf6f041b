//! Which address comes next, which subnet is free, and who holds which. Nothing is
//! stored here: leases are a value that goes in and comes out.

mod free;
mod host;
mod lease;
mod pool;
mod range;
mod refusal;
mod runs;
mod special;

pub use free::{InUse, User, free_subnet, is_in_the_way, private};
pub(crate) use host::{address_like, number};
pub use host::{first_host, is_host, last_host};
pub use lease::{Holder, Lease, Leases};
pub use pool::{Open, Pool};
pub use range::{NoRange, Range, RangeSet};
pub use refusal::{Full, Refusal};
pub use runs::{Run, Runs};
pub use special::special;
