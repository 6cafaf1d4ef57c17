//! The promises again, on a real engine, a real git and a real sshd.

mod build_secrets;
mod builds;
mod canary;
mod clean_up;
mod comparisons;
mod disk_full;
mod ends;
mod engines;
mod kills;
mod lifecycle;
mod metrics;
mod outages;
mod pushes;
mod reach;
mod recipes;
mod registries;
mod rollbacks;
mod rotations;
mod secrets;
mod settings;
mod shared;
mod sources;
mod submodules;
mod watched;
mod world;
