//! The tar itself: entries in the GNU format, to any writer, counted.
//!
//! Why not `tar::Builder`: it ends the archive when it is dropped, also after an error, so a context that was cut in
//! the middle would look complete to the engine; it takes a file's size on trust, so a file that shrinks shifts all that
//! follows; and it rewrites link targets (`a//b`, `./a`). The header's layout is the tar crate's.

use super::ContextError;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tar::{EntryType, Header};

/// The unit of a tar.
const BLOCK_BYTES: u64 = 512;

/// What is read and written at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The longest name that fits a header; longer ones go before it as an entry of their own.
const SHORT_NAME_BYTES: usize = 100;

pub(super) struct Archive<W: Write> {
    out: BufWriter<W>,
    written: u64,
    limit: u64,
    chunk: Vec<u8>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W, limit: u64) -> Self {
        Self { out: BufWriter::with_capacity(CHUNK_BYTES, out), written: 0, limit, chunk: vec![0; CHUNK_BYTES] }
    }

    pub(super) fn add_directory(&mut self, name: &[u8], meta: &Metadata) -> Result<(), ContextError> {
        self.add_header([name, b"/"].concat().as_slice(), b"", EntryType::Directory, meta, 0)
    }

    pub(super) fn add_link(&mut self, name: &[u8], target: &[u8], meta: &Metadata) -> Result<(), ContextError> {
        self.add_header(name, target, EntryType::Symlink, meta, 0)
    }

    /// Sends as many bytes as `file` has now; an error if it turns out to have fewer.
    pub(super) fn add_file(&mut self, name: &[u8], mut file: File) -> Result<(), ContextError> {
        let meta = file.metadata()?;
        self.add_header(name, b"", EntryType::Regular, &meta, meta.len())?;
        let mut left = meta.len();
        while left > 0 {
            let most = self.chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = match file.read(&mut self.chunk[..most]) {
                Ok(0) => return Err(changed(name).into()),
                Ok(read) => read,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err.into()),
            };
            self.out.write_all(&self.chunk[..read])?;
            left -= read as u64;
        }
        self.pad(meta.len())
    }

    /// Ends the archive and says how large it is.
    pub(super) fn finish(mut self) -> Result<u64, ContextError> {
        self.out.write_all(&[0; 2 * BLOCK_BYTES as usize])?;
        self.out.flush()?;
        Ok(self.written + 2 * BLOCK_BYTES)
    }

    fn add_header(&mut self, name: &[u8], target: &[u8], kind: EntryType, meta: &Metadata, size: u64) -> Result<(), ContextError> {
        self.reserve(name, target, size)?;
        self.add_long(EntryType::GNULongName, name)?;
        self.add_long(EntryType::GNULongLink, target)?;
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(meta.permissions().mode() & 0o7777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(u64::try_from(meta.mtime()).unwrap_or(0));
        header.set_size(size);
        let old = header.as_old_mut();
        copy_start(&mut old.name, name);
        copy_start(&mut old.linkname, target);
        self.put(&mut header)
    }

    /// A GNU entry that carries a name too long for the header after it, and nothing for a short one.
    fn add_long(&mut self, kind: EntryType, name: &[u8]) -> Result<(), ContextError> {
        if name.len() <= SHORT_NAME_BYTES {
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        copy_start(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(name.len() as u64 + 1);
        self.put(&mut header)?;
        self.out.write_all(name)?;
        self.out.write_all(&[0])?;
        self.pad(name.len() as u64 + 1)
    }

    fn put(&mut self, header: &mut Header) -> Result<(), ContextError> {
        header.set_cksum();
        Ok(self.out.write_all(header.as_bytes())?)
    }

    /// Fills the last block of what was `size` bytes long.
    fn pad(&mut self, size: u64) -> Result<(), ContextError> {
        let missing = size.next_multiple_of(BLOCK_BYTES) - size;
        Ok(self.out.write_all(&[0; BLOCK_BYTES as usize][..missing as usize])?)
    }

    /// Counts an entry before any of it is written, with the end of the archive to come.
    fn reserve(&mut self, name: &[u8], target: &[u8], size: u64) -> Result<(), ContextError> {
        let long = |name: &[u8]| match name.len() > SHORT_NAME_BYTES {
            true => BLOCK_BYTES + (name.len() as u64 + 1).next_multiple_of(BLOCK_BYTES),
            false => 0,
        };
        let entry = BLOCK_BYTES + long(name) + long(target);
        let size = size.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX);
        let written = self.written.saturating_add(entry).saturating_add(size);
        if written.saturating_add(2 * BLOCK_BYTES) > self.limit {
            return Err(ContextError::TooLarge { limit: self.limit });
        }
        self.written = written;
        Ok(())
    }
}

/// The checkout belongs to one build; a file that changes under it is a fault, not a newer version.
pub(super) fn changed(name: &[u8]) -> io::Error {
    let name = String::from_utf8_lossy(name);
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{name}` changed while it was being read"))
}

fn copy_start(field: &mut [u8], bytes: &[u8]) {
    let fits = bytes.len().min(field.len());
    field[..fits].copy_from_slice(&bytes[..fits]);
}
