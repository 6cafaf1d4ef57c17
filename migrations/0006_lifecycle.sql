-- To which older deployment one goes back, with today's values or those of then; and which are kept whatever the clean-up says.
ALTER TABLE deployments ADD COLUMN back_to INTEGER;
ALTER TABLE deployments ADD COLUMN keeps_values INTEGER NOT NULL DEFAULT 0 CHECK (keeps_values IN (0, 1));
ALTER TABLE deployments ADD COLUMN pinned_at INTEGER;
CREATE INDEX deployments_pinned ON deployments (app_id, number) WHERE pinned_at IS NOT NULL;
-- When the clean-up has removed its image.
ALTER TABLE deployments ADD COLUMN image_removed_at INTEGER;

-- Apps that were deleted, until nothing of them is left on the engine and in the data directory.
CREATE TABLE deletions (
    app_id       TEXT PRIMARY KEY,
    slug         TEXT NOT NULL,
    -- Whether the folders of its relative volumes go, too.
    volumes      INTEGER NOT NULL CHECK (volumes IN (0, 1)),
    requested_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
