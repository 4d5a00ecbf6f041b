//! What is wrong with a capture.

use netyard::error::Error;

pub(crate) fn all() -> Vec<(&'static str, Error)> {
    vec![
        (
            "no-such-namespace",
            Error::NoNamespace("one".parse().unwrap()),
        ),
        (
            "no-such-device",
            Error::NoDevice("one:eth9".parse().unwrap()),
        ),
        (
            "link-conditions",
            Error::Link {
                end: "one:eth0".parse().unwrap(),
                why: "a jitter longer than the delay that it varies".to_owned(),
            },
        ),
        (
            "parted",
            Error::Part {
                one: "one".parse().unwrap(),
                other: "two".parse().unwrap(),
                why: "10.9.0.9 of two is an address of three, too".to_owned(),
            },
        ),
        ("bad-filter", bad_filter()),
        ("no-libpcap", no_libpcap()),
    ]
}

fn bad_filter() -> Error {
    Error::Filter {
        filter: "icmp prot 9".to_owned(),
        said: "can't parse filter expression: syntax error".to_owned(),
    }
}

/// In the words of the loader of glibc.
fn no_libpcap() -> Error {
    let said = "libpcap.so.1: cannot open shared object file: No such file or directory";
    Error::NoLibpcap(said.to_owned())
}
