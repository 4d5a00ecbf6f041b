//! Futures in a lab's namespace, on a tokio runtime of their own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::Namespace;
use crate::error::Error;

/// What [`Namespace::spawn_future`] started. Dropping it lets the future go on.
#[derive(Debug)]
pub struct Task<T>(oneshot::Receiver<T>);

/// Comes to what the future gave; `None`: it panicked, or its lab was dropped before.
impl<T> Future for Task<T> {
    type Output = Option<T>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(context).map(Result::ok)
    }
}

impl Namespace<'_> {
    /// Runs a future in it and waits for what it gives: its sockets, and those of tasks that
    /// it spawns, are the namespace's. Like `block_on` of a runtime, not from inside of one:
    /// there is [`Namespace::spawn_future`].
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn block_on<F: Future + Send>(&self, future: F) -> Result<F::Output, Error>
    where
        F::Output: Send,
    {
        let done = self.run(|| runtime().map(|runtime| runtime.block_on(future)))?;
        done.map_err(Error::system("start a runtime"))
    }

    /// Starts a future in it, which goes on by itself, on a thread of its own, until it ends
    /// or the lab is dropped.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    pub fn spawn_future<F>(&self, future: F) -> Result<Task<F::Output>, Error>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let mut end = self.lab.ends.subscribe();
        let work = move |runtime: Runtime| {
            runtime.block_on(async {
                tokio::select! {
                    done = future => drop(tell.send(done)),
                    _ = end.changed() => {}
                }
            });
        };
        // A thread that is started in there stays there.
        let started = self.run(|| {
            let runtime = runtime()?;
            std::thread::Builder::new()
                .spawn(|| work(runtime))
                .map(drop)
        })?;
        started.map_err(Error::system("start a runtime"))?;
        Ok(Task(told))
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
