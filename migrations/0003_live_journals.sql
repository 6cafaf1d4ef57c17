-- Where each phase of the present attempt begins in the journal: the number of its line.
ALTER TABLE deployments ADD COLUMN cloning_line INTEGER;
ALTER TABLE deployments ADD COLUMN building_line INTEGER;
ALTER TABLE deployments ADD COLUMN deploying_line INTEGER;

-- Journals are compressed when their deployment has ended.
ALTER TABLE deployments ADD COLUMN journal_compressed INTEGER NOT NULL DEFAULT 0 CHECK (journal_compressed IN (0, 1));
CREATE INDEX deployments_journal_to_compress ON deployments (id) WHERE journal_compressed = 0 AND finished_at IS NOT NULL;
