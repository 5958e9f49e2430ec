//! What a message shows of an alert's lines, as somebody with the role viewer sees them: messages go to chats, where no limits hold.

use std::sync::Arc;

use alces_alerts::{Context as Evidence, Rule};

use super::ask::panel;
use crate::app::{App, Wish};
use crate::board::Board;
use crate::explore::patterns;
use crate::language::Said;
use crate::links;
use crate::query::{self, Query};
use crate::range::Range;
use crate::view::answers;
use crate::view::context::Context;
use crate::view::lines;
use crate::view::plan::Plan;

/// Lines that are looked at.
const LOOKED_AT: usize = 200;
/// Patterns and lines that are shown.
const SHOWN: usize = 3;
/// Characters of each.
const LONGEST: usize = 300;

/// What an alert is about, in the search language.
pub(crate) fn search(rule: &Rule, group: &str) -> Query {
    let parsed = |text: &str| query::parse(text).unwrap_or_else(|_| Query::everything());
    let mut search = parsed(&rule.filter).and(parsed(&rule.part));
    for (field, value) in rule.by.values(group) {
        search = search.and(Query::exactly(field, value));
    }
    search
}

/// Gathers the commonest patterns and the newest lines of a group in a span, and the address of a picture.
///
/// # Errors
/// Why there are none; an alert goes without.
pub(crate) async fn gather(
    app: &App,
    base: &str,
    rule: &Rule,
    group: &str,
    span: (i64, i64),
) -> Result<Evidence, String> {
    let picture = rule.kind.has_past().then(|| picture(app, base, rule, group, span));
    if !rule.kind.reads_lines() || rule.source == alces_alerts::Source::Metrics {
        return Ok(Evidence { picture, ..Evidence::default() });
    }
    let sight = if app.access.is_on() {
        let viewers = app.access.sight_of_link(&app.config, "role:viewer").await;
        viewers.ok_or_else(|| "what viewers may see is not known".to_owned())?
    } else {
        Arc::clone(&app.access.everything)
    };
    let search = search(rule, group);
    if let Some(reason) = sight.refuses(&search) {
        return Err(reason);
    }
    let range = Range::parse(&span.0.to_string(), &span.1.to_string(), "", (app.clock)())
        .map_err(|e| e.to_string())?;
    let fields = app.fields(&range, &sight).await.map_err(|e| e.to_string())?;
    let wish = Wish { board: Arc::new(Board::blank(Vec::new())), range, compare: None, search, sight };
    let context = Context::new(&wish, (&fields.0, &fields.1));
    let mut plan = Plan::default();
    let mut panel = panel(rule);
    panel.filter.clear();
    let asked: Vec<&str> = lines::fields();
    let place = plan.lines((panel.source, context.span(), &context.query(&panel)), LOOKED_AT, &asked);
    let answers = answers::ask(&app.backend, app.buckets(), &app.config, &context, &plan)
        .await
        .map_err(|e| e.to_string())?;
    if let Some(note) = answers.notes.first().map(Said::to_string) {
        return Err(note);
    }
    let answer = answers.whole(place)?;
    let found = patterns::read(&[Ok(answer.clone())])?;
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    Ok(Evidence {
        patterns: found
            .patterns
            .iter()
            .take(SHOWN)
            .map(|pattern| (cut(&pattern.text), pattern.count))
            .collect(),
        lines: lines::of(answer).lines.iter().take(SHOWN).map(|line| cut(&line.message)).collect(),
        picture,
    })
}

/// A signed link to the figure's chart: who has it sees this picture and nothing else.
fn picture(app: &App, base: &str, rule: &Rule, group: &str, (from, to): (i64, i64)) -> String {
    let (from, to) = (from.to_string(), to.to_string());
    let words = [("rule", rule.id.as_str()), ("group", group), ("from", &from), ("to", &to)];
    let path = links::sign(&app.secret, "/render/alert.png", &words, (app.clock)().as_millisecond());
    format!("{base}{}", path.trim_start_matches('/'))
}
