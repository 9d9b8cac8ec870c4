-- name: totals
SELECT count(*) AS records, count(*) FILTER (WHERE thread IS NOT NULL) AS turns, count(DISTINCT thread) AS threads,
       min(occurred_at) AS first_at, max(occurred_at) AS last_at, coalesce(sum(octet_length(content)), 0)::bigint AS content_bytes
FROM memory_core.records WHERE expires_at IS NULL OR expires_at > now();

-- name: groups
SELECT tier, kind,
       CASE WHEN tenant_id = '' THEN 'global' WHEN session_id <> '' THEN 'session' WHEN agent_id <> '' THEN 'agent'
            WHEN team_id <> '' THEN 'team' WHEN user_id <> '' THEN 'user' ELSE 'tenant' END AS level,
       count(*) AS records
FROM memory_core.records WHERE expires_at IS NULL OR expires_at > now() GROUP BY 1, 2, 3;

-- name: health
SELECT current_setting('server_version') AS postgres_version,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       current_setting('is_superuser') = 'on' AS is_superuser,
       pg_database_size(current_database()) AS database_bytes;
