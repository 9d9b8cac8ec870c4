-- name: prepare
-- One migration at a time, whatever process: the lock is held until the transaction ends.
-- 1354829038 is "memory" read as a number in base 36; any constant of our own would do.
SELECT pg_advisory_xact_lock(1354829038);
CREATE SCHEMA IF NOT EXISTS memory_core;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
        CREATE EXTENSION vector;
    END IF;
END $$;

-- name: search_path
SELECT set_config('search_path', format('memory_core, %I', n.nspname), true)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
