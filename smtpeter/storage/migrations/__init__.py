"""The schema's versions, one module each in `versions`, run by Alembic from here: there is no alembic.ini.

All steps run in one transaction that holds a lock: a second process that wants to migrate waits, and then
finds nothing to do; whoever fails leaves the store as it was.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from smtpeter.storage import postgresql
from smtpeter.storage.engine import StoreUnusable, for_writing, shown


class SchemaIsNewer(StoreUnusable):
    """The store was written by a later version of smtpeter."""


def upgrade(engine: Engine) -> None:
    """Bring the schema up to date, or create it; raises SchemaIsNewer, or StoreUnusable."""
    try:
        with for_writing(engine).begin() as connection:
            if engine.dialect.name == postgresql.NAME:
                postgresql.wait_for(connection, postgresql.Lock.MIGRATION)
            if not _is_current(connection):
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error


def is_current(engine: Engine) -> bool:
    """Whether there is nothing to migrate; raises SchemaIsNewer, or StoreUnusable."""
    try:
        with engine.begin() as connection:
            return _is_current(connection)
    except DBAPIError as error:
        raise StoreUnusable(f"{shown(engine)}: {error.orig}") from error


def _config() -> Config:
    config = Config()
    # Alembic interpolates options as configparser does.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _is_current(connection: Connection) -> bool:
    present = MigrationContext.configure(connection).get_current_revision()
    versions = ScriptDirectory.from_config(_config())
    try:
        versions.get_revision(present or "base")
    except CommandError as error:
        raise SchemaIsNewer(
            f"{shown(connection.engine)}: its schema ({present}) is newer than this version of smtpeter"
        ) from error
    return present == versions.get_current_head()
