//! The numbers that netyard knows of the kernel's interface are those of the
//! kernel's headers: one C program prints them all.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use netyard::uapi::{
    ALL, OF_DOCTOR, OF_NEXTHOPS, OF_QDISCS, OF_RULES, OF_SOCKETS, OF_VLANS, OF_WIREGUARD,
};

fn all() -> impl Iterator<Item = &'static (&'static str, &'static str, u64)> {
    let more = OF_DOCTOR
        .iter()
        .chain(OF_NEXTHOPS)
        .chain(OF_QDISCS)
        .chain(OF_RULES)
        .chain(OF_SOCKETS)
        .chain(OF_VLANS)
        .chain(OF_WIREGUARD);
    ALL.iter().chain(more)
}

fn program() -> String {
    // sys/socket.h first: older linux/netlink.h lacks its types.
    let mut text =
        "#include <stdio.h>\n#include <sys/socket.h>\n#include <netinet/in.h>\n".to_owned();
    for header in all().map(|(_, header, _)| header).collect::<BTreeSet<_>>() {
        writeln!(text, "#include <{header}>").expect("a string takes all");
    }
    text += "int main(void) {\n";
    for (c, ..) in all() {
        writeln!(text, "printf(\"%llu\\n\", (unsigned long long)({c}));")
            .expect("a string takes all");
    }
    text + "}\n"
}

fn printed(dir: &Path) -> Vec<u64> {
    let (source, binary) = (dir.join("uapi.c"), dir.join("uapi"));
    fs::write(&source, program()).expect("the directory can be written");
    let built = Command::new("cc")
        .arg(&source)
        .arg("-o")
        .arg(&binary)
        .output()
        .expect("no C compiler `cc`: install the Debian package gcc");
    assert!(
        built.status.success(),
        "the headers are missing or too old (Debian packages linux-libc-dev, libc6-dev):\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let ran = Command::new(&binary).output().expect("the program runs");
    let text = String::from_utf8(ran.stdout).expect("digits are text");
    text.lines()
        .map(|line| line.parse().expect("a number a line"))
        .collect()
}

#[test]
fn numbers_are_those_of_the_kernel_headers() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let theirs = printed(dir);
    assert_eq!(theirs.len(), all().count());
    let wrong: Vec<_> = all()
        .zip(&theirs)
        .filter(|((.., ours), theirs)| ours != *theirs)
        .collect();
    assert!(wrong.is_empty(), "ours, then the kernel's: {wrong:#?}");
}
