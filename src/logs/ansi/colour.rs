//! The colours of SGR 38 and 48 → the nearest of the 16 that the style sheet defines.
//!
//! A style sheet can make 16 colours readable on a light and on a dark page; for 16 million nobody can promise that.

use anstyle_parse::ParamsIter;

type Rgb = [u8; 3];

/// xterm's default 16 colours, <https://invisible-island.net/xterm/> (`XTerm-col.ad`). Only used to measure distance.
const PALETTE: [Rgb; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// The steps of the 6×6×6 cube in the 256 colours.
const CUBE_STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Reads the codes that follow a bare 38, 48 or 58: `5;n` or `2;r;g;b`. They are consumed even where they say nothing.
pub(super) fn from_codes(codes: &mut ParamsIter<'_>) -> Option<u8> {
    let mut next = || codes.next().and_then(|group| group.first().copied());
    match next()? {
        5 => from_parts(&[5, next()?]),
        2 => from_parts(&[2, next()?, next()?, next()?]),
        _ => None,
    }
}

/// Reads the colon form (ISO 8613-6) after its 38, 48 or 58: `5:n`, `2:r:g:b` or `2:colour-space:r:g:b`.
pub(super) fn from_parts(spec: &[u16]) -> Option<u8> {
    match *spec {
        [5, index, ..] => u8::try_from(index).ok().map(from_256),
        [2, r, g, b] | [2, _, r, g, b, ..] => Some(nearest([r, g, b].map(|part| part.min(255) as u8))),
        _ => None,
    }
}

/// 0–15 are the 16 themselves, then the cube, then 24 greys.
fn from_256(index: u8) -> u8 {
    let step = |place: u8| CUBE_STEPS[usize::from((index - 16) / place % 6)];
    match index {
        0..=15 => index,
        16..=231 => nearest([step(36), step(6), step(1)]),
        232..=255 => nearest([8 + (index - 232) * 10; 3]),
    }
}

fn nearest(wanted: Rgb) -> u8 {
    let distance = |colour: &Rgb| -> u32 { colour.iter().zip(wanted).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    (0u8..).zip(&PALETTE).min_by_key(|(_, colour)| distance(colour)).map_or(7, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_sixteen_is_nearest_to_itself() {
        for (index, &colour) in (0u8..).zip(&PALETTE) {
            assert_eq!(nearest(colour), index);
            assert_eq!(from_256(index), index);
        }
    }

    #[test]
    fn the_cube_and_the_greys_map_to_what_an_eye_would_pick() {
        let cases = [(196, 9), (46, 10), (21, 4), (226, 11), (208, 3), (16, 0), (231, 15), (232, 0), (244, 8), (255, 7)];
        for (index, expected) in cases {
            assert_eq!(from_256(index), expected, "colour {index}");
        }
    }
}
