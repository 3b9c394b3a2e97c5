"""What Alembic runs to migrate; `upgrade` (see the package) has put the connection into the configuration."""

from alembic import context

from smtpeter.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it too, once the driver lets transactions be
)
with context.begin_transaction():
    context.run_migrations()
