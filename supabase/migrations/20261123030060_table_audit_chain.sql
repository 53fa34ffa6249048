-- Purpose: links audit rows by hashes, so that a change made without the triggers can be detected. Each incident has a
--   chain; actions without an incident are in the chain of their caller.
-- Objects: table monitoring.audit_heads; functions monitoring.hash_action_content, monitoring.hash_agent_action,
--   monitoring.chain_agent_action, monitoring.list_erased_actions, monitoring.erase_action,
--   monitoring.is_recorded_erasure, monitoring.record_purged_actions, monitoring.end_audit_chains; triggers
--   agent_actions_are_chained, purged_actions_are_recorded, deleted_incidents_end_their_chain.
-- Risks: inserting an action locks the row of its incident, or the head of its caller's chain, until commit. Locks are
--   taken in this order: incidents, known fixes, heads; a transaction that writes actions with and without an incident
--   writes those with one first. Chains of callers keep agents from waiting for each other, which one chain for all
--   actions without an incident would make them do.

create table monitoring.audit_heads (
  chain text primary key,
  chain_position integer not null,
  hash text,
  is_anchored boolean not null default false,
  oldest_at timestamptz,
  has_ended boolean not null default false,
  purged_position integer not null default 0,
  purged_hash text,
  purged_until timestamptz,
  constraint purged_actions_were_written check (purged_position between 0 and chain_position),
  constraint purges_are_described check (
    (purged_position = 0) = (purged_until is null) and (purged_position = 0) = (purged_hash is null)
  )
);

-- None of these contains a column that the next action of a chain changes, so that its head is updated in place.
create index audit_heads_oldest_idx on monitoring.audit_heads (oldest_at, chain)
where oldest_at is not null;

create index audit_heads_unanchored_idx on monitoring.audit_heads (chain)
where not is_anchored;

create index audit_heads_ended_idx on monitoring.audit_heads (chain)
where has_ended;

alter table monitoring.audit_heads enable row level security;

create policy audit_heads_is_read_by_nobody on monitoring.audit_heads
for select to authenticated
using (false);

revoke all on table monitoring.audit_heads from public, anon, authenticated, service_role;

comment on table monitoring.audit_heads is
'Last action of each hash chain, and the last one that retention deleted, so that other deletions at either end are
detected. Heads are kept when their actions are deleted, until their incident is deleted too.';

comment on column monitoring.audit_heads.chain is 'Name of the chain, as in agent_actions.chain.';

comment on column monitoring.audit_heads.chain_position is 'Number of actions that were ever written to the chain.';

comment on column monitoring.audit_heads.hash is 'Hash of the last action. Null before the first.';

comment on column monitoring.audit_heads.is_anchored is
'Whether an anchor covers the last action.';

comment on column monitoring.audit_heads.oldest_at is
'Time of the first action that is kept: tells which chains are due for purge_agent_actions(). Null when none is kept.';

comment on column monitoring.audit_heads.has_ended is
'Whether the incident of the chain was deleted. Its head is deleted when no anchor names it any more.';

comment on column monitoring.audit_heads.purged_position is
'Position of the last action that retention deleted. 0 before that.';

comment on column monitoring.audit_heads.purged_hash is 'Hash of the last action that retention deleted.';

comment on column monitoring.audit_heads.purged_until is 'Time of the youngest action that retention deleted.';

create function monitoring.hash_action_content(entry public.agent_actions)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_entry constant public.agent_actions := hash_action_content.entry;
begin
  return encode(
    sha256(convert_to(
      jsonb_build_array(
        v_entry.content_salt, v_entry.agent, v_entry.error, v_entry.safety_checks, v_entry.details
      )::text,
      'UTF8'
    )),
    'hex'
  );
end
$$;

comment on function monitoring.hash_action_content(public.agent_actions) is
'Returns the sha256, in hex, of the texts of a row, which can hold personal data, and of its salt.';

create function monitoring.hash_agent_action(entry public.agent_actions)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
declare
  v_entry constant public.agent_actions := hash_agent_action.entry;
begin
  -- Column by column: a column added later must not change existing hashes.
  return encode(
    sha256(convert_to(
      jsonb_build_array(
        v_entry.id, v_entry.caller, v_entry.action, v_entry.incident_id, v_entry.knowledge_id, v_entry.success,
        v_entry.duration_ms, v_entry.safety_verdict, v_entry.content_hash, v_entry.finishes_id, v_entry.created_at,
        v_entry.chain_position, v_entry.previous_hash
      )::text,
      'UTF8'
    )),
    'hex'
  );
end
$$;

comment on function monitoring.hash_agent_action(public.agent_actions) is
'Returns the sha256, in hex, of a row as JSON with times in UTC, with previous_hash and without its own hash. The texts
are part of it by content_hash, so that they can be erased.';

create function monitoring.chain_agent_action()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_chain text;
begin
  -- Values from the writer are overwritten: the token says who acts, and only this trigger writes the chain.
  new.caller := monitoring.current_caller();
  v_chain := coalesce(new.incident_id, new.caller);
  if new.incident_id is not null then
    perform from public.incidents where incidents.id = new.incident_id for no key update;
  else
    -- A row must exist before it can be locked: the first two actions of a caller may be written at once.
    insert into monitoring.audit_heads (chain, chain_position)
    values (v_chain, 0)
    on conflict (chain) do nothing;
    perform from monitoring.audit_heads where audit_heads.chain = v_chain for no key update;
  end if;
  new.chain_position := null;
  new.previous_hash := null;
  select audit_heads.chain_position, audit_heads.hash
  into new.chain_position, new.previous_hash
  from monitoring.audit_heads
  where audit_heads.chain = v_chain;
  new.chain_position := coalesce(new.chain_position, 0) + 1;
  new.content_salt := gen_random_uuid();
  new.content_hash := monitoring.hash_action_content(new);
  new.hash := monitoring.hash_agent_action(new);
  insert into monitoring.audit_heads (chain, chain_position, hash, oldest_at)
  values (v_chain, new.chain_position, new.hash, new.created_at)
  on conflict (chain) do update
    set
      chain_position = excluded.chain_position,
      hash = excluded.hash,
      is_anchored = false,
      oldest_at = coalesce(audit_heads.oldest_at, excluded.oldest_at);
  return new;
end
$$;

comment on function monitoring.chain_agent_action() is
'Writes the caller of a new action, and appends the action to the hash chain of its incident or of its caller.';

create trigger agent_actions_are_chained
before insert on public.agent_actions
for each row execute function monitoring.chain_agent_action();

create function monitoring.list_erased_actions(incident_id text)
returns table (action_id bigint, content_hash text)
language sql
stable
security invoker
set search_path = ''
as $$
  select distinct on (entry.action_id) entry.action_id::bigint, entry.content_hash
  from public.agent_actions as erasure
  cross join jsonb_each_text(
    case jsonb_typeof(erasure.details -> 'actions') when 'object' then erasure.details -> 'actions' else '{}' end
  ) as entry (action_id, content_hash)
  where erasure.action = 'personal_data_erased'
    and coalesce(erasure.incident_id, '') = coalesce(list_erased_actions.incident_id, '')
    and entry.action_id ~ '^[0-9]{1,18}$'
    and entry.action_id::bigint < erasure.id
  order by entry.action_id, erasure.id desc
$$;

comment on function monitoring.list_erased_actions(text) is
'Returns the actions of an incident, or for null those without one, from which personal data was erased, and the hash of
what their last erasure left, as the erasure recorded it in the audit trail.';

create function monitoring.erase_action(entry public.agent_actions, pattern text)
returns public.agent_actions
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_entry public.agent_actions := erase_action.entry;
begin
  v_entry.agent := monitoring.erase_text(v_entry.agent, erase_action.pattern);
  v_entry.error := monitoring.erase_text(v_entry.error, erase_action.pattern);
  v_entry.safety_checks := monitoring.erase_document(v_entry.safety_checks, erase_action.pattern);
  v_entry.details := monitoring.erase_document(v_entry.details, erase_action.pattern);
  v_entry.content_salt := gen_random_uuid();
  return v_entry;
end
$$;

comment on function monitoring.erase_action(public.agent_actions, text) is
'Returns a row whose texts have [erased] for what a pattern of match_person() finds, with a new salt.';

create function monitoring.is_recorded_erasure(before public.agent_actions, after public.agent_actions)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_pattern text := nullif(current_setting('monitoring.erased_person', true), '');
  v_expected public.agent_actions;
begin
  if v_pattern is null or is_recorded_erasure.after.content_salt = is_recorded_erasure.before.content_salt then
    return false;
  end if;
  v_expected := monitoring.erase_action(is_recorded_erasure.before, v_pattern);
  v_expected.content_salt := is_recorded_erasure.after.content_salt;
  -- A generated column has no value yet when the trigger runs.
  return to_jsonb(is_recorded_erasure.after) - 'chain' = to_jsonb(v_expected) - 'chain' and coalesce(
    monitoring.hash_action_content(is_recorded_erasure.after) = (
      -- Like list_erased_actions(), which would read every erasure again for each row.
      select erasure.details -> 'actions' ->> is_recorded_erasure.before.id::text
      from public.agent_actions as erasure
      where erasure.action = 'personal_data_erased'
        and coalesce(erasure.incident_id, '') = coalesce(is_recorded_erasure.before.incident_id, '')
        and erasure.id > is_recorded_erasure.before.id
        and erasure.details -> 'actions' ? is_recorded_erasure.before.id::text
      order by erasure.id desc
      limit 1
    ),
    false
  );
end
$$;

comment on function monitoring.is_recorded_erasure(public.agent_actions, public.agent_actions) is
'Returns whether a change of an audit row only replaces what monitoring.erased_person finds by [erased], and the audit
trail already records this change.';

create function monitoring.record_purged_actions()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_retention constant jsonb := monitoring.config('retention');
  v_chain text;
begin
  if not exists (select from purged) then
    return null;
  end if;
  if not coalesce(
    (select max(purged.created_at) from purged)
    < now() - make_interval(days => (v_retention ->> 'agent_actions_days')::integer),
    false
  ) then
    raise exception using
      errcode = 'insufficient_privilege',
      message = 'agent_actions is append-only: delete is refused',
      detail = 'The audit trail must be complete and unchanged.',
      hint = 'Rows older than retention.agent_actions_days can be deleted; erase_personal_data() erases texts.';
  end if;
  perform
  from monitoring.audit_heads
  where audit_heads.chain in (select purged.chain from purged)
  order by audit_heads.chain
  for no key update;
  select cut.chain
  into v_chain
  from (
    select
      purged.chain,
      min(purged.chain_position) as first_position,
      max(purged.chain_position) as last_position,
      count(*) as size
    from purged
    group by purged.chain
  ) as cut
  left join monitoring.audit_heads on audit_heads.chain = cut.chain
  where (cut.first_position = audit_heads.purged_position + 1 and cut.size = cut.last_position - cut.first_position + 1)
    is not true
  limit 1;
  if found then
    raise exception using
      errcode = 'insufficient_privilege',
      message = format('the actions of %s cannot be deleted out of order', v_chain),
      detail = 'A hash chain may lose its beginning, but no action in the middle.',
      hint = 'Leave old actions to retention.agent_actions_days.';
  end if;

  update monitoring.audit_heads
  set
    purged_position = cut.chain_position,
    purged_hash = cut.hash,
    purged_until = greatest(audit_heads.purged_until, cut.until),
    oldest_at = (
      select kept.created_at
      from public.agent_actions as kept
      where kept.chain = cut.chain
        and kept.chain_position > cut.chain_position
      order by kept.chain_position
      limit 1
    )
  from (
    select distinct on (purged.chain)
      purged.chain,
      purged.chain_position,
      purged.hash,
      max(purged.created_at) over (partition by purged.chain) as until
    from purged
    order by purged.chain, purged.chain_position desc
  ) as cut
  where audit_heads.chain = cut.chain;
  insert into public.agent_actions (agent, action, success, details)
  select
    'retention',
    'audit_purged',
    true,
    jsonb_build_object(
      'actions', count(*), 'chains', count(distinct purged.chain), 'until', max(purged.created_at),
      'agent_actions_days', v_retention -> 'agent_actions_days'
    )
  from purged;
  return null;
end
$$;

comment on function monitoring.record_purged_actions() is
'Records in the head of each chain, and as one action a statement, what was deleted from the audit trail. Rejects a
deletion before retention.agent_actions_days by any role, and one that leaves older actions of the same chain.';

create trigger purged_actions_are_recorded
after delete on public.agent_actions
referencing old table as purged
for each statement execute function monitoring.record_purged_actions();

create function monitoring.end_audit_chains()
returns trigger
language plpgsql
volatile
security definer
set search_path = ''
as $$
begin
  perform
  from monitoring.audit_heads
  where audit_heads.chain in (select deleted.id from deleted)
  order by audit_heads.chain
  for no key update;
  update monitoring.audit_heads
  set has_ended = true
  where audit_heads.chain in (select deleted.id from deleted);
  return null;
end
$$;

comment on function monitoring.end_audit_chains() is
'Notes in the heads of the chains of deleted incidents that they have ended. Security definer: who may delete an
incident needs no right to write heads.';

create trigger deleted_incidents_end_their_chain
after delete on public.incidents
referencing old table as deleted
for each statement execute function monitoring.end_audit_chains();
