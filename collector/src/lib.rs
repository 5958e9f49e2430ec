//! alces-collector
