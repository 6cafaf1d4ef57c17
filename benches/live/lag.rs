//! How long a line takes from the builder to a viewer, against the engine's own stream.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::{
    direct,
    figures::Spread,
    journal::Journal,
    printer::{self, Dice, Pace, Printer},
    viewer::{self, Habit, Seat},
    world::{World, version},
};

const LINES: usize = 500;
const LINES_PER_SECOND: u32 = 50;

/// Prints what was measured; whether every line came once on both ways.
pub(crate) async fn measure(world: &mut World, printer: &Printer) -> bool {
    let origin = Instant::now();
    let path = world.deploy(&printer.instruction("upaas")).await;
    let direct = tokio::spawn(direct::build(version(&printer.instruction("direct"))));
    let (_printed_sender, printed) = watch::channel(false);
    let cookie = world.server.browser.cookie("upaas").unwrap().to_owned();
    let seat = Seat { address: world.server.address(), path: path.clone(), cookie, origin, printed };
    let (begun_sender, mut begun) = mpsc::channel::<()>(1);
    let viewer = tokio::spawn(viewer::watch(seat, Habit::Steady, Dice::new(0), begun_sender));
    let builds = printer.ready(["upaas", "direct"]).await;
    begun.recv().await;
    let sent = printer::print(builds, Pace { lines: LINES, per_second: LINES_PER_SECOND, jitter: true }).await;

    let direct = direct.await.unwrap();
    let seen = viewer.await.unwrap();
    let journal = Journal::of(&mut world.server.browser, &path, LINES).await;
    let complete = direct.len() == LINES && seen.checksum.clone().finish() == journal.checksum.clone().finish();
    // A line that never came has no time, and shifts no other one's.
    let arrivals: Vec<Option<Instant>> = journal.printed.iter().map(|number| Some(origin + seen.arrival(*number)?)).collect();
    let late = |arrived: Option<Instant>, sent: &Instant| arrived.map(|arrived| arrived.saturating_duration_since(*sent));
    let through: Vec<Option<Duration>> = arrivals.into_iter().zip(&sent[0]).map(|(arrived, sent)| late(arrived, sent)).collect();
    let direct: Vec<Option<Duration>> = direct.into_iter().zip(&sent[1]).map(|(arrived, sent)| late(Some(arrived), sent)).collect();
    let more = through.iter().zip(&direct).filter_map(|(through, direct)| Some((*through)?.as_secs_f64() - (*direct)?.as_secs_f64()));

    let builder = if direct::has_buildkit().await { "BuildKit" } else { "the classic builder" };
    let (more, through, direct) =
        (Spread::of(more), Spread::of_times(through.into_iter().flatten()), Spread::of_times(direct.into_iter().flatten()));
    println!("Lag: {LINES} lines, {LINES_PER_SECOND}/s with jitter, {builder}");
    println!("  through µPaaS         {through}");
    println!("  directly              {direct}");
    println!("  difference, by line   {more}");
    println!(
        "  ratio                 p50 {:.1}, p90 {:.1}",
        through.percentile(50.0) / direct.percentile(50.0),
        through.percentile(90.0) / direct.percentile(90.0)
    );
    if !complete {
        println!("  lines are lost or doubled");
    }
    complete
}
