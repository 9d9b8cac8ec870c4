"""See ../sql/0004_maintenance.up.sql."""

from memory_core.database.migrate import run_script

revision = "0004_maintenance"
down_revision = "0003_recall"


def upgrade() -> None:
    """Applies the step."""
    run_script("0004_maintenance.up.sql")


def downgrade() -> None:
    """Takes the step back."""
    run_script("0004_maintenance.down.sql")
