-- What SQLite once counted in a small database leads it astray in a large one.
DROP TABLE IF EXISTS sqlite_stat1;

-- Who did what, when, from where, and whether it worked: written in the transaction of the act, never changed, removed by retention only.
-- AUTOINCREMENT: a number is never given twice, so that the copy in files goes on where it was.
CREATE TABLE audit_log (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    action        TEXT NOT NULL,
    result        TEXT NOT NULL CHECK (result IN ('SUCCESS', 'FAILURE')),
    -- None: nobody who is signed in.
    user_id       INTEGER,
    user_name     TEXT NOT NULL,
    address       TEXT,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    detail        TEXT NOT NULL
) STRICT;

CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_action ON audit_log (action, id);
CREATE INDEX audit_log_by_user ON audit_log (user_name, id);
CREATE INDEX audit_log_by_resource ON audit_log (resource_type, id);
CREATE INDEX audit_log_failures ON audit_log (id) WHERE result = 'FAILURE';

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log BEGIN SELECT raise(ABORT, 'audit entries are never changed'); END;

-- For the search: words, and how they begin; and what is filtered by, for entries that have two rare-together values.
CREATE VIRTUAL TABLE audit_search USING fts5 (
    action, result, user_name, address, resource_type, resource_name, detail,
    content = 'audit_log', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER audit_log_is_searched AFTER INSERT ON audit_log BEGIN
    INSERT INTO audit_search (rowid, action, result, user_name, address, resource_type, resource_name, detail)
    VALUES (new.id, new.action, new.result, new.user_name, new.address, new.resource_type, new.resource_name, new.detail);
END;
CREATE TRIGGER audit_log_is_no_longer_searched AFTER DELETE ON audit_log BEGIN
    INSERT INTO audit_search (audit_search, rowid, action, result, user_name, address, resource_type, resource_name, detail)
    VALUES ('delete', old.id, old.action, old.result, old.user_name, old.address, old.resource_type, old.resource_name, old.detail);
END;

-- How far the entries are copied to the log and to the files.
CREATE TABLE audit_copy (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    logged INTEGER NOT NULL,
    copied INTEGER NOT NULL
) STRICT;
INSERT INTO audit_copy (id, logged, copied) VALUES (1, 0, 0);

-- For other programs. A token itself is shown once and then known to its holder only.
CREATE TABLE tokens (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    scope         TEXT NOT NULL CHECK (scope IN ('read', 'deploy')),
    -- SHA-256 of the token.
    hash          BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- Of those that a password gave: they end with the sessions.
    session_epoch INTEGER,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

-- What retention removes, and what it has removed.
ALTER TABLE deployments ADD COLUMN journal_removed_at INTEGER;
CREATE INDEX deployments_journal_to_remove ON deployments (finished_at) WHERE finished_at IS NOT NULL AND journal_removed_at IS NULL;
CREATE INDEX deliveries_by_time ON deliveries (received_at);
