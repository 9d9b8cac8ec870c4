"""Alembic keeps the order, ``versions/``; the text of each step is SQL, ``sql/NAME.up.sql`` and ``.down.sql``."""
