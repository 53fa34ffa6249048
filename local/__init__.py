"""The local stack: Supabase for development and CI, without Docker.

Packages, in call order: `commands` (one module per make command), `install` (what `make setup` installs),
`stack` (the running Supabase: PostgREST, gateway, migrations, keys), `postgres` (its database server),
`emulators` (pg_cron and pg_net for a server without them), `system` (processes, ports, paths, terminal
output).
"""

from local.stack.settings import StackSettings
from local.stack.stack import Stack

__all__ = ["Stack", "StackSettings"]
