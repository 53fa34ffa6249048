-- Purpose: writes the audit rows of what a person changes in the tables directly, in the dashboard or with psql, and of
--   every change of the configuration.
-- Objects: functions monitoring.read_editor, monitoring.list_changes, monitoring.audit_config_change,
--   monitoring.audit_direct_edit; triggers system_config_changes_are_audited, direct_edits_are_audited,
--   direct_edits_queue_with_agents and direct_truncates_are_audited of the public tables.
-- Risks: a statement of our own functions is told from a direct edit by its search_path, which is empty in each of them
--   and in no session of the dashboard: a session that sets it to '' edits without an audit row. It is the condition of
--   each trigger, so that ingest does not call them. A value that cannot be compared must not keep anybody from setting
--   the kill switch. Audit rows without an incident lock the head of their caller's
--   chain, which comes after the advisory lock of action starts and ends: direct edits take that one first.

create function monitoring.read_editor()
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when monitoring.current_caller() = session_user::text then 'operator'
    else monitoring.read_actor()
  end
$$;

comment on function monitoring.read_editor() is
'Returns the name under which a change of the configuration or a direct edit is recorded: operator outside of PostgREST,
else that of the JWT. The column caller of the audit row names the database role.';

create function monitoring.list_changes(former jsonb, latter jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  select case
    when jsonb_typeof(list_changes.former) = 'object' and jsonb_typeof(list_changes.latter) = 'object' then (
      select coalesce(
        jsonb_object_agg(
          fields.name,
          monitoring.list_changes(list_changes.former -> fields.name, list_changes.latter -> fields.name)
        ),
        '{}'
      )
      from (
        select jsonb_object_keys(list_changes.former) as name
        union
        select jsonb_object_keys(list_changes.latter) as name
      ) as fields
      where list_changes.former -> fields.name is distinct from list_changes.latter -> fields.name
    )
    when jsonb_typeof(list_changes.former) = 'array' and jsonb_typeof(list_changes.latter) = 'array'
      then jsonb_build_object(
        'removed', (
          select coalesce(jsonb_agg(items.item), '[]')
          from jsonb_array_elements(list_changes.former) as items (item)
          where not exists (
            select
            from jsonb_array_elements(list_changes.latter) as others (item)
            where others.item = items.item
          )
        ),
        'added', (
          select coalesce(jsonb_agg(items.item), '[]')
          from jsonb_array_elements(list_changes.latter) as items (item)
          where not exists (
            select
            from jsonb_array_elements(list_changes.former) as others (item)
            where others.item = items.item
          )
        )
      )
    else jsonb_build_object('from', list_changes.former, 'to', list_changes.latter)
  end
$$;

comment on function monitoring.list_changes(jsonb, jsonb) is
'Returns in which fields two JSON values differ: {"from", "to"}, and of lists the items {"removed", "added"}. Two lists
with the same items in another order have no difference.';

create function monitoring.audit_config_change()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  v_was_on boolean := old.value -> 'enabled' is distinct from 'false';
  v_is_on boolean := new.value -> 'enabled' is distinct from 'false';
begin
  insert into public.agent_actions (agent, action, success, details)
  values (
    coalesce(nullif(current_setting('monitoring.agent', true), ''), monitoring.read_editor()),
    case
      when new.key <> 'kill_switch' or v_was_on = v_is_on then 'config_changed'
      when v_is_on then 'kill_switch_on'
      else 'kill_switch_off'
    end,
    true,
    coalesce(nullif(current_setting('monitoring.details', true), '')::jsonb, '{}') || jsonb_build_object(
      'entry', new.key,
      'changes', monitoring.sanitize_jsonb(monitoring.list_changes(old.value, new.value), 16384)
    )
  );
  return null;
end
$$;

comment on function monitoring.audit_config_change() is
'Writes the audit row of a change of system_config: who, which entry, and of each changed field the former and the new
value, sanitized. Security definer: who may edit the configuration needs no right to write the audit trail.';

-- Its name comes after those of the triggers that lock incidents: the head of the caller's chain is locked last.
create trigger system_config_changes_are_audited
after update on public.system_config
for each row
when (old.value is distinct from new.value)
execute function monitoring.audit_config_change();

create function monitoring.audit_direct_edit()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
declare
  c_most constant integer := 100;
  c_hidden constant text[] := array['embedding', 'words'];
  -- Columns of which the triggers of incidents write audit rows, and those that change with the status.
  c_audited constant text[] := array[
    'status', 'severity', 'title', 'has_manual_severity', 'claim_caller', 'claim_expires_at'
  ];
  c_of_status constant text[] := array[
    'acknowledged_at', 'acknowledged_by', 'claimed_by', 'resolved_at', 'resolved_by', 'resolution', 'time_to_resolution',
    'reopened_at', 'open_before', 'suppressed_until'
  ];
  -- The trigger of a partitioned table runs for the partition.
  v_table constant text := (
    select pg_class.relname::text
    from pg_catalog.pg_class
    where pg_class.oid = coalesce(pg_catalog.pg_partition_root(tg_relid), tg_relid)
  );
  v_former jsonb;
  v_latter jsonb;
  v_id text;
  v_changes jsonb;
  v_number integer;
begin
  if tg_op <> 'TRUNCATE' then
    v_number := coalesce(nullif(current_setting('monitoring.direct_edits', true), '')::integer, 0) + 1;
    if v_number > c_most + 1 then
      return null;
    end if;
    v_former := case when tg_op in ('UPDATE', 'DELETE') then to_jsonb(old) - c_hidden end;
    v_latter := case when tg_op in ('UPDATE', 'INSERT') then to_jsonb(new) - c_hidden end;
    v_id := coalesce(v_latter ->> 'id', v_former ->> 'id');
    v_changes := monitoring.list_changes(coalesce(v_former, '{}'), coalesce(v_latter, '{}'));
    if tg_table_name = 'incidents' and tg_op = 'UPDATE' then
      v_changes := v_changes - c_audited - case when v_changes ? 'status' then c_of_status else '{}' end;
    end if;
    if v_changes = '{}' then
      return null;
    end if;
    perform set_config('monitoring.direct_edits', v_number::text, true);
  end if;
  insert into public.agent_actions (agent, action, incident_id, success, details)
  values (
    monitoring.read_editor(),
    'direct_' || lower(tg_op),
    case when tg_table_name = 'incidents' and tg_op = 'UPDATE' and v_number <= c_most then v_id end,
    true,
    case
      when v_number > c_most
        then jsonb_build_object('table', v_table, 'note', 'further rows of this transaction are not listed')
      else jsonb_strip_nulls(jsonb_build_object('table', v_table, 'row', v_id)) || jsonb_build_object(
        'changes', monitoring.sanitize_jsonb(coalesce(v_changes, '{}'), 16384)
      )
    end
  );
  return null;
end
$$;

comment on function monitoring.audit_direct_edit() is
'Writes the audit row, direct_insert, direct_update, direct_delete or direct_truncate, of what somebody changed in a
table directly: who, which table and row, and of each changed field the former and the new value, sanitized. The first
100 rows of a transaction are listed. Changes of status, claim, severity and title of an incident have rows of their own.
Security definer: who may edit a table needs no right to write the audit trail.';

create trigger direct_edits_are_audited
after update or delete on public.incidents
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before delete on public.incidents
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.incidents
for each statement execute function monitoring.audit_direct_edit();

create trigger direct_edits_are_audited
after insert or update or delete on public.error_knowledge
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before insert or update or delete on public.error_knowledge
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.error_knowledge
for each statement execute function monitoring.audit_direct_edit();

create trigger direct_edits_are_audited
after insert or update or delete on public.deployment_history
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before insert or update or delete on public.deployment_history
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.deployment_history
for each statement execute function monitoring.audit_direct_edit();

create trigger direct_edits_are_audited
after insert or update or delete on public.monitoring_checks
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before insert or update or delete on public.monitoring_checks
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.monitoring_checks
for each statement execute function monitoring.audit_direct_edit();

create trigger direct_edits_are_audited
after insert or update or delete on public.security_events
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before insert or update or delete on public.security_events
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.security_events
for each statement execute function monitoring.audit_direct_edit();

create trigger direct_edits_are_audited
after insert or update or delete on public.email_tracking
for each row
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.audit_direct_edit();

create trigger direct_edits_queue_with_agents
before insert or update or delete on public.email_tracking
for each statement
when (current_setting('search_path') not in ('', '""'))
execute function monitoring.lock_action_starts();

create trigger direct_truncates_are_audited
after truncate on public.email_tracking
for each statement execute function monitoring.audit_direct_edit();

-- Its other changes have an audit trail of their own.
create trigger direct_truncates_are_audited
after truncate on public.classification_rules
for each statement execute function monitoring.audit_direct_edit();
