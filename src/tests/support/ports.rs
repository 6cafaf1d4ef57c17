//! Ports for those who bind them a moment later, or again after a restart.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below what Linux gives to outgoing connections and to who asks for any port (32768 and up), so that nobody gets one by chance.
const LOWEST: u16 = 12_000;
const MANY: u16 = 8_000;

/// A port that nobody listens on, and that no test of this process was given before.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of the tests on this machine begins elsewhere.
    let begin = u16::try_from(std::process::id() % u32::from(MANY)).unwrap();
    (0..MANY)
        .map(|_| LOWEST + (begin + NEXT.fetch_add(1, Ordering::Relaxed) % MANY) % MANY)
        .find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
        .expect("a port that is free")
}
