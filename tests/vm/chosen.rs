//! Which of the kernel tests are run on this kernel, too: the machine is some twenty times
//! slower, so it is a few of each kind. How long each took is in `target/tmp/vm/seconds.txt`.

use crate::{
    Test, child, cni, examples, flows, labs, oracle, policy, ports, rate, repair, rivals, routed,
    routes, tutorial,
};

/// Names of tests, or how they begin.
const CHOSEN: &[&str] = &[
    "tutorial::",
    "child::",
    "cni::",
    "examples::",
    "flows::",
    "labs::",
    "oracle::",
    "policy::",
    "ports::",
    "rivals::",
    "rate::",
    "repair::",
    "routed::",
    "routes::",
];

pub(crate) fn tests() -> Vec<Test> {
    let all = [
        tutorial::tests(),
        examples::tests(),
        labs::tests(),
        child::tests(),
        routes::tests(),
        routed::tests(),
        policy::tests(),
        ports::tests(),
        rivals::tests(),
        flows::tests(),
        rate::tests(),
        repair::tests(),
        oracle::tests(),
        cni::tests(),
    ];
    let all: Vec<Test> = all.into_iter().flatten().collect();
    for chosen in CHOSEN {
        let there = all.iter().any(|(name, _)| name.starts_with(chosen));
        assert!(there, "no test is called {chosen}");
    }
    let is_chosen = |name: &str| CHOSEN.iter().any(|chosen| name.starts_with(chosen));
    all.into_iter()
        .filter(|(name, _)| is_chosen(name))
        .collect()
}
