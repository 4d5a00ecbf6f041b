//! Drawings: those of the examples as they were judged by eye, in every form, and what must
//! hold for any.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod forms;
mod golden;
mod made;
mod numbers;
mod sample;
