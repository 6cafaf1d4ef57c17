-- Auto-deploy can be paused; a container that crashes again and again is stopped, in words for the page.
ALTER TABLE apps ADD COLUMN auto_deploy_paused_at INTEGER;
ALTER TABLE apps ADD COLUMN auto_deploy_paused_by TEXT;
ALTER TABLE apps ADD COLUMN halted TEXT;

-- Why somebody or something asked to cancel, in words.
ALTER TABLE deployments ADD COLUMN cancel_reason TEXT;

-- Every delivery to an app's webhook URL with its verdict. Headers and body come last: lists do not read them.
CREATE TABLE deliveries (
    id            TEXT PRIMARY KEY,
    app_id        TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    received_at   INTEGER NOT NULL,
    forge_id      TEXT,
    event         TEXT NOT NULL,
    ref           TEXT,
    commit_id     TEXT,
    pusher        TEXT,
    verdict       TEXT NOT NULL CHECK (verdict IN ('deploy', 'ignored', 'rejected')),
    reason        TEXT NOT NULL,
    answered      INTEGER NOT NULL CHECK (answered BETWEEN 200 AND 499),
    deployment_id TEXT REFERENCES deployments (id) ON DELETE SET NULL,
    body_bytes    INTEGER NOT NULL CHECK (body_bytes >= 0),
    headers       TEXT NOT NULL CHECK (json_valid(headers)),
    -- zstd; none when it was rejected or is too large.
    body          BLOB,
    CHECK (verdict = 'deploy' OR deployment_id IS NULL)
) STRICT;

-- Ids are in order of time.
CREATE INDEX deliveries_by_app ON deliveries (app_id, id);
CREATE INDEX deliveries_rejected ON deliveries (app_id, id) WHERE verdict = 'rejected';
CREATE INDEX deliveries_by_deployment ON deliveries (deployment_id);
