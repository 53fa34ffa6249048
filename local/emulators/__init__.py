"""Emulators of PostgreSQL extensions whose binaries are on neither PyPI nor npm: pg_cron and pg_net.

Each has an `extension/` directory (control file and install script with the schema, functions and grants of
the real extension) and a worker that runs in the stack's process in place of the extension's background
worker.
"""
