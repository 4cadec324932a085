//! Child executions: what an execution wants of those that it starts, done in order for each of them.
//!
//! A child is an execution like any other, with a driver of its own. What it has to tell goes from its driver to
//! its parent's mailbox after the commit; nothing else connects the two.

mod start;
mod tree;

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use agentchains_machine::{ChildCommand, ExecutionId, Input, StartChild};
use tokio::sync::oneshot;
use tracing::{Instrument, info_span};

pub(crate) use self::{start::Birth, tree::Trees};
use crate::{
    driver::Driver,
    shared::{Message, Shared},
};

/// What is still to be done with each child, first things first: a command must find the child that it is for, and
/// outlives the driver that gave it.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    orders: Mutex<HashMap<ExecutionId, VecDeque<Order>>>,
}

#[derive(Debug)]
enum Order {
    Start(Box<Birth>),
    /// Whoever waits for the other end is told when the child has recorded it.
    Command(ChildCommand, oneshot::Sender<()>),
}

/// Starts a child, or takes care that one which is there goes on.
pub(crate) fn start(driver: &mut Driver, start: StartChild) {
    driver.children_at = Some(driver.shared.clock.now());
    let birth = Birth::new(&driver.machine, start);
    follow(&driver.shared, birth.id(), Order::Start(Box::new(birth)));
}

/// Passes a command on to a child.
pub(crate) fn command(driver: &mut Driver, child: ExecutionId, command: ChildCommand) {
    let (done, recorded) = oneshot::channel();
    driver.passed_on.push(recorded);
    follow(&driver.shared, child, Order::Command(command, done));
}

/// Puts an order behind those that the child has, and has somebody work on them.
fn follow(shared: &Arc<Shared>, child: ExecutionId, order: Order) {
    let mut orders = shared.lanes.orders.lock().unwrap_or_else(PoisonError::into_inner);
    match orders.entry(child) {
        Entry::Occupied(mut lane) => lane.get_mut().push_back(order),
        Entry::Vacant(lane) => {
            lane.insert(VecDeque::from([order]));
            let span = info_span!("child", execution = %child);
            shared
                .tasks
                .spawn(work(Arc::clone(shared), child).instrument(span));
        }
    }
}

async fn work(shared: Arc<Shared>, child: ExecutionId) {
    while let Some(order) = shared.lanes.next(child) {
        match order {
            Order::Start(birth) => start::start(&shared, *birth).await,
            Order::Command(command, done) => {
                let input = match command {
                    ChildCommand::Cancel => Input::Cancel { by: None },
                    ChildCommand::Hold => Input::Hold,
                    ChildCommand::Release => Input::Release,
                };
                shared.deliver(child, Message::Recorded(input, done));
            }
        }
    }
}

impl Lanes {
    /// The next order; the lane closes behind the last one.
    fn next(&self, child: ExecutionId) -> Option<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let next = orders.get_mut(&child).and_then(VecDeque::pop_front);
        if next.is_none() {
            orders.remove(&child);
        }
        next
    }
}
