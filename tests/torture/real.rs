//! The real way: agent, collector and store, each killed with `kill -9` while lines flow.
