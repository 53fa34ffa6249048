"""Emulator of pg_cron 1.6: the extension's SQL, the schedules, one run of a job, and the scheduler."""
