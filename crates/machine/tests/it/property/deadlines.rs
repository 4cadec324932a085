//! Nothing outlives its time (I15, I13): when nobody answers any more and only time passes, an execution whose timeout
//! is over, or that is cancelled, is terminal within five seconds.

use agentchains_machine::Input;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    events::{Event, events},
    generate::plan,
    the_same_each_time,
    world::World,
};

const GRACE: SignedDuration = SignedDuration::from_secs(5);

proptest! {
    #![proptest_config(the_same_each_time())]

    #[test]
    fn an_execution_ends_soon_after_its_timeout(plan in plan(), events in events(), timeout in 1..100_u32) {
        let plan = plan.in_time(timeout);
        let mut world = World::new(&plan).play(&events);
        let deadline = world.run.rows.execution.deadline.unwrap();
        let limit = deadline.max(world.run.now) + GRACE;
        pass_in_silence(&mut world, limit);
        prop_assert!(world.run.rows.execution.status.is_terminal(), "{}", world.run.states());
    }

    #[test]
    fn an_execution_ends_soon_after_its_cancel(plan in plan(), events in events()) {
        let mut world = World::new(&plan).play(&events);
        world.apply(&Event::Cancel);
        let limit = world.run.now + GRACE;
        pass_in_silence(&mut world, limit);
        prop_assert!(world.run.rows.execution.status.is_terminal(), "{}", world.run.states());
    }
}

/// Only time passes, and the execution is looked at when it asks for that.
fn pass_in_silence(world: &mut World, limit: Timestamp) {
    while world
        .run
        .rows
        .execution
        .wake_at
        .is_some_and(|wake_at| wake_at <= limit)
    {
        world.act(World::wake);
    }
    world.run.now = limit;
    world.act(|world| _ = world.run.feed(Input::Tick));
}
