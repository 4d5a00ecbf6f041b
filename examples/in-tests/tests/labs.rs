//! Labs in `#[test]`s: no root, no attribute, no harness of its own. Each has its own host, so
//! that all of these run at the same time.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use in_tests::{greet_one, greeting};
use netyard::lab::{Condition, Lab, LinkChange, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONGEST: Duration = Duration::from_secs(10);

type Done = Result<(), Box<dyn Error>>;

/// Two on a switch, the second with an address of its own.
fn two() -> Lab {
    let lab = Lab::draft("two")
        .network("lan", |lan| lan.subnet("10.0.0.0/24"))
        .namespace("one", |one| {
            one.interface("eth0", |eth0| eth0.network("lan"))
        })
        .namespace("two", |two| {
            two.interface("eth0", |eth0| eth0.network("lan").address("10.0.0.20/24"))
        })
        .expect("one", "two")
        .expect_not("one", "192.0.2.1")
        .up();
    lab.expect("a lab")
}

#[test]
fn it_is_what_its_description_says() -> Done {
    let lab = two();
    lab.prove();
    assert!(lab.reaches("host", "two")?);
    assert!(!lab.reaches("two", "198.51.100.1")?);
    Ok(())
}

#[test]
fn sockets_stay_where_they_were_opened() -> Done {
    let lab = two();
    let listener = lab
        .namespace("two")?
        .run(|| TcpListener::bind("10.0.0.20:80"))??;
    // Outside, in an ordinary thread of this test.
    let server = std::thread::spawn(move || greet_one(&listener));
    // By its name, as a program would.
    let text = lab.namespace("one")?.run(|| greeting("two:80"))??;
    let client = server.join().expect("no panic")?;
    assert_eq!(text, format!("hello, {client}\n"));
    assert!(client.starts_with("10.0.0."));
    Ok(())
}

#[test]
fn programs_run_inside_and_end_with_the_lab() -> Done {
    let lab = two();
    let one = lab.namespace("one")?;
    let shown = one.output(Command::new("cat").arg("/proc/net/dev"))?;
    assert!(String::from_utf8(shown.stdout)?.contains("eth0"));
    // It starts another, which is not this process's child.
    let mut shell = one.spawn(Command::new("sh").args(["-c", "sleep 1000 & wait"]))?;
    drop(lab);
    assert!(!shell.wait()?.success());
    Ok(())
}

#[test]
fn programs_end_also_where_a_change_has_removed_their_namespace() -> Done {
    let text = "{ lab: less, namespaces: { one: {}, two: {} } }";
    let lab = Lab::from_text(text)?;
    let mut sleep = lab
        .namespace("two")?
        .spawn(Command::new("sleep").arg("1000"))?;
    lab.change("{ lab: less, namespaces: { one: {} } }")?;
    lab.namespace("one")?.run(|| ())?;
    drop(lab);
    assert!(!sleep.wait()?.success());
    Ok(())
}

#[test]
fn a_network_changes_while_it_is_used() -> Done {
    let text = include_str!("line.yaml");
    let lab = Lab::from_text(text)?;
    lab.prove();
    lab.change(&text.replace("forward: true", "forward: false"))?;
    assert!(!lab.reaches("left", "right")?);
    lab.change(text)?;
    lab.prove();
    Ok(())
}

#[test]
fn a_link_goes_down_and_comes_back() -> Done {
    let lab = two();
    lab.set_link("two:eth0", &LinkChange::Down)?;
    assert!(!lab.reaches("one", "two")?);
    lab.set_link("two:eth0", &LinkChange::Up)?;
    lab.prove();
    // Slow ones need no `netem` in the kernel.
    let slow = LinkChange::Set {
        ways: BTreeSet::from([Way::In, Way::Out]),
        preset: None,
        conditions: vec![Condition::Rate(Some("8mbit".parse()?))],
    };
    lab.set_link("two:eth0", &slow)?;
    assert!(took(&lab)? > Duration::from_millis(500), "a MB at 8 Mbit/s");
    Ok(())
}

#[test]
fn namespaces_are_parted_and_healed() -> Done {
    let text = "
lab: three
networks: { lan: { subnets: [10.0.0.0/24] } }
namespaces:
  one: { interfaces: { eth0: { network: lan } } }
  two: { interfaces: { eth0: { network: lan } } }
  three: { interfaces: { eth0: { network: lan } } }
expect: [{ from: one, to: two }, { from: three, to: one }]
";
    let lab = Lab::from_text(text)?;
    lab.partition(&["one"], &["two", "three"])?;
    assert!(!lab.reaches("one", "two")? && !lab.reaches("three", "one")?);
    assert!(lab.reaches("two", "three")? && lab.reaches("host", "one")?);
    let lost = lab.test()?;
    assert!(lost.iter().any(|proof| !proof.is_expected()));
    lab.heal()?;
    lab.prove();
    let wrong = lab
        .partition(&["one"], &["six"])
        .err()
        .map(|e| e.to_string());
    assert_eq!(wrong.as_deref(), Some("there is no namespace `six`"));
    Ok(())
}

/// How long a megabyte takes from one to the other.
fn took(lab: &Lab) -> Result<Duration, Box<dyn Error>> {
    let listener = lab
        .namespace("two")?
        .run(|| TcpListener::bind("10.0.0.20:80"))??;
    let mut client = lab
        .namespace("one")?
        .run(|| TcpStream::connect("two:80"))??;
    let (mut server, _) = listener.accept()?;
    let began = Instant::now();
    let sender = std::thread::spawn(move || client.write_all(&[0; 1_000_000]));
    std::io::copy(&mut server, &mut std::io::sink())?;
    sender.join().expect("no panic")?;
    Ok(began.elapsed())
}

#[test]
fn conditions_are_waited_for() -> Done {
    let lab = two();
    let two = lab.namespace("two")?;
    std::thread::scope(|scope| -> Done {
        let server = scope.spawn(|| two.run(|| TcpListener::bind("10.0.0.20:8080")));
        two.wait_for_tcp(8080, LONGEST)?;
        drop(server.join().expect("no panic")??);
        Ok(())
    })?;
    let late = two.wait_for_tcp(9, Duration::from_millis(1));
    assert!(late.is_err_and(|e| e.to_string().contains("tcp port 9 in namespace two")));
    Ok(())
}

#[test]
fn futures_run_inside() -> Done {
    let lab = two();
    let (tell, told) = std::sync::mpsc::channel();
    let server = lab.namespace("two")?.spawn_future(async move {
        let listener = tokio::net::TcpListener::bind("10.0.0.20:80").await?;
        let _ = tell.send(());
        let (mut client, _) = listener.accept().await?;
        client.write_all(b"hello").await
    })?;
    told.recv_timeout(LONGEST)?;
    let text = lab.namespace("one")?.block_on(async {
        let mut server = tokio::net::TcpStream::connect("10.0.0.20:80").await?;
        let mut text = String::new();
        server.read_to_string(&mut text).await?;
        let written = server_ended(server).await;
        Ok::<_, std::io::Error>((text, written))
    })??;
    assert_eq!(text, ("hello".to_owned(), true));
    let done = lab.namespace("one")?.block_on(server)?;
    done.expect("it came to its end")?;
    Ok(())
}

async fn server_ended(mut server: tokio::net::TcpStream) -> bool {
    matches!(server.read(&mut [0]).await, Ok(0))
}

#[test]
fn mistakes_are_shown_with_their_place() {
    let error = Lab::from_text("lab: x\nnamespace: {}\n").expect_err("no such key");
    let text = error.to_string();
    assert!(text.contains("did you mean `namespaces`?"), "{text}");
}

/// 20 times 100 labs of 5 namespaces, some 16 at once:
/// `cargo test --release --test labs -- --ignored`
#[test]
#[ignore = "takes a minute"]
fn very_many_at_once() {
    for _ in 0..20 {
        let left = std::sync::atomic::AtomicUsize::new(100);
        let one_more = || {
            let order = std::sync::atomic::Ordering::Relaxed;
            left.fetch_update(order, order, |left| left.checked_sub(1))
        };
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while one_more().is_ok() {
                        five().prove();
                    }
                });
            }
        });
    }
}

fn five() -> Lab {
    let draft = Lab::draft("five").network("lan", |lan| lan.subnet("10.0.0.0/24"));
    let all = ["a", "b", "c", "d", "e"];
    let draft = all.iter().fold(draft, |draft, name| {
        draft.namespace(name, |one| {
            one.interface("eth0", |eth0| eth0.network("lan"))
        })
    });
    draft.expect("a", "e").up().expect("a lab")
}

/// A server that the file starts, and a name that a DNS server tells.
#[test]
fn the_programs_of_a_file_are_ready_and_names_are_answered() -> Done {
    let text = "
lab: run
resolver: true
networks: { lan: { subnets: [10.0.0.0/24] } }
namespaces:
  one: { interfaces: { eth0: { network: lan } } }
  two:
    interfaces: { eth0: { network: lan, addresses: [10.0.0.20/24] } }
    run:
      talks: { command: 'echo hello from $NAME; exec sleep 1000', env: { NAME: two }, ready: { text: hello } }
      ends: { command: exit 7 }
";
    let lab = Lab::from_text(text)?;
    assert_eq!(lab.logs("two/talks")?, "hello from two\n");
    assert_eq!(lab.wait_for_exit("two/ends", LONGEST)?.code(), Some(7));
    assert!(lab.logs("two/nobody").is_err());
    // A query for `two` of type A (RFC 1035, section 4.1), by TCP.
    let query = b"\0\x15\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03two\0\0\x01\0\x01";
    let reply = lab.namespace("one")?.run(|| -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect("127.0.0.53:53")?;
        server.write_all(query)?;
        let mut length = [0; 2];
        server.read_exact(&mut length)?;
        let mut reply = vec![0; u16::from_be_bytes(length).into()];
        server.read_exact(&mut reply)?;
        Ok(reply)
    })??;
    assert!(reply.ends_with(&[10, 0, 0, 20]), "{reply:?}");
    // One that fails is told with what it wrote; nothing of the lab is left.
    let failing = text.replace(
        "command: exit 7",
        "command: 'echo no luck; exit 7', ready: { tcp: 1 }",
    );
    let error = Lab::from_text(&failing)
        .expect_err("it ends before it is ready")
        .report();
    assert!(
        error.message.contains("two/ends ended with exit code 7"),
        "{error:?}"
    );
    assert!(
        error.notes.iter().any(|note| note.contains("no luck")),
        "{error:?}"
    );
    // A change ends what is not in it, and starts what is.
    lab.change(&text.replace("NAME: two", "NAME: three"))?;
    assert_eq!(lab.logs("two/talks")?, "hello from three\n");
    Ok(())
}
