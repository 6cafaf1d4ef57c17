//! The lines of a journal: what was kept, and a checksum of what somebody has read.

use sha2::{Digest, Sha256};

use crate::{printer, tests::support::browser::Browser};

/// Reads lines, and tells whether each of them came once and in order.
#[derive(Clone, Default)]
pub(crate) struct Checksum {
    hasher: Sha256,
    last: u64,
    pub(crate) lines: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
}

impl Checksum {
    pub(crate) fn add(&mut self, number: u64, text: &str) {
        self.hasher.update(format!("{number} "));
        self.hasher.update(text);
        self.hasher.update("\n");
        self.lines += 1;
        self.lost += number.saturating_sub(self.last + 1);
        self.doubled += u64::from(number <= self.last);
        self.last = self.last.max(number);
    }

    pub(crate) fn finish(self) -> String {
        self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A journal as it is kept.
pub(crate) struct Journal {
    pub(crate) checksum: Checksum,
    /// The number of the journal's line for each line of the printer's, in order.
    pub(crate) printed: Vec<u64>,
}

impl Journal {
    /// Of the deployment at a path. Its lines must be all that the printer has printed.
    pub(crate) async fn of(browser: &mut Browser, path: &str, printed: usize) -> Self {
        let file = browser.get(&format!("{path}/journal")).await.expect(200).body;
        let (mut checksum, mut numbers) = (Checksum::default(), Vec::new());
        for line in file.lines() {
            let (number, rest) = line.split_once(' ').unwrap();
            let text = rest.splitn(3, ' ').nth(2).unwrap();
            checksum.add(number.parse().unwrap(), text);
            if let Some((index, _)) = printer::found_in(text) {
                assert_eq!(index, numbers.len(), "{text}");
                assert!(text.ends_with(&printer::line(index)), "{text}");
                numbers.push(number.parse().unwrap());
            }
        }
        assert_eq!(numbers.len(), printed, "the journal has every line of the build:\n{file}");
        Self { checksum, printed: numbers }
    }
}
