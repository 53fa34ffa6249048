"""HTTP concerns that routes share.

attempts     limits on attempts to sign in
auth         tokens, HMAC signatures, constant-time comparison, the client's address
body         header checks, size and time limits, the budgets for bodies in memory
csrf         the token of forms (CSRF)
errors       problem responses
handlers     the exception handlers: pages for browsers, problem responses for others
middleware   request ids, CORS, the request log, the handler for unexpected exceptions, limits on requests in progress
form         the fields of forms
origin       refuses forms that another site submits (CSRF)
protocol     limits on connections, in uvicorn's protocol class
page         answers with a page; page_headers has the headers of all, problem_page what went wrong
session      who reads a page: sessions and their cookies
svix         signatures of Svix and Standard Webhooks
"""
