-- name: recall_words
SELECT records, turns, terms, capped, actors, roles, posting_term, posting_pos, posting_tf, posting_terms, allowed
FROM memory_core.recall_words($1, $2, $3, $4, $5, $6, $7, $8);

-- name: recall_candidates
SELECT (c.record).tenant_id, (c.record).id, (c.record).pos, (c.record).user_id, (c.record).agent_id, (c.record).team_id,
       (c.record).session_id, (c.record).terms, (c.record).recorded_at, (c.record).updated_at, (c.record).occurred_at,
       (c.record).expires_at, (c.record).valid_from, (c.record).valid_to, (c.record).last_accessed_at,
       (c.record).access_count, (c.record).version, (c.record).evidence_count, (c.record).seq, (c.record).importance,
       (c.record).confidence, (c.record).boost, (c.record).pinned, (c.record).kind, (c.record).tier, (c.record).policy,
       (c.record).key, (c.record).thread, (c.record).actor, (c.record).role, (c.record).origin_session,
       (c.record).source, (c.record).tags, (c.record).metadata, (c.record).value, (c.record).content,
       c.cosine, c.vector_rank, c.is_key, c.before1, c.after1, c.before2, c.after2
FROM memory_core.recall_candidates($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) c;
