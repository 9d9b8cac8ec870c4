-- What the room "recall" calls: two statements, each one round trip.

-- First: what is known about the scope, and the postings of the query's words. Arrays travel in Postgres's binary
-- array format, which numpy reads without a Python object per number. "allowed": positions that pass the filter,
-- NULL without one. In scopes of more than p_common_from records a word in more than a tenth of them is left out: it
-- says little and costs most.
CREATE FUNCTION recall_words(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_terms bigint[], p_filter jsonb,
    p_common_from bigint, p_with_keys boolean
) RETURNS TABLE (records bigint, turns bigint, terms bigint, capped bigint, actors text[], roles text[],
                 posting_term bytea, posting_pos bytea, posting_tf bytea, posting_terms bytea, allowed bytea,
                 keys text[])
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    v_most bigint;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    SELECT coalesce(sum(s.records), 0), coalesce(sum(s.turns), 0), coalesce(sum(s.terms), 0), coalesce(sum(s.capped), 0)
    INTO recall_words.records, recall_words.turns, recall_words.terms, recall_words.capped FROM scope_stats s;
    SELECT array_agg(a.actor), array_agg(a.role) INTO recall_words.actors, recall_words.roles FROM actors a;
    IF recall_words.records <= p_common_from THEN
        SELECT array_send(array_agg(p.term)), array_send(array_agg(p.pos)), array_send(array_agg(p.tf)),
               array_send(array_agg(p.terms))
        INTO posting_term, posting_pos, posting_tf, posting_terms
        FROM postings p WHERE p.term = ANY (p_terms);
    ELSE
        v_most := recall_words.records / 10;
        SELECT array_send(array_agg(p.term)), array_send(array_agg(p.pos)), array_send(array_agg(p.tf)),
               array_send(array_agg(p.terms))
        INTO posting_term, posting_pos, posting_tf, posting_terms
        FROM (SELECT w.term, l.* FROM unnest(p_terms) AS w (term) CROSS JOIN LATERAL (
                  SELECT p.pos, p.tf, p.terms, count(*) OVER () AS df
                  FROM (SELECT * FROM postings x WHERE x.term = w.term LIMIT v_most + 1) p) l) p
        WHERE p.df <= v_most;
    END IF;
    IF p_with_keys THEN -- to find the ones spelt almost like the query
        SELECT array_agg(k.key) INTO recall_words.keys
        FROM (SELECT r.key FROM records r WHERE r.key IS NOT NULL LIMIT 2000) k;
    END IF;
    IF p_filter IS NOT NULL THEN
        SELECT coalesce(array_send(array_agg(r.pos)), array_send('{}'::bigint[])) INTO allowed FROM records r
        WHERE matches(r, p_filter);
    END IF;
    RETURN NEXT;
END $$;

-- The nearest positions by cosine distance. Small scopes: exact over the covering primary key. Large scopes: HNSW.
CREATE FUNCTION nearest(p_model smallint, p_dimensions integer, p_vector halfvec, p_limit integer, p_filter jsonb)
RETURNS TABLE (pos bigint) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    v_large boolean := EXISTS (SELECT FROM scopes s WHERE s.large);
BEGIN
    IF p_filter IS NOT NULL THEN
        RETURN QUERY
        SELECT r.pos FROM records r
        CROSS JOIN LATERAL ( -- OFFSET 0: one look-up each. Left to itself the planner may join every record with every vector.
            SELECT coalesce(x.embedding, x.wide) AS vector FROM embeddings x
            WHERE x.tenant_id = r.tenant_id AND x.scope_id = r.scope_id AND x.model_id = p_model AND x.pos = r.pos OFFSET 0
        ) e
        WHERE matches(r, p_filter) AND (r.expires_at IS NULL OR r.expires_at > now())
        ORDER BY e.vector <=> p_vector LIMIT p_limit;
    ELSIF v_large THEN
        PERFORM set_config('hnsw.ef_search', greatest(200, 2 * p_limit)::text, true),
                set_config('hnsw.iterative_scan', 'relaxed_order', true);
        RETURN QUERY EXECUTE format(
            'SELECT pos FROM ('
            '(SELECT e.pos, (coalesce(e.embedding, e.wide)::halfvec(%1$s)) <=> $1 AS distance FROM embeddings e '
            ' WHERE e.large AND e.model_id = %2$s AND (e.expires_at IS NULL OR e.expires_at > now()) '
            ' ORDER BY (coalesce(e.embedding, e.wide)::halfvec(%1$s)) <=> $1 LIMIT $2) '
            'UNION ALL '
            '(SELECT e.pos, coalesce(e.embedding, e.wide) <=> $1 FROM embeddings e JOIN scopes s USING (tenant_id, scope_id) '
            ' WHERE NOT s.large AND NOT e.large AND e.model_id = %2$s AND (e.expires_at IS NULL OR e.expires_at > now()) '
            ' ORDER BY 2 LIMIT $2)) x ORDER BY distance LIMIT $2', p_dimensions, p_model) USING p_vector, p_limit;
    ELSIF p_dimensions > 1024 THEN
        RETURN QUERY SELECT e.pos FROM embeddings e
        WHERE e.model_id = p_model AND (e.expires_at IS NULL OR e.expires_at > now())
        ORDER BY e.wide <=> p_vector LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT e.pos FROM embeddings e
        WHERE e.model_id = p_model AND (e.expires_at IS NULL OR e.expires_at > now())
        ORDER BY e.embedding <=> p_vector LIMIT p_limit;
    END IF;
END $$;

-- Second: the candidates. The union of the nearest vectors, the positions the words chose (with their scores, best
-- first, and the turns after the best of them), the turns after the nearest p_next vectors (a question is answered
-- there), of the times named in the question the p_next nearest of at most 2,000 records, the records with one of the
-- keys p_keys, and with p_pinned at most 100 pinned ones. The p_keep best by a score without the finer signals are
-- returned, each with its cosine and the term counts of the two turns on either side; lowest_* are the lowest scores
-- among all candidates, for scaling.
-- One plan for all calls: planning this statement anew costs as much as running it in a scope of 1,000, and no
-- parameter would change how the rows are looked up.
CREATE FUNCTION recall_candidates(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text,
    p_model smallint, p_dimensions integer, p_vector halfvec, p_limit integer, p_next integer,
    p_positions bigint[], p_scores real[], p_keys text[], p_actors text[], p_about_user boolean, p_keep integer,
    p_lexical real, p_cosine real, p_subject real, p_statement real, p_statement_terms integer,
    p_starts timestamptz[], p_ends timestamptz[], p_pinned boolean, p_filter jsonb, p_as_of timestamptz
) RETURNS TABLE (
    tenant_id text, id uuid, pos bigint, user_id text, agent_id text, team_id text, session_id text, terms integer,
    recorded_at timestamptz, updated_at timestamptz, occurred_at timestamptz, expires_at timestamptz,
    valid_from timestamptz, valid_to timestamptz, last_accessed_at timestamptz, access_count integer,
    version integer, evidence_count integer, seq integer, importance real, confidence real, boost real,
    pinned boolean, kind text, tier text, policy text, key text, thread text, actor text, role text,
    origin_session text, source text, tags text[], metadata jsonb, value jsonb, content text,
    cosine real, vector_rank integer, time_rank integer, is_key boolean,
    before1 integer, after1 integer, before2 integer, after2 integer, lowest_lexical real, lowest_cosine real)
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    RETURN QUERY
    WITH near AS MATERIALIZED (
        SELECT n.pos, row_number() OVER ()::integer AS rank
        FROM nearest(p_model, p_dimensions, p_vector, p_limit, p_filter) n WHERE p_vector IS NOT NULL
    ), timed AS MATERIALIZED (
        SELECT t.pos, t.rank FROM unnest(p_starts, p_ends) AS s (first, ending) CROSS JOIN LATERAL (
            SELECT r.pos, row_number() OVER (ORDER BY e.vector <=> p_vector)::integer AS rank
            FROM (SELECT x.tenant_id, x.scope_id, x.pos FROM records x
                  WHERE x.occurred_at >= s.first AND x.occurred_at < s.ending LIMIT 2000) r
            CROSS JOIN LATERAL (
                SELECT coalesce(x.embedding, x.wide) AS vector FROM embeddings x
                WHERE x.tenant_id = r.tenant_id AND x.scope_id = r.scope_id AND x.model_id = p_model AND x.pos = r.pos OFFSET 0
            ) e ORDER BY rank LIMIT p_next) t
    ), found AS (
        SELECT near.pos, near.rank, NULL::integer AS time_rank, NULL::real AS lexical, false AS is_key FROM near
        UNION ALL SELECT near.pos + 1, NULL, NULL, NULL, false FROM near
                  WHERE near.rank <= p_next AND near.pos & 16777215 <> 16777215
        UNION ALL SELECT timed.pos, NULL, timed.rank, NULL, false FROM timed
        UNION ALL SELECT w.pos, NULL, NULL, w.score, false FROM unnest(p_positions, p_scores) AS w (pos, score)
        UNION ALL SELECT r.pos, NULL, NULL, NULL, true FROM records r WHERE r.key = ANY (p_keys)
        UNION ALL (SELECT r.pos, NULL, NULL, NULL, false FROM records r WHERE p_pinned AND r.pinned LIMIT 100)
    ), wanted AS (
        SELECT found.pos, min(found.rank) AS rank, min(found.time_rank) AS time_rank,
               coalesce(max(found.lexical), 0) AS lexical, bool_or(found.is_key) AS is_key
        FROM found GROUP BY found.pos
    ), candidate AS ( -- OFFSET 0: one look-up each. Left to itself the planner reads whole scopes when most are small.
        SELECT w.*, r.thread IS NOT NULL AS is_turn, p_pinned AND r.pinned AS is_pinned,
               coalesce((1 - (e.vector <=> p_vector))::real, 0) AS cosine, e.vector IS NOT NULL AS has_vector,
               p_statement * ln(1 + least(r.terms, p_statement_terms))
               + CASE WHEN r.actor = ANY (p_actors) OR (p_about_user AND r.role = 'user') THEN p_subject ELSE 0 END AS bonus
        FROM wanted w
        CROSS JOIN LATERAL (
            SELECT x.tenant_id, x.scope_id, x.thread, x.terms, x.actor, x.role, x.pinned FROM records x
            WHERE x.pos = w.pos AND (x.expires_at IS NULL OR x.expires_at > now())
              AND x.valid_from <= coalesce(p_as_of, 'infinity')
              AND (x.valid_to IS NULL OR x.valid_to > coalesce(p_as_of, now()))
              AND (p_filter IS NULL OR matches(x, p_filter)) OFFSET 0
        ) r
        LEFT JOIN LATERAL (
            SELECT coalesce(x.embedding, x.wide) AS vector FROM embeddings x
            WHERE x.tenant_id = r.tenant_id AND x.scope_id = r.scope_id AND x.model_id = p_model AND x.pos = w.pos OFFSET 0
        ) e ON true
    ), ranged AS (
        SELECT c.*, min(c.lexical) OVER () AS low_lexical, max(c.lexical) OVER () AS high_lexical,
               min(c.cosine) OVER () AS low_cosine, max(c.cosine) OVER () AS high_cosine
        FROM candidate c
    ), kept AS MATERIALIZED (
        SELECT c.* FROM ranged c
        ORDER BY c.is_key OR c.is_pinned DESC,
                 p_lexical * coalesce((c.lexical - c.low_lexical) / nullif(c.high_lexical - c.low_lexical, 0), 0)
                 + p_cosine * coalesce((c.cosine - c.low_cosine) / nullif(c.high_cosine - c.low_cosine, 0), 0) + c.bonus DESC
        LIMIT p_keep
    )
    SELECT
        r.tenant_id, r.id, r.pos, r.user_id, r.agent_id, r.team_id, r.session_id, r.terms, r.recorded_at,
        r.updated_at, r.occurred_at, r.expires_at, r.valid_from, r.valid_to, r.last_accessed_at, r.access_count,
        r.version, r.evidence_count, r.seq, r.importance, r.confidence, r.boost, r.pinned, r.kind, r.tier, r.policy,
        r.key, r.thread, r.actor, r.role, r.origin_session, r.source, r.tags, r.metadata, r.value, r.content,
        CASE WHEN k.has_vector THEN k.cosine END, k.rank, k.time_rank, k.is_key,
        beside.before1, beside.after1, beside.before2, beside.after2, k.low_lexical, k.low_cosine
    FROM kept k
    CROSS JOIN LATERAL (SELECT x.* FROM records x WHERE x.pos = k.pos OFFSET 0) r
    LEFT JOIN LATERAL (
        SELECT max(least(x.terms, 30)) FILTER (WHERE x.pos = k.pos - 1) AS before1,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = k.pos + 1) AS after1,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = k.pos - 2) AS before2,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = k.pos + 2) AS after2
        FROM records x
        WHERE k.is_turn AND x.pos BETWEEN greatest(k.pos - 2, k.pos & ~16777215::bigint) AND k.pos + 2 AND x.pos <> k.pos
    ) beside ON true;
    PERFORM check_model(p_model); -- last: if it is still the store's, its vectors were there all the time
END $$;
