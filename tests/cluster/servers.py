"""Servers of a cluster, all on 127.0.0.1: SLURM with two nodes, an SSH and an S3 store, PostgreSQL and MLflow.

From Debian's packages, as root, and `moto[server]`; docs/how-to/slurm.md lists them. Each is a context manager that
ends what it has started.
"""

import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import psutil

SLURM_CONF = Path("/etc/slurm/slurm.conf")  # no other place: Snakemake's plugin starts jobs without SLURM_CONF
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
{accounting}
SlurmdTimeout=10
KillWait=5
ReturnToService=2
{gpus}
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=4 RealMemory=20000 {gres}
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=4 RealMemory=20000 {gres}
PartitionName=main Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
"""

DBD_CONF = """\
AuthType=auth/munge
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={dbd}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""


def missing() -> str | None:
    """Why the servers cannot be started here; None if they can."""
    if os.geteuid() != 0:
        return "needs root, to start SLURM"
    if SLURM_CONF.exists():
        return f"{SLURM_CONF}: there is a SLURM on this machine"
    for program in ("slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb", "munged", "sshd", "moto_server"):
        if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin"):
            return f"needs {program}"
    for module in ("snakemake_executor_plugin_slurm", "dvc_s3", "dvc_ssh", "psycopg2"):
        if not find_spec(module):
            return f"needs the package {module.replace('_', '-')}"
    return None if _postgresql() else "needs PostgreSQL"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what}: not ready after {seconds:.0f} s"
        time.sleep(0.2)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: Sequence[str | Path], log: Path, **options) -> Iterator[subprocess.Popen]:
    """A server in the foreground; with its children it ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **options)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def slurm(
    folder: Path, gpus: int = 0, account: str | None = None
) -> Iterator[tuple[Callable[[str], None], Callable[[str], None]]]:
    """SLURM with node1 and node2, each with 4 CPUs, 20 GB and `gpus` that are /dev/null.

    With `account` it keeps accounts in a database, in which this user has that one, and refuses jobs of others. Yields
    what starts a node, and what kills one with all that runs there.
    """
    host = socket.gethostname()
    ports = {name: free_port() for name in ("port", "port1", "port2", "dbd", "database")}
    gres = f"Gres=gpu:{gpus}" if gpus else ""
    accounting = "AccountingStorageType=accounting_storage/none"
    if account:
        accounting = "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\n"
        accounting += f"AccountingStoragePort={ports['dbd']}\nAccountingStorageEnforce=associations"
    (folder / "state").mkdir(parents=True)
    known = {"host": host, "folder": folder, "gres": gres, "accounting": accounting, **ports}
    with ExitStack() as stack:
        conf = {SLURM_CONF: CONF.format(gpus="GresTypes=gpu" if gpus else "", **known)}
        if gpus:
            conf[SLURM_CONF.with_name("gres.conf")] = "".join(
                f"NodeName={node} Name=gpu File=/dev/null\n" for node in ("node1", "node2") for _ in range(gpus)
            )
        if account:
            conf[SLURM_CONF.with_name("slurmdbd.conf")] = DBD_CONF.format(**known)
        for file, content in conf.items():
            file.write_text(content)
            file.chmod(0o600)  # or slurmdbd does not start
            stack.callback(file.unlink)
        stack.enter_context(_munge(folder))
        if account:
            stack.enter_context(_accounts(folder, account, ports["dbd"], ports["database"]))
        stack.enter_context(running(["/usr/sbin/slurmctld", "-D"], folder / "slurmctld.out"))
        wait_for(lambda: listens(ports["port"]), "slurmctld")

        daemons: dict[str, subprocess.Popen] = {}

        def start(node: str) -> None:
            (folder / f"spool-{node}").mkdir(exist_ok=True)
            command = ["/usr/sbin/slurmd", "-D", "-N", node]
            daemons[node] = stack.enter_context(running(command, folder / f"{node}.out"))

        def kill(node: str) -> None:
            listed = subprocess.run(["squeue", "-h", "-w", node, "-o", "%i"], capture_output=True, text=True).stdout
            daemons[node].kill()
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    step = re.match(r"slurmstepd: \[(\d+)\.", " ".join(process.cmdline()))
                    if process.environ().get("SLURMD_NODENAME") == node or (step and step[1] in listed.split()):
                        process.kill()

        for node in ("node1", "node2"):
            start(node)
        wait_for(lambda: _nodes() == {"node1": "idle", "node2": "idle"}, "the nodes")
        yield start, kill


def _nodes() -> dict[str, str]:
    done = subprocess.run(["sinfo", "-N", "-h", "-o", "%N %t"], capture_output=True, text=True)
    return dict(line.split() for line in done.stdout.splitlines())


@contextmanager
def _accounts(folder: Path, account: str, port: int, database: int) -> Iterator[None]:
    """SLURM's accounting on a MariaDB of its own."""
    data, socket_file = folder / "mariadb", folder / "mariadb.socket"
    options = ["--no-defaults", f"--datadir={data}", "--user=root"]
    subprocess.run(["mariadb-install-db", *options, "--auth-root-authentication-method=normal"], check=True)
    server = ["/usr/sbin/mariadbd", *options, "--bind-address=127.0.0.1", f"--port={database}"]
    with running([*server, f"--socket={socket_file}", f"--pid-file={folder}/mariadb.pid"], folder / "mariadb.out"):
        wait_for(lambda: listens(database), "MariaDB")
        sql = "CREATE DATABASE slurm; CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm'; "
        sql += "GRANT ALL ON slurm.* TO slurm@'127.0.0.1'"
        subprocess.run(["mariadb", "--no-defaults", f"--socket={socket_file}", "-u", "root", "-e", sql], check=True)
        with running(["/usr/sbin/slurmdbd", "-D"], folder / "slurmdbd.out"):
            wait_for(lambda: listens(port), "slurmdbd")
            user = pwd.getpwuid(os.getuid()).pw_name
            for entry in ("cluster test", f"account {account} Cluster=test", f"user {user} Account={account}"):
                subprocess.run(["sacctmgr", "--immediate", "add", *entry.split()], check=True)
            subprocess.run(["sacctmgr", "-i", "modify", "user", user, "set", f"DefaultAccount={account}"], check=True)
            yield


@contextmanager
def _munge(folder: Path) -> Iterator[None]:
    """SLURM's authentication; its socket is where SLURM looks for it."""
    user = pwd.getpwnam("munge")
    run = Path("/run/munge")
    run.mkdir(exist_ok=True)
    os.chown(run, user.pw_uid, user.pw_gid)
    own = folder / "munge"
    own.mkdir()
    (own / "key").write_bytes(os.urandom(128))
    for path in (own, own / "key"):
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(0o700 if path == own else 0o400)
    for parent in own.parents:  # the temporary folder of root's tests is root's alone
        if str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    command = ["runuser", "-u", "munge", "--", "munged", "--foreground", "--force", f"--key-file={own}/key"]
    command += [f"--log-file={own}/log", f"--pid-file={own}/pid", f"--seed-file={own}/seed"]
    with running(command, folder / "munged.out"):
        wait_for(lambda: subprocess.run(["munge", "-n"], capture_output=True).returncode == 0, "munged")
        yield
    shutil.rmtree(run)


@contextmanager
def sshd(folder: Path) -> Iterator[dict[str, str]]:
    """An SSH server; yields the settings of a DVC remote on it, `url` among them."""
    folder.mkdir()
    port = free_port()
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    (folder / "conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with running(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "conf"], folder / "log"):
        wait_for(lambda: listens(port), "sshd")
        user = pwd.getpwuid(os.getuid()).pw_name
        url = f"ssh://{user}@127.0.0.1:{port}{folder}/store"
        yield {"url": url, "keyfile": str(folder / "user_key"), "allow_agent": "false"}


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 store with a bucket; yields the settings of a DVC remote in it."""
    folder.mkdir()
    port = free_port()
    with running([shutil.which("moto_server") or "", "--host", "127.0.0.1", "--port", str(port)], folder / "log"):
        wait_for(lambda: listens(port), "moto")
        urlopen(Request(f"http://127.0.0.1:{port}/store", method="PUT")).close()
        keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
        yield {"url": "s3://store/difflab", "endpointurl": f"http://127.0.0.1:{port}", **keys}


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """An MLflow server on a PostgreSQL of its own; yields its address, at which it listens some minutes later."""
    folder.mkdir()
    port, database = free_port(), free_port()
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    as_postgres = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    programs = _postgresql()
    assert programs
    subprocess.run([*as_postgres, programs / "initdb", "-A", "trust", "-D", data], check=True, capture_output=True)
    command = [*as_postgres, programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(database), "-k", folder]
    uri = f"postgresql://postgres@127.0.0.1:{database}/postgres"
    mlflow = shlex.join([sys.executable, "-m", "mlflow"])
    server = ["--backend-store-uri", uri, "--artifacts-destination", str(folder / "artifacts")]
    server += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with running(command, folder / "postgres.log"):
        wait_for(lambda: listens(database), "PostgreSQL")
        start = f"{mlflow} db upgrade {uri} && exec {mlflow} server {shlex.join(server)}"
        with running(["sh", "-c", start], folder / "mlflow.log"):
            yield f"http://127.0.0.1:{port}"
    shutil.rmtree(folder)


def _postgresql() -> Path | None:
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
