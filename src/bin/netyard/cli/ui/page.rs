//! The page: one file, whose script and style are the only ones that a browser runs there.

use std::fmt::Write;

use axum::http::StatusCode;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

const PAGE: &str = include_str!("page.html");

pub(super) async fn page() -> Response {
    let Ok(nonce) = secret() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let page = Html(PAGE.replace("{nonce}", &nonce));
    ([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

/// 128 bits that nobody can guess.
pub(super) fn secret() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    // So few the kernel gives at once and whole (getrandom(2)).
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
