//! The `alces` command.
fn main() {}
