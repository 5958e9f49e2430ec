//! alces-lumberjack
