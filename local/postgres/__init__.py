"""The PostgreSQL server of a stack and what it contains before the first migration.

Servers: our own PostgreSQL 18 (`server.py`, `data_directory.py`), an external one named by STACK_POSTGRES_URL
(`external_server.py`), PostgreSQL 15 from npm for `make test-postgres15` (`postgres15.py`), and PostgreSQL 17 in a
Debian tree for `make test-engine` (`debian_tree.py`, `debian_server.py`). Contents: roles, schemas and privileges
(`bootstrap.py` and two SQL files) and extensions (`extensions.py`).
"""
