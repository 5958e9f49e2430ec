//! alces-store
