//! Somebody who watches a deployment's stream to its end, on a TCP connection like a browser's, and comes back whenever it breaks off.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::{
    net::TcpSocket,
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use crate::{
    event::Event,
    http::{Answer, BLOCK_BYTES, Progress},
    journal::Checksum,
    printer::Dice,
};

/// What the slow ones' sockets hold.
const SLOW_SOCKET_BYTES: u32 = 4096;
/// Their segments are as on an Ethernet. By those of the loopback (64 KiB) the kernel would buffer the whole journal for them.
const SLOW_SEGMENT_BYTES: u32 = 1460;
/// The slow ones read so much…
const SLOW_BLOCK_BYTES: usize = 512;
/// …and then rest for so long: far less than the journal grows meanwhile.
const SLOW_PAUSE: Duration = Duration::from_millis(500);
/// Longer than the server waits for somebody who takes nothing.
const FROZEN: Duration = Duration::from_secs(40);
/// Before coming back, a viewer waits up to so long. The server says half a second.
const AWAY_MAX: Duration = Duration::from_secs(1);
/// Something comes at least every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How somebody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Reads everything at once.
    Steady,
    /// Goes away in the middle of anything now and then, at the latest after this time, until all is printed.
    Leaves(Duration),
    /// Reads less than is printed, until it is cut off or all is printed.
    Slow,
    /// Reads nothing for longer than the server waits.
    Freezes,
}

/// Where, and as whom.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) cookie: String,
    /// Arrivals are counted from here.
    pub(crate) origin: Instant,
    /// Turns true when all is printed.
    pub(crate) printed: watch::Receiver<bool>,
}

/// What somebody has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) checksum: Checksum,
    /// When each line came, by its number from 1.
    arrivals: Vec<Option<Duration>>,
    last_event: Option<u64>,
    /// How often it went away by itself, and how often its stream ended in order, in the middle, or was refused.
    pub(crate) left: u64,
    pub(crate) ended: u64,
    pub(crate) broken: u64,
    pub(crate) refused: u64,
}

impl Seen {
    /// When the line with this number came.
    pub(crate) fn arrival(&self, number: u64) -> Option<Duration> {
        self.arrivals.get(number as usize - 1).copied().flatten()
    }

    fn take(&mut self, event: &Event, now: Duration) {
        let Some(id) = event.id() else { return };
        for (number, text) in event.lines() {
            self.checksum.add(number, &text);
            self.arrivals.resize(self.arrivals.len().max(number as usize), None);
            self.arrivals[number as usize - 1] = Some(now);
        }
        self.last_event = Some(id);
    }
}

/// How a connection ended.
enum End {
    Done,
    Left,
    Ended,
    Broken,
    Refused,
}

/// Watches until everything is done. `begun` is dropped with the first lines.
pub(crate) async fn watch(mut seat: Seat, habit: Habit, mut dice: Dice, begun: mpsc::Sender<()>) -> Seen {
    let mut seen = Seen::default();
    let (mut now, mut begun) = (habit, Some(begun));
    loop {
        let counted = match sit(&mut seat, now, &mut dice, &mut seen, &mut begun).await {
            End::Done => return seen,
            End::Left => &mut seen.left,
            End::Ended => &mut seen.ended,
            End::Broken => &mut seen.broken,
            End::Refused => &mut seen.refused,
        };
        *counted += 1;
        // Once cut off, nobody is slow again.
        now = if matches!(habit, Habit::Leaves(_)) && !*seat.printed.borrow() { habit } else { Habit::Steady };
        sleep(AWAY_MAX.mul_f64(dice.roll())).await;
    }
}

/// Watches on one connection.
async fn sit(seat: &mut Seat, habit: Habit, dice: &mut Dice, seen: &mut Seen, begun: &mut Option<mpsc::Sender<()>>) -> End {
    let slow = matches!(habit, Habit::Slow | Habit::Freezes);
    let mut answer = match connect(seat, slow, seen.last_event).await {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => {
            assert_eq!(answer.status, 503, "a stream is there, or there is no place for it");
            return End::Refused;
        }
        Err(_) => return End::Refused,
    };
    let leaving = match habit {
        Habit::Leaves(latest) => sleep(latest.mul_f64(dice.roll())),
        _ => sleep(Duration::MAX),
    };
    let mut leaving = pin!(leaving);
    let mut body = BytesMut::new();
    let mut printed = seat.printed.clone();
    let mut frozen = false;
    loop {
        let block = if slow && !*printed.borrow() { SLOW_BLOCK_BYTES } else { BLOCK_BYTES };
        let read = tokio::select! {
            read = timeout(SILENCE_MAX, answer.read(&mut body, block)) => read.expect("no stream is silent"),
            () = leaving.as_mut(), if begun.is_none() => return End::Left,
        };
        let now = seat.origin.elapsed();
        while let Some(event) = Event::take(&mut body) {
            seen.take(&event, now);
            if event.id().is_some() {
                *begun = None;
            }
            if event.name() == Some("done") {
                // Nothing follows.
                assert!(body.is_empty());
                if !matches!(read, Ok(Progress::End)) {
                    let end = timeout(SILENCE_MAX, answer.read(&mut body, block)).await.expect("the stream ends after “done”");
                    assert!(matches!(end, Ok(Progress::End)) && body.is_empty());
                }
                return End::Done;
            }
        }
        match read {
            Ok(Progress::More) => {}
            Ok(Progress::End) => return End::Ended,
            Err(_) => return End::Broken,
        }
        match habit {
            Habit::Slow if begun.is_none() => {
                let _ = timeout(SLOW_PAUSE, printed.wait_for(|printed| *printed)).await;
            }
            Habit::Freezes if begun.is_none() && !std::mem::replace(&mut frozen, true) => sleep(FROZEN).await,
            _ => {}
        }
    }
}

async fn connect(seat: &Seat, slow: bool, last_event: Option<u64>) -> io::Result<Answer<tokio::net::TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    if slow {
        socket.set_recv_buffer_size(SLOW_SOCKET_BYTES)?;
        SockRef::from(&socket).set_tcp_mss(SLOW_SEGMENT_BYTES)?;
    }
    let stream = socket.connect(seat.address).await?;
    let back = last_event.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let request = format!(
        "GET {}/events?from=0 HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nHX-Request: true\r\nCookie: upaas={}\r\n{back}\r\n",
        seat.path, seat.address, seat.cookie,
    );
    Answer::to(stream, request.as_bytes(), if slow { SLOW_BLOCK_BYTES } else { BLOCK_BYTES }).await
}
