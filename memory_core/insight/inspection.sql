-- name: security
-- Whether row-level security can be relied on: read from the catalog, as the role that all calls run under.
SELECT session_user::text AS login,
       current_user::text AS runtime,
       (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) AS bypasses,
       count(*) AS tables,
       coalesce(array_agg(c.relname::text ORDER BY c.relname) FILTER (
           WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)), '{}') AS open_tables,
       coalesce(array_agg(c.relname::text ORDER BY c.relname) FILTER (
           WHERE pg_get_userbyid(c.relowner) = current_user), '{}') AS owned_tables
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'memory_core' AND c.relkind IN ('r', 'p');

-- name: model
SELECT name, dimensions FROM memory_core.embedding_models WHERE state = 'active';

-- name: versions
SELECT current_setting('server_version') AS postgres,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector;
