//! The server: on this machine alone, for who knows the token, and only for reading.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use netyard::report::codes;
use netyard::state::survey::Survey;
use netyard::survey;
use tokio::sync::oneshot;

use super::door::Door;
use super::readers::Readers;
use super::watcher::Watcher;
use super::{message, page};
use crate::cli::trouble::Trouble;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Server {
    token: String,
    hosts: Vec<String>,
    pub(super) readers: Readers,
    wake: UnixStream,
    seen: Mutex<Arc<Survey>>,
}

impl Server {
    /// One for this port, and what can be read when somebody has come to read.
    pub(super) fn new(port: u16) -> Result<(Self, UnixStream), Trouble> {
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let mut hosts: Vec<String> = ["127.0.0.1", "localhost"]
            .map(|name| format!("{name}:{port}"))
            .into();
        if port == 80 {
            hosts.extend(["127.0.0.1", "localhost"].map(str::to_owned));
        }
        let server = Server {
            token: page::secret()?,
            hosts,
            readers: Readers::default(),
            wake,
            seen: Mutex::default(),
        };
        Ok((server, woken))
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What was seen last.
    pub(super) fn keep(&self, seen: Survey) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(seen);
    }

    fn seen(&self) -> Arc<Survey> {
        Arc::clone(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request is from the page: with the token, and by an address that is this
    /// machine's. A name that somebody made lead here (DNS rebinding) is none.
    fn admits(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => self.hosts.iter().any(|own| own.as_bytes() == host),
            _ => false,
        };
        host && same(value(uri, "token").unwrap_or_default(), &self.token)
    }
}

/// A value of the query. None of those that are asked for has anything to be decoded.
fn value<'u>(uri: &'u Uri, key: &str) -> Option<&'u str> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// Takes as long whatever is wrong, so that no token is guessed byte by byte.
fn same(given: &str, token: &str) -> bool {
    let differ = |(one, other): (u8, u8)| std::hint::black_box(one ^ other);
    let pairs = given.bytes().zip(token.bytes());
    let difference = pairs.map(differ).fold(0, |all, bits| all | bits);
    given.len() == token.len() && std::hint::black_box(difference) == 0
}

/// Answers requests until `stop` can be read, or the watcher ends.
pub(super) fn serve(
    server: Arc<Server>,
    listener: TcpListener,
    watcher: Watcher,
    stop: UnixStream,
) -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    listener.set_nonblocking(true)?;
    stop.set_nonblocking(true)?;
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(watcher.watch()));
    let result = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let stop = tokio::net::UnixStream::from_std(stop)?;
        let door = Door::new(listener);
        tokio::select! {
            served = axum::serve(door, router(server)).into_future() => Ok(served?),
            stopped = stop.readable() => Ok(stopped?),
            ended = end => ended.unwrap_or_else(|_| {
                Err(Trouble::failed(codes::INTERNAL, "what looks at the host has ended"))
            }),
        }
    });
    runtime.shutdown_background();
    result
}

fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/events", get(events))
        .route("/namespace", get(namespace))
        .layer(from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server)
}

/// What a browser may do with any of the answers, and that it gets no more.
const HEADERS: [(HeaderName, &str); 7] = [
    // A guest has one request: see `door`.
    (header::CONNECTION, "close"),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let mut response = match server.admits(request.headers(), request.uri()) {
        false => StatusCode::FORBIDDEN.into_response(),
        true if request.method() != Method::GET => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        true => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn events(State(server): State<Arc<Server>>) -> Response {
    let Some(queue) = server.readers.join() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    // One byte more or less in a full pipe: it is woken all the same.
    _ = (&server.wake).write(&[0]);
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(queue)).into_response()
}

async fn namespace(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    let seen = server.seen();
    let meant = value(&uri, "netns").and_then(|inode| inode.parse::<u64>().ok());
    let told = tokio::task::spawn_blocking(move || {
        let space = seen
            .namespaces
            .iter()
            .find(|space| Some(space.inode) == meant)?;
        let listening = survey::listening(space).map_err(|error| error.to_string());
        Some(message::namespace(space, listening).to_string())
    });
    match told.await {
        Ok(Some(json)) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
