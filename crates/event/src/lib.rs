//! alces-event
