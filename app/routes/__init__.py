"""The routes: each reads and checks the request, calls one service or RPC, and formats the response.

report      POST /api/autonomous/error
sentry      POST /webhooks/sentry
email       POST /webhooks/email
rejection   the refusal of a webhook that is not authenticated
incidents   GET /api/autonomous/incidents and …/{incident_id}
health      GET /, /health, /health/db
status      GET and POST /status
sign_in     GET and POST /sign-in, POST /sign-out
metrics     GET /metrics
"""
