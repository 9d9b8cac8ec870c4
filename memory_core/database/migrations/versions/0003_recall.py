"""See ../sql/0003_recall.up.sql."""

from memory_core.database.migrate import run_script

revision = "0003_recall"
down_revision = "0002_records"


def upgrade() -> None:
    """Applies the step."""
    run_script("0003_recall.up.sql")


def downgrade() -> None:
    """Takes the step back."""
    run_script("0003_recall.down.sql")
