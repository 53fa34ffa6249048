"""The day of a shop that `make demo` tells, as data: nothing here sends or writes anything but SQL of the past.

`errors.py` has what is reported today and how people and agents deal with it, `deployments.py` what was deployed,
`targets.py` the targets with their history, `past.py` the incidents of the last days, and `sentry.py` the webhooks
of one issue. The names are invented, and all texts are this project's.
"""
