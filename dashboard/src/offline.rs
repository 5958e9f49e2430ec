//! What the command does with boards besides serving them: checking files, one panel in the terminal, a report as a file; and reading
//! a folder of boards, at the start and when it changes.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::{App, Clock, Wish};
use crate::backend::Backend;
use crate::board::shelf::Shelf;
use crate::chart::{Drawing, Theme, png, terminal};
use crate::config::Config;
use crate::error::DashboardError;
use crate::query;
use crate::range::{Compare, Range};
use crate::view::picture::{Nothing, Picture};

/// Something wrong in a board's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardProblem {
    /// From 1; none where it is about the whole file.
    pub line: Option<u64>,
    /// From 1, in characters.
    pub column: Option<u64>,
    /// What, and what to write instead.
    pub message: String,
}

/// Everything that is wrong with a board's text; `id` is its file's name without the extension.
#[must_use]
pub fn check_board(id: &str, text: &str) -> Vec<BoardProblem> {
    let errors = crate::board::read(id, text).err().unwrap_or_default();
    errors.into_iter().map(|e| BoardProblem { line: e.line, column: e.column, message: e.message }).collect()
}

/// What a terminal shows of a panel.
#[derive(Clone, Debug)]
pub struct PanelText {
    /// The panel's name, as `board/panel` or only `panel`, which the first board that has one answers.
    pub panel: String,
    /// As in a page's address: `now-1h`.
    pub from: String,
    /// As in a page's address: `now`.
    pub to: String,
    /// A time zone's name, empty for UTC.
    pub tz: String,
    /// `1d` or `1w`, to lay the time before beneath.
    pub compare: String,
    /// A search that narrows the panel down.
    pub search: String,
    /// Characters in a line.
    pub columns: u16,
    /// Lines of the drawing.
    pub rows: u16,
    /// Whether to use colours.
    pub color: bool,
}

/// A panel as text.
///
/// # Errors
/// [`DashboardError`]: settings, the name of the panel, the range, the search, the backend.
pub async fn panel_text(
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    wanted: &PanelText,
) -> Result<String, DashboardError> {
    let app = app(config, Arc::new(clock))?;
    let shelf = app.shelf();
    let (board, panel) = match wanted.panel.split_once('/') {
        Some((board, panel)) => (shelf.get(board), panel),
        None => (
            shelf
                .all()
                .find(|b| b.panels.iter().any(|p| p.id == wanted.panel))
                .and_then(|b| shelf.get(&b.id)),
            wanted.panel.as_str(),
        ),
    };
    let Some(board) = board.filter(|b| b.board.panels.iter().any(|p| p.id == panel)) else {
        let names = shelf.all().map(|b| {
            let panels: Vec<&str> = b.panels.iter().map(|p| p.id.as_str()).collect();
            format!("{}/{{{}}}", b.id, panels.join(","))
        });
        let names: Vec<String> = names.collect();
        return Err(nothing(format!("there is no panel {}. There are: {}", wanted.panel, names.join(" "))));
    };
    let range = Range::parse(&wanted.from, &wanted.to, &wanted.tz, (app.clock)())
        .map_err(|e| nothing(e.to_string()))?;
    let search =
        query::parse(&wanted.search).map_err(|e| nothing(format!("{e}\n{}", e.caret(&wanted.search))))?;
    // Only this panel is asked for.
    let mut one = (*board.board).clone();
    one.panels.retain(|p| p.id == panel);
    one.verdict = false;
    let compare = Compare::from_word(&wanted.compare);
    let wish =
        Wish { board: Arc::new(one), range, compare, search, sight: Arc::clone(&app.access.everything) };
    let seen = app.make(wish).await.map_err(|e| nothing(e.to_string()))?;
    if let Some(doubt) = seen.context().doubt() {
        return Err(nothing(doubt.to_string()));
    }
    match seen.view.panels.first().map(|(content, _)| content) {
        Some(Ok(Picture::Drawing(drawing))) => {
            Ok(terminal::text(drawing, usize::from(wanted.columns), usize::from(wanted.rows), wanted.color))
        }
        Some(Ok(Picture::Empty(Nothing::NoField(field) | Nothing::Masked(field)))) => {
            Err(nothing(format!("these lines carry no {field}")))
        }
        Some(Ok(Picture::Empty(Nothing::NoLines))) => {
            Err(nothing("there is nothing of this kind in this range".into()))
        }
        Some(Ok(picture)) => Ok(picture.csv()),
        Some(Err(reason)) => Err(nothing(reason.clone())),
        None => Err(nothing("no answer".into())),
    }
}

/// The report of a board: one HTML page that needs nothing else, or a PNG picture of its charts.
///
/// # Errors
/// As [`panel_text`].
pub async fn report(
    config: Config,
    clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    board: &str,
    (from, to, tz): (&str, &str, &str),
    as_png: bool,
) -> Result<Vec<u8>, DashboardError> {
    let app = app(config, Arc::new(clock))?;
    let shelf = app.shelf();
    let Some(shelved) = shelf.get(board) else {
        let names: Vec<&str> = shelf.all().map(|b| b.id.as_str()).collect();
        return Err(nothing(format!("there is no board {board}. There are: {}", names.join(", "))));
    };
    let range = Range::parse(from, to, tz, (app.clock)()).map_err(|e| nothing(e.to_string()))?;
    let wish = Wish {
        board: Arc::clone(&shelved.board),
        range,
        compare: None,
        search: query::Query::everything(),
        sight: Arc::clone(&app.access.everything),
    };
    let seen = app.make(wish).await.map_err(|e| nothing(e.to_string()))?;
    if !as_png {
        return Ok(crate::page::report::report(&app.config.title, &seen).into_string().into_bytes());
    }
    let drawings: Vec<Drawing> = seen.drawings();
    let headline = format!("{} · {}", app.config.title, crate::page::report::headline(&seen));
    png::sheet(&headline, &drawings, 2, Theme::Light).map_err(|e| nothing(e.to_string()))
}

fn nothing(why: String) -> DashboardError {
    DashboardError::Nothing(why)
}

/// The application behind pages and commands, with its boards.
pub(crate) fn app(config: Config, clock: Clock) -> Result<Arc<App>, DashboardError> {
    let backend = Backend::new(&config)?;
    let secret = match &config.secret {
        Some(secret) => secret.clone(),
        None => {
            let mut secret = vec![0; 32];
            getrandom::fill(&mut secret)
                .map_err(|e| DashboardError::Config(format!("the system gives no random numbers: {e}")))?;
            secret
        }
    };
    let folder = config.boards.clone();
    let app = Arc::new(App::new(config, backend, clock, secret)?);
    if let Some(folder) = folder {
        let (shelf, errors) = Shelf::with_folder(&folder, None);
        // At the start a wrong board is an error, as a wrong pipeline is; later it costs itself only.
        if !errors.is_empty() {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Err(DashboardError::Boards(errors.join("\n")));
        }
        app.put_up(shelf);
    }
    Ok(app)
}

/// Reads the folder of boards again whenever it is told to.
pub(crate) async fn reread(app: Arc<App>) {
    let (Some(folder), Some(mut changed)) = (app.config.boards.clone(), app.config.boards_changed.clone())
    else {
        return;
    };
    // Until nobody is left who could tell.
    while changed.changed().await.is_ok() {
        let (folder, before) = (folder.clone(), app.shelf());
        let read = tokio::task::spawn_blocking(move || Shelf::with_folder(&folder, Some(&before)));
        let Ok((shelf, errors)) = read.await else { continue };
        for error in &errors {
            tracing::warn!(%error, "a board is wrong: the one before it stays");
        }
        tracing::info!(boards = shelf.all().count(), "boards read again");
        app.put_up(shelf);
    }
}
