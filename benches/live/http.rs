//! HTTP/1.1 by hand: one request on a connection, and the answer's chunks as they arrive.

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Read at once at most.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// An answer whose body is being read.
pub(crate) struct Answer<S> {
    pub(crate) status: u16,
    stream: S,
    /// Not decoded yet.
    received: BytesMut,
    /// What the open chunk still lacks, with the line end after it.
    left: usize,
}

/// What has come of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Answer<S> {
    /// Asks, and waits for the head of the answer. Reads at most `block` bytes at once.
    pub(crate) async fn to(mut stream: S, request: &[u8], block: usize) -> io::Result<Self> {
        stream.write_all(request).await?;
        let mut received = BytesMut::new();
        loop {
            let Some(end) = memchr::memmem::find(&received, b"\r\n\r\n") else {
                read(&mut stream, &mut received, block).await?;
                continue;
            };
            let head = String::from_utf8_lossy(&received.split_to(end + 4)).to_lowercase();
            let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other("no status"))?;
            if status != 100 {
                assert!(status != 200 || head.contains("transfer-encoding: chunked"), "{head}");
                return Ok(Self { status, stream, received, left: 0 });
            }
        }
    }

    /// Reads on, at most `block` bytes, and puts what it means to the end of `body`. Whoever stops waiting loses nothing.
    ///
    /// An error means that the connection has ended before the body.
    pub(crate) async fn read(&mut self, body: &mut BytesMut, block: usize) -> io::Result<Progress> {
        // The head may have come with the beginning of the body.
        if self.received.is_empty() {
            read(&mut self.stream, &mut self.received, block).await?;
        }
        while !self.received.is_empty() {
            if self.left == 0 {
                let Some(end) = memchr::memmem::find(&self.received, b"\r\n") else {
                    read(&mut self.stream, &mut self.received, block).await?;
                    continue;
                };
                let size = self.received.split_to(end + 2);
                let size = std::str::from_utf8(&size[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
                match size.ok_or_else(|| io::Error::other("no size of a chunk"))? {
                    0 => return Ok(Progress::End),
                    size => self.left = size + 2,
                }
            }
            let taken = self.left.min(self.received.len());
            body.extend_from_slice(&self.received[..taken.min(self.left.saturating_sub(2))]);
            self.received.advance(taken);
            self.left -= taken;
        }
        Ok(Progress::More)
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin), received: &mut BytesMut, block: usize) -> io::Result<()> {
    received.reserve(block.min(4096));
    match stream.read_buf(&mut received.limit(block)).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
