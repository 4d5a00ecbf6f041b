//! What is drawn.

use netyard::graph;
use netyard::ipam::Leases;
use netyard::state::survey::Survey;
use netyard::topology::{parse, resolve};

/// What a file asks for.
pub(crate) fn file(text: &str) -> Survey {
    let topology = parse(text).unwrap_or_else(|e| panic!("{e}"));
    let (state, _) = resolve(&topology, &Leases::default()).unwrap();
    graph::survey(&state)
}

/// An example of the repository.
pub(crate) fn example(name: &str) -> Survey {
    let path = format!("{}/examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    file(&std::fs::read_to_string(path).unwrap())
}
