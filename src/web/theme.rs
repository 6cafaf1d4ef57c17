//! The switch between light and dark.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{access::local_path, error::Error, form::Typed, frame::Theme};

/// The cookie that remembers it.
pub(super) const COOKIE: &str = "theme";
const A_YEAR_IN_SECONDS: u32 = 365 * 24 * 60 * 60;

pub(super) async fn update(typed: Typed) -> Result<Response, Error> {
    let theme = Theme::parse(typed.text("theme")).ok_or_else(|| Error::BadRequest("A theme is auto, light or dark.".to_owned()))?;
    let cookie = format!("{COOKIE}={}; Path=/; Max-Age={A_YEAR_IN_SECONDS}; HttpOnly; SameSite=Lax", theme.as_str());
    let cookie = HeaderValue::try_from(cookie).map_err(|err| Error::Internal(err.into()))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local_path(typed.text("back")))).into_response())
}
