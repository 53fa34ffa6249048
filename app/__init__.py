"""The HTTP service: it carries messages to Supabase and back. Rules live in SQL, not here.

The core imports no Starlette and can be tested without a server:
    problems, credentials, bodies, reports, filters, verdicts, retry, delivery, forwarder, monitor,
    supabase_rest, logs
Thin adapters to Starlette:
    settings (its Config), state, responses, middleware, routes_*, main
"""
