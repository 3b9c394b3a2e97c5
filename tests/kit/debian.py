"""The Debian package, built from a copy of the checkout; and a clean Debian to install it in, with no system booted.

Both need root, Debian's tools and its mirror (the machine's own, from /etc/apt): where they are missing the test is
skipped, in CI it fails.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.kit.daemon import ROOT
from tests.kit.peers import absent, program

UNIT = Path("/lib/systemd/system/smtpeter.service")
PYTHON = "/usr/lib/smtpeter/bin/python"
# What is made by building and running, and stays behind in a checkout.
MADE = shutil.ignore_patterns(
    "__pycache__",
    "dropin.cache",
    ".*",
    "var",
    "build",
    "*.egg-info",
    "node_modules",
    "*.substvars",
    "*.debhelper",
)


_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "DPKG_DEB_COMPRESSOR_TYPE": "gzip",  # in a third of the time
    "DPKG_DEB_COMPRESSOR_LEVEL": "1",
}


def run(*command: str | Path, cwd: Path | None = None, within: float = 600.0, stdin: str = "") -> str:
    """What the command prints; it must succeed."""
    ended = subprocess.run(
        list(map(str, command)), cwd=cwd, input=stdin, capture_output=True, text=True, timeout=within, check=False,
        env={**os.environ, **_ENVIRONMENT},
    )  # fmt: skip
    assert ended.returncode == 0, f"{command}: {ended.stdout[-5000:]}{ended.stderr[-5000:]}"
    return ended.stdout


def build(directory: Path) -> Path:
    """The package, built in `directory`."""
    if "VERSION_CODENAME=bookworm" not in Path("/etc/os-release").read_text():
        pytest.skip("the package is for Debian 12, and built there")
    checked = subprocess.run(
        [program("dpkg-checkbuilddeps", "dpkg-dev"), ROOT / "debian/control"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if checked.returncode:
        absent(checked.stderr.strip())
    source = directory / "source"
    for path in ROOT.iterdir():
        if path.is_dir() and path.name in {"smtpeter", "twisted", "etc", "debian", "docs"}:
            shutil.copytree(path, source / path.name, symlinks=True, ignore=MADE)
        elif path.is_file():
            source.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, source)
    for made in ("smtpeter", "man"):
        shutil.rmtree(source / "debian" / made, ignore_errors=True)
    run(
        "dpkg-buildpackage",
        "--unsigned-source",
        "--unsigned-changes",
        "--build=binary",
        cwd=source,
        within=1800,
    )
    [package] = directory.glob("smtpeter_*.deb")
    return package


def older(package: Path, directory: Path) -> Path:
    """The same package as it might have been before: an older version, and another configuration shipped."""
    tree = directory / "older"
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 0.0.1", control.read_text()))
    shipped = tree / "etc/smtpeter/smtpeter.toml"
    shipped.write_text("# an older file\n" + shipped.read_text())
    made = directory / "older.deb"
    run("dpkg-deb", "--build", tree, made)
    return made


def mirror() -> str:
    """The mirror that this machine gets its own packages from."""
    for file in sorted(Path("/etc/apt").glob("sources.list*")):
        for source in [file] if file.is_file() else sorted(file.iterdir()):
            found = re.search(r"(?m)^(?:URIs: |deb (?:\[.*?\] )?)(\S+/debian)/?(?:\s|$)", source.read_text())
            if found:
                return found[1]
    return absent("no Debian mirror in /etc/apt")


class Debian:
    """A clean Debian 12 in a directory. A context manager; what is started in it has a network of its own."""

    def __init__(self, directory: Path) -> None:
        if os.geteuid() != 0:
            absent("debootstrap and chroot need root")
        self.directory = directory
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        debootstrap = program("debootstrap", "debootstrap")
        run(debootstrap, "--variant=minbase", "bookworm", self.directory, mirror())
        for name in ("resolv.conf", "hosts"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(Path("/etc") / name, self.directory / "etc" / name)
        if proxy := re.search(r'^Acquire::http::Proxy "(.+)";', run("apt-config", "dump"), re.MULTILINE):
            (self.directory / "etc/apt/apt.conf.d/proxy").write_text(f'Acquire::http::Proxy "{proxy[1]}";\n')
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self.stop()
        shutil.rmtree(self.directory)

    def path(self, inside: str | Path) -> Path:
        """Where a path inside is, seen from outside."""
        return self.directory / str(inside).lstrip("/")

    def run(self, *command: str | Path, within: float = 600.0) -> str:
        """What a command inside prints; it must succeed. Mounts that it needs end with it."""
        mounts = 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"'
        return run("unshare", "--mount", "sh", "-ec", mounts, self.directory, *command, within=within)

    def install(self, package: Path) -> str:
        """By apt, which brings what it depends on; a configuration that was changed is kept."""
        shutil.copy(package, self.path("/root"))
        keep = "Dpkg::Options::=--force-confold"
        return self.run(
            *("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "--option", keep),
            f"/root/{package.name}",
        )

    def smtpeter(self, *words: str) -> str:
        """The installed command, as the server's user."""
        return self.run(
            "setpriv", "--reuid=smtpeter", "--regid=smtpeter", "--clear-groups", "smtpeter", *words
        )

    # -- the server ------------------------------------------------------------------------------------------

    def unit(self, key: str) -> list[str]:
        """The values that the service has for a key."""
        return re.findall(rf"(?m)^{key}=(.*)$", self.path(UNIT).read_text())

    def system_calls(self) -> list[str]:
        """Those that the unit's SystemCallFilter leaves."""
        left: set[str] = set()
        for words in (value.split() for value in self.unit("SystemCallFilter")):
            named = {call for word in words for call in self._calls(word.removeprefix("~"))}
            left = left - named if words[0].startswith("~") else left | named
        return sorted(left)

    def _calls(self, word: str) -> Iterator[str]:
        if not word.startswith("@"):
            yield word
            return
        for line in self.run("systemd-analyze", "syscall-filter", word).splitlines()[1:]:
            if (each := line.strip()) and not each.startswith("#"):
                yield from self._calls(each)

    def start(self) -> None:
        """ExecStart as the unit would start it, as far as that goes without systemd; until it says that it is ready.

        Its user, its one capability, no new privileges, a file system that it cannot write but for its state, /tmp and
        devices of its own, and no system calls but those of the filter.
        """
        [command] = self.unit("ExecStart")
        notify = self.path("/run/notify")
        notify.unlink(missing_ok=True)
        log = self.path("/root/log").open("ab")
        with log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(notify))
            notify.chmod(0o777)
            manager.settimeout(60)
            self._server = subprocess.Popen(
                [
                    *("unshare", "--mount", "--ipc", "--net", "sh", "-ec", _SANDBOX, self.directory),
                    *(PYTHON, "-P", "-c", _CONFINED, " ".join(self.system_calls()), *command.split()),
                ],
                env={
                    "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                    "NOTIFY_SOCKET": "/run/notify",
                    "WATCHDOG_USEC": "3000000",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            try:
                while not manager.recv(1000).startswith(b"READY=1"):
                    pass
            except TimeoutError:
                raise AssertionError(self.log()) from None

    def stop(self) -> None:
        assert self._server is not None
        server, self._server = self._server, None
        server.terminate()
        assert server.wait(60) in {0, -signal.SIGTERM}, self.log()

    def log(self) -> str:
        return self.path("/root/log").read_text()

    def beside(self, *command: str, stdin: str = "") -> str:
        """What a command prints in the server's network, inside."""
        assert self._server is not None
        target = f"--target={self._server.pid}"
        return run("nsenter", target, "--net", "chroot", self.directory, *command, within=60, stdin=stdin)

    def status(self) -> dict[str, str]:
        """What the kernel knows of the server."""
        assert self._server is not None
        text = Path(f"/proc/{self._server.pid}/status").read_text()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


_SANDBOX = """\
root=$0
mount --bind "$root" "$root"
mount --bind "$root/var/lib/smtpeter" "$root/var/lib/smtpeter"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do touch "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
ip link set lo up 2>/dev/null || "$root$1" -c '
import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x49))'
exec chroot "$root" setpriv --reuid=smtpeter --regid=smtpeter --clear-groups \
    --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service \
    --no-new-privs "$@"
"""

_CONFINED = """\
import ctypes, os, sys
calls, *command = sys.argv[1:]
DENY, ALLOW = 0x00050001, 0x7FFF0000  # SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
filter = ctypes.c_void_p(seccomp.seccomp_init(DENY))
for call in calls.split():
    number = seccomp.seccomp_syscall_resolve_name(call.encode())
    if number >= 0:
        assert seccomp.seccomp_rule_add_array(filter, ALLOW, number, 0, None) == 0, call
assert seccomp.seccomp_load(filter) == 0
os.umask(0o077)
os.execv(command[0], command)
"""


def contents(package: Path, directory: Path) -> Sequence[tuple[str, str, bytes]]:
    """Each file of a package: its path, mode and links, and what is in it; the control files, too."""
    tree = directory / package.stem
    directory.mkdir(parents=True, exist_ok=True)
    run("dpkg-deb", "--raw-extract", package, tree)
    return [
        (str(path.relative_to(tree)), oct(path.lstat().st_mode), _content(path))
        for path in sorted(tree.rglob("*"))
    ]


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.readlink(path).encode()
    return path.read_bytes() if path.is_file() else b""
