"""The Postgres server in a user's data folder: started by the first process that needs it, stopped by the last."""

from memory_core.database.embedded.lease import EmbeddedServer, acquire_embedded

__all__ = ["EmbeddedServer", "acquire_embedded"]
