"""The running local stack.

`stack.py` starts and stops everything in order. The other modules: settings, the state directory and its
lock, secrets and API keys, PostgREST, the gateway in front of PostgREST, the Supabase CLI (migrations,
types), the monitoring service as a child process, and `.local/dev.env`.
"""
