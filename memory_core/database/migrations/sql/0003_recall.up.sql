-- What the room "recall" calls: two statements, each one round trip.

-- First: what is known about the scope, and the postings of the query's words. Arrays travel in Postgres's binary
-- array format, which numpy reads without a Python object per number. "allowed": positions that pass the filter,
-- NULL without one. In scopes of more than p_common_from records a word in more than a tenth of them is left out: it
-- says little and costs most.
CREATE FUNCTION recall_words(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_terms bigint[], p_filter jsonb,
    p_common_from bigint
) RETURNS TABLE (records bigint, turns bigint, terms bigint, capped bigint, actors text[], roles text[],
                 posting_term bytea, posting_pos bytea, posting_tf bytea, posting_terms bytea, allowed bytea)
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
        SELECT e.pos FROM records r JOIN embeddings e
            ON e.tenant_id = r.tenant_id AND e.scope_id = r.scope_id AND e.model_id = p_model AND e.pos = r.pos
        WHERE matches(r, p_filter) AND (r.expires_at IS NULL OR r.expires_at > now())
        ORDER BY coalesce(e.embedding, e.wide) <=> p_vector LIMIT p_limit;
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
    ELSIF p_dimensions > 1200 THEN
        RETURN QUERY SELECT e.pos FROM embeddings e
        WHERE e.model_id = p_model AND (e.expires_at IS NULL OR e.expires_at > now())
        ORDER BY e.wide <=> p_vector LIMIT p_limit;
    ELSE
        RETURN QUERY SELECT e.pos FROM embeddings e
        WHERE e.model_id = p_model AND (e.expires_at IS NULL OR e.expires_at > now())
        ORDER BY e.embedding <=> p_vector LIMIT p_limit;
    END IF;
END $$;

-- Second: the candidates. The union of the nearest vectors, the positions the words chose, and the record whose key
-- is the query itself; each with its cosine and the term counts of the two turns on either side.
CREATE FUNCTION recall_candidates(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text,
    p_model smallint, p_dimensions integer, p_vector halfvec, p_limit integer, p_positions bigint[], p_key text,
    p_filter jsonb, p_as_of timestamptz
) RETURNS TABLE (record records, cosine real, vector_rank integer, is_key boolean,
                 before1 integer, after1 integer, before2 integer, after2 integer)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session), check_model(p_model);
    RETURN QUERY
    WITH near AS (
        SELECT n.pos, row_number() OVER ()::integer AS rank
        FROM nearest(p_model, p_dimensions, p_vector, p_limit, p_filter) n WHERE p_vector IS NOT NULL
    ), keyed AS (
        SELECT r.pos FROM records r WHERE r.key = p_key
    ), wanted AS (
        -- and the turn after each: a question is answered there
        SELECT near.pos + d AS pos FROM near, generate_series(0, 1) d
        UNION SELECT p + d FROM unnest(p_positions) p, generate_series(0, 1) d
        UNION SELECT keyed.pos FROM keyed
    )
    SELECT r.record, (1 - (e.vector <=> p_vector))::real, near.rank, keyed.pos IS NOT NULL, beside.before1, beside.after1,
           beside.before2, beside.after2
    FROM wanted w
    -- OFFSET 0: one look-up per candidate. Left to itself the planner reads the scope whole when most scopes are small.
    CROSS JOIN LATERAL (SELECT x AS record, x.* FROM records x WHERE x.pos = w.pos OFFSET 0) r
    LEFT JOIN LATERAL (
        SELECT coalesce(x.embedding, x.wide) AS vector FROM embeddings x
        WHERE x.tenant_id = r.tenant_id AND x.scope_id = r.scope_id AND x.model_id = p_model AND x.pos = r.pos OFFSET 0
    ) e ON true
    LEFT JOIN near ON near.pos = w.pos
    LEFT JOIN keyed ON keyed.pos = w.pos
    LEFT JOIN LATERAL (
        SELECT max(least(x.terms, 30)) FILTER (WHERE x.pos = w.pos - 1) AS before1,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = w.pos + 1) AS after1,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = w.pos - 2) AS before2,
               max(least(x.terms, 30)) FILTER (WHERE x.pos = w.pos + 2) AS after2
        FROM records x
        WHERE r.thread IS NOT NULL
          AND x.pos BETWEEN greatest(w.pos - 2, w.pos & ~16777215::bigint) AND w.pos + 2 AND x.pos <> w.pos
    ) beside ON true
    WHERE (r.expires_at IS NULL OR r.expires_at > now())
      AND r.valid_from <= coalesce(p_as_of, 'infinity') AND (r.valid_to IS NULL OR r.valid_to > coalesce(p_as_of, now()))
      AND (p_filter IS NULL OR matches(r.record, p_filter));
END $$;
