//! What is wrong with networks of other labs.

use netyard::error::Error;
use netyard::topology::ResolveError;

pub(crate) fn all() -> Vec<(&'static str, Error)> {
    vec![
        (
            "external-lab",
            ResolveError::ExternalLab {
                network: "lan".parse().unwrap(),
                lab: "shop".parse().unwrap(),
            }
            .into(),
        ),
        (
            "external-network",
            ResolveError::ExternalNetwork {
                network: "wan".parse().unwrap(),
                lab: "shop".parse().unwrap(),
            }
            .into(),
        ),
        (
            "external-vlans",
            ResolveError::NoVlans {
                network: "lan".parse().unwrap(),
                end: Box::new("app:eth0".parse().unwrap()),
            }
            .into(),
        ),
        (
            "external-circle",
            ResolveError::ExternalCircle {
                network: "lan".parse().unwrap(),
                lab: "shop".parse().unwrap(),
            }
            .into(),
        ),
    ]
}
