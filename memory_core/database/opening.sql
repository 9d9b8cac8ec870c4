-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1);

-- name: create_database
CREATE DATABASE memory_core;

-- name: let_runtime_log_in
-- Under a lock: two databases of one server may be set up at the same moment, and a role is one row for all.
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(1354829038);
    IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'memory_core_runtime') THEN
        ALTER ROLE memory_core_runtime LOGIN;
    END IF;
END $$;
