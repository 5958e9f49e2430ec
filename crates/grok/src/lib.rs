//! alces-grok
