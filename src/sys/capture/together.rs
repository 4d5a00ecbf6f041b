//! Many waits as one: to give a packet socket its ring, and to close it, the kernel waits until
//! nobody can be using the old one (`synchronize_net`), some 20 ms each time. All who wait at
//! the same time wait for the same.

/// So many at once.
const THREADS: usize = 64;

/// Does the same with each, and gives what came of it in the same order.
pub(super) fn together<T: Send, R: Send>(all: Vec<T>, each: impl Fn(T) -> R + Sync) -> Vec<R> {
    let (share, mut all, each) = (all.len().div_ceil(THREADS), all.into_iter(), &each);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        loop {
            let part: Vec<T> = all.by_ref().take(share).collect();
            if part.is_empty() {
                break;
            }
            threads.push(scope.spawn(move || part.into_iter().map(each).collect::<Vec<R>>()));
        }
        let ends = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ends.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::together;

    #[test]
    fn the_order_stays() {
        for count in [0, 1, 63, 64, 65, 1000] {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(together(all.clone(), |n| n), all);
        }
    }
}
