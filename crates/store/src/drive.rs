//! Runs a future to its end on the calling thread.
//!
//! A deterministic simulation pauses tokio's clock, and a paused clock moves on as soon as every task waits. It cannot
//! see that a task waits for SQLite's own thread, so time would run away during each query. Therefore no query is
//! ever awaited: the calling thread waits for it, and to the runtime a query takes no time at all. Small calls take
//! well under a millisecond (plus, in a file, one flush to disk per write), so the worker thread can be spared.
//!
//! Written out, because the executor of `futures` panics when it is entered twice.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The output of a future, waited for by this thread. The future may wait for other threads only, never for the
/// runtime that it is called from.
pub(crate) fn drive<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
