//! µPaaS: `git push` → fetch with a read-only deploy key → Docker build → container, shown in server-rendered pages.
//! One binary, one SQLite file, one Docker engine, one administrator.
//!
//! # The rooms, in reading order
//!
//! A room is a folder and answers "which dependency?"; a file answers "which noun?".
//!
//! | room | what it is | what it may import |
//! |---|---|---|
//! | [`domain`] | the words: ids, slugs, the status table; no IO | – |
//! | [`events`] | the news that something has changed | – |
//! | [`metrics`] | what Prometheus is told: counts, and how things stand | `domain` |
//! | [`config`] | the environment, validated | `domain` |
//! | [`db`] | all SQL, one writer | `events`, `domain` |
//! | [`audit`] | who did what: recorded with the act, copied to files and to the log | `db`, `events`, `metrics`, `domain` |
//! | [`keyfile`] | files with key material | – |
//! | [`vault`] | seals and opens secrets | `keyfile`, `domain` |
//! | [`logs`] | journals and how their lines are rendered | `domain` |
//! | [`gitea`] | what a delivery says, and whether it is signed | `domain` |
//! | [`git`] | mirrors and remotes, by argument vector | `domain` |
//! | [`docker`] | all bollard: specs, builds, containers | `domain` |
//! | [`deploy`] | deliveries, the queue, the run of a deployment, recovery, retention; its seam is [`deploy::platform`] | `audit`, `db`, `vault`, `logs`, `gitea`, `events`, `metrics`, `domain` |
//! | [`host`] | the seam's traits on real git and a real engine | `git`, `docker`, the seam, `logs`, `machine`, `domain` |
//! | [`health`] | what each part says when it is asked how it is | `domain` |
//! | [`machine`] | processor, memory, disk and paths of this machine | `domain` |
//! | [`web`] | all axum: routes, pages, errors | `deploy`, `audit`, `db`, `logs`, `events`, `metrics`, `config`, `health`, `machine`, `keyfile`, `domain` |
//! | [`app`] | the only wiring | everything but `logging` |
//! | [`logging`] | what the process says: lines, panics, reports to Sentry; started by `main` alone | `config`, `domain` |
//!
//! Adapters (`git`, `gitea`, `docker`, `logs`, `vault`) never import each other. `web` sees engine and git only through
//! [`deploy::Deployer`]. A test walks the sources and fails when an arrow points the wrong way.
//!
//! # One deployment
//!
//! A signed delivery or a person's POST inserts a `queued` row and wakes the app's worker. The worker moves the row along the table in
//! [`domain::deployment`], by compare-and-set: fetch and export ([`git`]), build ([`docker`]), create, start, settle, and then the *live
//! pointer* of the app moves. Until then everything can be undone, and is, when something fails or the operator cancels.
//!
//! A deployment that applies settings (`config`) takes commit and image over from the live one and begins with the create. A rollback does
//! the same with an older one, whose configuration it takes, too; it cancels what pushes have asked for and pauses auto-deploy. With which
//! configuration a container was made is kept with its deployment; what pages call pending is how the app's own differs from that
//! ([`domain::app_config::difference`]).
//!
//! An app that is deleted is gone for everybody at once; a task of its own takes away what it has, its rows last, however often it has to
//! try. What the engine shows of a container is compared with what was made ([`domain::drift`]), and shown where somebody has changed it.
//!
//! Beside the workers seven tasks keep order. One asks whether the engine is there and puts in order what an interruption has left:
//! first the containers that should serve, then the rows. One follows the engine's events, so that pages show what is, and
//! takes a stop from outside for the operator's wish. One asks live containers over HTTP whether they work, where that is their health
//! check: the engine makes the other checks. One compresses the journals of deployments that have ended. One removes, after
//! each deployment, images and configurations that are not kept any more; one, once a day, those of all apps, and it tidies up mirrors; one,
//! once a day, too, what is older than the settings say.
//!
//! # One act
//!
//! Whatever somebody does is recorded in the transaction that does it ([`audit::record`]), and what is refused or fails is recorded, too.
//! A task copies the entries, in their order and from a stored place, to files and to the log, and counts them for [`metrics`]: a kill
//! or a full disk delays that and loses nothing.
//!
//! # One open page
//!
//! A page has one stream ([`web`], `live`). Whatever is committed to the database or seen on the engine is told through [`events`], without
//! saying what it was; each stream then looks at its page again and sends the fragments that differ. The lines of a journal come
//! from its file, by the place where the browser left off: rendered once for all who watch, and read from the file by who is behind.
//!
//! # One question about health
//!
//! [`health`] knows how to ask and not whom: [`app`] brings a closure for each component. All are asked at once, each has a second, and
//! questions that come together are one. What other programs may see and do with a token stands in the URL table of [`web`].

pub mod app;
pub mod audit;
pub mod config;
pub mod db;
pub mod deploy;
pub mod docker;
pub mod domain;
pub mod events;
pub mod git;
pub mod gitea;
pub mod health;
pub mod host;
pub mod keyfile;
pub mod logging;
pub mod logs;
pub mod machine;
pub mod metrics;
pub mod vault;
pub mod web;

pub use app::App;
