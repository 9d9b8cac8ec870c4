-- What the room "records" calls: remember, revise, forget, matches. Each binds its scope and works in one statement,
-- so one round trip is one transaction, also behind a pooler.

-- The id of the scope with these labels in the bound tenant, made if needed and visible from here on.
CREATE FUNCTION scope_for(p_user text, p_agent text, p_team text, p_session text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    found bigint;
BEGIN
    SELECT scope_id INTO found FROM scopes
    WHERE tenant_id = bound_tenant() AND user_id = coalesce(p_user, '') AND agent_id = coalesce(p_agent, '')
      AND team_id = coalesce(p_team, '') AND session_id = coalesce(p_session, '');
    IF found IS NULL THEN
        INSERT INTO scopes (tenant_id, user_id, agent_id, team_id, session_id)
        VALUES (bound_tenant(), coalesce(p_user, ''), coalesce(p_agent, ''), coalesce(p_team, ''), coalesce(p_session, ''))
        ON CONFLICT DO NOTHING;
        SELECT scope_id INTO STRICT found FROM scopes
        WHERE tenant_id = bound_tenant() AND user_id = coalesce(p_user, '') AND agent_id = coalesce(p_agent, '')
          AND team_id = coalesce(p_team, '') AND session_id = coalesce(p_session, '');
    END IF;
    IF NOT found = ANY (bound_scopes()) THEN -- just made, here or meanwhile by another transaction
        PERFORM set_config('memory_core.scopes', (SELECT array_agg(scope_id)::text FROM scopes), true);
    END IF;
    RETURN found;
END $$;

-- Fails with our own state MC001 if the caller's embedding model is not the store's any more.
CREATE FUNCTION check_model(p_model smallint) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM embedding_models WHERE model_id = p_model AND state = 'active') THEN
        RAISE EXCEPTION 'the store has been re-embedded with another model' USING ERRCODE = 'MC001';
    END IF;
END $$;

-- Whatever writes vectors holds this lock shared, a change of models holds it alone (database/models.sql). So no vector
-- of a model that has just left is written. 1835363684 is "mode" in ASCII.
CREATE FUNCTION hold_models() RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock_shared(1835363684) $$;

-- Writers of a scope's vectors hold this lock shared while they rely on its "large", see mark_large.
CREATE FUNCTION hold_scope(p_scope bigint) RETURNS void LANGUAGE sql AS
$$ SELECT pg_advisory_xact_lock_shared(1354829038, (p_scope % 2147483647)::integer) $$;

-- Adds to the counters of a scope, in this connection's slot.
CREATE FUNCTION count_records(p_scope bigint, p_records bigint, p_turns bigint, p_terms bigint, p_capped bigint)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO memory_core.scope_stats AS s (tenant_id, scope_id, slot, records, turns, terms, capped)
    VALUES (memory_core.bound_tenant(), p_scope, pg_backend_pid() % 8, p_records, p_turns, p_terms, p_capped)
    ON CONFLICT (tenant_id, scope_id, slot) DO UPDATE
    SET records = s.records + excluded.records, turns = s.turns + excluded.turns,
        terms = s.terms + excluded.terms, capped = s.capped + excluded.capped
$$;

-- Stores drafts of one target scope. p_drafts is a JSON array; vectors are in its order ('[]' of no length: none);
-- postings are flat, p_owner holding the 1-based number of the draft a term belongs to.
-- Returns a row per draft: status created | updated | duplicate | conflict.
CREATE FUNCTION remember(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text,
    t_user text, t_agent text, t_team text, t_session text,
    p_model smallint, p_wide boolean, p_drafts jsonb, p_vectors halfvec[],
    p_owner integer[], p_term bigint[], p_tf smallint[]
) RETURNS TABLE (ord integer, id uuid, status text, version integer)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    v_scope bigint;
    v_large boolean;
    v_tenant text;
    v_count integer := jsonb_array_length(p_drafts);
    v_threads jsonb := '{}';
    v_created integer[] := '{}';
    d record;
    old record;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session), hold_models(), check_model(p_model);
    v_tenant := bound_tenant();
    v_scope := scope_for(t_user, t_agent, t_team, t_session);
    PERFORM hold_scope(v_scope);
    SELECT s.large INTO v_large FROM scopes s WHERE s.tenant_id = v_tenant AND s.scope_id = v_scope;

    -- threads: number, and the first sequence number for turns that brought none
    IF jsonb_path_exists(p_drafts, '$[*].thread ? (@ != null)') THEN
        INSERT INTO threads (tenant_id, scope_id, thread)
        SELECT DISTINCT v_tenant, v_scope, x.thread FROM jsonb_to_recordset(p_drafts) AS x (thread text)
        WHERE x.thread IS NOT NULL ORDER BY x.thread
        ON CONFLICT DO NOTHING;
        WITH wanted AS (
            SELECT x.thread, coalesce(max(x.seq), -1) + 1 AS given, count(*) FILTER (WHERE x.seq IS NULL)::integer AS open
            FROM jsonb_to_recordset(p_drafts) AS x (thread text, seq integer) WHERE x.thread IS NOT NULL GROUP BY 1
        ), locked AS ( -- in one order, so that two writers of several threads cannot wait for each other
            SELECT t.thread FROM threads t JOIN wanted w USING (thread)
            WHERE t.tenant_id = v_tenant AND t.scope_id = v_scope ORDER BY t.thread FOR UPDATE OF t
        ), taken AS (
            UPDATE threads t SET next_seq = greatest(t.next_seq, w.given) + w.open
            FROM wanted w JOIN locked USING (thread)
            WHERE t.tenant_id = v_tenant AND t.scope_id = v_scope AND t.thread = w.thread
            RETURNING t.thread, t.thread_no, t.next_seq - w.open AS first
        )
        SELECT jsonb_object_agg(taken.thread, jsonb_build_array(taken.thread_no, taken.first)) INTO v_threads FROM taken;
    END IF;

    WITH draft AS (
        SELECT x.*, row_number() OVER ()::integer AS ord
        FROM jsonb_to_recordset(p_drafts) AS x (
            id uuid, key text, content text, value jsonb, kind text, tier text, policy text, tags text[], source text,
            importance real, confidence real, boost real, pinned boolean, metadata jsonb, content_hash uuid,
            thread text, seq integer, actor text, role text, origin_session text, terms integer, indexed boolean,
            occurred_at timestamptz, expires_at timestamptz, valid_from timestamptz, valid_to timestamptz)
    ), numbered AS (
        SELECT draft.*,
               CASE WHEN thread IS NULL THEN NULL
                    WHEN seq IS NOT NULL THEN seq
                    ELSE (v_threads -> thread ->> 1)::integer - 1
                         + (row_number() OVER (PARTITION BY thread, seq IS NULL ORDER BY ord))::integer END AS place
        FROM draft
    ), words_of AS (
        SELECT u.owner, array_agg(u.term) AS lexemes FROM unnest(p_owner, p_term) AS u (owner, term) GROUP BY u.owner
    ), placed AS (
        SELECT numbered.*, coalesce(words_of.lexemes, '{}') AS lexemes,
               CASE WHEN thread IS NULL THEN (nextval('position_numbers') << 24) | 16777215
                    ELSE ((v_threads -> thread ->> 0)::bigint << 24) | place END AS pos
        FROM numbered LEFT JOIN words_of ON words_of.owner = numbered.ord
    ), stored AS (
        INSERT INTO records (
            tenant_id, id, pos, scope_id, user_id, agent_id, team_id, session_id, terms, occurred_at, expires_at,
            valid_from, valid_to, seq, importance, confidence, boost, pinned, kind, tier, policy, key, thread, actor,
            role, origin_session, source, content_hash, tags, lexemes, metadata, value, content)
        SELECT v_tenant, p.id, p.pos, v_scope, coalesce(t_user, ''), coalesce(t_agent, ''), coalesce(t_team, ''),
               coalesce(t_session, ''), p.terms, p.occurred_at, p.expires_at, p.valid_from, p.valid_to, p.place,
               p.importance, p.confidence, p.boost, p.pinned, p.kind, p.tier, p.policy, p.key, p.thread, p.actor,
               p.role, p.origin_session, p.source, p.content_hash, p.tags, p.lexemes, p.metadata, p.value, p.content
        FROM placed p ORDER BY p.ord
        ON CONFLICT DO NOTHING
        RETURNING records.id, records.pos, records.terms, records.thread, records.actor, records.role,
                  records.expires_at, records.tier
    ), made AS (
        SELECT draft.ord, draft.indexed, stored.* FROM stored JOIN draft USING (id)
    ), vectors AS (
        INSERT INTO embeddings (tenant_id, scope_id, model_id, pos, large, expires_at, embedding, wide)
        SELECT v_tenant, v_scope, p_model, made.pos, v_large, made.expires_at,
               CASE WHEN NOT p_wide THEN p_vectors[made.ord] END, CASE WHEN p_wide THEN p_vectors[made.ord] END
        FROM made WHERE made.indexed AND p_vectors[made.ord] IS NOT NULL ORDER BY made.pos
    ), words AS (
        INSERT INTO postings (tenant_id, scope_id, term, pos, tf, terms)
        SELECT v_tenant, v_scope, u.term, made.pos, u.tf, least(made.terms, 32767)
        FROM unnest(p_owner, p_term, p_tf) AS u (owner, term, tf) JOIN made ON made.ord = u.owner
        ORDER BY u.term, made.pos
    ), speakers AS (
        INSERT INTO actors (tenant_id, scope_id, actor, role)
        SELECT DISTINCT v_tenant, v_scope, made.actor, coalesce(made.role, '') FROM made WHERE made.actor IS NOT NULL
        ON CONFLICT DO NOTHING
    ), noted AS (
        INSERT INTO events (tenant_id, scope_id, record_id, type, data)
        SELECT v_tenant, v_scope, made.id, 'stored', jsonb_build_object('tier', made.tier) FROM made
    ), counted AS (
        SELECT count_records(v_scope, count(*), count(made.thread), sum(made.terms),
                             coalesce(sum(least(made.terms, 30)) FILTER (WHERE made.thread IS NOT NULL), 0)) AS done,
               array_agg(made.ord) AS ords
        FROM made WHERE made.terms > 0 HAVING count(*) > 0
    )
    SELECT (SELECT array_agg(made.ord) FROM made) INTO v_created FROM (SELECT 1) one LEFT JOIN counted ON true;

    IF cardinality(v_created) = v_count THEN
        RETURN QUERY SELECT x.n::integer, (x.item ->> 'id')::uuid, 'created', 1
                     FROM jsonb_array_elements(p_drafts) WITH ORDINALITY AS x (item, n) ORDER BY x.n;
        RETURN;
    END IF;

    -- what met a unique index: a repeated turn, a key that exists, or the same content
    FOR d IN
        SELECT x.n::integer AS ord, x.item ->> 'key' AS key, x.item ->> 'thread' AS thread,
               (x.item ->> 'seq')::integer AS seq, (x.item ->> 'id')::uuid AS id,
               (x.item ->> 'content_hash')::uuid AS hash, (x.item ->> 'valid_to')::timestamptz AS valid_to,
               (x.item ->> 'history')::boolean AS history, x.item AS item
        FROM jsonb_array_elements(p_drafts) WITH ORDINALITY AS x (item, n) ORDER BY x.n
    LOOP
        IF d.ord = ANY (v_created) THEN
            RETURN QUERY SELECT d.ord, d.id, 'created', 1;
            CONTINUE;
        END IF;
        IF d.thread IS NOT NULL THEN -- three statements, each with its own unique index
            SELECT r.* INTO old FROM records r
            WHERE r.tenant_id = v_tenant AND r.pos = (((v_threads -> d.thread ->> 0)::bigint << 24) | d.seq) FOR UPDATE;
        ELSIF d.key IS NOT NULL THEN
            SELECT r.* INTO old FROM records r
            WHERE r.tenant_id = v_tenant AND r.scope_id = v_scope AND r.key = d.key FOR UPDATE;
        ELSE
            SELECT r.* INTO old FROM records r
            WHERE r.tenant_id = v_tenant AND r.scope_id = v_scope AND r.content_hash = d.hash
              AND r.key IS NULL AND r.thread IS NULL AND r.former_key IS NULL
              AND r.valid_to IS NOT DISTINCT FROM d.valid_to FOR UPDATE;
        END IF;
        IF NOT FOUND AND d.thread IS NOT NULL AND d.key IS NOT NULL THEN
            RETURN QUERY SELECT d.ord, NULL::uuid, 'conflict', NULL::integer; -- the key is taken by another turn
        ELSIF NOT FOUND THEN
            RAISE EXCEPTION 'a concurrent change removed the record' USING ERRCODE = 'serialization_failure';
        ELSIF old.expires_at <= now() OR (d.history AND old.content_hash <> d.hash) THEN
            -- an expired record makes room; a policy with history keeps the former value without its key
            IF old.expires_at <= now() THEN
                PERFORM drop_record(old.pos);
            ELSE
                UPDATE records r SET key = NULL, former_key = old.key, valid_to = least(r.valid_to, now()),
                                     updated_at = now(), version = r.version + 1
                WHERE r.tenant_id = v_tenant AND r.id = old.id;
                INSERT INTO events (tenant_id, scope_id, record_id, type, data)
                VALUES (v_tenant, v_scope, old.id, 'updated', jsonb_build_object('version', old.version + 1));
            END IF;
            RETURN QUERY SELECT d.ord, m.id, CASE WHEN d.history THEN 'updated' ELSE m.status END, m.version
            FROM remember(p_tenant, p_user, p_agent, p_team, p_session, t_user, t_agent, t_team, t_session, p_model,
                          p_wide, jsonb_build_array(d.item), p_vectors[d.ord:d.ord],
                          (SELECT array_agg(1) FROM unnest(p_owner) o WHERE o = d.ord),
                          (SELECT array_agg(u.t) FROM unnest(p_owner, p_term) u (o, t) WHERE u.o = d.ord),
                          (SELECT array_agg(u.t) FROM unnest(p_owner, p_tf) u (o, t) WHERE u.o = d.ord)) m;
        ELSIF d.thread IS NOT NULL THEN
            RETURN QUERY SELECT d.ord, old.id, CASE WHEN old.content_hash = d.hash THEN 'duplicate' ELSE 'conflict' END,
                                old.version;
        ELSIF old.content_hash = d.hash THEN
            -- a repeat never shortens a life, but who asks for a longer one gets it
            UPDATE records r SET evidence_count = r.evidence_count + 1, updated_at = now()
            WHERE r.tenant_id = v_tenant AND r.id = old.id;
            IF coalesce((d.item ->> 'expires_at')::timestamptz, 'infinity') > coalesce(old.expires_at, 'infinity') THEN
                UPDATE records r SET tier = d.item ->> 'tier', policy = d.item ->> 'policy',
                                     expires_at = (d.item ->> 'expires_at')::timestamptz
                WHERE r.tenant_id = v_tenant AND r.id = old.id;
                UPDATE embeddings e SET expires_at = (d.item ->> 'expires_at')::timestamptz
                WHERE e.tenant_id = v_tenant AND e.scope_id = v_scope AND e.pos = old.pos;
            END IF;
            RETURN QUERY SELECT d.ord, old.id, 'duplicate', old.version;
        ELSE
            UPDATE records r SET
                kind = d.item ->> 'kind', tier = d.item ->> 'tier', policy = d.item ->> 'policy',
                tags = ARRAY(SELECT jsonb_array_elements_text(d.item -> 'tags')), source = d.item ->> 'source',
                importance = (d.item ->> 'importance')::real, confidence = (d.item ->> 'confidence')::real,
                boost = (d.item ->> 'boost')::real, pinned = (d.item ->> 'pinned')::boolean,
                metadata = d.item -> 'metadata', occurred_at = (d.item ->> 'occurred_at')::timestamptz,
                expires_at = (d.item ->> 'expires_at')::timestamptz,
                valid_from = (d.item ->> 'valid_from')::timestamptz, valid_to = (d.item ->> 'valid_to')::timestamptz,
                evidence_count = 1
            WHERE r.tenant_id = v_tenant AND r.id = old.id;
            PERFORM rewrite_content(old.pos, d.item ->> 'content', nullif(d.item -> 'value', 'null'::jsonb), d.hash, (d.item ->> 'terms')::integer,
                                    (d.item ->> 'indexed')::boolean, p_model, p_wide, p_vectors[d.ord],
                                    (SELECT array_agg(u.t) FROM unnest(p_owner, p_term) u (o, t) WHERE u.o = d.ord),
                                    (SELECT array_agg(u.t) FROM unnest(p_owner, p_tf) u (o, t) WHERE u.o = d.ord));
            RETURN QUERY SELECT d.ord, old.id, 'updated', old.version + 1;
        END IF;
    END LOOP;
END $$;

-- Takes a record out of everything recall reads. The record itself stays.
CREATE FUNCTION unindex(p_pos bigint) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO STRICT r FROM records WHERE tenant_id = bound_tenant() AND pos = p_pos;
    DELETE FROM embeddings e USING embedding_models m
    WHERE e.tenant_id = r.tenant_id AND e.scope_id = r.scope_id AND e.model_id = m.model_id AND e.pos = p_pos;
    DELETE FROM postings WHERE tenant_id = r.tenant_id AND scope_id = r.scope_id AND term = ANY (r.lexemes) AND pos = p_pos;
    IF r.terms > 0 THEN -- a record without a word is not counted
        PERFORM count_records(r.scope_id, -1, CASE WHEN r.thread IS NULL THEN 0 ELSE -1 END, -r.terms,
                              CASE WHEN r.thread IS NULL THEN 0 ELSE -least(r.terms, 30) END);
    END IF;
END $$;

-- Deletes one record, and all that was derived from it.
CREATE FUNCTION drop_record(p_pos bigint) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM unindex(p_pos);
    DELETE FROM records WHERE tenant_id = bound_tenant() AND pos = p_pos;
END $$;

-- Gives a record new content: the row, its words, its vector, a new version, an event.
CREATE FUNCTION rewrite_content(
    p_pos bigint, p_content text, p_value jsonb, p_hash uuid, p_terms integer, p_indexed boolean,
    p_model smallint, p_wide boolean, p_vector halfvec, p_term bigint[], p_tf smallint[]
) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r record;
BEGIN
    PERFORM unindex(p_pos);
    UPDATE records SET content = p_content, value = p_value, content_hash = p_hash, terms = p_terms,
                       lexemes = coalesce(p_term, '{}'), version = version + 1, updated_at = now()
    WHERE tenant_id = bound_tenant() AND pos = p_pos RETURNING * INTO STRICT r;
    IF p_indexed THEN
        IF p_vector IS NOT NULL THEN
            INSERT INTO embeddings (tenant_id, scope_id, model_id, pos, large, expires_at, embedding, wide)
            SELECT r.tenant_id, r.scope_id, p_model, r.pos, s.large, r.expires_at,
                   CASE WHEN NOT p_wide THEN p_vector END, CASE WHEN p_wide THEN p_vector END
            FROM scopes s WHERE s.tenant_id = r.tenant_id AND s.scope_id = r.scope_id;
        END IF;
        INSERT INTO postings (tenant_id, scope_id, term, pos, tf, terms)
        SELECT r.tenant_id, r.scope_id, u.term, r.pos, u.tf, least(p_terms, 32767) FROM unnest(p_term, p_tf) AS u (term, tf);
    END IF;
    IF p_terms > 0 THEN
        PERFORM count_records(r.scope_id, 1, CASE WHEN r.thread IS NULL THEN 0 ELSE 1 END, p_terms,
                              CASE WHEN r.thread IS NULL THEN 0 ELSE least(p_terms, 30) END);
    END IF;
    INSERT INTO events (tenant_id, scope_id, record_id, type, data)
    VALUES (r.tenant_id, r.scope_id, r.id, 'updated', jsonb_build_object('version', r.version));
END $$;

-- Deletes the records with these ids that are visible and belong to the bound tenant; returns the ids deleted.
CREATE FUNCTION forget(p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_ids uuid[])
RETURNS SETOF uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r record;
    wanted uuid;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session), hold_models();
    -- one look-up each, in one order: for a list of ids the planner may read the tenant whole
    FOR wanted IN SELECT DISTINCT i FROM unnest(p_ids) i ORDER BY i LOOP
        SELECT id, pos, scope_id INTO r FROM records WHERE tenant_id = bound_tenant() AND id = wanted FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        PERFORM drop_record(r.pos);
        INSERT INTO events (tenant_id, scope_id, record_id, type) VALUES (bound_tenant(), r.scope_id, r.id, 'deleted');
        RETURN NEXT r.id;
    END LOOP;
END $$;

-- The metadata conditions of memory_core/model/filters.py, in SQL: typed, never raising on data.
CREATE FUNCTION matches_metadata(p_metadata jsonb, p_where jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(bool_and(CASE
        WHEN op.key = '$ne' THEN NOT coalesce(p_metadata -> c.key = op.value, false)
        WHEN NOT p_metadata ? c.key THEN false
        WHEN op.key = '$eq' THEN p_metadata -> c.key = op.value
        WHEN op.key = '$in' THEN EXISTS (SELECT FROM jsonb_array_elements(op.value) i WHERE i = p_metadata -> c.key)
        WHEN jsonb_typeof(p_metadata -> c.key) = 'number' AND jsonb_typeof(op.value) = 'number' THEN
            CASE op.key
                WHEN '$gt' THEN (p_metadata ->> c.key)::numeric > (op.value #>> '{}')::numeric
                WHEN '$gte' THEN (p_metadata ->> c.key)::numeric >= (op.value #>> '{}')::numeric
                WHEN '$lt' THEN (p_metadata ->> c.key)::numeric < (op.value #>> '{}')::numeric
                WHEN '$lte' THEN (p_metadata ->> c.key)::numeric <= (op.value #>> '{}')::numeric END
        WHEN jsonb_typeof(p_metadata -> c.key) = 'string' AND jsonb_typeof(op.value) = 'string' THEN
            CASE op.key
                WHEN '$gt' THEN (p_metadata ->> c.key) COLLATE "C" > (op.value #>> '{}')
                WHEN '$gte' THEN (p_metadata ->> c.key) COLLATE "C" >= (op.value #>> '{}')
                WHEN '$lt' THEN (p_metadata ->> c.key) COLLATE "C" < (op.value #>> '{}')
                WHEN '$lte' THEN (p_metadata ->> c.key) COLLATE "C" <= (op.value #>> '{}') END
        ELSE false END), true)
    FROM jsonb_each(p_where) c, jsonb_each(c.value) op
$$;

-- True if the record passes a filter as made by Filter.as_json.
CREATE FUNCTION matches(r records, f jsonb) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (NOT f ? 'kinds' OR f -> 'kinds' ? r.kind)
       AND (NOT f ? 'tiers' OR f -> 'tiers' ? r.tier)
       AND (NOT f ? 'tags' OR r.tags @> ARRAY(SELECT jsonb_array_elements_text(f -> 'tags')))
       AND (NOT f ? 'since' OR r.occurred_at >= (f ->> 'since')::timestamptz)
       AND (NOT f ? 'until' OR r.occurred_at < (f ->> 'until')::timestamptz)
       AND (NOT f ? 'thread' OR r.thread = f ->> 'thread')
       AND (NOT f ? 'actor' OR r.actor = f ->> 'actor')
       AND (NOT f ? 'metadata' OR memory_core.matches_metadata(r.metadata, f -> 'metadata'))
$$;

-- Records by id, in no order. Expired ones do not exist.
CREATE FUNCTION get_records(p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_ids uuid[])
RETURNS SETOF records LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    RETURN QUERY SELECT r.* FROM (SELECT DISTINCT i AS id FROM unnest(p_ids) i) wanted
    CROSS JOIN LATERAL (SELECT x.* FROM records x WHERE x.id = wanted.id OFFSET 0) r -- one look-up each
    WHERE r.expires_at IS NULL OR r.expires_at > now();
END $$;

-- The record with this key in the narrowest visible scope that has one.
CREATE FUNCTION get_by_key(p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_key text)
RETURNS SETOF records LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    RETURN QUERY SELECT r.* FROM records r
    WHERE r.key = p_key AND (r.expires_at IS NULL OR r.expires_at > now())
    ORDER BY r.session_id <> '' DESC, r.agent_id <> '' DESC, r.team_id <> '' DESC, r.user_id <> '' DESC, r.tenant_id <> '' DESC
    LIMIT 1;
END $$;

-- Visible records that pass the filter (NULL: all), newest first. The turns of a thread are found by their positions.
CREATE FUNCTION list_records(p_tenant text, p_user text, p_agent text, p_team text, p_session text,
                             p_filter jsonb, p_limit integer, p_offset integer, p_superseded boolean)
RETURNS SETOF records LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    IF p_filter ? 'thread' THEN
        RETURN QUERY SELECT r.* FROM threads t, LATERAL (
            SELECT x.* FROM records x
            WHERE x.tenant_id = t.tenant_id AND x.pos >= t.thread_no << 24 AND x.pos < (t.thread_no + 1) << 24
            OFFSET 0) r -- a range of positions for each thread, never a join over all records
        WHERE t.tenant_id = ANY (ARRAY['', p_tenant]) AND t.scope_id = ANY (bound_scopes())
          AND t.thread = p_filter ->> 'thread' AND matches(r::records, p_filter)
          AND (r.expires_at IS NULL OR r.expires_at > now()) AND (p_superseded OR r.valid_to IS NULL OR r.valid_to > now())
        ORDER BY r.occurred_at DESC, r.pos DESC, r.id LIMIT p_limit OFFSET p_offset;
        RETURN;
    END IF;
    RETURN QUERY SELECT r.* FROM records r
    WHERE (p_filter IS NULL OR matches(r, p_filter)) AND (r.expires_at IS NULL OR r.expires_at > now())
      AND (p_superseded OR r.valid_to IS NULL OR r.valid_to > now())
    ORDER BY r.occurred_at DESC, r.pos DESC, r.id LIMIT p_limit OFFSET p_offset;
END $$;

-- Changes one record if it has the expected version (NULL: any). p_patch holds the fields that change.
-- Returns no row if the record is not there or has another version.
CREATE FUNCTION revise(
    p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_id uuid, p_if_version integer,
    p_patch jsonb, p_hash uuid, p_terms integer, p_indexed boolean, p_model smallint, p_wide boolean,
    p_vector halfvec, p_term bigint[], p_tf smallint[]
) RETURNS SETOF records LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    old records;
    p jsonb := p_patch;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session), hold_models();
    IF p_hash IS NOT NULL THEN -- new content: a new vector
        PERFORM check_model(p_model), hold_scope(r.scope_id) FROM records r
        WHERE r.tenant_id = bound_tenant() AND r.id = p_id;
    END IF;
    SELECT * INTO old FROM records r
    WHERE r.tenant_id = bound_tenant() AND r.id = p_id AND (r.expires_at IS NULL OR r.expires_at > now()) FOR UPDATE;
    IF NOT FOUND OR old.version <> p_if_version THEN
        RETURN;
    END IF;
    UPDATE records r SET
        kind = coalesce(p ->> 'kind', kind), tier = coalesce(p ->> 'tier', tier), policy = coalesce(p ->> 'policy', policy),
        tags = CASE WHEN p ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text(p -> 'tags')) ELSE tags END,
        source = CASE WHEN p ? 'source' THEN p ->> 'source' ELSE source END,
        importance = coalesce((p ->> 'importance')::real, importance),
        confidence = coalesce((p ->> 'confidence')::real, confidence),
        boost = coalesce((p ->> 'boost')::real, boost), pinned = coalesce((p ->> 'pinned')::boolean, pinned),
        metadata = coalesce(p -> 'metadata', metadata),
        occurred_at = coalesce((p ->> 'occurred_at')::timestamptz, occurred_at),
        expires_at = CASE WHEN p ? 'expires_at' THEN (p ->> 'expires_at')::timestamptz ELSE expires_at END,
        valid_from = coalesce((p ->> 'valid_from')::timestamptz, valid_from),
        valid_to = CASE WHEN p ? 'valid_to' THEN (p ->> 'valid_to')::timestamptz ELSE valid_to END,
        updated_at = now(),
        version = CASE WHEN p_hash IS NULL THEN version + 1 ELSE version END
    WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
    IF p ? 'expires_at' THEN
        UPDATE embeddings e SET expires_at = (p ->> 'expires_at')::timestamptz
        WHERE e.tenant_id = old.tenant_id AND e.scope_id = old.scope_id AND e.pos = old.pos;
    END IF;
    IF p_hash IS NOT NULL THEN
        PERFORM rewrite_content(old.pos, coalesce(p ->> 'content', old.content),
                                CASE WHEN p ? 'value' THEN nullif(p -> 'value', 'null'::jsonb) ELSE old.value END, p_hash, p_terms,
                                p_indexed, p_model, p_wide, p_vector, p_term, p_tf);
    ELSE
        INSERT INTO events (tenant_id, scope_id, record_id, type, data)
        VALUES (old.tenant_id, old.scope_id, old.id, 'updated', jsonb_build_object('version', old.version + 1)
                || CASE WHEN p ? 'tier' AND p ->> 'tier' <> old.tier
                        THEN jsonb_build_object('tier', p ->> 'tier', 'tier_before', old.tier) ELSE '{}' END);
    END IF;
    RETURN QUERY SELECT r.* FROM records r WHERE r.tenant_id = old.tenant_id AND r.id = old.id;
END $$;

-- Adds to the access counts of records, without a new version.
CREATE FUNCTION touch(p_tenant text, p_user text, p_agent text, p_team text, p_session text,
                      p_ids uuid[], p_counts integer[], p_at timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    c record;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session);
    FOR c IN SELECT x.id, x.n FROM unnest(p_ids, p_counts) AS x (id, n) ORDER BY x.id LOOP
        UPDATE records r SET access_count = r.access_count + c.n, last_accessed_at = greatest(r.last_accessed_at, p_at)
        WHERE r.tenant_id = bound_tenant() AND r.id = c.id;
    END LOOP;
END $$;

-- Deletes up to p_limit expired records of the bound scopes; returns how many.
CREATE FUNCTION purge_expired(p_tenant text, p_user text, p_agent text, p_team text, p_session text, p_limit integer)
RETURNS integer LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    r record;
    n integer := 0;
BEGIN
    PERFORM bind(p_tenant, p_user, p_agent, p_team, p_session), hold_models();
    FOR r IN SELECT pos, id, scope_id FROM records WHERE tenant_id = bound_tenant() AND expires_at <= now()
             ORDER BY id LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
        PERFORM drop_record(r.pos);
        INSERT INTO events (tenant_id, scope_id, record_id, type) VALUES (bound_tenant(), r.scope_id, r.id, 'expired');
        n := n + 1;
    END LOOP;
    RETURN n;
END $$;
