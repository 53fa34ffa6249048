"""Supabase over HTTPS: the PostgREST client and what depends on its answers.

auth        sign-in, refresh and sign-out of users by Supabase Auth
client      the calls that the service makes, each an RPC or a read through PostgREST, and limits on them
connections  HTTP/1.1 connections, which are kept between calls
errors      failed calls: exception tree, SQLSTATE table, and the problem each one becomes
retry       repeats transient failures within a time budget
monitor     polls the database's health in the background
scheduler   whether pg_cron is late, computed from what the monitor read
audit       copies the anchors of the audit trail into the log
bootstrap   what the service asks of the database once, when it starts
"""
