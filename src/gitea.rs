//! What Gitea and Forgejo send to a webhook: headers, a signature, and the JSON of a push. Bytes in, words out; no IO.
//!
//! There is no ping: what the “Test Delivery” button sends is a push that moves nothing. Forgejo sends Gitea's headers beside its own,
//! and the same bodies; both still send those of Gogs. Slack, Discord and other hook types send something else.
//!
//! Sources: `services/webhook/deliver.go` (headers, signature), `modules/structs/hook.go` (payloads) and
//! `services/repository/push.go` (what fills them) in <https://github.com/go-gitea/gitea>, and `services/webhook` in
//! <https://codeberg.org/forgejo/forgejo>.

pub mod head;
pub mod push;
pub mod signature;

/// The start of a text: at most this many bytes, and no half character.
fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
