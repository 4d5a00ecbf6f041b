//! Which of the kernel tests are run on this kernel, too: the machine is some twenty times
//! slower, so it is a few of each kind. `target/tmp/vm/*.seconds` tell how long each took.

use crate::machine::asked_for;
use crate::{
    Test, changes, child, cni, doctor, doctor_kinds, examples, filter, flows, join, labs, matrix,
    oracle, policy, ports, proof, rate, repair, rivals, routed, routes, spoof, tutorial, vigil,
};

/// Their names.
const CHOSEN: &[&str] = &[
    "tutorial::masquerade and forwarding, switched back when the last lab goes",
    "examples::dual-stack.yaml",
    "oracle::internet.yaml",
    "labs::an error in the middle undoes everything",
    "child::macvlans reach each other and who is outside",
    "policy::isolated interfaces, and which is the way out",
    "ports::a port that moves is open to nobody on its way",
    "spoof::a port speaks for itself only",
    "flows::what is allowed no more ends, on the host and inside",
    "rate::tc shows it, and its change and its end",
    "join::a process's, by its number",
    "doctor_kinds::as ip, tc and nft find them",
    "repair::nft flush ruleset",
    "cni::dual stack",
    "cni::bandwidth",
];

pub(crate) fn tests() -> Vec<Test> {
    let all = [
        changes::tests(),
        child::tests(),
        cni::tests(),
        doctor::tests(),
        doctor_kinds::tests(),
        examples::tests(),
        filter::tests(),
        flows::tests(),
        join::tests(),
        labs::tests(),
        matrix::tests(),
        oracle::tests(),
        policy::tests(),
        ports::tests(),
        proof::tests(),
        rate::tests(),
        repair::tests(),
        rivals::tests(),
        routed::tests(),
        routes::tests(),
        spoof::tests(),
        tutorial::tests(),
        vigil::tests(),
    ];
    let all: Vec<Test> = all.into_iter().flatten().collect();
    if asked_for("all") {
        return all;
    }
    for chosen in CHOSEN {
        let there = all.iter().any(|(name, _)| name == chosen);
        assert!(there, "no test is called {chosen}");
    }
    let is_chosen = |(name, _): &Test| CHOSEN.contains(&name.as_str());
    all.into_iter().filter(is_chosen).collect()
}
