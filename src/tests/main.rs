//! The promises of µPaaS, through HTTP on a real SQLite. Failure paths run on a stand-in platform, in milliseconds; what they promise
//! is proved again on a real engine, a real git and a real sshd in `real`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod account;
mod adoptions;
mod apply;
mod apps;
mod audit;
mod audit_page;
mod bad_settings;
mod canary;
mod clean_up;
mod commits;
mod containers;
mod deletions;
mod deployments;
mod drift;
mod health;
mod health_checks;
mod history;
mod interruptions;
mod journals;
mod layers;
mod live;
mod logging;
mod metrics;
mod migrations;
mod ops;
mod plans;
mod policies;
mod queue;
mod real;
mod requests;
mod retention;
mod retention_settings;
mod rollbacks;
mod routes;
mod settings_build_secrets;
mod settings_env;
mod settings_net;
mod settings_run;
mod setup;
mod startup;
mod support;
mod tokens;
mod webhooks;
