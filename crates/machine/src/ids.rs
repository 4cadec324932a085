//! Identifiers, each a type of its own so that they cannot be mixed up.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is already known.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// One run of one version of a workflow; UUIDv7 (RFC 9562), so that ids sort by creation.
    ExecutionId
}
uuid_id! {
    /// A workflow, whatever its version; UUIDv7.
    WorkflowId
}
uuid_id! {
    /// One question to a person; UUIDv7.
    ApprovalId
}
uuid_id! {
    /// The A2A `messageId` of one attempt: the same for every resend of it, another for each attempt.
    MessageId
}

/// Namespace of the name-based UUIDs (RFC 9562, version 5) that message ids are.
const MESSAGE_NAMESPACE: Uuid = Uuid::from_u128(0x5b1c_6f1e_93d4_4f0b_9c43_7a52_e1d0_84aa);

impl MessageId {
    /// The id of an attempt. A function of what it names, so that a resend after a crash needs no memory.
    #[must_use]
    pub fn of_attempt(execution: ExecutionId, path: &NodePath, attempt: u32) -> Self {
        let name = format!("{execution}/{path}#{attempt}");
        Self(Uuid::new_v5(&MESSAGE_NAMESPACE, name.as_bytes()))
    }

    /// The id of the answer to a question.
    #[must_use]
    pub fn of_answer(question: ApprovalId) -> Self {
        let name = format!("answer {question}");
        Self(Uuid::new_v5(&MESSAGE_NAMESPACE, name.as_bytes()))
    }
}

impl ExecutionId {
    /// The id of the child execution that an attempt of a node starts.
    #[must_use]
    pub fn of_child(parent: Self, path: &NodePath, attempt: u32, now: Timestamp) -> Self {
        Self(derived_uuid(&format!("child {parent}/{path}#{attempt}"), now))
    }
}

impl ApprovalId {
    /// The id of a question that a node asks, at the time it is asked; `seq` is the execution's last event then.
    #[must_use]
    pub fn of_question(execution: ExecutionId, path: &NodePath, seq: u64, now: Timestamp) -> Self {
        Self(derived_uuid(&format!("approval {execution}/{path}#{seq}"), now))
    }
}

/// A UUIDv7 whose random bits are a digest of what it names: the machine draws no random numbers.
fn derived_uuid(name: &str, now: Timestamp) -> Uuid {
    let digest = Sha256::digest(name);
    let mut bits = [0_u8; 10];
    bits.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &bits).into_uuid()
}

/// Where a node stands in an execution: `merge`, and in nested scopes `refine[2]/draft`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NodePath(String);

impl NodePath {
    /// The path of a node that is not nested.
    #[must_use]
    pub fn top_level(node_id: &str) -> Self {
        Self(node_id.to_owned())
    }

    /// The path of a member of a group or loop; `ordinal` is the number of its iteration or item, where it has one.
    #[must_use]
    pub fn inside(around: &Self, ordinal: Option<u32>, node_id: &str) -> Self {
        match ordinal {
            Some(ordinal) => Self(format!("{around}[{ordinal}]/{node_id}")),
            None => Self(format!("{around}/{node_id}")),
        }
    }

    /// The path of the node around, with the number of the iteration or item; `None` at the top.
    #[must_use]
    pub fn around(&self) -> Option<(Self, Option<u32>)> {
        let (scope, _) = self.0.rsplit_once('/')?;
        let numbered = scope.strip_suffix(']').and_then(|scope| scope.rsplit_once('['));
        Some(match numbered {
            Some((around, ordinal)) => (Self(around.to_owned()), Some(ordinal.parse().ok()?)),
            None => (Self(scope.to_owned()), None),
        })
    }

    /// The id of the node.
    #[must_use]
    pub fn node_id(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, node_id)| node_id)
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for NodePath {
    fn from(path: String) -> Self {
        Self(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_stable_for_an_attempt_and_differs_between_attempts() {
        let execution = ExecutionId::from_uuid(Uuid::from_u128(7));
        let path = NodePath::top_level("web");
        let first = MessageId::of_attempt(execution, &path, 1);
        assert_eq!(first, MessageId::of_attempt(execution, &path, 1));
        assert_ne!(first, MessageId::of_attempt(execution, &path, 2));
    }

    #[test]
    fn a_path_names_the_node_and_the_one_around_it() {
        let refine = NodePath::top_level("refine");
        let draft = NodePath::inside(&refine, Some(2), "draft");
        assert_eq!(draft.as_str(), "refine[2]/draft");
        let web = NodePath::inside(&draft, None, "web");
        assert_eq!(web.as_str(), "refine[2]/draft/web");
        assert_eq!(
            (web.node_id(), web.around()),
            ("web", Some((draft.clone(), None)))
        );
        assert_eq!(
            (draft.node_id(), draft.around()),
            ("draft", Some((refine.clone(), Some(2))))
        );
        assert_eq!((refine.node_id(), refine.around()), ("refine", None));
    }

    #[test]
    fn an_approval_id_is_a_uuid_of_version_7_that_carries_its_time() {
        let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        let id = ApprovalId::of_question(
            ExecutionId::from_uuid(Uuid::from_u128(7)),
            &NodePath::top_level("ok"),
            1,
            now,
        );
        assert_eq!(id.as_uuid().get_version_num(), 7);
        assert_eq!(id.as_uuid().get_timestamp().unwrap().to_unix().0, 1_700_000_000);
    }
}
