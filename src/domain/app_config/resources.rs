//! What a container may use.

use std::{fmt, str::FromStr};

use crate::domain::Invalid;

/// What a container may use; none: as much as there is, or the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Processors.
    pub cpus: Option<Cpus>,
    /// Memory; none of it is swapped.
    pub memory: Option<Bytes>,
    /// Processes and threads.
    pub pids: Option<Pids>,
    /// The size of `/dev/shm`.
    pub shm: Option<Bytes>,
}

/// A share of the processors, in thousandths of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Cpus(u32);

const CPUS_MAX: u32 = 1024;
/// The engine does not take less.
const MILLI_CPUS_MIN: u32 = 10;

impl Cpus {
    /// In billionths of a processor, as the engine counts.
    pub fn nano(self) -> i64 {
        i64::from(self.0) * 1_000_000
    }
}

impl FromStr for Cpus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::because(format!("Write a number of processors from 0.01 to {CPUS_MAX}, such as 1.5."));
        let milli = thousandths(text).ok_or_else(wrong)?;
        u32::try_from(milli).ok().filter(|milli| (MILLI_CPUS_MIN..=CPUS_MAX * 1000).contains(milli)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

/// A decimal number with at most three digits after its point, in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 3 || whole.len() > 16 || (whole.is_empty() && rest.is_empty()) || text.ends_with('.')
    {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    Some(whole * 1000 + format!("{rest:0<3}").parse::<u64>().ok()?)
}

/// An amount of memory, typed as people type it: `512m`, `1.5g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Bytes(u64);

const BYTES_MAX: u64 = 1 << 50;

impl Bytes {
    /// So many.
    pub fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Largest first.
const UNITS: [(&str, u64); 5] = [("t", 1 << 40), ("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("b", 1)];

impl FromStr for Bytes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::because("Write an amount with its unit, such as 512m or 1.5g.");
        let lower = text.to_ascii_lowercase();
        let number = lower.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let unit = &lower[number.len()..];
        // `g`, `gb` and `gib` are one.
        let means = |name: &str| unit.strip_prefix(name).is_some_and(|rest| rest.is_empty() || (name != "b" && matches!(rest, "b" | "ib")));
        let unit = UNITS.iter().find(|(name, _)| means(name)).map(|(_, size)| *size).ok_or_else(wrong)?;
        let milli = thousandths(number.trim_end_matches(' ')).ok_or_else(wrong)?;
        let bytes = u128::from(milli) * u128::from(unit) / 1000;
        u64::try_from(bytes).ok().filter(|bytes| (1..=BYTES_MAX).contains(bytes)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = UNITS.iter().find(|(_, size)| self.0.is_multiple_of(*size)).expect("every number is a multiple of 1");
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// The engine takes no less memory for a container.
const MEMORY_MIN: Bytes = Bytes(6 << 20);

/// Reads how much memory a container may use.
pub fn parse_memory(text: &str) -> Result<Bytes, Invalid> {
    let memory: Bytes = text.parse()?;
    if memory < MEMORY_MIN {
        return Err(Invalid::because(format!("The engine takes no less than {MEMORY_MIN}.")));
    }
    Ok(memory)
}

/// A number of processes and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Pids(u32);

/// The kernel has no more.
const PIDS_MAX: u32 = 1 << 22;

impl Pids {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for Pids {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(pids @ 1..=PIDS_MAX) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(pids)),
            _ => Err(Invalid::because(format!("Write a number from 1 to {PIDS_MAX}."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_thousandths() {
        for (typed, shown, nano) in
            [("1.5", "1.5", 1_500_000_000), ("0.01", "0.01", 10_000_000), (".5", "0.5", 500_000_000), ("1024", "1024", 1_024_000_000_000)]
        {
            let cpus: Cpus = typed.parse().expect(typed);
            assert_eq!((cpus.to_string().as_str(), cpus.nano()), (shown, nano));
            assert_eq!(shown.parse(), Ok(cpus));
        }
        for bad in [
            "",
            "0",
            "0.009",
            "1024.001",
            "-1",
            "+1",
            "1,5",
            "1.",
            ".",
            "1e3",
            "1.2345",
            "NaN",
            "inf",
            "２",
            "1 cpu",
            "99999999999999999999",
        ] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn memory_is_typed_with_its_unit() {
        for (typed, bytes) in [
            ("512m", 512 << 20),
            ("1.5g", 1536 << 20),
            ("1 GB", 1 << 30),
            ("64KiB", 64 << 10),
            ("2T", 2 << 40),
            ("1000b", 1000),
            ("1.3m", 1_363_148),
        ] {
            assert_eq!(typed.parse::<Bytes>().map(Bytes::get), Ok(bytes), "{typed}");
        }
        for bad in [
            "",
            "512",
            "m",
            "-1m",
            "+1m",
            "1.5",
            "0m",
            "1x",
            "1mm",
            "1bb",
            "1ib",
            "1 m b",
            "１m",
            "1,5g",
            "1e3m",
            "999999999t",
            "1.2345g",
            "1\u{a0}m",
        ] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
        assert_eq!(parse_memory("5m").expect_err("too little").0, "The engine takes no less than 6m.");
        assert_eq!(parse_memory("6m").map(Bytes::get), Ok(6 << 20));
    }

    proptest::proptest! {
        #[test]
        fn an_amount_is_read_back_from_how_it_is_shown(bytes in 1..=BYTES_MAX, shift in 0_u32..40) {
            let amount = Bytes((bytes >> shift << shift).max(1));
            proptest::prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }

        #[test]
        fn a_share_is_read_back_from_how_it_is_shown(milli in MILLI_CPUS_MIN..=CPUS_MAX * 1000) {
            proptest::prop_assert_eq!(Cpus(milli).to_string().parse(), Ok(Cpus(milli)));
        }
    }

    #[test]
    fn processes_are_a_plain_number() {
        assert_eq!(("1".parse().map(Pids::get), "4194304".parse().map(Pids::get)), (Ok(1), Ok(4_194_304)));
        for bad in ["", "0", "-1", "+1", "4194305", "1.5", "many"] {
            assert!(bad.parse::<Pids>().is_err(), "{bad}");
        }
    }
}
