-- Purpose: inserts the rows, sets the privileges, schedules the jobs and creates the trigger that the schema alone does
--   not contain.
-- Objects: function monitoring.install.
-- Risks: `supabase migration squash` and schema dumps keep the schema only. After them, select monitoring.install()
--   completes the installation. It changes no row that exists, except the
--   built-in formats of secrets.

create function monitoring.install()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform monitoring.secure_objects();
  -- The fields first, because they validate the entries.
  perform monitoring.seed_permission_fields();
  perform monitoring.seed_target_fields();
  perform monitoring.seed_target_condition_fields();
  perform monitoring.seed_health_check_policy_fields();
  perform monitoring.seed_incident_fields();
  perform monitoring.seed_notification_fields();
  perform monitoring.seed_webhook_fields();
  perform monitoring.seed_system_config();
  perform monitoring.seed_action_kinds();
  perform monitoring.seed_user_hash_key();
  perform monitoring.seed_secret_formats();
  perform monitoring.seed_certificate_thresholds();
  perform monitoring.seed_classification_rules();
  perform monitoring.renew_event_key();
  perform monitoring.publish_tables();
  perform monitoring.describe_schema();
  perform monitoring.make_partitions();
  perform monitoring.install_answer_trigger();
  perform monitoring.schedule_jobs();
end
$$;

comment on function monitoring.install() is
'Completes an installation: sets the privileges, inserts the rows that are missing, publishes the tables for Realtime,
describes the schema, makes the partitions, creates the trigger on pg_net''s responses and schedules the jobs. Safe to
repeat: rows that exist are not changed, except built-in formats of secrets, which are brought up to date. Remembered
events become unknown, because functions may have changed.';

select monitoring.install();
