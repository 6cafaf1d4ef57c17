//! Tokens for other programs, in the settings: made, shown once, listed, revoked.

pub(super) mod text;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

use super::{
    deliveries,
    error::Error,
    extract::At,
    form::{FormView, Typed},
    frame::When,
    settings::{self, Shown},
    ui::Ui,
};
use crate::{
    audit, db,
    domain::{
        Invalid,
        audit::{Act, Action, Resource, Subject},
        ids::TokenId,
        is_deceptive,
        moment::Moment,
        secret::Secret,
        token::{Scope, Token},
    },
};

const FIELDS: &[(&str, &str)] = &[("token_name", ""), ("token_scope", "read"), ("token_expiry", "90")];
const NAME_MAX_CHARS: usize = 64;
/// So many tokens are kept; they are made by hand.
const TOKENS_MAX: usize = 100;
/// How long a token may last, in days, and what that is called.
const LIVES: &[(&str, &str)] = &[("30", "30 days"), ("90", "90 days"), ("365", "1 year"), (NEVER, "Never")];
const NEVER: &str = "never";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What the settings show about tokens.
#[derive(Serialize)]
pub(super) struct Section {
    form: FormView,
    list: Vec<Row>,
    made: Option<Made>,
    lives: &'static [(&'static str, &'static str)],
}

#[derive(Serialize)]
struct Row {
    id: TokenId,
    name: String,
    scope: Scope,
    ended: bool,
    created: When,
    expires: Option<Until>,
    used: Option<When>,
}

/// A day to come.
#[derive(Serialize)]
struct Until {
    iso: String,
    date: String,
    exact: String,
}

/// A token that was just made: the only time that anybody sees it.
#[derive(Serialize)]
pub(super) struct Made {
    name: String,
    token: String,
    example: String,
}

/// The form for a new one.
pub(super) fn form() -> FormView {
    FormView::new(FIELDS)
}

impl Section {
    pub(super) async fn load(ui: &Ui, form: FormView, made: Option<Made>) -> Result<Self, Error> {
        let now = Moment::now();
        let epoch = ui.user.as_ref().map_or(0, |user| user.0.session_epoch);
        let tokens = db::tokens::all(ui.state.db.read()).await?;
        let list = tokens.into_iter().map(|token| Row::new(token, now, epoch)).collect();
        Ok(Self { form, list, made, lives: LIVES })
    }
}

impl Row {
    fn new(token: Token, now: Moment, epoch: i64) -> Self {
        Self {
            ended: !token.is_valid(now, epoch),
            id: token.id,
            name: token.name,
            scope: token.scope,
            created: token.created_at.into(),
            expires: token.expires_at.map(|end| Until { iso: end.iso(), date: end.date(), exact: end.exact() }),
            used: token.last_used_at.map(When::from),
        }
    }
}

/// Makes a token, and shows it in the answer: its text is in no URL and in no history.
pub(super) async fn create(ui: Ui, typed: Typed) -> Result<Response, Error> {
    let mut form = form().filled(&typed, &[]);
    let made = match wanted(&typed, &mut form) {
        Some(token) => keep(&ui, token, &mut form).await?,
        None => None,
    };
    let Some((token, secret)) = made else {
        let shown = Shown { token: Some(form), ..Shown::default() };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, settings::page(&ui, shown).await?).into_response());
    };
    let base = deliveries::base_url(&ui.state).await?.unwrap_or_default();
    let made = Made { example: example(token.scope, &base, &secret), token: secret.reveal().to_owned(), name: token.name };
    settings::page(&ui, Shown { made: Some(made), ..Shown::default() }).await
}

/// The token that was asked for, when everything about it is good.
fn wanted(typed: &Typed, form: &mut FormView) -> Option<Token> {
    let name = form.check("token_name", name(typed.text("token_name")));
    let scope = form.check("token_scope", scope(typed.text("token_scope")));
    let now = Moment::now();
    let expires_at = form.check("token_expiry", end(typed.text("token_expiry"), now));
    Some(Token {
        id: TokenId::new(),
        name: name?,
        scope: scope?,
        session_epoch: None,
        created_at: now,
        expires_at: expires_at?,
        last_used_at: None,
    })
}

fn name(typed: &str) -> Result<String, Invalid> {
    match typed.chars().count() {
        0 => Err(Invalid::because("Give it a name: what will use it?")),
        length if length > NAME_MAX_CHARS => Err(Invalid::because(format!("Use at most {NAME_MAX_CHARS} characters."))),
        _ if typed.chars().any(is_deceptive) => Err(Invalid::because("A name has no control characters.")),
        _ => Ok(typed.to_owned()),
    }
}

fn scope(typed: &str) -> Result<Scope, Invalid> {
    let scope = Scope::ALL.iter().find(|scope| scope.as_str() == typed);
    scope.copied().ok_or_else(|| Invalid::because("Choose what it may do."))
}

fn end(typed: &str, now: Moment) -> Result<Option<Moment>, Invalid> {
    if !LIVES.iter().any(|(life, _)| *life == typed) {
        return Err(Invalid::because("Choose how long it lasts."));
    }
    Ok(typed.parse().ok().map(|days: i64| Moment::from_unix_ms(now.unix_ms() + days * DAY_MS)))
}

/// Keeps the token, unless another one has its name: a form that is sent twice makes one token.
async fn keep(ui: &Ui, token: Token, form: &mut FormView) -> Result<Option<(Token, Secret)>, Error> {
    let epoch = ui.user.as_ref().map_or(0, |user| user.0.session_epoch);
    let secret = text::new();
    let hash = text::hash(&secret).ok_or_else(|| Error::Internal(anyhow::anyhow!("a new token is none")))?;
    let mut tx = ui.state.db.begin().await?;
    db::tokens::remove_ended(&mut *tx, token.created_at, epoch).await?;
    let kept = db::tokens::all(&mut *tx).await?;
    let by_hand = || kept.iter().filter(|it| it.session_epoch.is_none());
    if by_hand().any(|it| it.name == token.name) {
        form.check::<()>(
            "token_name",
            Err(Invalid::because("There is a token with this name. Choose another name, or revoke that one first.")),
        );
        return Ok(None);
    }
    if by_hand().count() >= TOKENS_MAX {
        form.reject(format!("There are {TOKENS_MAX} tokens already. Revoke those that are not needed."));
        return Ok(None);
    }
    db::tokens::insert(&mut *tx, &token, &hash).await?;
    let until = token.expires_at.map_or_else(|| "for ever".to_owned(), |end| format!("until {}", end.date()));
    let act = Act::done(Action::TokenCreate, &ui.actor(), subject(&token)).detail(format!("{}, {until}", token.scope));
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Some((token, secret)))
}

/// A token, as what somebody does something to.
fn subject(token: &Token) -> Subject {
    Subject::new(Resource::Token, token.id, token.name.clone())
}

/// How to use it, ready for a terminal.
fn example(scope: Scope, base: &str, secret: &Secret) -> String {
    let authorised = format!("curl -H 'Authorization: Bearer {}'", secret.reveal());
    match scope {
        Scope::Read => format!("{authorised} {base}/health"),
        Scope::Deploy => format!("{authorised} -X POST {base}/apps/APP/deployments"),
    }
}

/// Makes a token worthless. One that is gone already is as the person wants it.
pub(super) async fn revoke(ui: Ui, At(id): At<String>) -> Result<Redirect, Error> {
    let id: TokenId = id.parse().map_err(|_| Error::NotFound)?;
    let mut tx = ui.state.db.begin().await?;
    if let Some(token) = db::tokens::remove(&mut *tx, id).await? {
        audit::record(&mut tx, &Act::done(Action::TokenRevoke, &ui.actor(), subject(&token))).await?;
    }
    tx.commit().await.map_err(db::Error::from)?;
    Ok(Redirect::to("/settings?changed=tokens"))
}
