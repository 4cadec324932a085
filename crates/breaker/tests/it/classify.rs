//! What counts as a failure of an agent, and what does not.

use agentchains_breaker::{Outcome, Verdict};

#[test]
fn each_outcome_has_its_verdict() {
    use Verdict::{Failure, Ignored, Success};
    for (outcome, verdict) in [
        (Outcome::Transport, Failure),
        (Outcome::TimedOut, Failure),
        (Outcome::AgentFailed, Success),
        (Outcome::InvalidInput, Ignored),
        (Outcome::Cancelled, Ignored),
        (Outcome::Status(200), Success),
        (Outcome::Status(302), Success),
        (Outcome::Status(400), Success),
        (Outcome::Status(408), Success),
        (Outcome::Status(428), Success),
        (Outcome::Status(429), Failure),
        (Outcome::Status(430), Success),
        (Outcome::Status(499), Success),
        (Outcome::Status(500), Failure),
        (Outcome::Status(503), Failure),
        (Outcome::Status(599), Failure),
        (Outcome::Status(600), Success),
        (Outcome::Status(0), Success),
        (Outcome::Status(u16::MAX), Success),
    ] {
        assert_eq!(outcome.verdict(), verdict, "{outcome:?}");
    }
}
