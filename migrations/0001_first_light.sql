-- Moments are INTEGER milliseconds since the Unix epoch, UTC. Ids are hyphenated UUIDs.

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The one administrator: a second row cannot exist, so of two racing setups one wins.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    username      TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    -- Sessions carry it; changing it revokes them all.
    session_epoch INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL
) STRICT;

-- Values are sealed with the row's id as associated data: a value moved to another row does not open.
CREATE TABLE secret_versions (
    id         TEXT PRIMARY KEY,
    sealed     BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    id                 TEXT PRIMARY KEY,
    slug               TEXT NOT NULL UNIQUE CHECK (slug GLOB '[a-z0-9]*' AND length(slug) <= 39),
    name               TEXT NOT NULL,
    config             TEXT NOT NULL CHECK (json_valid(config)),
    desired_state      TEXT NOT NULL DEFAULT 'running' CHECK (desired_state IN ('running', 'stopped')),
    live_deployment_id TEXT REFERENCES deployments (id),
    last_number        INTEGER NOT NULL DEFAULT 0,
    deploy_key_public  TEXT NOT NULL,
    deploy_key_id      TEXT NOT NULL REFERENCES secret_versions (id),
    webhook_uuid       TEXT NOT NULL UNIQUE,
    webhook_secret_id  TEXT NOT NULL REFERENCES secret_versions (id),
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE config_snapshots (
    id         TEXT PRIMARY KEY,
    app_id     TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    config     TEXT NOT NULL CHECK (json_valid(config)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX config_snapshots_by_app ON config_snapshots (app_id);

-- Which secret versions a snapshot needs: a version goes when nothing refers to it.
CREATE TABLE snapshot_secrets (
    snapshot_id TEXT NOT NULL REFERENCES config_snapshots (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    secret_id   TEXT NOT NULL REFERENCES secret_versions (id),
    PRIMARY KEY (snapshot_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX snapshot_secrets_by_secret ON snapshot_secrets (secret_id);

CREATE TABLE deployments (
    id                  TEXT PRIMARY KEY,
    app_id              TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    number              INTEGER NOT NULL CHECK (number > 0),
    "trigger"           TEXT NOT NULL CHECK ("trigger" IN ('webhook', 'manual', 'poll', 'rollback', 'replay', 'config')),
    requested_by        TEXT,
    status              TEXT NOT NULL DEFAULT 'queued' CHECK (status IN
                          ('queued', 'cloning', 'building', 'deploying', 'success', 'failed', 'cancelled', 'superseded', 'skipped')),
    attempt             INTEGER NOT NULL DEFAULT 1 CHECK (attempt > 0),
    requested_commit    TEXT,
    commit_id           TEXT,
    commit_message      TEXT,
    commit_author       TEXT,
    committed_at        INTEGER,
    snapshot_id         TEXT REFERENCES config_snapshots (id),
    image               TEXT,
    container           TEXT,
    host_port           INTEGER CHECK (host_port BETWEEN 1 AND 65535),
    switch              TEXT CHECK (switch IN ('overlap', 'replace')),
    gap_ms              INTEGER CHECK (gap_ms >= 0),
    queued_at           INTEGER NOT NULL,
    cloning_at          INTEGER,
    building_at         INTEGER,
    deploying_at        INTEGER,
    finished_at         INTEGER,
    cancel_requested_at INTEGER,
    failure_cause       TEXT CHECK (failure_cause IN ('user', 'forge', 'engine', 'internal')),
    ended_in            TEXT CHECK (ended_in IN ('queued', 'cloning', 'building', 'deploying')),
    ending              TEXT,
    ending_hint         TEXT,
    UNIQUE (app_id, number),
    CHECK ((status IN ('success', 'failed', 'cancelled', 'superseded', 'skipped')) = (finished_at IS NOT NULL)),
    CHECK ((status = 'failed') = (failure_cause IS NOT NULL)),
    CHECK ((status IN ('failed', 'cancelled', 'superseded', 'skipped')) = (ending IS NOT NULL)),
    CHECK ((commit_id IS NULL) = (commit_message IS NULL) AND (commit_id IS NULL) = (commit_author IS NULL) AND (commit_id IS NULL) = (committed_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX deployments_unfinished ON deployments (app_id, number) WHERE finished_at IS NULL;
CREATE INDEX deployments_by_snapshot ON deployments (snapshot_id);

-- Confirmed by the operator, once, for a server and port.
CREATE TABLE host_keys (
    host         TEXT NOT NULL,
    port         INTEGER NOT NULL,
    public_key   TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    confirmed_at INTEGER NOT NULL,
    PRIMARY KEY (host, port)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection_checks (
    app_id              TEXT PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    checked_at          INTEGER NOT NULL,
    verdict             TEXT NOT NULL CHECK (verdict IN ('ok', 'unconfirmed', 'changed', 'failed')),
    sentence            TEXT NOT NULL,
    hint                TEXT,
    tip                 TEXT,
    offered_key         TEXT,
    offered_fingerprint TEXT,
    CHECK ((offered_key IS NULL) = (offered_fingerprint IS NULL))
) STRICT, WITHOUT ROWID;
