"""HTTP concerns that routes share.

auth         tokens, HMAC signatures, constant-time comparison, the client's address
body         header checks, size and time limits, the budgets for bodies in memory
errors       problem responses and the exception handlers
middleware   request ids, CORS, the request log, the handler for unexpected exceptions, limits on requests in progress
origin       refuses forms that another site submits (CSRF)
protocol     limits on connections, in uvicorn's protocol class
session      who reads the status page: sessions and their cookie
svix         signatures of Svix and Standard Webhooks
"""
