//! alces-dashboard
