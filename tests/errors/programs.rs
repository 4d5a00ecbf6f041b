//! What is wrong with the programs of a lab.

use netyard::error::{Error, Failure, ProgramFailed, Why};
use netyard::state::Life;
use netyard::topology::Ready;

pub(crate) fn all() -> Vec<(&'static str, Error)> {
    let last = vec![
        "reading server.conf".to_owned(),
        "line 3: no such key".to_owned(),
    ];
    let late = Ready {
        tcp: Some(80),
        text: Some("ready".to_owned()),
        within: Some("500ms".parse().unwrap()),
        ..Ready::default()
    };
    let none = Failure {
        errno: libc::ENOENT,
        text: None,
    };
    vec![
        (
            "program-failed",
            Error::Undone(Box::new(failed(Why::Ended(Life::Ended(1)), last))),
        ),
        ("program-late", failed(Why::Late(late), Vec::new())),
        (
            "program-not-started",
            failed(Why::NotStarted("httpd".to_owned(), none), Vec::new()),
        ),
        (
            "no-such-program",
            Error::NoProgram {
                lab: "shop".parse().unwrap(),
                word: "sever".to_owned(),
                known: vec!["web/server".parse().unwrap(), "web/worker".parse().unwrap()],
            },
        ),
    ]
}

fn failed(why: Why, last: Vec<String>) -> Error {
    let program = "web/server".parse().unwrap();
    Error::Program(Box::new(ProgramFailed { program, why, last }))
}
