"""The data and the HTML of the pages.

snapshot   what the service knows from memory: versions, database, scheduler, spool
metrics    the same as Prometheus metrics
targets    the states of targets, for the metrics
cache      shares one result among concurrent and recent requests
page       renders pages from templates/
public     the status page of everybody, rendered once for all of its readers
incidents  formats incidents: the folded stack, choices of forms, web addresses
charts     inline SVG with axes
words      numbers, states and stored texts as pages say them
"""
