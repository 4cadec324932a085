//! What is asked of an agent, whatever the version and the binding.

use agentchains_engine::ports::Right;
use jiff::Timestamp;

use crate::model::{Message, TaskState, TaskStatus};

/// An operation of the protocol (section 3.1 of A2A) with its parameters.
#[derive(Debug)]
pub(crate) enum Operation {
    /// To take a message and answer once.
    Send(SendRequest),
    /// To take a message and tell what becomes of it.
    Stream(SendRequest),
    Get(GetRequest),
    List(ListRequest),
    /// To cancel the task of that id.
    Cancel(String),
    /// To tell what becomes of the task of that id.
    Subscribe(String),
    /// Anything about push notifications.
    PushNotifications,
    /// The card for those who have said who they are.
    ExtendedCard,
}

/// A message, and how it is to be answered.
#[derive(Debug)]
pub(crate) struct SendRequest {
    pub(crate) message: Message,
    /// Whether the answer waits until the task is terminal or asks for something.
    pub(crate) waits: bool,
    /// How many of the task's messages are wanted; absent: all.
    pub(crate) history_length: Option<usize>,
    /// Whether the client wants to be called back.
    pub(crate) wants_push: bool,
}

/// Which task is wanted.
#[derive(Debug)]
pub(crate) struct GetRequest {
    pub(crate) id: String,
    pub(crate) history_length: Option<usize>,
}

/// Which tasks are wanted; absent fields do not restrict.
#[derive(Debug)]
pub(crate) struct ListRequest {
    pub(crate) context_id: Option<String>,
    pub(crate) state: Option<TaskState>,
    /// Whose status is not older than that.
    pub(crate) status_since: Option<Timestamp>,
    /// 1 to 100.
    pub(crate) page_size: u32,
    /// Where the part before ended.
    pub(crate) page_token: Option<String>,
    pub(crate) history_length: Option<usize>,
    pub(crate) include_artifacts: bool,
}

impl Operation {
    /// What a caller needs for it. To answer a task's question is to decide.
    pub(crate) const fn right(&self) -> Right {
        match self {
            Self::Send(request) | Self::Stream(request) if request.message.task_id.is_some() => Right::Decide,
            Self::Send(_) | Self::Stream(_) | Self::Cancel(_) => Right::Run,
            Self::Get(_)
            | Self::List(_)
            | Self::Subscribe(_)
            | Self::PushNotifications
            | Self::ExtendedCard => Right::Read,
        }
    }
}

impl ListRequest {
    /// Whether a task that stands so is wanted.
    pub(crate) fn wants(&self, status: &TaskStatus) -> bool {
        self.state.is_none_or(|wanted| wanted == status.state)
            && self.status_since.is_none_or(|least| status.timestamp >= least)
    }
}
