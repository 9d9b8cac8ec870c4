"""What the contract tests share: a look behind the store's back, with the owner's login."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

# Each query names what is wrong, one row per problem; a sound store answers with no row.
CHECKS = {
    "counters differ from the records": """
        SELECT scope_id, c.*, r.* FROM
            (SELECT scope_id, sum(records)::bigint AS records, sum(turns)::bigint AS turns, sum(terms)::bigint AS terms,
                    sum(capped)::bigint AS capped
             FROM memory_core.scope_stats WHERE tenant_id = $1 GROUP BY 1) c
        FULL JOIN
            (SELECT scope_id, count(*) AS n, count(thread) AS n_turns, sum(terms)::bigint AS n_terms,
                    coalesce(sum(least(terms, 30)) FILTER (WHERE thread IS NOT NULL), 0)::bigint AS n_capped
             FROM memory_core.records WHERE tenant_id = $1 AND terms > 0 GROUP BY 1) r USING (scope_id)
        WHERE (coalesce(records, 0), coalesce(turns, 0), coalesce(c.terms, 0), coalesce(capped, 0))
           <> (coalesce(n, 0), coalesce(n_turns, 0), coalesce(n_terms, 0), coalesce(n_capped, 0))""",
    "postings differ from the record's terms": """
        SELECT r.id FROM memory_core.records r
        LEFT JOIN LATERAL (SELECT array_agg(p.term ORDER BY p.term) AS terms, sum(p.tf)::bigint AS n,
                                  bool_and(p.terms = r.terms) AS same
                           FROM memory_core.postings p
                           WHERE p.tenant_id = $1 AND p.scope_id = r.scope_id AND p.pos = r.pos) p
        ON true
        WHERE r.tenant_id = $1 AND (coalesce(p.terms, '{}') <> ARRAY(SELECT unnest(r.lexemes) ORDER BY 1)
                                    OR coalesce(p.n, 0) <> r.terms OR NOT coalesce(p.same, true))""",
    "postings of no record": """
        SELECT p.pos FROM memory_core.postings p LEFT JOIN memory_core.records r
            ON r.tenant_id = p.tenant_id AND r.scope_id = p.scope_id AND r.pos = p.pos
        WHERE p.tenant_id = $1 AND r.id IS NULL""",
    "vectors of no record, or that expire at another time": """
        SELECT e.pos FROM memory_core.embeddings e LEFT JOIN memory_core.records r
            ON r.tenant_id = e.tenant_id AND r.scope_id = e.scope_id AND r.pos = e.pos
        WHERE e.tenant_id = $1 AND (r.id IS NULL OR r.expires_at IS DISTINCT FROM e.expires_at
                                    OR (e.embedding IS NULL) = (e.wide IS NULL))""",
    "indexed records without a vector": """
        SELECT r.id FROM memory_core.records r LEFT JOIN memory_core.embeddings e
            ON r.tenant_id = e.tenant_id AND r.scope_id = e.scope_id AND r.pos = e.pos
        WHERE r.tenant_id = $1 AND r.terms > 0 AND e.pos IS NULL""",
    "turns beyond the thread's next number": """
        SELECT r.id FROM memory_core.records r LEFT JOIN memory_core.threads t
            ON t.tenant_id = r.tenant_id AND t.scope_id = r.scope_id AND t.thread = r.thread
        WHERE r.tenant_id = $1 AND r.thread IS NOT NULL
          AND (t.thread IS NULL OR r.seq >= t.next_seq OR r.pos <> (t.thread_no << 24 | r.seq))""",
    "labels that differ from the scope's": """
        SELECT r.id FROM memory_core.records r JOIN memory_core.scopes s USING (tenant_id, scope_id)
        WHERE r.tenant_id = $1 AND (r.user_id, r.agent_id, r.team_id, r.session_id)
                                <> (s.user_id, s.agent_id, s.team_id, s.session_id)""",
    "versions without their events": """
        SELECT r.id FROM memory_core.records r
        LEFT JOIN memory_core.events e
            ON e.tenant_id = r.tenant_id AND e.record_id = r.id AND e.type IN ('stored', 'updated')
        WHERE r.tenant_id = $1 GROUP BY r.id, r.version HAVING count(e.record_id) <> r.version""",
}


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner, whom row-level security does not bind."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def problems(owner: asyncpg.Connection, tenant: str) -> Callable[..., Awaitable[list[str]]]:
    """Recomputes everything derived from a tenant's records; returns what does not agree."""

    async def look(of: str = tenant) -> list[str]:
        found = []
        for name, sql in CHECKS.items():
            rows = await owner.fetch(sql, of)
            found += [f"{name}: {dict(row)}" for row in rows]
        return found

    return look
