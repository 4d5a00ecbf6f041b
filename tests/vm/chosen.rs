//! Which of the kernel tests are run on this kernel, too: the machine is some twenty times
//! slower, so it is a few of each kind. `target/tmp/vm/*.seconds` tell how long each took.

use crate::machine::asked_for;
use crate::{
    Test, changes, child, cni, doctor, doctor_kinds, examples, filter, flows, join, labs, matrix,
    oracle, policy, ports, proof, rate, repair, rivals, routed, routes, spoof, tutorial, vigil,
};

/// Their names.
const CHOSEN: &[&str] = &[
    "tutorial::two namespaces and a cable",
    "tutorial::masquerade and forwarding, switched back when the last lab goes",
    "tutorial::IPv6 addresses are usable at once",
    "examples::dual-stack.yaml",
    "examples::ports.yaml",
    "examples::routers.yaml",
    "oracle::internet.yaml",
    "oracle::on a device of the host",
    "oracle::rates",
    "labs::an error in the middle undoes everything",
    "child::macvlans reach each other and who is outside",
    "policy::isolated interfaces, and which is the way out",
    "ports::one that a process has is named with it",
    "ports::a port that moves is open to nobody on its way",
    "spoof::a port speaks for itself only",
    "matrix::udp goes to the new place at once",
    "flows::what is allowed no more ends, on the host and inside",
    "rate::tc shows it, and its change and its end",
    "join::a process's, by its number",
    "proof::a server of its own answers",
    "doctor_kinds::as ip, tc and nft find them",
    "repair::nft flush ruleset",
    "repair::nft flush ruleset, watched",
    "repair::a queue of somebody else's",
    "cni::dual stack",
    "cni::macvlan, where the kernel has it",
    "cni::bandwidth",
    "cni::ipMasq hides containers behind the host",
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
