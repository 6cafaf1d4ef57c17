//! What the engine takes on its disk besides our images: where that is, and the builder's cache.

use std::{path::PathBuf, time::Duration};

use bollard::query_parameters::PruneBuildOptionsBuilder;
use http::Request;
use serde::Deserialize;

use super::{Engine, Error, containers::within};
use crate::domain::image::CacheUse;

/// How long the engine may take to say where it keeps things.
const INFO_DEADLINE: Duration = Duration::from_secs(5);
/// How long the engine may take to measure: an old one looks at every container, image and volume for it.
const MEASURE_DEADLINE: Duration = Duration::from_secs(60);
/// How long the engine may take to prune.
const PRUNE_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// The longest answer about disk usage that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// What `/system/df` says of the builder's cache: a sum in new engines, a list in all others.
#[derive(Deserialize)]
struct Usage {
    #[serde(rename = "BuildCacheUsage")]
    sum: Option<Sum>,
    #[serde(rename = "BuildCache", default)]
    records: Option<Vec<Record>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sum {
    #[serde(default)]
    total_size: u64,
    #[serde(default)]
    reclaimable: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    size: u64,
    #[serde(default)]
    in_use: bool,
    /// Whether images have it, too: then it takes nothing of its own.
    #[serde(default)]
    shared: bool,
}

impl Engine {
    /// The folder on the engine's host in which it keeps everything.
    pub async fn root(&self) -> Result<Option<PathBuf>, Error> {
        let info = within(INFO_DEADLINE, "info", self.client()?.info()).await?;
        Ok(info.docker_root_dir.map(PathBuf::from))
    }

    /// What the builder's cache takes.
    pub async fn cache(&self) -> Result<CacheUse, Error> {
        let path = format!("{}/system/df?type=build-cache", self.prefix());
        let request = Request::get(path).body(String::new()).expect("a path and nothing else");
        let said = self.ask(request, ANSWER_MAX_BYTES, MEASURE_DEADLINE, "disk usage").await?;
        Ok(cache(serde_json::from_slice(&said).map_err(bollard::errors::Error::from)?))
    }

    /// Removes what the builder keeps and does not need now; returns how many bytes that were.
    pub async fn prune_cache(&self) -> Result<u64, Error> {
        let client = self.client()?.with_timeout(PRUNE_DEADLINE);
        let options = PruneBuildOptionsBuilder::new().all(true).build();
        let pruned = within(PRUNE_DEADLINE, "builder prune", client.prune_build(Some(options))).await?;
        Ok(pruned.space_reclaimed.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
    }
}

fn cache(usage: Usage) -> CacheUse {
    if let Some(sum) = usage.sum {
        return CacheUse { bytes: sum.total_size, reclaimable: sum.reclaimable };
    }
    let own: Vec<Record> = usage.records.unwrap_or_default().into_iter().filter(|record| !record.shared).collect();
    let idle = own.iter().filter(|record| !record.in_use);
    CacheUse { bytes: own.iter().map(|record| record.size).sum(), reclaimable: idle.map(|record| record.size).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> (u64, u64) {
        let it = cache(serde_json::from_str(answer).expect("valid"));
        (it.bytes, it.reclaimable)
    }

    #[test]
    fn the_cache_is_counted_as_docker_does() {
        let records =
            r#"{"Images":[],"BuildCache":[{"Size":10,"InUse":false,"Shared":false},{"Size":5,"InUse":true},{"Size":7,"Shared":true}]}"#;
        assert_eq!(said(records), (15, 10));
        assert_eq!(said(r#"{"BuildCacheUsage":{"TotalSize":9,"Reclaimable":4}}"#), (9, 4));
        assert_eq!(said(r#"{"BuildCache":null}"#), (0, 0));
    }
}
