-- The core schema: scopes, records, what recall reads, events. Runs as the owner, with
-- search_path = memory_core, <schema of pgvector>; functions keep that path (FROM CURRENT).

-- 1. Two roles. Neither owns anything, neither logs in by password, neither can bypass row-level security.
--    memory_core_runtime: all calls of the library, bound to one scope per transaction.
--    memory_core_admin:   maintenance over all tenants (statistics, expiry, re-embedding).
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['memory_core_runtime', 'memory_core_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database of this server is being set up at this moment
            END;
        END IF;
        IF NOT pg_has_role(current_user, name, 'MEMBER')
           OR (current_setting('server_version_num')::int >= 160000 AND NOT pg_has_role(current_user, name, 'USAGE')) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA memory_core TO memory_core_runtime, memory_core_admin;

-- 2. Tables. Every key begins with the tenant; '' is the global tenant, and '' an absent label of a scope.
CREATE TABLE scopes (
    tenant_id  text   NOT NULL,
    scope_id   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id    text   NOT NULL DEFAULT '',
    agent_id   text   NOT NULL DEFAULT '',
    team_id    text   NOT NULL DEFAULT '',
    session_id text   NOT NULL DEFAULT '',
    large      boolean NOT NULL DEFAULT false, -- its vectors are in the HNSW index
    PRIMARY KEY (tenant_id, scope_id),
    UNIQUE (tenant_id, user_id, agent_id, team_id, session_id)
);

-- Counters for BM25, spread over slots so that concurrent writers do not wait for one row.
CREATE TABLE scope_stats (
    tenant_id text     NOT NULL,
    scope_id  bigint   NOT NULL,
    slot      smallint NOT NULL,
    records   bigint   NOT NULL, -- indexed records
    turns     bigint   NOT NULL, -- of these, turns of a thread
    terms     bigint   NOT NULL, -- sum of their numbers of terms
    capped    bigint   NOT NULL, -- sum over turns of min(terms, 30)
    PRIMARY KEY (tenant_id, scope_id, slot)
) WITH (fillfactor = 50);

-- A position is a record's compact number: thread number * 2^24 + sequence number, so that a turn's neighbours are
-- the positions beside it. A record outside a thread takes a number of its own and 2^24 - 1.
CREATE SEQUENCE position_numbers;

CREATE TABLE threads (
    tenant_id text    NOT NULL,
    scope_id  bigint  NOT NULL,
    thread    text    NOT NULL,
    thread_no bigint  NOT NULL DEFAULT nextval('position_numbers'),
    next_seq  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, scope_id, thread)
) WITH (fillfactor = 80);

CREATE TABLE records (
    tenant_id        text        NOT NULL,
    id               uuid        NOT NULL,
    pos              bigint      NOT NULL,
    scope_id         bigint      NOT NULL,
    user_id          text        NOT NULL DEFAULT '',
    agent_id         text        NOT NULL DEFAULT '',
    team_id          text        NOT NULL DEFAULT '',
    session_id       text        NOT NULL DEFAULT '',
    terms            integer     NOT NULL DEFAULT 0,
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    occurred_at      timestamptz NOT NULL,
    expires_at       timestamptz,
    valid_from       timestamptz NOT NULL,
    valid_to         timestamptz,
    last_accessed_at timestamptz,
    access_count     integer     NOT NULL DEFAULT 0,
    version          integer     NOT NULL DEFAULT 1,
    evidence_count   integer     NOT NULL DEFAULT 1,
    seq              integer,
    importance       real        NOT NULL DEFAULT 0.5,
    confidence       real        NOT NULL DEFAULT 0.7,
    boost            real        NOT NULL DEFAULT 1,
    pinned           boolean     NOT NULL DEFAULT false,
    kind             text        NOT NULL,
    tier             text        NOT NULL,
    policy           text        NOT NULL,
    key              text,
    former_key       text, -- the key it had before a newer value took it (policies with history)
    thread           text,
    actor            text,
    role             text,
    origin_session   text,
    source           text,
    content_hash     uuid        NOT NULL, -- 128 bits of the normalised content
    tags             text[]      NOT NULL DEFAULT '{}',
    lexemes          bigint[]    NOT NULL DEFAULT '{}', -- its terms in postings
    metadata         jsonb       NOT NULL DEFAULT '{}',
    value            jsonb,
    content          text        NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, scope_id) REFERENCES scopes
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX records_position ON records (tenant_id, pos) INCLUDE (scope_id, terms);
CREATE UNIQUE INDEX records_key ON records (tenant_id, scope_id, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX records_content ON records (tenant_id, scope_id, content_hash, valid_to) NULLS NOT DISTINCT
    WHERE key IS NULL AND thread IS NULL AND former_key IS NULL;
CREATE INDEX records_pinned ON records (tenant_id, scope_id) WHERE pinned;
CREATE INDEX records_time ON records (tenant_id, scope_id, occurred_at);
CREATE INDEX records_expiry ON records (tenant_id, expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE actors (
    tenant_id text   NOT NULL,
    scope_id  bigint NOT NULL,
    actor     text   NOT NULL,
    role      text   NOT NULL,
    PRIMARY KEY (tenant_id, scope_id, actor, role)
);

-- One row per record and distinct term: exact BM25 under row-level security, which bars text indexes.
CREATE TABLE postings (
    tenant_id text     NOT NULL,
    scope_id  bigint   NOT NULL,
    term      bigint   NOT NULL,
    pos       bigint   NOT NULL,
    tf        smallint NOT NULL, -- occurrences in the record
    terms     smallint NOT NULL, -- terms of the record, at most 32767
    PRIMARY KEY (tenant_id, scope_id, term, pos) INCLUDE (tf, terms)
);

-- The primary key covers the exact scan of a scope. Vectors of more than 1,024 dimensions do not fit into an index
-- row (2,704 bytes) beside a long tenant and live in "wide".
CREATE TABLE embeddings (
    tenant_id  text     NOT NULL,
    scope_id   bigint   NOT NULL,
    model_id   smallint NOT NULL,
    pos        bigint   NOT NULL,
    large      boolean  NOT NULL DEFAULT false,
    expires_at timestamptz,
    embedding  halfvec,
    wide       halfvec,
    PRIMARY KEY (tenant_id, scope_id, model_id, pos) INCLUDE (expires_at, embedding)
);
ALTER TABLE embeddings ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE TABLE embedding_models (
    model_id   smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name       text     NOT NULL UNIQUE,
    dimensions integer  NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    state      text     NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'building')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX embedding_models_state ON embedding_models (state); -- one active, at most one being built


-- Early statistics and visibility maps: plans and index-only scans depend on them, and a new store fills in bursts.
ALTER TABLE records SET (autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE postings SET (autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE embeddings SET (autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE TABLE events (
    tenant_id text        NOT NULL,
    event_no  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    scope_id  bigint      NOT NULL,
    record_id uuid,
    type      text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    data      jsonb       NOT NULL DEFAULT '{}', -- facts such as versions and tiers, never content
    PRIMARY KEY (tenant_id, event_no)
);

-- 3. Row-level security. bind() names the tenant and the visible scopes for the transaction; without it nothing is
--    visible. The sub-selects make Postgres read each setting once per statement, not once per row.
CREATE FUNCTION bind(p_tenant text, p_user text, p_agent text, p_team text, p_session text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('role', 'memory_core_runtime', true),
            set_config('memory_core.tenant', 't:' || p_tenant, true),
            set_config('memory_core.user', coalesce(p_user, ''), true),
            set_config('memory_core.agent', coalesce(p_agent, ''), true),
            set_config('memory_core.team', coalesce(p_team, ''), true),
            set_config('memory_core.session', coalesce(p_session, ''), true);
    PERFORM set_config('memory_core.scopes', coalesce((SELECT array_agg(scope_id)::text FROM scopes), '{}'), true);
END $$;

CREATE FUNCTION bound_scopes() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(nullif(current_setting('memory_core.scopes', true), ''), '{}')::bigint[] $$;

-- The values a label of a visible record may have: absent, or as bound.
CREATE FUNCTION bound_labels(p_name text) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT ARRAY['', coalesce(current_setting('memory_core.' || p_name, true), '')] $$;

-- The prefix tells the global tenant '' from a setting that was never made or has been reset: then it is NULL.
CREATE FUNCTION bound_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT substring(current_setting('memory_core.tenant', true) FROM '^t:(.*)$') $$;

-- The tenants whose records may be read: the global one and the bound one.
CREATE FUNCTION bound_tenants() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT ARRAY['', memory_core.bound_tenant()] $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['scopes', 'scope_stats', 'threads', 'records', 'actors', 'postings', 'embeddings',
                                'embedding_models', 'events'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY admin ON %I TO memory_core_admin USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO memory_core_runtime, memory_core_admin', name);
    END LOOP;

    -- scopes: what bind() itself reads, therefore by label and not by id
    CREATE POLICY reads ON scopes FOR SELECT TO memory_core_runtime USING (
        (SELECT bound_tenant()) IS NOT NULL AND tenant_id = ANY ((SELECT bound_tenants())::text[])
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));
    CREATE POLICY writes ON scopes FOR INSERT TO memory_core_runtime WITH CHECK (
        tenant_id = (SELECT bound_tenant())
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));

    FOREACH name IN ARRAY ARRAY['scope_stats', 'threads', 'actors', 'postings', 'embeddings', 'events'] LOOP
        EXECUTE format('CREATE POLICY reads ON %I FOR SELECT TO memory_core_runtime USING ('
            'tenant_id = ANY ((SELECT bound_tenants())::text[]) '
            'AND scope_id = ANY ((SELECT bound_scopes())::bigint[]))', name);
        EXECUTE format('CREATE POLICY inserts ON %I FOR INSERT TO memory_core_runtime WITH CHECK ('
            'tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[]))', name);
        IF name <> 'events' THEN -- events are append-only
            EXECUTE format('CREATE POLICY updates ON %I FOR UPDATE TO memory_core_runtime USING ('
                'tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[]))', name);
            EXECUTE format('CREATE POLICY deletes ON %I FOR DELETE TO memory_core_runtime USING ('
                'tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[]))', name);
        END IF;
    END LOOP;
    REVOKE UPDATE, DELETE ON events FROM memory_core_runtime;
    REVOKE UPDATE, DELETE ON scopes FROM memory_core_runtime;

    -- records carry the labels themselves: both the scope's id and the labels must agree
    CREATE POLICY reads ON records FOR SELECT TO memory_core_runtime USING (
        tenant_id = ANY ((SELECT bound_tenants())::text[]) AND scope_id = ANY ((SELECT bound_scopes())::bigint[])
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));
    CREATE POLICY inserts ON records FOR INSERT TO memory_core_runtime WITH CHECK (
        tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[])
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));
    CREATE POLICY updates ON records FOR UPDATE TO memory_core_runtime USING (
        tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[])
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));
    CREATE POLICY deletes ON records FOR DELETE TO memory_core_runtime USING (
        tenant_id = (SELECT bound_tenant()) AND scope_id = ANY ((SELECT bound_scopes())::bigint[])
        AND user_id = ANY ((SELECT bound_labels('user'))::text[]) AND agent_id = ANY ((SELECT bound_labels('agent'))::text[])
        AND team_id = ANY ((SELECT bound_labels('team'))::text[])
        AND session_id = ANY ((SELECT bound_labels('session'))::text[]));

    -- which embedding models the store knows is no secret; only the administrator changes it
    CREATE POLICY reads ON embedding_models FOR SELECT TO memory_core_runtime USING (true);
    REVOKE INSERT, UPDATE, DELETE ON embedding_models FROM memory_core_runtime;
END $$;
GRANT USAGE ON SEQUENCE position_numbers TO memory_core_runtime, memory_core_admin;
-- pg_dump reads sequences too. The owner cannot dump, as row-level security is forced on it; the administrator can.
GRANT SELECT ON ALL SEQUENCES IN SCHEMA memory_core TO memory_core_admin;

-- The table in which Alembic keeps the version: read by all, written by its owner.
ALTER TABLE schema_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_version FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS owner ON schema_version;
DROP POLICY IF EXISTS reads ON schema_version;
CREATE POLICY owner ON schema_version TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY reads ON schema_version FOR SELECT TO memory_core_runtime, memory_core_admin USING (true);
GRANT SELECT ON schema_version TO memory_core_runtime, memory_core_admin;
