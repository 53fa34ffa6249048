"""The data and the HTML of the status page.

snapshot   what the service knows from memory: versions, database, scheduler, spool
metrics    the same as Prometheus metrics
targets    the states of targets, for the metrics
cache      shares one result among concurrent and recent requests
page       renders the page from templates/
"""
