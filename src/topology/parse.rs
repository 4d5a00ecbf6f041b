//! From a file to a [`Topology`]: YAML, then values of the right type, then what
//! must hold between them. A later step runs only if the earlier found nothing
//! wrong, so that one mistake is not reported as two.

use super::check::{Flaw, check};
use super::error::{ParseError, Problem};
use super::read::Reader;
use super::{Topology, node};

/// The topology that this text describes, or everything that is wrong with it.
pub fn parse(text: &str) -> Result<Topology, ParseError> {
    let root = node::read(text).map_err(|problem| ParseError::new(text, vec![problem]))?;
    let mut reader = Reader::new(text);
    let topology = reader.topology(&root);
    let (marks, mut problems) = reader.finish();
    if let Some(topology) = topology.filter(|_| problems.is_empty()) {
        let flaws = check(&topology);
        if flaws.is_empty() {
            return Ok(topology);
        }
        let found = |flaw: Flaw| Problem::from_flaw(marks.span(&flaw.place), flaw);
        problems.extend(flaws.into_iter().map(found));
    }
    Err(ParseError::new(text, problems))
}
