"""Emulator of pg_cron 1.6: the extension's SQL, when a schedule is due, one run of a job, and the
scheduler.
"""
