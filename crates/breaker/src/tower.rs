//! The breaker as a [`Layer`] around a [`Service`].
//!
//! The permit is taken in `call` and not in `poll_ready`: a service that is ready and never called holds no
//! half-open place, and a refusal is the answer to one request instead of the end of the service, which an
//! error of `poll_ready` would be. `poll_ready` is that of the service inside. What that reserved for a call
//! that is refused stays reserved for the next, as after a call of `poll_ready` without one of `call`.
//!
//! The permit lives in the answer's future: dropped before it is done, or unwound by a panic, it frees its place
//! and counts as nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Permit, Refused, SharedBreaker, Verdict};

/// Puts a breaker in front of services. Services that share a layer share its breaker.
///
/// ```
/// use std::{convert::Infallible, future::ready};
///
/// use agentchains_breaker::{Outcome, SharedBreaker, Verdict, tower::{BreakerError, BreakerLayer}};
/// use jiff::Timestamp;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// // A service that answers with an HTTP status, and what each answer says about it.
/// let classify = |answer: &Result<u16, Infallible>| match answer {
///     Ok(status) => Outcome::Status(*status).verdict(),
///     Err(_) => Outcome::Transport.verdict(),
/// };
/// let layer = BreakerLayer::new(SharedBreaker::default(), Timestamp::now, classify);
/// let service = ServiceBuilder::new().layer(layer).service(service_fn(|()| ready(Ok(503))));
///
/// # futures_executor(async {
/// for _ in 0..5 {
///     assert!(matches!(service.clone().oneshot(()).await, Ok(503)));
/// }
/// assert!(matches!(service.oneshot(()).await, Err(BreakerError::Refused(_))));
/// # });
/// # fn futures_executor(future: impl Future<Output = ()>) {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(std::pin::pin!(future).poll(&mut context).is_ready());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BreakerLayer<K, C> {
    breaker: SharedBreaker,
    clock: K,
    classify: C,
}

/// A service with a breaker in front of it, see [`BreakerLayer`]. Clones share the breaker.
#[derive(Clone, Debug)]
pub struct BreakerService<S, K, C> {
    inner: S,
    layer: BreakerLayer<K, C>,
}

/// Why a service with a breaker gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// The breaker let the call not through; the service inside was not called.
    #[error(transparent)]
    Refused(Refused),
    /// The service inside failed.
    #[error("the service behind the circuit breaker failed")]
    Inner(#[source] E),
}

impl<K, C> BreakerLayer<K, C> {
    /// A layer of `breaker`, which is told the time by `clock` and what an answer says about the service by
    /// `classify`; [`Outcome`](crate::Outcome) is a rule for that.
    pub fn new(breaker: SharedBreaker, clock: K, classify: C) -> Self {
        Self {
            breaker,
            clock,
            classify,
        }
    }
}

impl<S, K: Clone, C: Clone> Layer<S> for BreakerLayer<K, C> {
    type Service = BreakerService<S, K, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S, K, C, Request> Service<Request> for BreakerService<S, K, C>
where
    S: Service<Request>,
    K: Fn() -> Timestamp + Clone,
    C: Fn(&Result<S::Response, S::Error>) -> Verdict + Clone,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = BreakerFuture<S::Future, K, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(BreakerError::Inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let BreakerLayer {
            breaker,
            clock,
            classify,
        } = &self.layer;
        // The permit comes first, so that a panic of the service inside frees it.
        let way = match breaker.acquire(clock()) {
            Ok(permit) => Way::Admitted {
                call: self.inner.call(request),
                permit: Some(permit),
                clock: clock.clone(),
                classify: classify.clone(),
            },
            Err(refused) => Way::Refused { refused },
        };
        BreakerFuture { way }
    }
}

pin_project! {
    /// The answer of a [`BreakerService`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct BreakerFuture<F, K, C> {
        #[pin]
        way: Way<F, K, C>,
    }
}

pin_project! {
    #[project = Projection]
    #[derive(Debug)]
    enum Way<F, K, C> {
        // The call is dropped before the permit: its place is free once nothing is on the wire.
        Admitted {
            #[pin]
            call: F,
            permit: Option<Permit>,
            clock: K,
            classify: C,
        },
        Refused {
            refused: Refused,
        },
    }
}

impl<F, K, C, T, E> Future for BreakerFuture<F, K, C>
where
    F: Future<Output = Result<T, E>>,
    K: Fn() -> Timestamp,
    C: Fn(&Result<T, E>) -> Verdict,
{
    type Output = Result<T, BreakerError<E>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            Projection::Admitted {
                call,
                permit,
                clock,
                classify,
            } => {
                let answer = ready!(call.poll(context));
                if let Some(permit) = permit.take() {
                    permit.record(classify(&answer), clock());
                }
                Poll::Ready(answer.map_err(BreakerError::Inner))
            }
            Projection::Refused { refused } => Poll::Ready(Err(BreakerError::Refused(*refused))),
        }
    }
}
