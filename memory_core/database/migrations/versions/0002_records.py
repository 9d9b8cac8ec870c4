"""See ../sql/0002_records.up.sql."""

from memory_core.database.migrate import run_script

revision = "0002_records"
down_revision = "0001_core"


def upgrade() -> None:
    """Applies the step."""
    run_script("0002_records.up.sql")


def downgrade() -> None:
    """Takes the step back."""
    run_script("0002_records.down.sql")
