-- The configuration of an app has parts now: what is fetched, how it is built, how it runs.
UPDATE apps SET config = json_object(
    'source', json_object('repo_url', config ->> '$.repo_url', 'branch', config ->> '$.branch'),
    'build', json_object('dockerfile_path', config ->> '$.dockerfile_path', 'context_path', config ->> '$.context_path'),
    'run', json_object('ports', CASE WHEN config ->> '$.publish.container_port' IS NULL THEN json_array() ELSE json_array(json_object(
        'container_port', config -> '$.publish.container_port',
        'host_address', config -> '$.publish.host_address',
        'host_port', config -> '$.publish.host_port')) END));
UPDATE config_snapshots SET config = json_object(
    'source', json_object('repo_url', config ->> '$.repo_url', 'branch', config ->> '$.branch'),
    'build', json_object('dockerfile_path', config ->> '$.dockerfile_path', 'context_path', config ->> '$.context_path'),
    'run', json_object('ports', CASE WHEN config ->> '$.publish.container_port' IS NULL THEN json_array() ELSE json_array(json_object(
        'container_port', config -> '$.publish.container_port',
        'host_address', config -> '$.publish.host_address',
        'host_port', config -> '$.publish.host_port')) END));

-- Which secret versions an app's configuration refers to: as snapshot_secrets for the snapshots.
CREATE TABLE app_secrets (
    app_id    TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    secret_id TEXT NOT NULL REFERENCES secret_versions (id),
    PRIMARY KEY (app_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_secrets_by_secret ON app_secrets (secret_id);

-- Registries that want a login before they give an image.
CREATE TABLE registries (
    host        TEXT PRIMARY KEY,
    username    TEXT NOT NULL,
    password_id TEXT NOT NULL REFERENCES secret_versions (id),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A build that uses nothing of earlier ones; and which newer push has cancelled a build.
ALTER TABLE deployments ADD COLUMN no_cache INTEGER NOT NULL DEFAULT 0 CHECK (no_cache IN (0, 1));
ALTER TABLE deployments ADD COLUMN superseded_by INTEGER;
