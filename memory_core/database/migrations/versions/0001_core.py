"""See ../sql/0001_core.up.sql."""

from memory_core.database.migrate import run_script

revision = "0001_core"
down_revision = None


def upgrade() -> None:
    """Applies the step."""
    run_script("0001_core.up.sql")


def downgrade() -> None:
    """Takes the step back."""
    run_script("0001_core.down.sql")
