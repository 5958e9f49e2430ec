//! The dead-letter queue: events that an output will never take, or that a condition could not decide on, whole, with the reason and with what
//! is needed to send them again as they were sent.
//!
//! **Decision.** A queue is one file of JSON lines for each pipeline, which `grep` and `jq` read too. Whoever writes locks the file and then looks
//! whether the file at the path is still the one it has open: letters are taken out by writing a new file beside the old one and renaming it over
//! that. So a collector appends while `alces dlq` takes letters out, and a kill at any time leaves one of the two files, whole.
//!
//! **Price.** Taking letters out copies those that stay. A queue is for what a person must look at; it is not meant to be long.
//!
//! What a crash or a full disk tears is one line, which is told as damaged and never hides the next one.

mod append;
mod letter;
mod lines;
mod lock;
mod position;
mod queue;

pub use append::{Appended, Appender, Limits, WhenFull};
pub use letter::{Action, Entry, Letter};
pub use lines::{Line, Lines};
pub use position::Position;
pub use queue::{Identity, Picked, Queue, Removed};
