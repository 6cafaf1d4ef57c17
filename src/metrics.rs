//! placeholder
#![expect(missing_docs, reason = "placeholder")]
use crate::domain::{
    audit::{Action, Outcome},
    delivery::Verdict,
    deployment::Deployment,
    ids::AppId,
    slug::Slug,
};
#[derive(Clone, Default)]
pub struct Metrics;
impl Metrics {
    pub fn new() -> Self {
        Self
    }
    pub fn deployment_ended(&self, _: &Slug, _: &Deployment) {}
    pub fn delivery(&self, _: AppId, _: &Slug, _: &str, _: Verdict) {}
    pub fn audit_entry(&self, _: Action, _: Outcome) {}
}
