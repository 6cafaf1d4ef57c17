//! Environment variables as `.env` files have them.
//!
//! A line is `NAME=value`, with `export` before it or not. A value stands as it is, up to the end of its line or to a `#` after a space;
//! or in single quotes, where every character is itself; or in double quotes, where `\n`, `\r`, `\t`, `\"`, `\\` and `\$` mean one
//! character. A quoted value may have several lines. Nothing is put in for `$NAME`.

use std::collections::HashMap;

use super::env::{self, EnvName};
use crate::domain::{Invalid, secret::Secret};

/// Reads the variables of a text, in its order. A sentence about what is wrong names the line, and nothing that could be secret.
pub fn parse(text: &str) -> Result<Vec<(EnvName, Secret)>, Invalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = Reader { rest: &text, line: 1 };
    let mut variables = Vec::new();
    let mut lines: HashMap<EnvName, usize> = HashMap::new();
    while !reader.rest.is_empty() {
        let line = reader.line;
        let Some((name, value)) = reader.variable().map_err(|sentence| at(line, &sentence))? else { continue };
        env::check_value(&name, &value).map_err(|sentence| at(line, &sentence))?;
        if let Some(first) = lines.insert(name.clone(), line) {
            return Err(at(line, &Invalid::because(format!("{name} is on line {first} already."))));
        }
        variables.push((name, value));
    }
    Ok(variables)
}

fn at(line: usize, sentence: &Invalid) -> Invalid {
    Invalid::because(format!("Line {line}: {sentence}"))
}

/// What is not read yet, and the number of its first line.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// Reads a line, or the lines of a quoted value; none for one that holds nothing.
    fn variable(&mut self) -> Result<Option<(EnvName, Secret)>, Invalid> {
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with(['\n', '#']) {
            self.take_line();
            return Ok(None);
        }
        let name = self.name()?;
        let spaced = self.skip_blanks();
        let value = match self.rest.chars().next() {
            Some('\'') => self.single_quoted()?,
            Some('"') => self.double_quoted()?,
            _ => return Ok(Some((name, Secret::new(unquoted(self.take_line(), spaced))))),
        };
        let spaced = self.skip_blanks();
        let after = self.take_line();
        let commented = spaced && after.starts_with('#');
        if !after.is_empty() && !commented {
            return Err(Invalid::because("Something follows the quote that ends the value. Inside double quotes, write \\\" for a quote."));
        }
        Ok(Some((name, value)))
    }

    /// Reads up to the `=`, and it.
    fn name(&mut self) -> Result<EnvName, Invalid> {
        let line = self.rest.split('\n').next().unwrap_or_default();
        let (name, _) = line
            .split_once('=')
            .ok_or_else(|| Invalid::because("There is no “=”. Write NAME=value; a value of several lines stands in quotes."))?;
        self.rest = &self.rest[name.len() + "=".len()..];
        let exported = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        EnvName::settable(exported.unwrap_or(name).trim())
    }

    fn single_quoted(&mut self) -> Result<Secret, Invalid> {
        let (value, _) = self.rest[1..].split_once('\'').ok_or_else(unclosed)?;
        self.take(value.len() + "''".len());
        Ok(Secret::new(value))
    }

    fn double_quoted(&mut self) -> Result<Secret, Invalid> {
        let mut value = String::new();
        let mut characters = self.rest[1..].char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.take(at + "\"\"".len());
                    return Ok(Secret::new(value));
                }
                '\\' => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => break,
                },
                c => value.push(c),
            }
        }
        Err(unclosed())
    }

    /// Whether there were any.
    fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        self.rest.len() < before
    }

    /// The rest of the line; its end is read, too.
    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        (self.rest, self.line) = (rest, self.line + 1);
        line
    }

    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
    }
}

fn unclosed() -> Invalid {
    Invalid::because("The quote that begins the value is not closed.")
}

/// A value up to the end of its line, without a comment; `spaced` says whether a space came before.
fn unquoted(line: &str, spaced: bool) -> &str {
    let commented = |at: usize| if at == 0 { spaced } else { line[..at].ends_with([' ', '\t']) };
    let end = line.match_indices('#').map(|(at, _)| at).find(|at| commented(*at)).unwrap_or(line.len());
    line[..end].trim_end_matches([' ', '\t'])
}

#[cfg(test)]
mod tests;
