"""The other peers: Exim and OpenSMTPD out of Debian's packages without installing them, Haraka from npm.

Both of Debian's want their configuration and their users below /etc: they run in a mount namespace of their own, over an
/etc that is theirs alone, so that nothing of the system's is touched. That needs root and overlayfs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.servers import SECRET, Server
from bench.usage import Usage
from tests.kit.cache import kept
from tests.kit.certificates import Authority, Certificate
from tests.kit.loopback import answers, free_port, until
from tests.kit.peers import absent, program

HARAKA = {"Haraka": "3.3.4", "haraka-plugin-relay": "1.0.2"}
# Haraka pins releases of these that are not to be had everywhere.
OVERRIDES = {"encoding-japanese": "2.2.0", "libqp": "2.1.1"}
EXIM = ("exim4-daemon-light", "exim4-base")
OPENSMTPD = ("opensmtpd",)


@contextlib.contextmanager
def exim(directory: Path, sink: int) -> Iterator[Server]:
    """One delivery process for each message, as it does by default; root for its daemon, its own user for the rest."""
    port, issued = free_port(), _prepared(directory)
    version = _unpacked(EXIM, directory, "usr/sbin/exim4")
    for name in ("spool", "log"):
        (directory / name).mkdir()
    issued.private_key.chmod(0o644)
    configuration = _EXIM.format(directory=directory, port=port, sink=sink, secret=SECRET, issued=issued)
    (directory / "exim4.conf").write_text(configuration)
    script = f"""\
{_users("Debian-exim")}
mkdir -p /etc/exim4; cp {directory}/exim4.conf /etc/exim4/
chown -R Debian-exim:Debian-exim {directory}/spool {directory}/log
exec {directory}/usr/sbin/exim4 -bdf -q5m
"""
    with _of_its_own(directory, script, port) as usage:
        yield Server("exim", version, "data file, header and directory with fsync", port, usage, _pairs())


@contextlib.contextmanager
def opensmtpd(directory: Path, sink: int) -> Iterator[Server]:
    """Without logins: it relays to one host over one connection, which is what bounds it.

    It listens with a backlog of 5: of more sessions that come at once some wait for seconds, and some for ever.
    """
    port = free_port()
    directory.mkdir(mode=0o755)
    version = _unpacked(OPENSMTPD, directory, "usr/sbin/smtpd")
    (directory / "queue").mkdir(mode=0o711)
    (directory / "smtpd.conf").write_text(_OPENSMTPD.format(port=port, sink=sink))
    over = directory / "over"
    script = f"""\
{_users("opensmtpd", "opensmtpq")}
cp {directory}/smtpd.conf /etc/; echo relay.example >/etc/mailname
mount -t overlay overlay -o lowerdir={directory}/usr:/usr /usr
mkdir {over}/var {over}/var-work
mount -t overlay overlay -o lowerdir={directory}/var:/var,upperdir={over}/var,workdir={over}/var-work /var
mkdir -p /var/spool/smtpd; mount --bind {directory}/queue /var/spool/smtpd
exec /usr/sbin/smtpd -F -f /etc/smtpd.conf
"""
    with _of_its_own(directory, script, port) as usage:
        durable = "no: the queue is not synced (loaded with 4 sessions at most)"
        yield Server("opensmtpd", version, durable, port, usage, trial=20, sessions=4)


@contextlib.contextmanager
def haraka(directory: Path, sink: int) -> Iterator[Server]:
    """One process with its own outbound queue; all mail goes to the sink by a plugin that names it as every domain's MX."""
    port, issued = free_port(), _prepared(directory)
    modules = _installed_haraka()
    (directory / "queue").mkdir()
    for name, text in {
        "config/plugins": "relay\ntls\nauth/flat_file\nsink\n",
        "config/smtp.ini": f"listen=127.0.0.1:{port}\nnodes=0\n",
        "config/log.ini": "[main]\nlevel=notice\n",
        "config/me": "relay.example\n",
        "config/host_list": "none.example\n",
        "config/relay.ini": "[relay]\nacl=true\n",
        "config/relay_acl_allow": "127.0.0.0/8\n",
        "config/outbound.ini": "local_mx_ok=true\nenable_tls=false\n",
        "config/internalcmd_key": "none\n",
        "config/auth_flat_file.ini": f"[core]\nmethods=PLAIN\nconstrain_sender=false\n[users]\nbench={SECRET}\n",
        "config/tls.ini": f"key={issued.private_key}\ncert={issued.certificate}\n",
        "config/tls_key.pem": issued.private_key.read_text(),
        "config/tls_cert.pem": issued.certificate.read_text(),
        "plugins/sink.js": "exports.hook_get_mx = (next) => "
        f"next(OK, {{ priority: 0, exchange: '127.0.0.1', port: {sink} }});\n",
    }.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    shutil.copy(modules / "Haraka/config/connection.ini", directory / "config")
    # Without it Haraka has one made, which takes a processor away from all servers for up to a minute.
    made = [program("openssl", "openssl"), "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt"]
    subprocess.run([*made, "group:ffdhe2048", "-out", directory / "config/dhparams.pem"], check=True)
    command = [program("node", "nodejs"), modules / "Haraka/bin/haraka", "-c", directory]
    with _running(command, directory, port) as usage:
        version = json.loads((modules / "Haraka/package.json").read_text())["version"]
        yield Server("haraka", version, "queue file with fsync", port, usage, _pairs())


def _pairs() -> dict[str, str]:
    return dict.fromkeys(("plain", "campaign"), f"bench:{SECRET}")


def _prepared(directory: Path) -> Certificate:
    """The directory, which the peer's own users may enter, with a certificate for localhost."""
    directory.mkdir(mode=0o755)
    return Authority(directory).issue("localhost")


def _unpacked(packages: Sequence[str], directory: Path, needed: str) -> str:
    """Debian's packages below the directory, fetched once; the version of the first of them."""
    with kept("debian " + " ".join(packages)) as cache:
        if not all(list(cache.glob(f"{package}_*.deb")) for package in packages):
            fetch = [program("apt-get", "apt"), "download", "--quiet", *packages]
            ended = subprocess.run(fetch, cwd=cache, capture_output=True, text=True, check=False, timeout=120)
            if ended.returncode != 0:
                absent(f"apt-get cannot download {packages[0]}: {ended.stderr.strip()[-300:]}")
        files = [max(cache.glob(f"{package}_*.deb")) for package in packages]
        for file in files:
            subprocess.run([program("dpkg", "dpkg"), "--extract", file, directory], check=True)
    missing = subprocess.run(["ldd", directory / needed], capture_output=True, text=True, check=True).stdout
    if "not found" in missing:
        absent(
            f"{needed} lacks libraries: {[line.split()[0] for line in missing.splitlines() if 'not found' in line]}"
        )
    return files[0].name.split("_")[1]


def _installed_haraka() -> Path:
    """npm's modules with Haraka in them, fetched once."""
    with kept(f"Haraka@{HARAKA['Haraka']}") as cache:
        done = cache / "installed"
        if not done.exists():
            wanted = {"private": True, "dependencies": HARAKA, "overrides": OVERRIDES}
            (cache / "package.json").write_text(json.dumps(wanted))
            npm = [
                program("npm", "npm"),
                "install",
                "--omit=optional",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
            ]
            ended = subprocess.run(npm, capture_output=True, text=True, check=False, timeout=240, cwd=cache)
            if ended.returncode != 0:
                absent(f"npm cannot install Haraka: {ended.stderr.strip()[-300:]}")
            done.touch()
        return cache / "node_modules"


def _users(*names: str) -> str:
    """Shell that adds users to the /etc/passwd that only this peer sees."""
    return "\n".join(
        f"grep -q ^{name}: /etc/passwd || {{ echo '{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin' >>/etc/passwd; "
        f"echo '{name}:x:{number}:' >>/etc/group; }}"
        for number, name in enumerate(names, 2725)
    )


@contextlib.contextmanager
def _of_its_own(directory: Path, script: str, port: int) -> Iterator[Usage]:
    """A daemon that the script becomes, in a mount namespace with an /etc of its own."""
    if os.geteuid() != 0:
        absent("a mount namespace needs root")
    (directory / "over/etc").mkdir(parents=True)
    (directory / "over/etc-work").mkdir()
    (directory / "start.sh").write_text(f"""\
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/etc,upperdir={directory}/over/etc,workdir={directory}/over/etc-work /etc
{script}""")
    with _running(
        [program("unshare", "util-linux"), "--mount", "sh", directory / "start.sh"], directory, port
    ) as usage:
        yield usage


@contextlib.contextmanager
def _running(command: Sequence[str | Path], directory: Path, port: int) -> Iterator[Usage]:
    """The process until the end of the context, in a session of its own, so that what it leaves behind ends with it."""
    with (directory / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def is_up() -> bool:
        if process.poll() is not None:
            absent(f"it ended with status {process.returncode}: {(directory / 'log.txt').read_text()[-500:]}")
        return answers(port)

    try:
        until(is_up, 30, lambda: (directory / "log.txt").read_text()[-1000:])
        with Usage(process.pid) as usage:
            yield usage
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(directory / "over", ignore_errors=True)


_EXIM = """\
exim_path = {directory}/usr/sbin/exim4
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/spool/exim.pid
primary_hostname = relay.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 200
never_users = root
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
tls_advertise_hosts = *
tls_certificate = {issued.certificate}
tls_privatekey = {issued.private_key}
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
disable_ipv6 = true
keep_environment =
begin routers
all:
  driver = manualroute
  domains = *
  route_list = * 127.0.0.1
  self = send
  transport = sink
begin transports
sink:
  driver = smtp
  port = {sink}
  allow_localhost = true
  hosts_try_fastopen =
begin retry
* * F,2h,15m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{bench}}}}{{eq{{$auth3}}{{{secret}}}}}}}}}
  server_set_id = $auth2
  server_prompts = :
"""
_OPENSMTPD = """\
smtp limit max-mails 100000
listen on 127.0.0.1 port {port} hostname relay.example
action "sink" relay host smtp://127.0.0.1:{sink}
match from any for any action "sink"
"""
