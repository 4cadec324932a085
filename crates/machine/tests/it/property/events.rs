//! Strategies for what happens to an execution.

use proptest::{collection::vec, option, prelude::*};

/// Something that happens. Numbers choose among what there is at that moment.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Answer {
        call: usize,
        ending: u8,
    },
    /// A result that may be late, repeated or of an attempt that never was.
    Stray {
        node: usize,
        attempt: u32,
        ending: u8,
    },
    Accept {
        call: usize,
    },
    /// A child execution says how it stands, for the first time or again.
    Tell {
        child: usize,
        news: u8,
    },
    /// A child execution cannot be started.
    Refuse {
        child: usize,
    },
    Pass {
        seconds: u32,
    },
    Wake,
    Pause,
    Resume {
        tenths: Option<u32>,
    },
    Cancel,
    Hold,
    Release,
    Decide {
        question: usize,
        action: usize,
        by: u8,
    },
    Crash {
        /// Whether the last effects had not been performed.
        before_acting: bool,
    },
    /// The driver lets go of it, if it may, and reads it again.
    Park,
    /// The process is gone, and it was not the first time.
    Quarantine,
    Busy {
        agent: u8,
    },
    Open {
        agent: u8,
        seconds: u32,
    },
    Well {
        agent: u8,
    },
    /// An agent leaves the registry.
    Leave {
        agent: u8,
    },
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    vec(event(), 0..60)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        24 => of_calls_and_children(),
        6 => of_time(),
        11 => of_people(),
        8 => of_the_process_and_agents(),
    ]
}

fn of_calls_and_children() -> impl Strategy<Value = Event> {
    let (which, choice) = (any::<usize>, any::<u8>);
    prop_oneof![
        12 => (which(), choice()).prop_map(|(call, ending)| Event::Answer { call, ending }),
        3 => (which(), 0..4_u32, choice())
            .prop_map(|(node, attempt, ending)| Event::Stray { node, attempt, ending }),
        2 => which().prop_map(|call| Event::Accept { call }),
        6 => (which(), choice()).prop_map(|(child, news)| Event::Tell { child, news }),
        1 => which().prop_map(|child| Event::Refuse { child }),
    ]
}

fn of_time() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..30_u32).prop_map(|seconds| Event::Pass { seconds }),
        Just(Event::Wake)
    ]
}

fn of_people() -> impl Strategy<Value = Event> {
    let decision = (any::<usize>(), any::<usize>(), any::<u8>());
    prop_oneof![
        9 => decision.prop_map(|(question, action, by)| Event::Decide { question, action, by }),
        3 => Just(Event::Pause),
        6 => option::of(0..30_u32).prop_map(|tenths| Event::Resume { tenths }),
        1 => Just(Event::Cancel),
        2 => Just(Event::Hold),
        3 => Just(Event::Release),
    ]
}

fn of_the_process_and_agents() -> impl Strategy<Value = Event> {
    let agent = any::<u8>;
    prop_oneof![
        5 => any::<bool>().prop_map(|before_acting| Event::Crash { before_acting }),
        2 => Just(Event::Park),
        1 => Just(Event::Quarantine),
        2 => agent().prop_map(|agent| Event::Busy { agent }),
        5 => (agent(), 0..60_u32).prop_map(|(agent, seconds)| Event::Open { agent, seconds }),
        3 => agent().prop_map(|agent| Event::Well { agent }),
        1 => agent().prop_map(|agent| Event::Leave { agent }),
    ]
}
