"""The second vantage point: the service looks at targets when the database asks it to. Rules are in SQL.

worker        takes looks from the database, and records what was seen
vantage       one look: a request, its redirects, limits
network       resolves names, refuses private addresses, notes certificates
certificate   reads certificates, and says in words why a TLS handshake failed
"""
