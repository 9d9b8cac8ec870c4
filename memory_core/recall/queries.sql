-- name: recall_words
SELECT records, turns, terms, capped, actors, roles, posting_term, posting_pos, posting_tf, posting_terms, allowed, keys
FROM memory_core.recall_words($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: recall_candidates
SELECT
    tenant_id, id, pos, user_id, agent_id, team_id, session_id, terms, recorded_at, updated_at, occurred_at,
    expires_at, valid_from, valid_to, last_accessed_at, access_count, version, evidence_count, seq, importance,
    confidence, boost, pinned, kind, tier, policy, key, thread, actor, role, origin_session, source, tags, metadata,
    value, content,
    cosine, vector_rank, time_rank, is_key, before1, after1, before2, after2, lowest_lexical, lowest_cosine
FROM memory_core.recall_candidates(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
    $25, $26);
