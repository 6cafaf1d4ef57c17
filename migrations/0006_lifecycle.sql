-- To which older deployment one goes back, with today's values or those of then; and which are kept whatever the clean-up says.
ALTER TABLE deployments ADD COLUMN back_to INTEGER;
ALTER TABLE deployments ADD COLUMN keeps_values INTEGER NOT NULL DEFAULT 0 CHECK (keeps_values IN (0, 1));
ALTER TABLE deployments ADD COLUMN pinned_at INTEGER;
CREATE INDEX deployments_pinned ON deployments (app_id, number) WHERE pinned_at IS NOT NULL;
-- Until when one has served: until the next one did.
CREATE INDEX deployments_success ON deployments (app_id, finished_at) WHERE status = 'success';
-- Which deployments have made a commit live.
CREATE INDEX deployments_success_by_commit ON deployments (app_id, commit_id) WHERE status = 'success';
-- When the clean-up has removed its image.
ALTER TABLE deployments ADD COLUMN image_removed_at INTEGER;

-- What an app could go back to: it shrinks with each clean-up.
CREATE INDEX deployments_to_go_back_to ON deployments (app_id, number) WHERE status = 'success' AND image_removed_at IS NULL;

-- Apps that were deleted, until nothing of them is left on the engine and in the data directory.
CREATE TABLE deletions (
    app_id       TEXT PRIMARY KEY,
    slug         TEXT NOT NULL,
    -- Whether the folders of its relative volumes go, too.
    volumes      INTEGER NOT NULL CHECK (volumes IN (0, 1)),
    -- How long its container may take to stop, in seconds.
    stop_grace   INTEGER NOT NULL CHECK (stop_grace >= 0),
    requested_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A container that was adopted may have a number that is not its deployment's.
CREATE INDEX deployments_by_container ON deployments (container) WHERE container IS NOT NULL;

-- The history of an app by filters. Every index ends with the number, which is the order, so that reading stops at the end of a page.
CREATE INDEX deployments_by_status ON deployments (app_id, status, number);
CREATE INDEX deployments_by_trigger ON deployments (app_id, "trigger", number);
CREATE INDEX deployments_by_status_and_trigger ON deployments (app_id, status, "trigger", number);
CREATE INDEX deployments_by_cause ON deployments (app_id, failure_cause, number) WHERE failure_cause IS NOT NULL;
CREATE INDEX deployments_by_cause_and_trigger ON deployments (app_id, failure_cause, "trigger", number) WHERE failure_cause IS NOT NULL;
-- The commit that was fetched or, before that, asked for.
CREATE INDEX deployments_by_commit ON deployments (app_id, coalesce(commit_id, requested_commit), number);
-- What a clean-up looks at: it shrinks with it.
CREATE INDEX deployments_with_image ON deployments (app_id, image) WHERE image IS NOT NULL AND image_removed_at IS NULL;
CREATE INDEX deployments_with_snapshot ON deployments (app_id, number) WHERE snapshot_id IS NOT NULL;
