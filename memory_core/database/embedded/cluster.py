"""One embedded Postgres data folder: initialise, find, start, stop. The caller holds the locks (see ``lease``)."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from memory_core.database.embedded.account import Account, account_for
from memory_core.database.embedded.binaries import binaries_for
from memory_core.database.embedded.probe import SUPERUSER, Endpoint, accepts, command_line
from memory_core.errors import DataError, UnavailableError, UsageError

_POLL_SECONDS = 0.005  # a warm start takes about 30 ms, so polling finer gains nothing

_ON_WINDOWS = sys.platform == "win32"
_SETTINGS = Path(__file__).with_name("settings.conf")
_SOCKET_PORT = 5432  # only names the socket file (.s.PGSQL.5432); no port is opened
# sun_path is 104 bytes on macOS and 108 on Linux, its final zero included; "/.s.PGSQL.5432" needs 14 of them.
_SOCKET_FOLDER_MAX_BYTES = 104 - 1 - 14
_SOCKET_FOLDER_PREFIX = "memory-core-"  # of folders below the temporary one, for longer paths
_DISK_FULL_BYTES = 16 * 1024 * 1024  # a start may have to add one segment of the write-ahead log


class Cluster:
    """The Postgres data folder ``<data_dir>/pg``.

    Args:
        data_dir: An existing folder, resolved.
        tcp: Listen on a loopback port guarded by a password, for systems without unix sockets.
    """

    def __init__(self, data_dir: Path, *, tcp: bool = _ON_WINDOWS) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "pg"
        self.log_folder = self.folder / "log"
        self._start_log = data_dir / "start.log"
        self._password_file = data_dir / "password"
        self._tcp = tcp

    def endpoint(self) -> Endpoint | None:
        """Where to connect, or None unless the server accepts connections at this moment."""
        lines = self._lock_file_lines()
        if len(lines) < 8 or lines[7] != "ready":
            return None
        endpoint = Endpoint(lines[4] or lines[5], int(lines[3]))
        return endpoint if accepts(endpoint) else None

    def password(self) -> str | None:
        """The superuser's password, or None where the socket folder's permissions are the guard."""
        return self._password_file.read_text().strip() if self._tcp else None

    def ensure_running(self, deadline: float) -> Endpoint:
        """Initialise the folder if it is new, then start the server unless it runs; wait until it accepts connections.

        Args:
            deadline: Instant of ``time.monotonic()`` at which to give up.

        Raises:
            UnavailableError: The server does not start or is not ready in time, or the disk is full.
            DataError: The folder belongs to a Postgres version that is not installed.
            MissingDependencyError: No Postgres for this platform is installed.
        """
        launched = seen = False
        while time.monotonic() < deadline:
            if endpoint := self.endpoint():
                return endpoint
            alive = self._postmaster() is not None  # then it is starting, recovering or stopping: wait
            if launched and not alive and (seen or "FATAL" in self._start_messages()):
                if "still in use" not in self._start_messages():
                    raise self._failed("did not start")
                launched = seen = False  # the last children of a killed server are still leaving: try again
            elif not launched and not alive:
                self._launch()
                launched = True
            seen = seen or (launched and alive)
            time.sleep(_POLL_SECONDS)
        raise self._unavailable("was not ready in time")

    def stop(self, timeout: float = 30.0) -> None:
        """Stop the server ("fast": open transactions are rolled back) and wait until it is gone.

        Does nothing if no server of this folder runs. One that needs longer than ``timeout`` seconds goes on
        stopping by itself; the next ``ensure_running`` waits for it.
        """
        pid = self._postmaster()
        if pid is None:
            return
        sockets = Path(next(iter(self._lock_file_lines()[4:5]), self.folder))
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + timeout
        while self._is_postmaster(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if sockets.name.startswith(_SOCKET_FOLDER_PREFIX):
            with suppress(OSError):
                sockets.rmdir()

    def _lock_file_lines(self) -> list[str]:
        """Lines of postmaster.pid: pid, folder, start, port, socket folder, address, shared memory, status."""
        try:
            text = (self.folder / "postmaster.pid").read_text(errors="replace")
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _postmaster(self) -> int | None:
        """The pid of this folder's server: proven by its command line, as a stale file may name any process."""
        lines = self._lock_file_lines()
        if lines and lines[0].isdigit():
            return int(lines[0]) if self._is_postmaster(int(lines[0])) else None
        if not (self.folder / "postmaster.pid").exists():
            return None
        import psutil  # slow to import, and a damaged file is rare

        return next((pid for pid in psutil.pids() if self._is_postmaster(pid)), None)

    def _is_postmaster(self, pid: int) -> bool:
        argv = command_line(pid)  # postgres -D <folder> ...; its children carry a title instead
        return len(argv) > 2 and Path(argv[0]).stem == "postgres" and argv[1:3] == ["-D", str(self.folder)]

    def _launch(self) -> None:
        account = account_for(self.folder)
        for leftover in self.data_dir.glob("init-*"):  # of a process killed during initdb
            shutil.rmtree(leftover, ignore_errors=True)
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(account)
        binaries = binaries_for(self._version(), account)
        account.reach(self.data_dir)
        settings = self.folder / "memory_core.conf"
        settings.write_bytes(_SETTINGS.read_bytes())
        account.own(settings)
        # Whoever these files name is not our server (the caller checked), but Postgres would believe any live pid.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        if self._tcp:
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            options = ["-h", "127.0.0.1", "-p", str(port), "-k", ""]
        else:
            sockets = self._socket_folder(account)
            for name in (f".s.PGSQL.{_SOCKET_PORT}", f".s.PGSQL.{_SOCKET_PORT}.lock"):
                (sockets / name).unlink(missing_ok=True)
            quoted = '"' + str(sockets).replace('"', '""') + '"'  # the setting is a list of (quoted) names
            options = ["-h", "", "-p", str(_SOCKET_PORT), "-k", quoted]
        self._start_log.unlink(missing_ok=True)
        with self._start_log.open("wb") as log:
            if _ON_WINDOWS:  # pg_ctl drops administrator rights, which Postgres refuses
                launcher = [str(binaries / "pg_ctl"), "-W", "-D", str(self.folder)]
                command = [*launcher, "-o", subprocess.list2cmdline(options), "start"]
            else:  # the shell returns at once, leaving the server to init: no child to reap, no quoting as with pg_ctl
                launcher = ["/bin/sh", "-c", '"$@" &', "sh"]
                command = [*launcher, str(binaries / "postgres"), "-D", str(self.folder), *options]
            account.run(command, cwd=self.folder, output=log)

    def _initialise(self, account: Account) -> None:
        """Run initdb in a folder beside the final one and rename it: a kill at any moment leaves nothing half-made."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise DataError(
                f"{self.folder} holds files but is no Postgres data folder. Move it away, or set "
                "MEMORY_CORE_DATA_DIR to another folder.",
                data_dir=str(self.data_dir),
            )
        binaries = binaries_for(None, account)
        account.reach(self.data_dir)
        new = Path(tempfile.mkdtemp(prefix="init-", dir=self.data_dir))
        try:
            account.own(new)
            # The built-in C.UTF-8 needs no locale of the system and never changes under an index.
            command = [str(binaries / "initdb"), "-D", str(new), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
            if self._tcp:
                self._password_file.touch(mode=0o600)
                self._password_file.write_text(secrets.token_urlsafe(32))
                account.own(self._password_file)
                command += ["--auth=scram-sha-256", f"--pwfile={self._password_file}"]
            else:
                command += ["--auth=trust"]  # the socket's folder admits only its owner
            result = account.run(command, cwd=new, output=subprocess.PIPE)
            if result.returncode != 0:
                self._start_log.write_bytes(result.stdout)
                raise self._failed("could not be initialised")
            with (new / "postgresql.conf").open("a") as conf:
                conf.write("\ninclude 'memory_core.conf'\n")
                conf.flush()
                os.fsync(conf.fileno())
            new.rename(self.folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        if not _ON_WINDOWS:
            parent = os.open(self.data_dir, os.O_RDONLY)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)

    def _version(self) -> int:
        text = (self.folder / "PG_VERSION").read_text(errors="replace").strip()
        if not text.isdigit():
            raise DataError(
                f"{self.folder / 'PG_VERSION'} is damaged. Restore the data folder from a backup, or set "
                "MEMORY_CORE_DATA_DIR to another folder.",
                data_dir=str(self.data_dir),
            )
        return int(text)

    def _socket_folder(self, account: Account) -> Path:
        """The data folder itself, or a private one below the temporary folder where that path cannot name a socket."""
        path = str(self.folder)
        if len(os.fsencode(path)) <= _SOCKET_FOLDER_MAX_BYTES and "," not in path:  # drivers split hosts at commas
            return self.folder
        import hashlib

        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        sockets = Path(tempfile.gettempdir()) / (_SOCKET_FOLDER_PREFIX + name)
        with suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            account.own(sockets)
        if sockets.is_symlink() or sockets.stat().st_uid != self.folder.stat().st_uid:
            raise UsageError(
                f"{sockets}, needed for the server's socket, belongs to another user. Set MEMORY_CORE_DATA_DIR to "
                f"a folder whose path is shorter than {_SOCKET_FOLDER_MAX_BYTES - 3} bytes.",
                data_dir=str(self.data_dir),
            )
        sockets.chmod(0o700)
        account.reach(sockets.parent)
        return sockets

    def _start_messages(self) -> str:
        try:
            return self._start_log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _failed(self, what: str) -> UnavailableError:
        messages = self._start_messages()
        full = "No space left on device" in messages or "Disk quota exceeded" in messages
        if full or shutil.disk_usage(self.data_dir).free < _DISK_FULL_BYTES:
            return self._unavailable("has no room: the disk is full. Free some space and try again")
        found = re.search(r"(?:FATAL|error): +(.+)", messages)
        return self._unavailable(f"{what} ({found[1] if found else 'it ended early'})")

    def _unavailable(self, what: str) -> UnavailableError:
        return UnavailableError(
            f"The embedded Postgres in {self.data_dir} {what}. Its logs: {self._start_log} and {self.log_folder}",
            data_dir=str(self.data_dir),
            log=str(self._start_log),
        )
