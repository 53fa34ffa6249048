-- Purpose: the actions of each incident as a chain of hashes, so that a change behind the trigger's back shows.
-- Objects: private.hash_agent_action(), the trigger function private.chain_agent_action(), public.verify_audit().
-- Risks: the incident's row is locked while its chain grows. Whoever opens, folds or resolves holds that lock already.

create function private.hash_agent_action(entry public.agent_actions)
returns text
language sql
immutable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  select encode(sha256(convert_to((to_jsonb(hash_agent_action.entry) - 'hash')::text, 'UTF8')), 'hex')
$$;

revoke all on function private.hash_agent_action(public.agent_actions) from public, anon, authenticated, service_role;

comment on function private.hash_agent_action(public.agent_actions) is
'The sha256 of a row as JSON, in UTC and without its own hash; previous_hash is part of it.';

create function private.chain_agent_action()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- Whatever was given is not taken: the chain is ours to write.
  new.chain_position := null;
  new.previous_hash := null;
  new.hash := null;
  if new.incident_id is null then
    return new;
  end if;
  perform from public.incidents where incidents.id = new.incident_id for no key update;
  select latest.chain_position, latest.hash
  into new.chain_position, new.previous_hash
  from public.agent_actions as latest
  where latest.incident_id = new.incident_id
    and latest.chain_position is not null
  order by latest.chain_position desc
  limit 1;
  new.chain_position := coalesce(new.chain_position, 0) + 1;
  new.hash := private.hash_agent_action(new);
  return new;
end
$$;

revoke all on function private.chain_agent_action() from public, anon, authenticated, service_role;

comment on function private.chain_agent_action() is
'Appends a new action to the chain of its incident.';

create trigger agent_actions_are_chained
before insert on public.agent_actions
for each row execute function private.chain_agent_action();

create function public.verify_audit(incident_id text)
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
  with chain as (
    select
      entry.id,
      entry.chain_position,
      entry.hash = private.hash_agent_action(entry) as is_unchanged,
      coalesce(
        entry.previous_hash = lag(entry.hash) over (order by entry.chain_position)
        and entry.chain_position = lag(entry.chain_position) over (order by entry.chain_position) + 1,
        -- What stood before the first row that is left was purged, or never was.
        (entry.chain_position = 1) = (entry.previous_hash is null)
      ) as follows
    from public.agent_actions as entry
    where entry.incident_id = verify_audit.incident_id
  )

  select jsonb_build_object(
    'incident_id', verify_audit.incident_id,
    'is_intact', coalesce(bool_and(chain.is_unchanged is true and chain.follows), true),
    'actions', count(*),
    'first_position', min(chain.chain_position),
    'broken_action_id', (array_agg(chain.id order by chain.chain_position) filter (
      where chain.is_unchanged is not true or not chain.follows
    ))[1]
  )
  from chain
$$;

revoke all on function public.verify_audit(text) from public, anon, authenticated, service_role;

grant execute on function public.verify_audit(text) to authenticated, service_role;

comment on function public.verify_audit(text) is
'Whether the audit trail of an incident is as it was written.

Answers {"incident_id", "is_intact", "actions", "first_position", "broken_action_id"}: the first action that was changed,
or before which one is missing. first_position above 1 means that older ones outlived their retention.
Security definer, because the hash is made in the closed schema private; agents may read all of the trail.';
