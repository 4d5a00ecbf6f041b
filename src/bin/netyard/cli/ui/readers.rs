//! Who has the page open. Each has a queue of its own; who does not empty it is let go.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_core::Stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many messages wait for a reader.
const QUEUE: usize = 256;
/// So many may read at once.
const MOST: usize = 32;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<Vec<Reader>>);

#[derive(Debug)]
struct Reader {
    to: Sender<Bytes>,
    has_map: bool,
}

impl Readers {
    /// One more, if there are not too many.
    pub(super) fn join(&self) -> Option<Queue> {
        let mut all = self.all();
        all.retain(|reader| !reader.to.is_closed());
        if all.len() >= MOST {
            return None;
        }
        let (to, from) = channel(QUEUE);
        let has_map = false;
        all.push(Reader { to, has_map });
        Some(Queue(from))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().iter().all(|reader| reader.to.is_closed())
    }

    /// To those who have the map.
    pub(super) fn send(&self, message: &Bytes) {
        let told = |reader: &mut Reader| !reader.has_map || reader.take(message);
        self.all().retain_mut(told);
    }

    /// To those who have none, or if it is new, to all.
    pub(super) fn send_map(&self, map: &Bytes, is_new: bool) {
        self.all().retain_mut(|reader| {
            let knows = std::mem::replace(&mut reader.has_map, true) && !is_new;
            knows || reader.take(map)
        });
    }

    fn all(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Whether it goes on: one that is gone or too slow does not.
    fn take(&self, message: &Bytes) -> bool {
        self.to.try_send(message.clone()).is_ok()
    }
}

/// What is to be sent to one of them.
#[derive(Debug)]
pub(super) struct Queue(Receiver<Bytes>);

impl Stream for Queue {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|message| message.map(Ok))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn waiting(queue: &mut Queue) -> Vec<Bytes> {
        std::iter::from_fn(|| queue.0.try_recv().ok()).collect()
    }

    #[test]
    fn the_map_comes_first_and_again_when_it_is_new() {
        let (readers, map, event) = (Readers::default(), "map".into(), "event".into());
        let mut one = readers.join().unwrap();
        readers.send(&event);
        readers.send_map(&map, false);
        readers.send(&event);
        let mut other = readers.join().unwrap();
        readers.send_map(&map, false);
        assert_eq!(waiting(&mut one), [map.clone(), event]);
        assert_eq!(waiting(&mut other), std::slice::from_ref(&map));
        readers.send_map(&map, true);
        assert_eq!((waiting(&mut one).len(), waiting(&mut other).len()), (1, 1));
    }

    #[test]
    fn who_is_slow_or_gone_is_let_go() {
        let (readers, map) = (Readers::default(), "map".into());
        let slow = readers.join().unwrap();
        let mut quick = readers.join().unwrap();
        for _ in 0..=QUEUE {
            readers.send_map(&map, true);
            assert_eq!(waiting(&mut quick).len(), 1);
        }
        assert_eq!(readers.all().len(), 1);
        assert!(slow.0.is_closed(), "its stream ends");
        drop(quick);
        assert!(readers.is_empty());
        let all: Vec<Queue> = std::iter::from_fn(|| readers.join()).collect();
        assert_eq!(all.len(), MOST);
    }
}
