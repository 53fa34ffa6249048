"""The routes: each reads and checks the request, calls one service or RPC, and formats the response.

report          POST /api/autonomous/error
sdk             POST /api/{project}/envelope/ and …/store/
sentry          POST /webhooks/sentry
monitors        POST /webhooks/alertmanager, …/grafana, …/uptime-kuma, …/github, …/generic
email           POST /webhooks/email
rejection       the refusal of a webhook that is not authenticated
heartbeat       GET and POST /heartbeat/{key} and …/{signal}
incidents       GET /api/autonomous/incidents and …/{incident_id}
health          GET /, /health, /health/db
metrics         GET /metrics
status          GET and POST /status
The other pages are in kill_switch, sign_in (also POST /sign-out), incident_pages and target_page.
"""
