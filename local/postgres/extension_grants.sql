-- Purpose: the grants of hosted Supabase after pg_cron and pg_net are created (supabase/postgres,
-- revoke_trigger_on_cron_tables_from_postgres and pg_net_perms_fix). Run by the superuser at every start.

grant usage on schema cron to postgres with grant option;

grant all privileges on all tables in schema cron to postgres with grant option;

revoke all on table cron.job from postgres;

grant select on table cron.job to postgres with grant option;

revoke trigger on cron.job_run_details from postgres;

grant usage on schema net to postgres, anon, authenticated, service_role;
