"""All settings, and the environment variables that set them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from memory_core.errors import InvalidRequestError


def default_data_dir() -> Path:
    """The folder for this user's data, by the conventions of the operating system."""
    from platformdirs import user_data_path

    return user_data_path("memory-core", appauthor=False)


class Settings(BaseSettings):
    """What can be configured; each field is also read from ``MEMORY_CORE_<FIELD>`` in the environment.

    An argument beats the environment, the environment beats the default. Unknown arguments are errors.
    """

    model_config = SettingsConfigDict(env_prefix="MEMORY_CORE_", extra="forbid", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        default=None, description="Postgres URL (15 or newer, pgvector 0.8 or newer). Unset: embedded Postgres."
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Redis URL for a shared hot tier. Not used yet: hot records stay in the process."
    )
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of the embedded Postgres. Processes may share it."
    )
    embedder: str = Field(
        default="wordllama",
        description="Embedding model: `wordllama` (offline), `openai:MODEL[@URL]`, `fastembed:MODEL`, "
        "`sentence-transformers:MODEL`.",
    )
    embedder_api_key: SecretStr | None = Field(
        default=None, description="Key for an `openai:` embedder; unset: OPENAI_API_KEY."
    )
    reranker: str | None = Field(
        default=None,
        description="Reranker of the best hits: `cross-encoder:MODEL`, `fastembed:MODEL`. Unset: none.",
    )

    language: str = Field(default="english", description="Language of stemming and stop words, or `simple` for none.")
    tokenizer: str | None = Field(
        default=None,
        description="Token counter for budgets: `tiktoken:o200k_base`, `tiktoken:cl100k_base` or the bundled "
        "`wordllama`. Unset: tiktoken if its vocabulary is at hand, else `wordllama`.",
    )
    pool_min_size: int = Field(default=1, ge=0, le=1000, description="Database connections kept open.")
    pool_max_size: int = Field(default=10, ge=1, le=1000, description="Most database connections of one process.")
    connect_timeout: float = Field(default=10.0, gt=0, description="Seconds to wait for a connection.")
    command_timeout: float = Field(default=60.0, gt=0, description="Seconds one statement may take.")
    connection_lifetime: float = Field(
        default=300.0, gt=0, description="Seconds an idle connection is kept before it is replaced."
    )
    start_timeout: float = Field(default=60.0, gt=0, description="Seconds to wait for the embedded Postgres to start.")
    migrate: bool = Field(default=True, description="Bring the schema up to date when a store is opened.")
    hot_max_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1024, description="Most memory for hot records of one process, in bytes."
    )
    access_flush_interval: float = Field(default=2.0, gt=0, description="Seconds between writes of access counts.")
    large_scope_records: int = Field(
        default=50_000, ge=1000, description="Records from which a scope's vectors are found by HNSW, not exactly."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="Level of the `memory_core` logger in the command line."
    )

    @property
    def embedder_key(self) -> str | None:
        """The embedder's key in clear."""
        return None if self.embedder_api_key is None else self.embedder_api_key.get_secret_value()


def load_settings(**given: object) -> Settings:
    """Settings from arguments (None means not given) and the environment.

    Raises:
        InvalidRequestError: A value does not fit; the message names the field and its environment variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InvalidRequestError(
            f"setting {field} (MEMORY_CORE_{field.upper()}): {first['msg']}", field=field
        ) from None
