//! alces-filters
