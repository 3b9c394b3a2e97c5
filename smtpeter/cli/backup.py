"""`smtpeter backup FILE` and `restore FILE`: all that a server is, in one tar file.

The store with its queue, journal, logins and keys; the configuration, and the certificates, keys and passwords that
it names; clicks and opens that are not in the store yet. A file is complete or not there. Restoring writes over
nothing but, with --force, the store, which is kept aside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import click

from smtpeter.cli.store import configured, opened, owned
from smtpeter.config import Settings
from smtpeter.storage import backup as stores
from smtpeter.storage.engine import StoreInUse, StoreUnusable

_STORE, _CONFIGURATION, _SPILLED = "store.db", "smtpeter.toml", "hits"

_POSTGRESQL = """\
the store is in PostgreSQL, which has its own tools: pg_dump --format=custom --file=smtpeter.dump DATABASE
Keep with it: {files}"""


def _named(config_file: Path, settings: Settings) -> dict[str, Path]:
    """The files beside the store, by their names in the archive."""
    named = {_CONFIGURATION: config_file}
    for number, (certificate, private_key) in enumerate(settings.tls.pairs()):
        named[f"certificate-{number}.pem"] = certificate
        named[f"private-key-{number}.pem"] = private_key
    for name in ("smarthost_password_file", "certificate_authorities"):
        if path := getattr(settings.relay, name):
            named[name] = Path(path)
    return named


def _store(settings: Settings, config_file: Path) -> Path:
    found = stores.file_of(settings.store.url, settings.data_directory)
    if found is None:
        files = " ".join(map(str, _named(config_file, settings).values()))
        raise click.ClickException(_POSTGRESQL.format(files=files))
    return found


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is one line."""
    try:
        yield
    except tarfile.TarError:
        raise click.ClickException("it is no backup, or not a whole one") from None
    except (StoreInUse, StoreUnusable, OSError) as error:
        raise click.ClickException(str(error)) from None


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup(config_file: Path, file: Path) -> None:
    """Write all that this server is to FILE, while it runs; guard it as you guard the store."""
    settings = configured(config_file)
    store = _store(settings, config_file)
    copy, archive = (file.with_name(f"{file.name}.{os.getpid()}.{part}") for part in ("store", "part"))
    with _told():
        try:
            _write(archive, copy, store, config_file, settings)
            archive.replace(file)
        finally:
            for path in (copy, archive):
                path.unlink(missing_ok=True)
    click.echo(f"{file}: {file.stat().st_size} octets")


def _write(archive: Path, copy: Path, store: Path, config_file: Path, settings: Settings) -> None:
    """What has been spilled comes first: what moves into the store meanwhile is there twice, not never."""
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as written:
            for path in sorted(settings.data_directory.glob(f"{_SPILLED}*")):
                with contextlib.suppress(FileNotFoundError):
                    written.add(path, path.name)
            for name, path in _named(config_file, settings).items():
                written.add(path.resolve(), name, recursive=False)
            stores.copy_out(store, copy)
            written.add(copy, _STORE)
        output.flush()
        os.fsync(output.fileno())


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Put aside the store that is there.")
@click.pass_obj
def restore(config_file: Path, file: Path, force: bool) -> None:
    """Make this the server that FILE was written by, while none runs; files that are there stay as they are."""
    with _told(), tarfile.open(file) as archive:
        if not config_file.exists():
            _extract(archive, _CONFIGURATION, config_file)
        settings = configured(config_file)
        store = _store(settings, config_file)
        settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = store.with_name(f"{store.name}.{os.getpid()}.restored")
        try:
            _extract(archive, _STORE, copy, most=0o600)
            with owned(settings.data_directory):
                before = stores.put_in(copy, store, settings.data_directory, force=force)
        finally:
            copy.unlink(missing_ok=True)
        if before is not None:
            click.echo(f"{before}: the store that was there")
        for name, path in _named(config_file, settings).items():
            if name in archive.getnames() and name != _CONFIGURATION:
                _extract(archive, name, path)
        _restore_spilled(archive, settings.data_directory)
    with opened(settings) as restored:  # an older one is brought up to date
        restored.record("restored all from a backup", file.name)
        click.echo(
            "restored. What was queued then is queued again, also what has left since; to look at it before"
        )
    click.echo("the server starts: smtpeter queue list; smtpeter queue hold --id ID")


def _extract(archive: tarfile.TarFile, name: str, path: Path, most: int = 0o640) -> None:
    """A new file, of its directory's owner and group; one that is there stays, and is told of. `most`: its mode at most."""
    if path.exists():
        click.echo(f"{path}: is there already, and stays as it is")
        return
    content = archive.extractfile(name) if name in archive.getnames() else None
    if content is None:
        raise click.ClickException(f"{archive.name!r}: there is no {name} in it")
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    mode = archive.getmember(name).mode & most
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as output, content:
        shutil.copyfileobj(content, output)
        output.flush()
        os.fsync(output.fileno())
        _give(output.fileno(), path.parent)


def _give(descriptor: int, directory: Path) -> None:
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _restore_spilled(archive: tarfile.TarFile, directory: Path) -> None:
    for member in archive.getmembers():
        if member.isfile() and member.name.partition("/")[0].startswith(_SPILLED):
            if ".." in Path(member.name).parts:
                raise click.ClickException(f"{archive.name!r}: {member.name!r} is not ours")
            _extract(archive, member.name, directory / member.name, most=0o600)
