//! A little program that uses the network: it greets whoever connects.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};

/// Greets one client, and tells who it was.
pub fn greet_one(listener: &TcpListener) -> io::Result<String> {
    let (mut client, from) = listener.accept()?;
    client.write_all(format!("hello, {}\n", from.ip()).as_bytes())?;
    Ok(from.ip().to_string())
}

/// What a server says.
pub fn greeting(server: impl ToSocketAddrs) -> io::Result<String> {
    let mut text = String::new();
    TcpStream::connect(server)?.read_to_string(&mut text)?;
    Ok(text)
}
