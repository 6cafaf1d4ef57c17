//! A deployment's journal on its page: the last lines, any others on demand, what a search finds, and the whole as a file.

use std::io::{self, Read};

use axum::{
    body::Body,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Semaphore,
    task::{block_in_place, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use super::{
    AppState, deployments,
    error::Error,
    extract::{Asked, At},
    frame::When,
    present::{self, Line},
    ui::Ui,
    view::{Fragment, Views},
};
use crate::{
    domain::{app::App, deployment::Deployment},
    logs::{
        journal,
        reader::{Reader, Window},
        search::{Found, Limits, Needle},
    },
};

/// How many lines are shown at once.
const LINES: usize = 1000;
/// How many of them come before a line that an address names.
const LINES_BEFORE: u64 = 100;
/// So much of a download is read at once.
const DOWNLOAD_BLOCK_BYTES: usize = 64 * 1024;

/// The part of a page's address that says what to show.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asking {
    /// The number of a line to show.
    line: Option<u64>,
    /// What to search for.
    #[serde(default)]
    q: String,
    /// The place to go on searching from.
    after: Option<u64>,
}

/// The journal, as far as it is shown.
#[derive(Serialize)]
pub(super) struct JournalPage {
    lines: Vec<Line>,
    empty: bool,
    /// When retention removed it.
    removed: Option<When>,
    /// Whether the deployment has not ended.
    running: bool,
    /// Whether lines are still coming to this view.
    pub(super) live: bool,
    earlier: Option<More>,
    later: Option<More>,
    end_href: String,
    download_url: String,
    query: String,
    search: Option<Search>,
    /// The place after the last line that is shown.
    #[serde(skip)]
    pub(super) place: u64,
}

/// Where neighbouring lines are: a page that shows them, and the lines alone.
#[derive(Serialize)]
struct More {
    href: String,
    lines: String,
}

#[derive(Serialize)]
struct Search {
    sentence: String,
    next: Option<String>,
    back_href: String,
}

impl JournalPage {
    /// What a page shows of its journal.
    pub(super) async fn load(ui: &Ui, app: &App, deployment: &Deployment, asking: Asking) -> Result<Self, Error> {
        let url = present::deployment_url(app, deployment.number);
        if let Some(needle) = Needle::new(&asking.q) {
            let (found, lines) = search(&ui.state, deployment, needle, asking.after.unwrap_or(0)).await?;
            return Ok(Self { lines, ..Self::of_search(&found, deployment, &url, asking.q) });
        }
        let window = read_lines(&ui.state, deployment, move |reader| match asking.line {
            Some(line) => reader.from_line(line.saturating_sub(LINES_BEFORE), LINES),
            None => reader.last(LINES),
        });
        let (window, lines) = window.await?;
        Ok(Self { lines, ..Self::of_window(&window, deployment, &url) })
    }

    /// What a stream tells of it beside the lines, if it carries those.
    pub(super) fn state(app: &App, deployment: &Deployment, has_lines: bool) -> Self {
        let base = Self::empty(deployment, &present::deployment_url(app, deployment.number));
        Self { live: base.running && has_lines, ..base }
    }

    fn empty(deployment: &Deployment, url: &str) -> Self {
        Self {
            lines: Vec::new(),
            empty: true,
            removed: deployment.journal_removed.map(When::from),
            running: !deployment.status.is_end(),
            live: false,
            earlier: None,
            later: None,
            end_href: format!("{url}#journal-end"),
            download_url: format!("{url}/journal"),
            query: String::new(),
            search: None,
            place: 0,
        }
    }

    fn of_window(window: &Window, deployment: &Deployment, url: &str) -> Self {
        let base = Self::empty(deployment, url);
        Self {
            empty: window.lines.is_empty(),
            live: base.running && window.at_end,
            earlier: earlier(window, url),
            later: later(window, url),
            place: window.to,
            ..base
        }
    }

    fn of_search(found: &Found, deployment: &Deployment, url: &str, query: String) -> Self {
        let next = serde_urlencoded::to_string([("q", &*query), ("after", &found.to.to_string())]).ok();
        Self {
            empty: false,
            search: Some(Search {
                sentence: search_sentence(found),
                next: next.filter(|_| !found.complete).map(|next| format!("{url}?{next}#journal")),
                back_href: format!("{url}#journal"),
            }),
            query,
            ..Self::empty(deployment, url)
        }
    }
}

fn search_sentence(found: &Found) -> String {
    let lines = match found.lines.len() {
        0 => "No line has it".to_owned(),
        1 => "One line has it".to_owned(),
        many => format!("{many} lines have it"),
    };
    if found.complete { format!("{lines}.") } else { format!("{lines} up to line {}; there is more to search.", found.searched_to_line) }
}

fn earlier(window: &Window, url: &str) -> Option<More> {
    let first = window.lines.first().filter(|_| !window.at_start)?.number;
    // A page shows lines before the one that it is asked for: this many further on, it ends where this one begins.
    let line = first.saturating_sub(LINES as u64 - LINES_BEFORE).max(1);
    Some(More { href: format!("{url}?line={line}#L{}", first.saturating_sub(1)), lines: format!("{url}/lines?before={first}") })
}

fn later(window: &Window, url: &str) -> Option<More> {
    let next = window.lines.last().filter(|_| !window.at_end)?.number + 1;
    Some(More { href: format!("{url}?line={}#L{next}", next + LINES_BEFORE), lines: format!("{url}/lines?after={}", next - 1) })
}

/// Lines alone, with the way to their neighbours.
#[derive(Serialize)]
struct Lines {
    journal: LinesOnly,
}

#[derive(Serialize)]
struct LinesOnly {
    earlier: Option<More>,
    lines: Vec<Line>,
    later: Option<More>,
}

impl Fragment for Lines {
    const TEMPLATE: &'static str = "deployments/_lines.html";
}

/// Lines as HTML.
pub(super) fn lines(views: &Views, lines: &[journal::Line]) -> Result<String, minijinja::Error> {
    views.fragment(&Lines { journal: LinesOnly { earlier: None, lines: lines.iter().map(Line::from).collect(), later: None } })
}

/// Which neighbouring lines are asked for.
#[derive(Deserialize)]
pub(super) struct Neighbours {
    before: Option<u64>,
    after: Option<u64>,
}

/// More lines, before or after those that are shown.
pub(super) async fn more(ui: Ui, At((slug, number)): At<(String, i64)>, Asked(asked): Asked<Neighbours>) -> Result<Response, Error> {
    let (app, deployment) = deployments::by_number(&ui.state, &slug, number).await?;
    let url = present::deployment_url(&app, number);
    let window = read_lines(&ui.state, &deployment, move |reader| match (asked.before, asked.after) {
        (Some(line), _) => reader.before_line(line, LINES),
        (None, after) => reader.from_line(after.unwrap_or(0).saturating_add(1), LINES),
    });
    let (window, lines) = window.await?;
    let journal = LinesOnly {
        earlier: earlier(&window, &url).filter(|_| asked.before.is_some()),
        lines,
        later: later(&window, &url).filter(|_| asked.before.is_none()),
    };
    block_in_place(|| ui.fragment(&Lines { journal }))
}

/// The last lines of a journal.
pub(super) async fn last(state: &AppState, deployment: &Deployment, count: usize) -> Result<Vec<journal::Line>, Error> {
    Ok(read(state, deployment, &state.journal_reads, move |reader| reader.last(count)).await?.unwrap_or_default().lines)
}

/// Reads neighbouring lines, and makes them ready for the page; none when there is no journal.
async fn read_lines(
    state: &AppState,
    deployment: &Deployment,
    which: impl FnOnce(&mut Reader) -> io::Result<Window> + Send + 'static,
) -> Result<(Window, Vec<Line>), Error> {
    let read = read(state, deployment, &state.journal_reads, |reader| {
        let window = which(reader)?;
        let lines = window.lines.iter().map(Line::from).collect();
        Ok((window, lines))
    });
    Ok(read.await?.unwrap_or((Window { at_start: true, at_end: true, ..Window::default() }, Vec::new())))
}

/// Reads something of a journal; none when there is no journal.
async fn read<T: Send + 'static>(
    state: &AppState,
    deployment: &Deployment,
    places: &Semaphore,
    what: impl FnOnce(&mut Reader) -> io::Result<T> + Send + 'static,
) -> Result<Option<T>, Error> {
    let file = state.deployer.journal(deployment);
    reading(places, move || Ok(Reader::open(&file)?.map(|mut reader| what(&mut reader)).transpose()?)).await
}

/// Runs what blocks on a thread where it may, once one of these places is free.
pub(super) async fn reading<T: Send + 'static>(
    places: &Semaphore,
    read: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let _place = places.acquire().await.map_err(|err| Error::Internal(err.into()))?;
    spawn_blocking(read).await.map_err(|err| Error::Internal(err.into()))?
}

/// Searches; stops when whoever asked has gone.
async fn search(state: &AppState, deployment: &Deployment, needle: Needle, from: u64) -> Result<(Found, Vec<Line>), Error> {
    let gone = CancellationToken::new();
    let _guard = gone.clone().drop_guard();
    let read = read(state, deployment, &state.searches, move |reader| {
        let found = reader.search(&needle, from, Limits::default(), &|| !gone.is_cancelled())?;
        let lines = found.lines.iter().map(Line::from).collect();
        Ok((found, lines))
    });
    Ok(read.await?.unwrap_or((Found { complete: true, ..Found::default() }, Vec::new())))
}

/// The whole journal as it is kept.
pub(super) async fn download(ui: Ui, At((slug, number)): At<(String, i64)>) -> Result<Response, Error> {
    let (app, deployment) = deployments::by_number(&ui.state, &slug, number).await?;
    if deployment.journal_removed.is_some() {
        return Err(Error::NotFound);
    }
    let file = ui.state.deployer.journal(&deployment);
    let open = move || Ok::<_, io::Error>(Reader::open(&file)?.map(Reader::into_content));
    let body = match spawn_blocking(open).await.map_err(|err| Error::Internal(err.into()))?? {
        Some(content) => Body::from_stream(stream::try_unfold(content, next_block)),
        None => Body::empty(),
    };
    let disposition = format!("attachment; filename=\"{}-{number}.log\"", app.slug);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response())
}

async fn next_block<R: Read + Send + 'static>(mut content: R) -> io::Result<Option<(Bytes, R)>> {
    let read = move || {
        let mut block = vec![0; DOWNLOAD_BLOCK_BYTES];
        let filled = content.read(&mut block)?;
        block.truncate(filled);
        Ok((filled > 0).then(|| (block.into(), content)))
    };
    spawn_blocking(read).await.map_err(io::Error::other)?
}
