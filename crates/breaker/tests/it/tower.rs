//! The `tower` layer: where the permit is, and what happens to it.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use agentchains_breaker::tower::{BreakerError, BreakerLayer};
use agentchains_breaker::{Breaker, Outcome, SharedBreaker, State, Verdict};
use jiff::Timestamp;
use tower::{Layer, Service, service_fn};

use crate::{at, settings, trip};

type Answer = Result<u16, &'static str>;

/// One failure opens it for a second; one place.
fn breaker() -> SharedBreaker {
    SharedBreaker::new(Breaker::new(settings(1, 1000, 1)))
}

fn classify(answer: &Answer) -> Verdict {
    match answer {
        Ok(status) => Outcome::Status(*status).verdict(),
        Err(_) => Outcome::Transport.verdict(),
    }
}

/// A clock that is set from outside, and reads of it.
fn clock(now: &Rc<Cell<Timestamp>>) -> impl Fn() -> Timestamp + Clone + use<> {
    let now = Rc::clone(now);
    move || now.get()
}

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn is_ready<R, S: Service<R>>(service: &mut S) -> Poll<Result<(), S::Error>> {
    service.poll_ready(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn answers_are_recorded_and_an_open_breaker_refuses_without_a_call() {
    let (breaker, now) = (breaker(), Rc::new(Cell::new(at(0))));
    let calls = Cell::new(0);
    let inner = service_fn(|answer: Answer| {
        calls.set(calls.get() + 1);
        ready(answer)
    });
    let mut service = BreakerLayer::new(breaker.clone(), clock(&now), classify).layer(inner);

    assert_eq!(poll(service.call(Ok(404))), Poll::Ready(Ok(404)));
    assert_eq!(breaker.lock().state(), State::Closed);
    let failed = Poll::Ready(Err(BreakerError::Inner("no connection")));
    assert_eq!(poll(service.call(Err("no connection"))), failed);
    let Poll::Ready(Err(BreakerError::Refused(refused))) = poll(service.call(Ok(200))) else {
        panic!("an open breaker admitted a call");
    };
    assert_eq!((refused.retry_at, calls.get()), (at(1000), 2));

    now.set(at(1000));
    assert_eq!(poll(service.call(Ok(200))), Poll::Ready(Ok(200)));
    assert_eq!(breaker.lock().state(), State::Closed);
}

#[test]
fn a_service_that_is_ready_and_never_called_holds_no_place() {
    let breaker = breaker();
    trip(&mut breaker.lock(), at(0));
    let layer = BreakerLayer::new(breaker.clone(), || at(1000), classify);
    let mut idle = layer.layer(service_fn(|answer: Answer| ready(answer)));
    assert_eq!(is_ready(&mut idle), Poll::Ready(Ok(())));
    assert_eq!(breaker.lock().snapshot().half_open_in_flight, 0);

    let mut busy = idle.clone();
    assert_eq!(poll(busy.call(Ok(200))), Poll::Ready(Ok(200)));
}

#[test]
fn a_future_that_is_dropped_frees_its_place_and_counts_as_nothing() {
    let breaker = breaker();
    trip(&mut breaker.lock(), at(0));
    let mut service =
        BreakerLayer::new(breaker.clone(), || at(1000), classify).layer(service_fn(|()| pending::<Answer>()));
    let mut probe = Box::pin(service.call(()));
    assert!(poll(probe.as_mut()).is_pending());
    assert_eq!(breaker.lock().snapshot().half_open_in_flight, 1);
    assert!(matches!(
        poll(service.call(())),
        Poll::Ready(Err(BreakerError::Refused(_)))
    ));

    drop(probe);
    let snapshot = breaker.lock().snapshot();
    assert_eq!(
        (snapshot.state, snapshot.half_open_in_flight),
        (State::HalfOpen, 0)
    );
    assert!(poll(service.call(())).is_pending());
}

#[test]
fn a_panic_of_the_service_inside_frees_the_place() {
    let breaker = breaker();
    trip(&mut breaker.lock(), at(0));
    let in_call = service_fn(|()| -> std::future::Ready<Answer> { panic!("in call") });
    let in_poll = service_fn(|()| async { panic!("in poll") });
    let layer = BreakerLayer::new(breaker.clone(), || at(1000), classify);
    let (mut in_call, mut in_poll) = (layer.layer(in_call), layer.layer(in_poll));

    assert!(catch_unwind(AssertUnwindSafe(|| drop(in_call.call(())))).is_err());
    assert_eq!(breaker.lock().snapshot().half_open_in_flight, 0);
    assert!(catch_unwind(AssertUnwindSafe(|| poll(in_poll.call(())))).is_err());
    let snapshot = breaker.lock().snapshot();
    assert_eq!(
        (snapshot.state, snapshot.half_open_in_flight),
        (State::HalfOpen, 0)
    );
}

/// A service that fails to become ready, and is told how often it was asked.
#[derive(Default)]
struct Reluctant(RefCell<Vec<&'static str>>);

impl Service<()> for &Reluctant {
    type Response = u16;
    type Error = &'static str;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.0.borrow_mut().push("poll_ready");
        Poll::Ready(Err("not well"))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        self.0.borrow_mut().push("call");
        ready(Ok(200))
    }
}

#[test]
fn readiness_is_that_of_the_service_inside_also_while_open() {
    let (breaker, inner) = (breaker(), Reluctant::default());
    trip(&mut breaker.lock(), at(0));
    let mut service = BreakerLayer::new(breaker, || at(0), classify).layer(&inner);
    assert_eq!(
        is_ready(&mut service),
        Poll::Ready(Err(BreakerError::Inner("not well")))
    );
    assert!(matches!(
        poll(service.call(())),
        Poll::Ready(Err(BreakerError::Refused(_)))
    ));
    assert_eq!(*inner.0.borrow(), ["poll_ready"]);
}
