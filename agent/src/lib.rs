//! alces-agent
