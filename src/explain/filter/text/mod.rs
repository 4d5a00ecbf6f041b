//! Rules as nft writes them, as far as they are understood.

mod condition;
mod deed;
mod field;
mod register;
mod rule;
#[cfg(test)]
mod tests;
mod value;
mod xt;

pub(super) use field::{ct, fib, meta, payload};
pub(super) use rule::line;
pub(crate) use rule::line_at;
pub(super) use value::refusal;
