-- name: bind
SELECT memory_core.bind($1, $2, $3, $4, $5);

-- name: bind_admin
SELECT set_config('role', 'memory_core_admin', true);

-- name: inspect
-- What a store is, before it is opened: never fails on an empty database.
SELECT current_setting('server_version_num')::integer AS server_version,
       pg_backend_pid() AS backend_pid,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       (SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE extname = 'vector') AS vector_schema,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS vector_available,
       to_regclass('memory_core.schema_version') IS NOT NULL AS has_schema;

-- name: schema_version
SELECT version_num FROM memory_core.schema_version;
