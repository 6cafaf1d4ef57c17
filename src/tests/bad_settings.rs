//! What nobody should type into the settings of an app, or only by mistake: each gets its sentence beside its field, stays there as it was
//! typed, and nothing is stored.

mod env;
mod fields;
mod net;
mod run;
mod shop;
mod table;
