"""The forms that the tables have had, and the ways between them (Alembic)."""
