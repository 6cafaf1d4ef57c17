//! One stored line of bytes → spans of (CSS class, text).
//!
//! Builders and apps write for a terminal; a browser is none. Colours carry meaning and stay, as classes that the style
//! sheet owns; everything else that would steer a terminal goes, with its content. What could deceive a reader (control
//! characters, bidirectional overrides, invisible characters, towers of accents) is made visible. Nothing is escaped here: the text is
//! untrusted, and the template escapes it.
//!
//! Why the state is reset at the start of each line: a journal is opened at any place, and a line must look the same
//! whether the reader came from the start or jumped into the middle. A colour that runs over several lines is lost.
//!
//! Why raw bytes 0x80–0x9F are no control characters: logs are UTF-8, in which such a byte alone is invalid and becomes
//! U+FFFD, as in a UTF-8 terminal. Were 0x9D the start of a command, half a line of Shift-JIS would vanish. The encoded
//! C1 introducers (U+009B and its like) do start a sequence, as in xterm.

mod characters;
mod colour;
mod plain;

pub use plain::plain_text;

use anstyle_parse::{CharAccumulator, Params, ParamsIter, Parser, Perform};
use serde::Serialize;

use characters::{ATTACHED_MAX, is_attached, is_hidden, may_attach};

/// Spans of one line at most; what follows them is one unstyled span. A line may be megabytes of colour changes.
pub const RENDERED_LINE_MAX_SPANS: usize = 500;

/// The class of a control character that was made visible.
const CONTROL_CLASS: &str = "a-ctl";

/// A piece of a line that looks the same throughout.
#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Space-separated classes named after SGR codes (`a-1 a-31`), `a-ctl` for a control character, or empty.
    pub class: String,
    /// Untrusted text without control characters except tab. Not escaped.
    pub text: String,
}

/// Renders one line (without its `\n`). Never fails: invalid UTF-8 becomes U+FFFD.
///
/// `\r` is shown as a progress bar means it: what follows replaces everything before it, also where a terminal would
/// leave the tail of a longer text. A `\r` that nothing follows changes nothing; after one, `ESC[K` erases the line, and
/// `ESC[2K` always does.
#[must_use]
pub fn render(line: &[u8]) -> Vec<Span> {
    let mut parser = Parser::<AnyChar>::default();
    let mut screen = Screen::default();
    for now in String::from_utf8_lossy(line).chars() {
        screen.now = now;
        match now {
            '\0'..='\x7f' => parser.advance(&mut screen, now as u8),
            // In 7-bit form these are ESC followed by the character 0x40 lower.
            '\u{90}' | '\u{98}' | '\u{9b}'..='\u{9f}' => {
                parser.advance(&mut screen, 0x1b);
                parser.advance(&mut screen, now as u32 as u8 - 0x40);
            }
            _ => NON_ASCII.iter().for_each(|&byte| parser.advance(&mut screen, byte)),
        }
    }
    screen.spans.into_iter().map(Span::from).collect()
}

/// Stands for any character beyond ASCII: two bytes that the parser prints as one outside of sequences and that mean
/// nothing inside. The character's own bytes would end a command too early: UTF-8 uses 0x9C, the 8-bit terminator.
const NON_ASCII: [u8; 2] = [0xc2, 0x80];

/// Completes the stand-in; the screen knows which character it is.
#[derive(Default)]
struct AnyChar;

impl CharAccumulator for AnyChar {
    fn add(&mut self, byte: u8) -> Option<char> {
        (byte == NON_ASCII[1]).then_some(char::REPLACEMENT_CHARACTER)
    }
}

#[derive(Default)]
struct Screen {
    spans: Vec<(Look, String)>,
    style: Style,
    /// The character that is being parsed.
    now: char,
    /// After `\r`, until something is printed.
    returned: bool,
    /// The character that was printed last, as text.
    previous: Option<char>,
    /// How many characters in a row, up to it, belong to one before them.
    attached: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Text(Style),
    Control,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Style {
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    inverse: bool,
    strike: bool,
    /// One of the 16 colours.
    text: Option<u8>,
    background: Option<u8>,
}

impl From<(Look, String)> for Span {
    fn from((look, text): (Look, String)) -> Self {
        let class = match look {
            Look::Text(style) => style.class(),
            Look::Control => CONTROL_CLASS.to_owned(),
        };
        Self { class, text }
    }
}

impl Perform for Screen {
    fn print(&mut self, _: char) {
        let previous = if self.returned { None } else { self.previous };
        match self.now {
            '\x7f' => self.put_control("\u{2421}"),
            hidden if is_hidden(hidden) => self.put_control(&code(hidden)),
            mark if is_attached(mark) => {
                self.attached += 1;
                match previous {
                    // The tower ends here, and what is beyond its end is shown once.
                    Some(_) if self.attached == ATTACHED_MAX + 1 => self.put(Look::Control, &format!("[U+{:04X}…]", u32::from(mark))),
                    Some(_) if self.attached > ATTACHED_MAX => {}
                    Some(previous) if may_attach(mark, previous) => self.put_text(mark),
                    _ => self.put_control(&code(mark)),
                }
            }
            plain => {
                self.attached = 0;
                self.put_text(plain);
            }
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.returned = true,
            b'\t' => {
                self.put(Look::Text(self.style), "\t");
                self.previous = None;
            }
            // Unicode draws the control characters in the same order from U+2400 on.
            _ => {
                let picture = char::from_u32(0x2400 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.put_control(picture.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: u8) {
        let first = params.iter().next().and_then(|group| group.first().copied()).unwrap_or(0);
        match (action, intermediates) {
            (b'm', []) => self.style.apply(params.iter()),
            (b'K', []) if first == 2 || (first == 0 && self.returned) => self.clear(),
            _ => {}
        }
    }
}

fn code(c: char) -> String {
    format!("[U+{:04X}]", u32::from(c))
}

impl Screen {
    fn clear(&mut self) {
        self.spans.clear();
        self.previous = None;
    }

    fn put_text(&mut self, c: char) {
        self.put(Look::Text(self.style), c.encode_utf8(&mut [0; 4]));
        self.previous = Some(c);
    }

    fn put_control(&mut self, picture: &str) {
        self.put(Look::Control, picture);
        self.previous = None;
        self.attached = 0;
    }

    fn put(&mut self, look: Look, text: &str) {
        if std::mem::take(&mut self.returned) {
            self.clear();
        }
        let count = self.spans.len();
        match self.spans.last_mut() {
            Some((last, so_far)) if *last == look || count == RENDERED_LINE_MAX_SPANS => so_far.push_str(text),
            _ if count + 1 == RENDERED_LINE_MAX_SPANS => {
                self.spans.push((Look::Text(Style::default()), text.to_owned()));
            }
            _ => self.spans.push((look, text.to_owned())),
        }
    }
}

impl Style {
    /// SGR as in ECMA-48 8.3.117 and ISO 8613-6 (colours); unknown codes are skipped.
    fn apply(&mut self, mut codes: ParamsIter<'_>) {
        while let Some(group) = codes.next() {
            match *group {
                [target @ (38 | 48 | 58)] => self.paint(target, colour::from_codes(&mut codes)),
                [target @ (38 | 48 | 58), ref spec @ ..] => self.paint(target, colour::from_parts(spec)),
                [4, shape] => self.underline = shape != 0,
                [code] => self.apply_code(code),
                _ => {}
            }
        }
    }

    fn apply_code(&mut self, code: u16) {
        match code {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            3 => self.italic = true,
            4 => self.underline = true,
            7 => self.inverse = true,
            9 => self.strike = true,
            22 => (self.bold, self.dim) = (false, false),
            23 => self.italic = false,
            24 => self.underline = false,
            27 => self.inverse = false,
            29 => self.strike = false,
            39 => self.text = None,
            49 => self.background = None,
            30..=37 => self.text = Some((code - 30) as u8),
            90..=97 => self.text = Some((code - 90) as u8 + 8),
            40..=47 => self.background = Some((code - 40) as u8),
            100..=107 => self.background = Some((code - 100) as u8 + 8),
            _ => {}
        }
    }

    /// Target 58 is the underline's colour: it has to be read, or its parts would count as codes, but is not shown.
    fn paint(&mut self, target: u16, colour: Option<u8>) {
        match (target, colour) {
            (38, Some(_)) => self.text = colour,
            (48, Some(_)) => self.background = colour,
            _ => {}
        }
    }

    fn class(self) -> String {
        let colour = |index: Option<u8>, dark: u8, bright: u8| index.map(|index| if index < 8 { dark + index } else { bright + index - 8 });
        let codes = [
            self.bold.then_some(1),
            self.dim.then_some(2),
            self.italic.then_some(3),
            self.underline.then_some(4),
            self.inverse.then_some(7),
            self.strike.then_some(9),
            colour(self.text, 30, 90),
            colour(self.background, 40, 100),
        ];
        let classes: Vec<String> = codes.into_iter().flatten().map(|code| format!("a-{code}")).collect();
        classes.join(" ")
    }
}

#[cfg(test)]
mod tests;
