//! What fuzz targets see of the engine.

use super::build::Buffer;
use super::columns::Columns;
use super::file::Parts;
use super::source::Sources;
use super::{About, Incoming};
use crate::mapping::Mapped;
use std::path::Path;
use std::sync::Arc;
use tantivy::columnar::ColumnarReader;
use tantivy::directory::{FileSlice, OwnedBytes};

/// Takes a document, makes columns of it, and reads it back.
pub(crate) fn through_a_segment(source: &[u8], mapped: Mapped<'_>, out: &mut Vec<u8>) {
    let mut buffer = Buffer::default();
    let incoming = Incoming { id: "1", version: 1, source, mapped };
    let columns = buffer.add(&incoming).and_then(|()| buffer.freeze()).and_then(|frozen| frozen.columns());
    if let Ok(found) = columns.and_then(|columns| Sources::new(&columns).source(0)) {
        *out = found;
    }
}

/// Whether a file is a segment, and what its checksums say that it is.
pub(crate) fn segment(bytes: &[u8]) -> bool {
    let slice = FileSlice::new(Arc::new(OwnedBytes::new(bytes.to_vec())));
    let Ok((parts, about)) = Parts::read::<About>(slice, Path::new("fuzz.seg")) else { return false };
    if parts.verify().is_err() {
        return false;
    }
    let columns =
        parts.part("columns").ok().and_then(|slice| ColumnarReader::open(slice).ok()).map(Columns::new);
    columns.is_some_and(|columns| columns.rows() == about.rows)
}
