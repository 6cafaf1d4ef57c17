//! The bytes of a journal by place, whether its file is plain or compressed.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::archive::{Frames, existing, packed_path};

pub(super) enum Content<F> {
    Plain(F),
    Packed(Box<Frames<F>>),
}

impl Content<File> {
    /// None when neither file exists. The plain one is looked for again after the other: one may become the other meanwhile.
    pub(super) fn open(file: &Path) -> io::Result<Option<Self>> {
        if let Some(plain) = existing(file)? {
            return Ok(Some(Self::Plain(plain)));
        }
        if let Some(packed) = existing(&packed_path(file))? {
            return Ok(Some(Self::Packed(Box::new(Frames::open(packed)?))));
        }
        Ok(existing(file)?.map(Self::Plain))
    }
}

impl<F: Read + Seek> Content<F> {
    /// Bytes there are by now.
    pub(super) fn len(&mut self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.seek(SeekFrom::End(0)),
            Self::Packed(frames) => Ok(frames.len()),
        }
    }

    /// Some of what stands from a place on; 0 at the end only.
    pub(super) fn read_some(&mut self, place: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => {
                file.seek(SeekFrom::Start(place))?;
                file.read(buffer)
            }
            Self::Packed(frames) => {
                let rest = frames.rest_of_frame(place)?;
                let read = rest.len().min(buffer.len());
                buffer[..read].copy_from_slice(&rest[..read]);
                Ok(read)
            }
        }
    }

    /// The place after the last line feed before a place; 0 when there is none.
    pub(super) fn after_last_line_feed(&mut self, mut before: u64) -> io::Result<u64> {
        const STEP: u64 = 16 * 1024;
        let mut buffer = Vec::new();
        while before > 0 {
            let from = before.saturating_sub(STEP);
            buffer.resize((before - from) as usize, 0);
            let mut filled = 0;
            while filled < buffer.len() {
                match self.read_some(from + filled as u64, &mut buffer[filled..])? {
                    0 => break,
                    read => filled += read,
                }
            }
            if let Some(at) = memchr::memrchr(b'\n', &buffer[..filled]) {
                return Ok(from + at as u64 + 1);
            }
            before = from;
        }
        Ok(0)
    }
}
