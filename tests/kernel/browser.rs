//! The page of `netyard ui` in a real browser: Chromium, by its DevTools protocol over pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{example, ok, pings, sh};
use crate::ui::Ui;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("browser::the map, a link that goes red, traffic", map),
        test("browser::a namespace appears, and names are text", hostile),
        test("browser::by the keyboard", keyboard),
    ]
}

/// Why they cannot run.
pub(crate) fn obstacle() -> Option<String> {
    let found = Command::new("chromium").arg("--version").output();
    let why = found.err()?;
    Some(format!("no chromium ({why}); Debian: apt install chromium"))
}

/// A browser with one page.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    /// What the page complained of.
    complaints: Vec<Value>,
}

impl Browser {
    fn open(url: &str) -> Self {
        // The protocol is spoken on descriptors 3 and 4.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
                      --user-data-dir=/run/chromium --remote-debugging-pipe about:blank \
                      3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .env("HOME", "/run")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut browser = Browser {
            to: child.stdin.take().expect("a pipe"),
            from: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            calls: 0,
            session: None,
            complaints: Vec::new(),
        };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        browser.call("Runtime.enable", json!({}));
        browser.call("Log.enable", json!({}));
        browser.call("Page.navigate", json!({ "url": url }));
        browser
    }

    /// A call of the protocol, and its result.
    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.to
            .write_all(format!("{call}\0").as_bytes())
            .expect("it runs");
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).expect("it runs");
            assert_eq!(bytes.pop(), Some(0), "chromium has ended");
            let mut said: Value = serde_json::from_slice(&bytes).expect("JSON");
            if said["id"] == self.calls {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].take();
            }
            let method = said["method"].as_str().unwrap_or_default();
            if matches!(method, "Log.entryAdded" | "Runtime.exceptionThrown") {
                self.complaints.push(said["params"].take());
            }
        }
    }

    /// The value of an expression in the page.
    #[track_caller]
    fn value(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true });
        let mut said = self.call("Runtime.evaluate", ask);
        assert!(said["exceptionDetails"].is_null(), "{expression}: {said}");
        said["result"]["value"].take()
    }

    /// Until it is so, and how long that took.
    #[track_caller]
    fn until(&mut self, expression: &str) -> Duration {
        let began = Instant::now();
        while self.value(expression) != true {
            let text = "document.body?.innerText";
            let late = began.elapsed() > Duration::from_secs(20);
            assert!(!late, "{expression}: {}", self.value(text));
        }
        began.elapsed()
    }

    /// Its end; nothing was refused by the page's policy, and no script has failed.
    #[track_caller]
    fn close(mut self) {
        self.value("0");
        assert!(self.complaints.is_empty(), "{:?}", self.complaints);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const DRAWN: &str = "document.querySelector('#map svg') !== null";

/// The tutorial's lab alone, for other tests have theirs.
fn three() -> (Ui, Browser) {
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    ok(&["up", &example("three.yaml")]);
    let ui = Ui::start(&["lab:three"]);
    let mut browser = Browser::open(&ui.url);
    browser.until(DRAWN);
    (ui, browser)
}

fn map() {
    let (ui, mut browser) = three();
    let rooms =
        browser.value("[...document.querySelectorAll('#map .room .name')].map(e => e.textContent)");
    for name in ["one", "two", "three"] {
        let all = rooms.as_array().expect("a list");
        assert!(all.contains(&name.into()), "{rooms}");
    }
    let red = "[...document.querySelectorAll('#map path.down')].some(path => \
               path.dataset.link && getComputedStyle(path).stroke === 'rgb(179, 38, 30)')";
    assert_eq!(browser.value(red), false);
    sh("ip -n three link set veth-three-in down");
    let took = browser.until(red);
    assert!(took < Duration::from_secs(1), "{took:?}");
    // And in words.
    browser.until("document.querySelector('#summary').textContent.endsWith(', 1 down')");
    browser
        .until("document.querySelector('#events').innerText.includes('link veth-three-in down')");
    sh("ip -n three link set veth-three-in up");
    browser.until("document.querySelectorAll('#map path.down').length === 0");
    assert!(pings("one", "10.0.0.20"));
    browser.until(
        "[...document.querySelectorAll('#map path')].some(path => path.classList.contains('f1'))",
    );
    browser.close();
    ui.interrupt();
}

fn hostile() {
    let ui = Ui::start(&[]);
    let mut browser = Browser::open(&ui.url);
    browser.until(DRAWN);
    // One that is made appears.
    sh("ip netns add '<img src=x onerror=document.title=1>'");
    sh("ip -n '<img src=x onerror=document.title=1>' link add '<b>&amp;\"' type bridge");
    browser.until("document.querySelector('#map').textContent.includes('<img src=x onerror=')");
    browser.value(
        "[...document.querySelectorAll('#map .room')]
            .find(room => room.textContent.includes('<img')).onclick()",
    );
    browser.until("document.querySelector('#details').textContent.includes('<b>&amp;\"')");
    assert_eq!(
        browser.value("document.querySelectorAll('img, #details b').length"),
        0
    );
    assert_eq!(browser.value("document.title"), "host – netyard");
    browser.close();
}

fn keyboard() {
    let (ui, mut browser) = three();
    let press = |browser: &mut Browser, key: &str, text: &str| {
        for kind in ["keyDown", "keyUp"] {
            let code = if key == "Tab" {
                9
            } else if key == "Enter" {
                13
            } else {
                27
            };
            let event = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
                "text": if kind == "keyDown" { text } else { "" },
            });
            browser.call("Input.dispatchKeyEvent", event);
        }
    };
    let focused = "document.activeElement.getAttribute('aria-label') ?? ''";
    for _ in 0..30 {
        press(&mut browser, "Tab", "");
        if browser.value(focused) == "namespace one" {
            break;
        }
    }
    assert_eq!(browser.value(focused), "namespace one");
    press(&mut browser, "Enter", "\r");
    browser.until("document.querySelector('#details').innerText.includes('10.0.0.10/24')");
    // The map is another, the room is still the one.
    sh("ip -n three link set veth-three-in down");
    browser.until("document.querySelectorAll('#map path.down').length > 0");
    assert_eq!(browser.value(focused), "namespace one");
    press(&mut browser, "Escape", "");
    browser.until("document.querySelector('#what').textContent === 'Links'");
    browser.close();
    ui.interrupt();
}
