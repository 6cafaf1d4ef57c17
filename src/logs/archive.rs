//! Journals at rest: `FILE.zst`, in the Zstandard Seekable Format.
//!
//! Why this format: it is a plain `.zst` (`zstd -d` unpacks it), and yet any place is opened by unpacking one small frame. Places are
//! those of the uncompressed content, so compressing changes no place that somebody holds.
//!
//! Whatever happens in between, one whole file exists: a new one is written aside, synced and renamed before the old one goes. Where
//! both exist, the plain one counts.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use zeekstd::{EncodeOptions, FrameSizePolicy, SeekTable};
use zstd::bulk::Decompressor;

/// Uncompressed bytes in a frame: what opening a place costs, against how well it packs.
const FRAME_BYTES: u32 = 1024 * 1024;
/// zstd's own default: a journal packs to a few percent at hundreds of megabytes per second.
const LEVEL: i32 = 3;

/// Where a journal is once it is compressed.
#[must_use]
pub fn packed_path(file: &Path) -> PathBuf {
    with_ending(file, ".zst")
}

/// Compresses a journal that has ended, and removes the plain file. Nothing is done where there is none. Blocking IO.
///
/// One that is open for writing is left alone: the error is of the kind `ResourceBusy`. Whoever reads goes on reading what it has opened.
pub fn compress(file: &Path) -> io::Result<()> {
    let Some(mut plain) = existing(file)? else { return Ok(()) };
    match flock(&plain, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Err(io::Error::new(io::ErrorKind::ResourceBusy, "the journal is still written")),
        locked => locked?,
    }
    let packed = packed_path(file);
    replace(&packed, |part| {
        let frames = FrameSizePolicy::Uncompressed(FRAME_BYTES);
        let options = EncodeOptions::new().compression_level(LEVEL).checksum_flag(true).frame_size_policy(frames);
        let mut encoder = options.into_encoder(part).map_err(io::Error::other)?;
        io::copy(&mut plain, &mut encoder)?;
        encoder.finish().map_err(io::Error::other)?;
        Ok(())
    })?;
    std::fs::remove_file(file)
}

/// Removes a journal, whatever form it has. One that is gone already is removed.
pub fn remove(file: &Path) -> io::Result<()> {
    for file in [file.to_owned(), packed_path(file), with_ending(file, ".part"), with_ending(&packed_path(file), ".part")] {
        match std::fs::remove_file(file) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
    }
    Ok(())
}

/// Opens a journal for appending, and keeps it from being compressed as long as it is open. A compressed one is made plain again first.
pub(super) fn open_for_writing(file: &Path) -> io::Result<File> {
    let packed = packed_path(file);
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600);
    loop {
        let opened = match options.open(file) {
            Ok(opened) => opened,
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            Err(_) => match existing(&packed)? {
                Some(frames) => {
                    restore(file, Frames::open(frames)?)?;
                    std::fs::remove_file(&packed)?;
                    continue;
                }
                None => options.clone().create(true).open(file)?,
            },
        };
        flock(&opened, FlockOperation::LockShared)?;
        // A compression that was going on has removed the file under our hands.
        if opened.metadata()?.nlink() > 0 {
            return Ok(opened);
        }
    }
}

fn restore(file: &Path, mut frames: Frames<File>) -> io::Result<()> {
    replace(file, |part| (0..frames.table.num_frames()).try_for_each(|index| part.write_all(frames.frame(index)?)))
}

/// None when it does not exist.
pub(super) fn existing(file: &Path) -> io::Result<Option<File>> {
    match File::open(file) {
        Ok(file) => Ok(Some(file)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

/// Writes a file aside and puts it into place when it is whole and on the disk.
fn replace(file: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let part_path = with_ending(file, ".part");
    let mut part = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part_path)?;
    write(&mut part)?;
    part.sync_all()?;
    std::fs::rename(&part_path, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A compressed journal, open for reading. Holds one unpacked frame.
pub(super) struct Frames<F> {
    file: F,
    table: SeekTable,
    unpacker: Decompressor<'static>,
    /// The frame that was unpacked last, and its number.
    last: Option<(u32, Vec<u8>)>,
}

impl<F: Read + Seek> Frames<F> {
    pub(super) fn open(mut file: F) -> io::Result<Self> {
        let table = SeekTable::from_seekable(&mut file).map_err(damaged)?;
        if table.max_frame_size_decomp() > u64::from(FRAME_BYTES) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of the compressed journal is too large"));
        }
        Ok(Self { file, table, unpacker: Decompressor::new()?, last: None })
    }

    /// Uncompressed bytes.
    pub(super) fn len(&self) -> u64 {
        self.table.size_decomp()
    }

    /// What stands from a place on in the frame that holds it; nothing beyond the end.
    pub(super) fn rest_of_frame(&mut self, place: u64) -> io::Result<&[u8]> {
        if place >= self.len() {
            return Ok(&[]);
        }
        let index = self.table.frame_index_decomp(place);
        let begin = self.table.frame_start_decomp(index).map_err(damaged)?;
        let frame = self.frame(index)?;
        frame.get((place - begin) as usize..).ok_or_else(|| damaged("a frame is shorter than announced"))
    }

    fn frame(&mut self, index: u32) -> io::Result<&[u8]> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            self.last = Some((index, self.unpack(index)?));
        }
        Ok(self.last.as_ref().map(|(_, bytes)| bytes.as_slice()).expect("unpacked above"))
    }

    fn unpack(&mut self, index: u32) -> io::Result<Vec<u8>> {
        let size = self.table.frame_size_decomp(index).map_err(damaged)?;
        let packed_size = self.table.frame_size_comp(index).map_err(damaged)?;
        self.file.seek(SeekFrom::Start(self.table.frame_start_comp(index).map_err(damaged)?))?;
        let mut packed = Vec::new();
        self.file.by_ref().take(packed_size).read_to_end(&mut packed)?;
        let bytes = self.unpacker.decompress(&packed, size as usize)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(damaged("a frame is shorter than announced")) }
    }
}

fn damaged(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests;
