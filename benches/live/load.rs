//! Many viewers of one deployment's stream.

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    figures::Spread,
    journal::Journal,
    printer::{self, Dice, Pace, Printer},
    tests::support::eventually,
    usage::{Usage, cpu_of_all},
    viewer::{self, Habit, Seat, Seen},
    world::World,
};

const LINES_PER_SECOND: u32 = 100;
/// How long all viewers together may take to begin, and after the last line, to end.
const DEADLINE: Duration = Duration::from_secs(180);

/// How much it is.
pub(crate) struct Load {
    pub(crate) viewers: usize,
    pub(crate) time: Duration,
}

impl Load {
    /// Whether every viewer has got every line once.
    pub(crate) async fn run(&self, world: &mut World, printer: &Printer) -> bool {
        let server = world.usage();
        let path = world.deploy(&printer.instruction("load")).await;
        let builds = printer.ready(["load"]).await;
        server.forget_peak();
        let (files_before, memory_before) = (server.open_files(), server.memory());

        let origin = Instant::now();
        let (printed_sender, printed) = watch::channel(false);
        let cookie = world.server.browser.cookie("upaas").unwrap().to_owned();
        let seat = Seat { address: world.server.address(), path: path.clone(), cookie, origin, printed };
        let (begun_sender, mut begun) = mpsc::channel::<()>(1);
        let seed = getrandom::u64().unwrap();
        let mut viewers = JoinSet::new();
        for viewer in 0..self.viewers {
            let (seat, habit, dice, begun) = (seat.clone(), self.habit(viewer), Dice::new(seed ^ viewer as u64), begun_sender.clone());
            viewers.spawn(async move { (habit, viewer::watch(seat, habit, dice, begun).await) });
        }
        drop(begun_sender);
        // Nothing is ever sent: it is over when every viewer has dropped its end.
        timeout(DEADLINE, begun.recv()).await.expect("every viewer begins");
        let (connecting, memory_connected) = (origin.elapsed(), server.memory());

        let bench = Usage::of(std::process::id());
        let (began, cpu_before, bench_before, all_before) = (Instant::now(), server.cpu(), bench.cpu(), cpu_of_all());
        let lines = LINES_PER_SECOND as usize * self.time.as_secs() as usize;
        let sent = printer::print(builds, Pace { lines, per_second: LINES_PER_SECOND, jitter: false }).await.remove(0);
        let share = |used: Duration| 100.0 * used.as_secs_f64() / began.elapsed().as_secs_f64();
        let (cpu, bench_cpu, all_cpu) =
            (share(server.cpu() - cpu_before), share(bench.cpu() - bench_before), share(cpu_of_all() - all_before));
        let memory_printing = server.memory();
        printed_sender.send_replace(true);

        let mut all = Vec::new();
        let ended = timeout(DEADLINE, async {
            while let Some(seen) = viewers.join_next().await {
                all.push(seen.unwrap());
            }
        })
        .await;
        let ending = began.elapsed();
        let page = world.server.wait_for(&path, &["Success", "Failed"]).await;
        assert_eq!(page.text(".summary .badge"), "Success", "{}", page.text(".failure"));
        let journal = Journal::of(&mut world.server.browser, &path, lines).await;
        let files_after = eventually("the streams to be closed", async || match server.open_files() {
            files if files <= files_before + 8 => Ok(files),
            files => Err(format!("{files} open files, {files_before} before")),
        })
        .await;

        let expected = journal.checksum.clone().finish();
        let wrong: Vec<_> = all.iter().filter(|(_, seen)| seen.checksum.clone().finish() != expected).collect();
        let count = |of: fn(&Seen) -> u64| all.iter().map(|(_, seen)| of(seen)).sum::<u64>();
        let back = count(|seen| seen.left + seen.ended + seen.broken);
        let per_viewer = (memory_printing.max(memory_connected)).saturating_sub(memory_before) as f64 / self.viewers as f64;
        let (late, lag) = self.lateness(&all, &journal, &sent, origin);
        println!("Load: {} viewers, {} lines ({lines} printed, {LINES_PER_SECOND}/s)", all.len(), journal.checksum.lines);
        println!(
            "  reconnects            {back}: {} left, {} cut off in order, {} in the middle; {} refused",
            count(|seen| seen.left),
            count(|seen| seen.ended),
            count(|seen| seen.broken),
            count(|seen| seen.refused),
        );
        println!(
            "  connected, done       {:.2} s after the first one; {:.1} s after the first line",
            connecting.as_secs_f64(),
            ending.as_secs_f64()
        );
        println!(
            "  server memory         {memory_before} KiB before, {memory_connected} connected, {memory_printing} at the last line, {} at most",
            server.peak_memory(),
        );
        println!("  per viewer            {per_viewer:.1} KiB");
        println!(
            "  CPU while printing    {cpu:.0} % of a core; the bench itself {bench_cpu:.0} %, everything on this machine {all_cpu:.0} %"
        );
        println!("  open files            {files_before} before, {files_after} after");
        println!("  after the first one   {late}");
        println!("  after the builder     {lag}");
        println!(
            "  lost {}, doubled {}; {} checksums differ",
            count(|seen| seen.checksum.lost),
            count(|seen| seen.checksum.doubled),
            wrong.len(),
        );
        for (habit, seen) in wrong.iter().take(5) {
            println!("  wrong: {habit:?}: {} lines, {} lost, {} doubled", seen.checksum.lines, seen.checksum.lost, seen.checksum.doubled);
        }
        if ended.is_err() {
            println!("  {} viewers had not ended after {DEADLINE:?}", self.viewers - all.len());
        }
        ended.is_ok() && wrong.is_empty()
    }

    fn habit(&self, viewer: usize) -> Habit {
        match viewer % 100 {
            5 => Habit::Freezes,
            n if n % 20 == 5 => Habit::Slow,
            n if n % 10 == 0 => Habit::Leaves(self.time / 3),
            _ => Habit::Steady,
        }
    }

    /// How late each line came to each steady viewer: after the first one of them, and after it was printed.
    fn lateness(&self, all: &[(Habit, Seen)], journal: &Journal, sent: &[Instant], origin: Instant) -> (Spread, Spread) {
        let steady: Vec<&Seen> = all.iter().filter(|(habit, _)| *habit == Habit::Steady).map(|(_, seen)| seen).collect();
        let (mut late, mut lag) = (Vec::new(), Vec::new());
        for (number, sent) in journal.printed.iter().zip(sent) {
            let arrivals: Vec<Duration> = steady.iter().filter_map(|seen| seen.arrival(*number)).collect();
            let first = arrivals.iter().min().copied().unwrap_or_default();
            late.extend(arrivals.iter().map(|arrival| *arrival - first));
            lag.extend(arrivals.iter().map(|arrival| arrival.saturating_sub(*sent - origin)));
        }
        (Spread::of_times(late), Spread::of_times(lag))
    }
}
