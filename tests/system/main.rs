//! Whole-system tests: the real binary, real peers, real signals. What they need is set up by `tests/peers/setup`; a peer
//! that is missing is a failure.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on must stop")]

mod agent;
mod alerts;
mod alerts_crash;
mod api;
mod bad_input;
mod browser;
mod cluster;
mod codecs;
mod command_line;
mod demo;
mod dlq;
mod dlq_kill;
mod grok;
mod grok_twins;
mod inputs;
mod lumber;
mod oidc;
mod outputs;
mod pipelines;
mod receivers;
mod reload;
mod restart;
mod secured;
mod seed;
mod settings;
mod sigv4;
mod spool;
mod store;
mod support;
mod tls;
mod watch;
mod writers;
