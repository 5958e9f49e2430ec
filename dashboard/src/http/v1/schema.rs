//! Words that several addresses take and answer.

use serde::Serialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// The search of a question, and its time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `asked` reads")]
pub(in crate::http) struct Asking {
    /// The search, in the search language; everything, where it is left out.
    #[param(example = "status:>=500")]
    q: Option<String>,
    /// Where the time begins: `now-1h`, `now/d`, a date, milliseconds since 1970.
    #[param(example = "now-1h")]
    from: Option<String>,
    /// Where the time ends.
    #[param(example = "now")]
    to: Option<String>,
    /// The time zone of dates: `UTC`, `Europe/Berlin`.
    #[param(example = "UTC")]
    tz: Option<String>,
}

/// What is compared with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `asked` reads")]
pub(in crate::http) struct Comparing {
    /// `1d` or `1w`: the same time of the day or week before. Else the time just before.
    #[param(example = "1d")]
    compare: Option<String>,
}

/// Why there is no answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"error": "the search is not complete: a ) is missing"}))]
pub(in crate::http) struct Problem {
    /// What to do about it, for people.
    error: String,
}

/// What any question may come to.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes what `fail` answers")]
pub(in crate::http) enum Refused {
    /// The search, the time or a parameter cannot be read.
    #[response(status = 400)]
    Unclear(Problem),
    /// Nobody is logged in: a token is missing, unknown or has ended.
    #[response(status = 401)]
    Nobody(Problem),
    /// Not for this user or this token; or the search asks for what is masked.
    #[response(status = 403)]
    Forbidden(Problem),
    /// The file of people, or the engine behind, gives no answer.
    #[response(status = 503)]
    NoAnswer(Problem),
}

/// There is no such thing.
#[derive(IntoResponses)]
#[response(status = 404)]
#[expect(dead_code, reason = "it describes what `fail` answers")]
pub(in crate::http) struct Missing(Problem);

/// The engine behind refused the question, with its reason.
#[derive(IntoResponses)]
#[response(status = 502)]
#[expect(dead_code, reason = "it describes what `fail` answers")]
pub(in crate::http) struct RefusedBehind(Problem);

/// Boards.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Boards {
    pub(in crate::http) boards: Vec<BoardName>,
}

/// A board.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BoardName {
    pub(in crate::http) id: String,
    pub(in crate::http) title: String,
    /// What it is for.
    pub(in crate::http) about: String,
    /// The ids of its panels.
    pub(in crate::http) panels: Vec<String>,
}

/// A board's figures. A panel has what its kind shows (`kind` and what belongs to it), or `failed` with a reason.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `View::json` writes")]
pub(in crate::http) struct BoardFigures {
    /// Its id.
    board: String,
    title: String,
    range: RangeOf,
    marks: Vec<MarkOf>,
    notes: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    panels: Vec<serde_json::Value>,
    /// How long it took, milliseconds.
    took_ms: u64,
    /// How old the figures are.
    age_seconds: i64,
    /// Why they are old, where the engine gave no answer.
    #[schema(required)]
    stale: Option<String>,
}

/// A span of time, epoch milliseconds.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `View::json` writes")]
pub(in crate::http) struct RangeOf {
    from: i64,
    to: i64,
    asked_at: i64,
    step_seconds: i64,
}

/// Something that happened.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what `View::json` writes")]
pub(in crate::http) struct MarkOf {
    /// Epoch milliseconds.
    at: i64,
    label: String,
}

/// An event that was stored.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Stored {
    pub(in crate::http) id: String,
    #[schema(format = DateTime)]
    pub(in crate::http) time: String,
}

/// What could stand at the cursor.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Completions {
    /// The place that an item takes, units of UTF-16.
    pub(in crate::http) from: usize,
    pub(in crate::http) to: usize,
    #[schema(value_type = Vec<Object>)]
    pub(in crate::http) items: Vec<serde_json::Value>,
}
