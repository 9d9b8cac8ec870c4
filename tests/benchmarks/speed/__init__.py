"""How fast the library is, beside raw asyncpg (the floor) and LangGraph's AsyncPostgresStore (the peer).

``python -m tests.benchmarks.speed`` runs everything on a Postgres of its own and prints one table. All contestants of
a line take turns in one run on one server, so that the ratios hold on a noisy machine where absolute times do not.
"""
