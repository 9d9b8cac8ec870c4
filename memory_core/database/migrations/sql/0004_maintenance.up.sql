-- What maintenance calls, bound to the admin role, over all tenants.

-- The HNSW index of a model's vectors in large scopes; made while empty, so it blocks nobody. Runs as the owner.
CREATE FUNCTION create_vector_index(p_model smallint, p_dimensions integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS embeddings_hnsw_%1$s ON embeddings '
                   'USING hnsw ((coalesce(embedding, wide)::halfvec(%2$s)) halfvec_cosine_ops) '
                   'WHERE large AND model_id = %1$s', p_model, p_dimensions);
END $$;

CREATE FUNCTION drop_vector_index(p_model smallint) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    EXECUTE format('DROP INDEX IF EXISTS embeddings_hnsw_%s', p_model);
END $$;

-- Moves up to p_limit vectors of one growing scope into the HNSW index; the scope counts as large when none is left.
-- Returns how many moved; 0 when there is nothing to do. Recall is right at every moment in between. A scope in work
-- elsewhere is left to whoever works on it.
CREATE FUNCTION mark_large(p_threshold bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    s record;
    n integer;
BEGIN
    PERFORM hold_models();
    SELECT c.tenant_id, c.scope_id INTO s FROM scopes c
    WHERE NOT c.large AND (SELECT sum(t.records) FROM scope_stats t
                           WHERE t.tenant_id = c.tenant_id AND t.scope_id = c.scope_id) >= p_threshold
    LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH part AS (
        SELECT x.model_id, x.pos FROM embeddings x
        WHERE x.tenant_id = s.tenant_id AND x.scope_id = s.scope_id AND NOT x.large LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    UPDATE embeddings e SET large = true FROM part
    WHERE e.tenant_id = s.tenant_id AND e.scope_id = s.scope_id AND e.model_id = part.model_id AND e.pos = part.pos;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n < p_limit THEN -- the rest at once, with writers of this scope waiting a moment
        PERFORM pg_advisory_xact_lock(1354829038, (s.scope_id % 2147483647)::integer);
        UPDATE embeddings e SET large = true WHERE e.tenant_id = s.tenant_id AND e.scope_id = s.scope_id AND NOT e.large;
        UPDATE scopes c SET large = true WHERE c.tenant_id = s.tenant_id AND c.scope_id = s.scope_id;
    END IF;
    RETURN greatest(n, 1);
END $$;

-- The next records, in the order of (tenant_id, pos), whose vector is missing for a model that is being built.
CREATE FUNCTION missing_vectors(p_old smallint, p_new smallint, p_tenant text, p_after bigint, p_limit integer)
RETURNS TABLE (tenant_id text, pos bigint, content text) LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT r.tenant_id, r.pos, r.content FROM records r
    WHERE (r.tenant_id, r.pos) > (p_tenant, p_after)
      AND (r.terms > 0 OR EXISTS (SELECT FROM embeddings o WHERE o.tenant_id = r.tenant_id AND o.scope_id = r.scope_id
                                  AND o.model_id = p_old AND o.pos = r.pos))
      AND NOT EXISTS (SELECT FROM embeddings e WHERE e.tenant_id = r.tenant_id AND e.scope_id = r.scope_id
                      AND e.model_id = p_new AND e.pos = r.pos)
    ORDER BY r.tenant_id, r.pos LIMIT p_limit
$$;

-- Adds vectors of a model that is being built, for records that still have the content that was embedded; a vector may
-- be NULL, if the model saw no token. Locks the records: whoever changes one meanwhile finds and replaces its vector.
CREATE FUNCTION add_vectors(p_new smallint, p_wide boolean, p_tenants text[], p_pos bigint[], p_vectors halfvec[], p_hashes text[])
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM hold_models();
    INSERT INTO embeddings (tenant_id, scope_id, model_id, pos, large, expires_at, embedding, wide)
    SELECT r.tenant_id, r.scope_id, p_new, r.pos, s.large, r.expires_at,
           CASE WHEN NOT p_wide THEN v.vector END, CASE WHEN p_wide THEN v.vector END
    FROM unnest(p_tenants, p_pos, p_vectors, p_hashes) AS v (tenant_id, pos, vector, hash)
    JOIN records r ON r.tenant_id = v.tenant_id AND r.pos = v.pos AND md5(r.content) = v.hash
    JOIN scopes s ON s.tenant_id = r.tenant_id AND s.scope_id = r.scope_id
    ORDER BY r.id FOR SHARE OF r
    ON CONFLICT DO NOTHING;
END $$;

-- Makes a model that has been built the store's model. The caller holds the models' lock alone.
CREATE FUNCTION switch_model(p_old smallint, p_new smallint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM embeddings WHERE model_id = p_old OR (model_id = p_new AND coalesce(embedding, wide) IS NULL);
    UPDATE embeddings e SET large = true FROM scopes s -- scopes that became large while the model was being built
    WHERE e.model_id = p_new AND NOT e.large AND s.large AND s.tenant_id = e.tenant_id AND s.scope_id = e.scope_id;
    DELETE FROM embedding_models WHERE model_id = p_old;
    UPDATE embedding_models SET state = 'active' WHERE model_id = p_new;
END $$;

-- Deletes up to p_limit expired records of any tenant; returns how many.
CREATE FUNCTION purge_expired_everywhere(p_limit integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r record;
    n integer := 0;
BEGIN
    PERFORM hold_models();
    FOR r IN SELECT x.tenant_id, x.scope_id, x.pos, x.id FROM records x WHERE x.expires_at <= now()
             ORDER BY x.tenant_id, x.id LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
        PERFORM set_config('memory_core.tenant', 't:' || r.tenant_id, true);
        PERFORM drop_record(r.pos);
        INSERT INTO events (tenant_id, scope_id, record_id, type) VALUES (r.tenant_id, r.scope_id, r.id, 'expired');
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;
