//! Nothing: see Cargo.toml beside.
