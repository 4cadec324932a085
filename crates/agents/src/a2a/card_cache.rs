//! The card of one agent: where it is, how long it is believed, and what was found out about it since it was read.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{card::AgentCard, json};
use crate::{
    error::CallError,
    net::{Channel, Endpoint, TransportError},
    request::JSON,
};

/// The largest card that is read.
const MAX_CARD_BYTES: usize = 1 << 20;

/// How long a card is believed that does not say it, and the least that any is.
const SHORTEST: Duration = Duration::from_secs(60);

/// The longest that a card is believed, whatever it says.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Where cards are, and where those of agents before version 0.3 were.
const PATH: &str = "/.well-known/agent-card.json";
const OLD_PATH: &str = "/.well-known/agent.json";

/// Knows the card of one agent.
#[derive(Debug)]
pub(super) struct CardCache {
    base: Endpoint,
    known: Arc<Mutex<Option<Known>>>,
    /// The reading that is under way, for as long as somebody waits for it.
    reading: Mutex<Option<WeakShared<Reading>>>,
}

/// A reading of the card. Its result is known before it ends.
type Reading = BoxFuture<'static, Result<Arc<AgentCard>, CallError>>;

#[derive(Debug, Clone)]
struct Known {
    /// The card as it was read.
    read: Arc<AgentCard>,
    /// The card that holds, in which the interface may be the older one.
    in_force: Arc<AgentCard>,
    until: Instant,
    /// What the agent calls this state of its card (RFC 9110, section 8.8.3).
    etag: Option<HeaderValue>,
}

/// A card as it came.
struct Fetched {
    card: Value,
    headers: HeaderMap,
}

impl CardCache {
    /// The card that is at, or below, this address.
    pub(super) fn new(base: Endpoint) -> Self {
        Self {
            base,
            known: Arc::default(),
            reading: Mutex::default(),
        }
    }

    /// Where the card is, or what that is below.
    pub(super) fn base(&self) -> &Endpoint {
        &self.base
    }

    /// The card, which is read when it is not known or not believed any more. Those who want it at the same time wait for
    /// one reading.
    pub(super) async fn get(
        &self,
        channel: &Channel,
        deadline: Instant,
    ) -> Result<Arc<AgentCard>, CallError> {
        loop {
            if let Some(known) = lock(&self.known).as_ref().filter(|known| known.is_believed()) {
                return Ok(Arc::clone(&known.in_force));
            }
            let (reading, is_own) = self.reading(channel, deadline);
            let Ok(read) = timeout_at(deadline, reading).await else {
                return Err(TransportError::TimedOut { connected: false }.into());
            };
            match read {
                // Whoever began it had less time.
                Err(CallError::Transport(TransportError::TimedOut { .. })) if !is_own => {}
                read => return read,
            }
        }
    }

    /// The reading that is under way, or one that begins, and whether it is the latter.
    fn reading(&self, channel: &Channel, deadline: Instant) -> (Shared<Reading>, bool) {
        let mut latest = lock(&self.reading);
        let under_way = latest.as_ref().and_then(WeakShared::upgrade);
        if let Some(reading) = under_way.filter(|reading| reading.peek().is_none()) {
            return (reading, false);
        }
        let (known, base) = (Arc::clone(&self.known), self.base.clone());
        let channel = channel.clone();
        let reading = async move { read(&known, &channel, &base, deadline).await };
        let reading = reading.boxed().shared();
        *latest = reading.downgrade();
        (reading, true)
    }

    /// Has the card read again before it is used. What was found out stays, if it is the same card.
    pub(super) fn doubt(&self) {
        if let Some(known) = lock(&self.known).as_mut() {
            known.until = Instant::now();
            known.etag = None;
        }
    }

    /// Goes over to the older interface of a card, until that changes. `None` where it has none.
    pub(super) fn fall_back(&self, card: &AgentCard) -> Option<Arc<AgentCard>> {
        let older = Arc::new(AgentCard {
            interface: card.older.clone()?,
            older: None,
            ..card.clone()
        });
        if let Some(known) = lock(&self.known).as_mut().filter(|known| *known.read == *card) {
            known.in_force = Arc::clone(&older);
        }
        Some(older)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the card, in comparison with what is known of it.
async fn read(
    known: &Mutex<Option<Known>>,
    channel: &Channel,
    base: &Endpoint,
    deadline: Instant,
) -> Result<Arc<AgentCard>, CallError> {
    let before = lock(known).clone();
    let etag = before.as_ref().and_then(|before| before.etag.clone());
    let renewed = match (fetch(channel, base, etag, deadline).await, before) {
        (Ok(fetched), before) => Known::read(&fetched, before)?,
        (Err(CallError::Status { status, .. }), Some(before)) if status == StatusCode::NOT_MODIFIED => {
            Known {
                until: Instant::now() + SHORTEST,
                ..before
            }
        }
        (Err(error), _) => return Err(error),
    };
    let in_force = Arc::clone(&renewed.in_force);
    *lock(known) = Some(renewed);
    Ok(in_force)
}

impl Known {
    fn is_believed(&self) -> bool {
        Instant::now() < self.until
    }

    fn read(fetched: &Fetched, before: Option<Self>) -> Result<Self, CallError> {
        let read = Arc::new(AgentCard::read(&fetched.card)?);
        let same = before.filter(|before| before.read == read);
        Ok(Self {
            in_force: same.map_or_else(|| Arc::clone(&read), |before| before.in_force),
            read,
            until: Instant::now() + lifetime(&fetched.headers),
            etag: fetched.headers.get(header::ETAG).cloned(),
        })
    }
}

/// Reads the card at, or below, an address.
pub(super) async fn fetch_card(
    channel: &Channel,
    base: &Endpoint,
    deadline: Instant,
) -> Result<Value, CallError> {
    fetch(channel, base, None, deadline)
        .await
        .map(|fetched| fetched.card)
}

async fn fetch(
    channel: &Channel,
    base: &Endpoint,
    etag: Option<HeaderValue>,
    deadline: Instant,
) -> Result<Fetched, CallError> {
    let place = base
        .card()
        .map_err(|error| CallError::protocol(error.to_string()))?;
    let fetched = fetch_at(channel, &place, etag, deadline).await;
    match (&fetched, old_place(base, &place)) {
        (Err(CallError::Status { status, .. }), Some(old)) if *status == StatusCode::NOT_FOUND => {
            // That there is none in the old place either says nothing more.
            fetch_at(channel, &old, None, deadline).await.or(fetched)
        }
        _ => fetched,
    }
}

/// Where the card of an old agent is; an address that is the card's own has no other place.
fn old_place(base: &Endpoint, place: &Endpoint) -> Option<Endpoint> {
    let old = place.as_str().replacen(PATH, OLD_PATH, 1);
    (base != place).then(|| Endpoint::parse(&old).ok())?
}

async fn fetch_at(
    channel: &Channel,
    place: &Endpoint,
    etag: Option<HeaderValue>,
    deadline: Instant,
) -> Result<Fetched, CallError> {
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = place.uri();
    let headers = request.headers_mut();
    headers.insert("a2a-version", HeaderValue::from_static("1.0"));
    headers.insert(header::ACCEPT, JSON);
    if let Some(etag) = etag {
        headers.insert(header::IF_NONE_MATCH, etag);
    }
    let reply = channel.exchange(request, MAX_CARD_BYTES, deadline).await?;
    let card = json::read(&reply.body)
        .map_err(|error| CallError::protocol(format!("its agent card cannot be read: {error}")))?;
    Ok(Fetched {
        card,
        headers: reply.headers,
    })
}

/// How long a card says that it may be believed (RFC 9111, section 5.2.2.1), within limits.
fn lifetime(headers: &HeaderMap) -> Duration {
    let control = headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok());
    let seconds = control.and_then(|control| {
        let mut directives = control.split(',').map(str::trim);
        directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok())
    });
    Duration::from_secs(seconds.unwrap_or_default()).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_believed_as_long_as_it_says_within_limits() {
        for (control, seconds) in [
            (None, 60),
            (Some("no-store"), 60),
            (Some("max-age=5"), 60),
            (Some("public, max-age=600"), 600),
            (Some("max-age=31536000"), 3600),
            (Some("max-age=-1"), 60),
            (Some("max-age=99999999999999999999"), 60),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(control.map(|control| (header::CACHE_CONTROL, HeaderValue::from_static(control))));
            assert_eq!(lifetime(&headers), Duration::from_secs(seconds), "{control:?}");
        }
    }

    #[test]
    fn old_agents_have_their_card_in_another_place() {
        for (base, old) in [
            (
                "http://a.example/x?k=1",
                Some("http://a.example/x/.well-known/agent.json?k=1"),
            ),
            ("http://a.example/cards/b.json", None),
        ] {
            let base = Endpoint::parse(base).unwrap();
            let place = old_place(&base, &base.card().unwrap());
            assert_eq!(place.as_ref().map(Endpoint::as_str), old);
        }
    }
}
