//! alces-conf
