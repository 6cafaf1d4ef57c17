//! A line that the builder has not finished: its pieces, within bounds.

/// What is kept of a line; what goes beyond is counted.
const KEPT_MAX_BYTES: usize = 15 * 1024;

/// The unfinished line of a step.
#[derive(Debug, Default)]
pub(super) struct Partial {
    kept: Vec<u8>,
    /// How long the line is, whatever is kept of it.
    bytes: usize,
    /// A return was read: what follows takes the place of the line so far.
    returned: bool,
}

impl Partial {
    /// Takes a piece of output, and passes on the lines that it ends, each with how long it is.
    pub(super) fn take(&mut self, piece: &[u8], line: &mut impl FnMut(&[u8], usize)) {
        let mut parts = piece.split(|byte| *byte == b'\n');
        self.extend(parts.next().unwrap_or_default());
        for part in parts {
            let (text, bytes) = self.end();
            line(&text, bytes);
            self.extend(part);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What is kept of the line as far as it came, and how long it is; the next one begins.
    pub(super) fn end(&mut self) -> (Vec<u8>, usize) {
        let Self { kept, bytes, .. } = std::mem::take(self);
        (kept, bytes)
    }

    /// Of a progress bar, which returns to the line's beginning for each of its states, the last one is kept.
    fn extend(&mut self, text: &[u8]) {
        for state in text.split_inclusive(|byte| *byte == b'\r') {
            let shown = state.strip_suffix(b"\r").unwrap_or(state);
            if self.returned && !shown.is_empty() {
                *self = Self::default();
            }
            self.kept.extend_from_slice(&shown[..shown.len().min(KEPT_MAX_BYTES - self.kept.len())]);
            self.bytes += shown.len();
            self.returned |= shown.len() < state.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_and_lengths(pieces: &[&str]) -> Vec<(String, usize)> {
        let mut partial = Partial::default();
        let mut lines = Vec::new();
        for piece in pieces {
            partial.take(piece.as_bytes(), &mut |line, bytes| lines.push((String::from_utf8_lossy(line).into_owned(), bytes)));
        }
        if !partial.is_empty() {
            let (line, bytes) = partial.end();
            lines.push((String::from_utf8_lossy(&line).into_owned(), bytes));
        }
        lines
    }

    fn lines(pieces: &[&str]) -> Vec<String> {
        lines_and_lengths(pieces).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn pieces_become_lines() {
        assert_eq!(lines(&["a", "b\nc\n\nd", "e"]), ["ab", "c", "", "de"]);
    }

    #[test]
    fn of_a_progress_bar_the_last_state_is_left_however_it_is_cut_into_pieces() {
        let bar = "10 %\r20 %\r\r100 %\r\nnext\r\n";
        for at in (0..=bar.len()).filter(|at| bar.is_char_boundary(*at)) {
            assert_eq!(lines(&[&bar[..at], &bar[at..]]), ["100 %", "next"], "{at}");
        }
    }

    #[test]
    fn of_a_line_without_end_the_beginning_is_kept_and_its_length_told() {
        let piece = "x".repeat(1000);
        let mut pieces = vec![&*piece; 10_000];
        pieces.push("\nnext");
        assert_eq!(lines_and_lengths(&pieces), [("x".repeat(KEPT_MAX_BYTES), 10_000_000), ("next".to_owned(), 4)]);
    }
}
