//! The dead-letter queue: events that OpenSearch will never take or that a condition could not decide on, whole, with the reason.

pub(crate) use alces_dlq::{Appender as DeadLetterQueue, Letter};
