//! The one place where threads are started, and work shared out to them: a queue that its workers add to while they take from it, and a map whose
//! results come in order with a bound on how many wait to be taken.

#![expect(clippy::disallowed_methods, reason = "this file owns threads")]

use crate::report::exit::Fault;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// One thread a core.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Starts a thread of this name that may outlive the caller; the fault of a system that has no room for one more.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Fault> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|error| no_room(name, &error))
}

/// The same for a thread that the scope waits for.
pub(crate) fn spawn_scoped<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<thread::ScopedJoinHandle<'scope, T>, Fault> {
    let started = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work);
    started.map_err(|error| no_room(name, &error))
}

fn no_room(name: &str, error: &std::io::Error) -> Fault {
    Fault::dependency(format!("the thread `{name}` cannot be started: {error}"))
        .hint("raise the limit of processes and threads")
}

/// Starts a thread; none where the system has no room for one more, and fewer threads do the work.
fn start<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Option<thread::ScopedJoinHandle<'scope, T>> {
    spawn_scoped(scope, "work", work).inspect_err(|fault| tracing::debug!("{fault}")).ok()
}

/// Runs `work` on so many threads, the caller's own among them; a panic of one ends them all.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map_while(|_| start(scope, &work)).collect();
        let mut results = vec![work()];
        results.extend(others.into_iter().map(joined));
        results
    })
}

/// Does two things at a time; one after the other where the system has no room for a thread more.
pub(crate) fn both<A: Send, B>(aside: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    let aside = Mutex::new(Some(aside));
    let run = || aside.lock().unwrap_or_else(PoisonError::into_inner).take().map(|aside| aside());
    thread::scope(|scope| {
        let started = start(scope, run);
        let here = here();
        let answer = started.map_or_else(run, joined);
        (answer.expect("nobody else has taken it"), here)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// State that several threads find their next job in, and change when a job is done.
pub(crate) struct Queue<S> {
    shared: Mutex<Shared<S>>,
    changed: Condvar,
}

struct Shared<S> {
    state: S,
    /// Jobs that were taken and are not finished; each may still change the state.
    running: usize,
    /// Whether a job ended by a panic, so that nobody waits for what it would have added.
    is_broken: bool,
}

impl<S> Queue<S> {
    pub(crate) fn new(state: S) -> Self {
        let shared = Shared { state, running: 0, is_broken: false };
        Self { shared: Mutex::new(shared), changed: Condvar::new() }
    }

    /// The next job that `find` sees in the state; waits while it sees none and a running job may add one.
    pub(crate) fn take<J>(&self, mut find: impl FnMut(&mut S) -> Option<J>) -> Option<(J, Running<'_, S>)> {
        let job = self.wait(|shared| {
            let job = find(&mut shared.state);
            let is_over = job.is_none() && shared.running == 0;
            shared.running += usize::from(job.is_some());
            (job.is_some() || is_over).then_some(job)
        });
        job.flatten().map(|job| (job, Running { queue: self }))
    }

    /// Counts the caller as running, who may go on to change the state.
    fn enter(&self) -> Running<'_, S> {
        self.locked().running += 1;
        Running { queue: self }
    }

    /// What is left once no thread uses the queue any more.
    pub(crate) fn into_state(self) -> S {
        self.shared.into_inner().unwrap_or_else(PoisonError::into_inner).state
    }

    /// Waits until `ready` gives something; `None` once the queue is broken.
    fn wait<T>(&self, mut ready: impl FnMut(&mut Shared<S>) -> Option<T>) -> Option<T> {
        let _alarm = self.alarm();
        let mut shared = self.locked();
        while !shared.is_broken {
            if let Some(found) = ready(&mut shared) {
                return Some(found);
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn locked(&self) -> MutexGuard<'_, Shared<S>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks the queue if the caller ends by a panic while it has this.
    fn alarm(&self) -> Alarm<'_, S> {
        Alarm { queue: self }
    }

    /// Ends every wait: what would have come is not coming any more.
    fn break_up(&self) {
        self.locked().is_broken = true;
        self.changed.notify_all();
    }
}

/// Held by whom others wait for without having taken a job.
struct Alarm<'q, S> {
    queue: &'q Queue<S>,
}

impl<S> Drop for Alarm<'_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.queue.break_up();
        }
    }
}

/// A job that was taken. Dropped without being finished, as in a panic, it breaks the queue.
pub(crate) struct Running<'q, S> {
    queue: &'q Queue<S>,
}

impl<S> Running<'_, S> {
    /// Ends the job, with what it changes in the state.
    pub(crate) fn finish<R>(self, change: impl FnOnce(&mut S) -> R) -> R {
        let mut shared = self.queue.locked();
        let result = change(&mut shared.state);
        shared.running -= 1;
        drop(shared);
        self.queue.changed.notify_all();
        std::mem::forget(self);
        result
    }
}

impl<S> Drop for Running<'_, S> {
    fn drop(&mut self) {
        self.queue.break_up();
    }
}

/// Makes the results of the numbers below `count` on so many threads and gives them to `consume` in order.
/// At most `window` results are begun ahead of the one that is consumed next, which bounds the memory. What
/// `consume` leaves over when it returns is not made. Each thread has what `worker` gives it.
pub(crate) fn in_order<W, T: Send, R>(
    threads: usize,
    window: usize,
    count: usize,
    worker: impl Fn() -> W + Sync,
    make: impl Fn(&mut W, usize) -> T + Sync,
    consume: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    let queue = Queue::new(Line { begun: 0, consumed: 0, ready: BTreeMap::new() });
    let begin = |line: &mut Line<T>| {
        let next = line.begun;
        let may_begin = next < count && next < line.consumed.saturating_add(window);
        line.begun += usize::from(may_begin);
        may_begin.then_some(next)
    };
    let work = || {
        let _alarm = queue.alarm();
        let mut worker = worker();
        while let Some((number, running)) = queue.take(begin) {
            let made = make(&mut worker, number);
            running.finish(|line| line.ready.insert(number, made));
        }
    };
    thread::scope(|scope| {
        // While it is running the threads wait for room in the window rather than end.
        let consumer = queue.enter();
        let threads = threads.clamp(1, count.max(1));
        let workers: Vec<_> = (0..threads).map_while(|_| start(scope, work)).collect();
        if workers.is_empty() {
            consumer.finish(|line| line.begun = count);
            let mut worker = worker();
            return consume(&mut (0..count).map(|number| make(&mut worker, number)));
        }
        // After a panic of a worker the results end early, and the panic goes on below.
        let mut results = (0..count).map_while(|number| {
            let result = queue.wait(|shared| {
                let result = shared.state.ready.remove(&number)?;
                shared.state.consumed = number + 1;
                Some(result)
            });
            queue.changed.notify_all();
            result
        });
        let consumed = consume(&mut results);
        consumer.finish(|line| line.begun = count);
        workers.into_iter().for_each(joined);
        consumed
    })
}

/// How far an ordered map has come.
struct Line<T> {
    begun: usize,
    consumed: usize,
    ready: BTreeMap<usize, T>,
}

/// The results of the numbers below `count`, made on so many threads. Collected into a `Result`, the first
/// error in order ends the work.
pub(crate) fn map<T: Send, R: FromIterator<T>>(
    threads: usize,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
) -> R {
    in_order(threads, usize::MAX, count, || (), |(), number| make(number), |results| results.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_queue_ends_when_nobody_can_add_to_it() {
        let queue = Queue::new((vec![5_u32], 0_u32));
        let seen = on_threads(4, || {
            let mut seen = 0;
            while let Some((number, running)) = queue.take(|(stack, _)| stack.pop()) {
                seen += 1;
                running.finish(|(stack, sum)| {
                    *sum += number;
                    stack.extend((0..number).rev());
                });
            }
            seen
        });
        // Each number adds all smaller ones: 2^n jobs.
        assert_eq!(seen.iter().sum::<u32>(), 32);
        assert_eq!(queue.into_state(), (Vec::new(), 26 + 5));
    }

    #[test]
    fn results_come_in_order_and_never_run_ahead_of_the_window() {
        for threads in [1, 3] {
            let consumed = AtomicUsize::new(0);
            let make = |(): &mut (), number: usize| {
                assert!(number < consumed.load(Ordering::SeqCst) + 5, "{number} was begun too early");
                number * number
            };
            let all: Vec<usize> = in_order(
                threads,
                4,
                100,
                || (),
                make,
                |results| results.inspect(|_| _ = consumed.fetch_add(1, Ordering::SeqCst)).collect(),
            );
            assert_eq!(all, (0..100).map(|number| number * number).collect::<Vec<_>>());
        }
        assert_eq!(map::<usize, Vec<_>>(2, 0, |number| number), [0_usize; 0]);
    }

    #[test]
    fn the_first_error_in_order_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let result: Result<Vec<usize>, usize> = map(2, 100_000, |number| {
            begun.fetch_add(1, Ordering::Relaxed);
            if number >= 10 { Err(number) } else { Ok(number) }
        });
        assert_eq!(result, Err(10));
        assert!(begun.into_inner() < 100_000);
    }

    #[test]
    fn a_worker_that_ends_before_its_first_job_or_while_it_looks_for_one_keeps_nobody_waiting() {
        let no_worker = || -> () { panic!("no worker") };
        let caught = std::panic::catch_unwind(|| {
            in_order(2, 4, 9, no_worker, |(), number| number, |results| results.count())
        });
        assert!(caught.is_err());
        let queue = Queue::new(AtomicUsize::new(0));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            on_threads(3, || {
                let first = |looks: &mut AtomicUsize| looks.fetch_add(1, Ordering::SeqCst) == 0;
                let found = queue.take(|looks| if first(looks) { Some(()) } else { panic!("no job") });
                found.map(|((), running)| std::mem::forget(running))
            })
        }));
        assert!(caught.is_err());
    }

    #[test]
    fn a_panic_ends_everybody_and_goes_on_in_the_caller() {
        let fails = |number| assert_ne!(number, 7, "seven");
        let caught = std::panic::catch_unwind(|| map::<(), Vec<()>>(3, 20, fails));
        assert_eq!(
            caught.expect_err("a panic").downcast_ref::<String>().map(|text| text.contains("seven")),
            Some(true)
        );
        let queue = Queue::new(vec![1]);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            on_threads(2, || queue.take(Vec::pop).map(|_| panic!("first")))
        }));
        assert!(caught.is_err());
    }
}
