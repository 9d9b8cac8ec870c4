-- name: remember
SELECT ord, id, status, version
FROM memory_core.remember($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: get_records
SELECT tenant_id, id, scope_id, user_id, agent_id, team_id, session_id, recorded_at, updated_at, occurred_at, expires_at,
       valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance, confidence, boost,
       pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata, value, content
FROM memory_core.get_records($1, $2, $3, $4, $5, $6);

-- name: get_by_key
SELECT tenant_id, id, scope_id, user_id, agent_id, team_id, session_id, recorded_at, updated_at, occurred_at, expires_at,
       valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance, confidence, boost,
       pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata, value, content
FROM memory_core.get_by_key($1, $2, $3, $4, $5, $6);

-- name: list_records
SELECT tenant_id, id, scope_id, user_id, agent_id, team_id, session_id, recorded_at, updated_at, occurred_at, expires_at,
       valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance, confidence, boost,
       pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata, value, content
FROM memory_core.list_records($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: revise
SELECT tenant_id, id, scope_id, user_id, agent_id, team_id, session_id, recorded_at, updated_at, occurred_at, expires_at,
       valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance, confidence, boost,
       pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata, value, content
FROM memory_core.revise($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: forget
SELECT forget AS id FROM memory_core.forget($1, $2, $3, $4, $5, $6);

-- name: touch
SELECT memory_core.touch($1, $2, $3, $4, $5, $6, $7, $8);

-- name: purge_expired
SELECT memory_core.purge_expired($1, $2, $3, $4, $5, $6) AS purged;
