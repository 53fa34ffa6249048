"""The HTTP service: receives reports and webhooks, forwards them to Supabase, and stores them on disk while Supabase is
unavailable. Rules are in SQL.

main       application factory: routes and middleware
smoke      `python -m app.smoke URL`: checks a running deployment
lifespan   builds what requests share and starts background tasks
routes     one module per group of routes
state      the type of what requests share
web        authentication, bodies, errors, middleware: HTTP concerns that routes share
status     data and HTML of the status page
ingest     from a request body to a stored report
looks      looks at targets from the service's own network, for the health checks
spool      the file in which reports wait while Supabase is unavailable
supabase   calls to PostgREST, health of the database
problems, settings, logs, metrics, supervisor   leaf modules

Imports go down this list, never up; a test proves it.
"""
