mod door;
mod message;
mod page;
mod readers;
mod server;
mod watcher;

use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use netyard::monitor::Monitor;
use netyard::report::codes;
use netyard::survey;
use serde_json::json;

use super::output::{DIM, say, styled};
use super::trouble::Trouble;
use super::watch::signals;
use server::Server;
use watcher::{Shown, Watcher};

/// Show the live map of this host or a lab in the browser
///
/// The map of `netyard graph`, as it is now: links by what they carry and whether they
/// are up, what each has counted, what is in a namespace, and what happens as it does.
/// It prints the address to open, on this machine alone (127.0.0.1), with a token that
/// no one else knows. Nothing is loaded from elsewhere, and nothing is changed, but that
/// namespaces without a number in this one (`ip netns list-id`) get one, which stays:
/// by it the kernel tells of them. Ctrl-C ends it. As an ordinary user it shows what
/// that user may see.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard ui                 all of this host
          netyard ui three           a lab, a namespace or a container
          netyard ui --port 8000     for a tunnel: ssh -L 8000:127.0.0.1:8000")]
pub(crate) struct Args {
    /// A lab, a namespace (also `ns:NAME`) or a container; without it all of this host
    #[arg(value_name = "LAB|NS")]
    what: Option<String>,
    /// The port on 127.0.0.1; without it any that is free
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    port: u16,
    /// Print the address as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let stop = signals()?;
    let what = match &args.what {
        None => None,
        Some(name) => Some(Shown::new(name, &survey::look()?)?),
    };
    let monitor = Monitor::begin()?;
    let hears_all = monitor.hears_all();
    let listener = listen(args.port)?;
    let port = listener.local_addr()?.port();
    let (server, wake) = Server::new(port)?;
    let server = Arc::new(server);
    let watcher = Watcher::new(monitor, what, Arc::clone(&server), wake);
    let url = format!("http://127.0.0.1:{port}/?token={}", server.token());
    match args.json {
        true => say!("{}", json!({ "url": url })),
        false => {
            say!("{url}");
            if !hears_all {
                let why = "an ordinary user sees of others' namespaces little (as root: all)";
                anstream::eprintln!("{}", styled(DIM, why));
            }
            anstream::eprintln!("{}", styled(DIM, "open it in a browser; Ctrl-C ends it"));
        }
    }
    server::serve(server, listener, watcher, stop)?;
    Ok(ExitCode::SUCCESS)
}

fn listen(port: u16) -> Result<TcpListener, Trouble> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|e| {
        let said = format!("cannot listen on 127.0.0.1 port {port}: {e}");
        Trouble::failed(codes::CANNOT_LISTEN, said)
    })
}
