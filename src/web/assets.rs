//! Styles, scripts and icons: embedded in the binary, addressed by their content's hash, so that a browser may keep them for ever.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{error::Error, extract::At};

const HASH_CHARS: usize = 16;
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "static/"]
#[exclude = "src/*"]
struct Static;

/// The URL of a file under `static/`: the function `asset` of the templates.
pub(super) fn url(name: &str) -> Result<String, minijinja::Error> {
    let file =
        Static::get(name).ok_or_else(|| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("no such asset: {name}")))?;
    Ok(format!("/static/{}/{name}", hash(&file)))
}

pub(super) async fn show(At((wanted, name)): At<(String, String)>) -> Result<Response, Error> {
    let file = Static::get(&name).filter(|file| hash(file) == wanted).ok_or(Error::NotFound)?;
    let kind = file.metadata.mimetype().to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER.to_owned())], file.data).into_response())
}

fn hash(file: &EmbeddedFile) -> String {
    let mut text: String = file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(HASH_CHARS);
    text
}
