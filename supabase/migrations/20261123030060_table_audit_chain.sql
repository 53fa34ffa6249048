-- Purpose: links the actions of each incident by hashes, so that a change made without the triggers can be detected.
-- Objects: table monitoring.audit_heads; functions monitoring.hash_agent_action, monitoring.chain_agent_action,
--   public.verify_audit; trigger agent_actions_are_chained.
-- Risks: inserting an action locks the row of its incident. Functions that open, fold or resolve an incident hold
--   that lock already.

create table monitoring.audit_heads (
  incident_id text primary key references public.incidents (id) on delete cascade,
  chain_position integer not null,
  hash text not null
);

alter table monitoring.audit_heads enable row level security;

create policy audit_heads_is_read_by_nobody on monitoring.audit_heads
for select to authenticated
using (false);

revoke all on table monitoring.audit_heads from public, anon, authenticated, service_role;

comment on table monitoring.audit_heads is
'Last action of the hash chain of each incident, so that a deletion of the most recent actions is detected.';

comment on column monitoring.audit_heads.incident_id is 'Incident of the chain.';

comment on column monitoring.audit_heads.chain_position is 'Number of actions that were ever written for the incident.';

comment on column monitoring.audit_heads.hash is 'Hash of the last action.';

create function monitoring.hash_agent_action(entry public.agent_actions)
returns text
language sql
immutable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  -- Column by column: a column added later must not change existing hashes.
  select encode(
    sha256(convert_to(
      jsonb_build_array(
        (entry).id, (entry).agent, (entry).action, (entry).incident_id, (entry).knowledge_id, (entry).success,
        (entry).error, (entry).duration_ms, (entry).safety_checks, (entry).safety_verdict, (entry).details,
        (entry).finishes_id, (entry).created_at, (entry).chain_position, (entry).previous_hash
      )::text,
      'UTF8'
    )),
    'hex'
  )
$$;

comment on function monitoring.hash_agent_action(public.agent_actions) is
'Returns the sha256, in hex, of a row as JSON with times in UTC, without its hash but with previous_hash.';

create function monitoring.chain_agent_action()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Values from the caller are overwritten: only this trigger writes the chain.
  new.chain_position := null;
  new.previous_hash := null;
  new.hash := null;
  if new.incident_id is null then
    return new;
  end if;
  perform from public.incidents where incidents.id = new.incident_id for no key update;
  select audit_heads.chain_position, audit_heads.hash
  into new.chain_position, new.previous_hash
  from monitoring.audit_heads
  where audit_heads.incident_id = new.incident_id;
  new.chain_position := coalesce(new.chain_position, 0) + 1;
  new.hash := monitoring.hash_agent_action(new);
  insert into monitoring.audit_heads (incident_id, chain_position, hash)
  values (new.incident_id, new.chain_position, new.hash)
  on conflict (incident_id) do update
    set chain_position = excluded.chain_position, hash = excluded.hash;
  return new;
end
$$;

comment on function monitoring.chain_agent_action() is 'Appends a new action to the hash chain of its incident.';

create trigger agent_actions_are_chained
before insert on public.agent_actions
for each row execute function monitoring.chain_agent_action();

create function public.verify_audit(incident_id text)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_head monitoring.audit_heads;
  v_report jsonb;
begin
  select audit_heads.*
  into v_head
  from monitoring.audit_heads
  where audit_heads.incident_id = verify_audit.incident_id;
  if not found then
    raise exception using
      errcode = 'PT404',
      message = format('there is no incident %s', verify_audit.incident_id),
      detail = 'incident_id',
      hint = 'An id looks like INC-1001; GET /rest/v1/open_incidents lists them.';
  end if;

  with chain as (
    select
      entry.id,
      entry.chain_position,
      entry.hash,
      entry.hash = monitoring.hash_agent_action(entry) as is_unchanged,
      coalesce(
        entry.previous_hash = lag(entry.hash) over (order by entry.chain_position)
        and entry.chain_position = lag(entry.chain_position) over (order by entry.chain_position) + 1,
        -- The rows before the first remaining one were purged, or there never were any.
        (entry.chain_position = 1) = (entry.previous_hash is null)
      ) as follows
    from public.agent_actions as entry
    where entry.incident_id = verify_audit.incident_id
  ),

  found as (
    select
      bool_and(chain.is_unchanged is true and chain.follows) as is_chained,
      bool_or(chain.chain_position = v_head.chain_position and chain.hash = v_head.hash) as has_last,
      count(*) as actions,
      min(chain.chain_position) as first_position,
      (array_agg(chain.id order by chain.chain_position) filter (
        where chain.is_unchanged is not true or not chain.follows
      ))[1] as broken_action_id
    from chain
  )

  select jsonb_build_object(
    'incident_id', verify_audit.incident_id,
    'is_intact', coalesce(found.is_chained and found.has_last, false),
    'actions', found.actions,
    'first_position', found.first_position,
    'last_position', v_head.chain_position,
    'broken_action_id', found.broken_action_id
  )
  into v_report
  from found;
  return v_report;
end
$$;

revoke all on function public.verify_audit(text) from public, anon, authenticated, service_role;

grant execute on function public.verify_audit(text) to authenticated, service_role;

comment on function public.verify_audit(text) is
'Verifies the audit trail of an incident.

Returns {"incident_id", "is_intact", "actions", "first_position", "last_position", "broken_action_id"}.
broken_action_id is the first action that was changed, or before which an action is missing; null when is_intact is
true. A first_position above 1 means that older actions were purged after retention.agent_actions_days.
last_position is the number of actions ever written, so missing recent actions are detected too. 404 when the
incident does not exist. Security definer, because agents have no access to the hashes in the schema monitoring, but
may read every action.';
