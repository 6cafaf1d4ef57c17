//! Slows password guessing, per peer and per account, by making it wait. Nobody is ever locked out: the longest wait is seconds.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

/// This many wrong tries cost nothing.
const FREE_TRIES: u32 = 3;
/// The longest wait before a try.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// Wrong tries are forgotten after this long without another.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);
/// A peer may have this many tries waiting at once.
const WAITING_MAX: u32 = 5;
/// More peers and accounts are not remembered: the oldest goes.
const REMEMBERED_MAX: usize = 10_000;
/// Of a name that was typed, this much is remembered.
const ACCOUNT_MAX_CHARS: usize = 64;

/// Whose tries are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Peer(IpAddr),
    Account(String),
}

#[derive(Debug)]
struct Tries {
    wrong: u32,
    last: Instant,
    waiting: u32,
}

/// The wrong tries of late.
#[derive(Default)]
pub(super) struct Throttle {
    /// Held for a look-up; nothing awaits under it.
    tries: Mutex<HashMap<Key, Tries>>,
}

/// A peer has too many tries waiting.
#[derive(Debug)]
pub(super) struct TooMany;

/// A try under way; dropping it gives its place back.
pub(super) struct Try<'a> {
    throttle: &'a Throttle,
    peer: Key,
    account: Key,
}

impl Throttle {
    /// Waits as long as the wrong tries before this one ask for.
    pub(super) async fn enter(&self, peer: IpAddr, account: &str) -> Result<Try<'_>, TooMany> {
        let (entered, wait) = self.admit(peer, account)?;
        tokio::time::sleep(wait).await;
        Ok(entered)
    }

    /// Takes a try in and says how long it has to wait.
    fn admit(&self, peer: IpAddr, account: &str) -> Result<(Try<'_>, Duration), TooMany> {
        let (peer, account) = (Key::Peer(network(peer)), Key::Account(account.chars().take(ACCOUNT_MAX_CHARS).collect()));
        let mut tries = self.tries.lock().expect("no panic while held");
        make_room(&mut tries);
        let now = Instant::now();
        let by_peer = tries.entry(peer.clone()).or_insert(Tries { wrong: 0, last: now, waiting: 0 });
        if by_peer.waiting >= WAITING_MAX {
            return Err(TooMany);
        }
        by_peer.waiting += 1;
        let wrong_by_peer = by_peer.wrong_now(now);
        let wrong_for_account = tries.get(&account).map_or(0, |tries| tries.wrong_now(now));
        Ok((Try { throttle: self, peer, account }, wait_after(wrong_by_peer.max(wrong_for_account))))
    }
}

impl Try<'_> {
    /// The try was wrong.
    pub(super) fn wrong(&self) {
        let mut tries = self.throttle.tries.lock().expect("no panic while held");
        let now = Instant::now();
        for key in [&self.peer, &self.account] {
            let tries = tries.entry(key.clone()).or_insert(Tries { wrong: 0, last: now, waiting: 0 });
            tries.wrong = tries.wrong_now(now).saturating_add(1);
            tries.last = now;
        }
    }

    /// The try was right: the slate is clean.
    pub(super) fn right(&self) {
        let mut tries = self.throttle.tries.lock().expect("no panic while held");
        for key in [&self.peer, &self.account] {
            if let Some(tries) = tries.get_mut(key) {
                tries.wrong = 0;
            }
        }
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let mut tries = self.throttle.tries.lock().expect("no panic while held");
        if let Some(tries) = tries.get_mut(&self.peer) {
            tries.waiting = tries.waiting.saturating_sub(1);
        }
    }
}

impl Tries {
    fn wrong_now(&self, now: Instant) -> u32 {
        if now.duration_since(self.last) > FORGET_AFTER { 0 } else { self.wrong }
    }
}

/// Nothing, then 1 s, 2 s, 4 s, and so on up to the longest.
fn wait_after(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE_TRIES) {
        None => Duration::ZERO,
        Some(beyond) => Duration::from_secs(1 << beyond.min(16)).min(WAIT_MAX),
    }
}

/// One subscriber commands a whole /64 of IPv6 addresses.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

fn make_room(tries: &mut HashMap<Key, Tries>) {
    if tries.len() < REMEMBERED_MAX {
        return;
    }
    let now = Instant::now();
    tries.retain(|_, tries| tries.waiting > 0 || now.duration_since(tries.last) <= FORGET_AFTER);
    if tries.len() >= REMEMBERED_MAX
        && let Some(oldest) =
            tries.iter().filter(|(_, tries)| tries.waiting == 0).min_by_key(|(_, tries)| tries.last).map(|(key, _)| key.clone())
    {
        tries.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn waits_grow_to_a_limit() {
        let waits: Vec<u64> = (0..9).map(|wrong| wait_after(wrong).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 8, 8]);
        assert_eq!(wait_after(u32::MAX), WAIT_MAX);
    }

    #[test]
    fn wrong_tries_slow_the_account_from_every_peer_and_a_right_one_ends_it() {
        let throttle = Throttle::default();
        for last in 0..5 {
            throttle.admit([192, 0, 2, last].into(), "ada").expect("admitted").0.wrong();
        }
        let (entered, wait) = throttle.admit(PEER, "ada").expect("admitted");
        assert_eq!(wait.as_secs(), 4);
        assert_eq!(throttle.admit(PEER, "bob").expect("admitted").1, Duration::ZERO);
        entered.right();
        assert_eq!(throttle.admit(PEER, "ada").expect("admitted").1, Duration::ZERO);
    }

    #[test]
    fn a_peer_cannot_queue_tries_without_end() {
        let throttle = Throttle::default();
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| throttle.admit(PEER, "ada").expect("admitted")).collect();
        assert!(throttle.admit(PEER, "ada").is_err());
        waiting.pop();
        assert!(throttle.admit(PEER, "ada").is_ok());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_peer() {
        let throttle = Throttle::default();
        for last in 0..5_u16 {
            throttle.admit(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]), "ada").expect("admitted").0.wrong();
        }
        let (_, wait) = throttle.admit("2001:db8::ffff".parse().expect("valid"), "bob").expect("admitted");
        assert_eq!(wait.as_secs(), 4);
    }

    #[test]
    fn memory_for_wrong_tries_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..REMEMBERED_MAX + 100 {
            throttle.admit(PEER, &format!("guess {number}")).expect("admitted").0.wrong();
        }
        assert!(throttle.tries.lock().expect("no panic while held").len() <= REMEMBERED_MAX + 1);
    }
}
