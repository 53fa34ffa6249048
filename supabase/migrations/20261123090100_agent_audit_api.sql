-- Purpose: provides the RPCs that anchor the audit trail and verify it.
-- Objects: functions monitoring.find_purge_cutoff, monitoring.verify_chain, monitoring.find_anchor_problems,
--   monitoring.find_anchored_chain_problems, monitoring.verify_incident_chain, public.anchor_audit,
--   public.verify_audit.
-- Risks: an owner can rewrite rows, heads and anchors alike. Only a comparison with an anchor hash that was copied out
--   of the database detects that.

create function monitoring.find_purge_cutoff()
returns timestamptz
language sql
stable
security invoker
set search_path = ''
as $$
  select greatest(
    now() - make_interval(days => (monitoring.config('retention') ->> 'agent_actions_days')::integer),
    (
      select max((agent_actions.details ->> 'until')::timestamptz)
      from public.agent_actions
      where agent_actions.action = 'audit_purged'
    )
  )
$$;

comment on function monitoring.find_purge_cutoff() is
'Returns the time before which audit rows may be missing: older than the retention, or than a recorded purge, which
happened under a shorter retention.';

create function monitoring.verify_chain(chain text, cutoff timestamptz)
returns table (
  actions bigint,
  first_position integer,
  last_position integer,
  purged_actions integer,
  purged_until timestamptz,
  erased_actions bigint,
  broken_action_id bigint,
  problem text
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_head monitoring.audit_heads;
begin
  select audit_heads.*
  into v_head
  from monitoring.audit_heads
  where audit_heads.chain = verify_chain.chain;
  return query
  with checked as (
    select
      entry.id,
      entry.chain_position,
      entry.hash,
      erased.action_id is not null as is_erased,
      entry.hash = monitoring.hash_agent_action(entry)
      and monitoring.hash_action_content(entry) = coalesce(erased.content_hash, entry.content_hash)
      and (erased.action_id is null or strpos(to_jsonb(entry)::text, '[erased]') > 0)
      and entry.chain_position = coalesce(lag(entry.chain_position) over places, v_head.purged_position, 0) + 1
      and entry.previous_hash is not distinct from case
        when lag(entry.id) over places is null then v_head.purged_hash else lag(entry.hash) over places
      end as is_linked
    from public.agent_actions as entry
    left join monitoring.list_erased_actions(
      case when verify_chain.chain like 'INC-%' then verify_chain.chain end
    ) as erased on erased.action_id = entry.id
    where entry.chain = verify_chain.chain
    window places as (order by entry.chain_position)
  ),

  summed as (
    select
      count(*) as actions,
      count(*) filter (where checked.is_erased) as erased_actions,
      min(checked.chain_position) as first_position,
      coalesce(max(checked.chain_position), v_head.purged_position) as last_position,
      coalesce(
        (array_agg(checked.hash order by checked.chain_position desc))[1], v_head.purged_hash
      ) as last_hash,
      (array_agg(checked.id order by checked.chain_position) filter (where checked.is_linked is not true))[1]
        as broken_action_id
    from checked
  )

  select
    summed.actions,
    summed.first_position,
    v_head.chain_position,
    coalesce(v_head.purged_position, 0),
    v_head.purged_until,
    summed.erased_actions,
    summed.broken_action_id,
    case
      when v_head.chain is null then 'the head of the chain is missing'
      when summed.broken_action_id is not null then 'an action was changed, or the action before it is missing'
      when summed.last_position is distinct from v_head.chain_position or summed.last_hash is distinct from v_head.hash
        then 'the last actions are missing'
      when v_head.purged_until > verify_chain.cutoff then 'the first actions are missing although retention keeps them'
    end
  from summed;
end
$$;

comment on function monitoring.verify_chain(text, timestamptz) is
'Compares the actions of a chain with their hashes and with the head of the chain. problem is null when it is intact.
Actions before the cutoff may be missing at the beginning, if the head records it. The texts of an action may differ from
its content_hash only if an erasure recorded exactly these texts.';

create function monitoring.find_anchor_problems(anchored_on date, anchor_hash text)
returns setof text
language sql
stable
security invoker
set search_path = ''
as $$
  select format('the anchor of %s was changed, or the one before it is missing', anchors.anchored_on)
  from (
    select
      audit_anchors.*,
      lag(audit_anchors.anchored_on) over days as previous_day,
      lag(audit_anchors.hash) over days as hash_before
    from monitoring.audit_anchors
    window days as (order by audit_anchors.anchored_on)
  ) as anchors
  where anchors.hash is distinct from monitoring.hash_audit_anchor(anchors.anchored_on)
    or (anchors.previous_day is not null and anchors.previous_hash is distinct from anchors.hash_before)
  union all
  select format('the anchor of %s is not the one to compare with', find_anchor_problems.anchored_on)
  where find_anchor_problems.anchor_hash is not null
    and not exists (
      select
      from monitoring.audit_anchors
      where audit_anchors.anchored_on = find_anchor_problems.anchored_on
        and audit_anchors.hash = lower(btrim(find_anchor_problems.anchor_hash))
    )
$$;

comment on function monitoring.find_anchor_problems(date, text) is
'Returns what is wrong with the anchors: each must have the hash of its content and follow the one before it. The one of
a day is also compared with a hash, unless that is null.';

create function monitoring.find_anchored_chain_problems(chain text, cutoff timestamptz)
returns table (broken_chain text, problem text)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  -- PL/pgSQL plans this for the argument: the actions of one chain are found by index on PostgreSQL 17 too.
  return query
  select
    found.chain,
    format('%s (anchor of %s)', found.problem, found.anchored_on)
  from (
    select
      anchored.chain,
      anchored.anchored_on,
      case
        when head.chain is null then 'the chain is missing'
        when head.chain_position < anchored.chain_position then 'the last actions are missing'
        when head.purged_position < anchored.chain_position and entry.hash is distinct from anchored.hash
          then 'actions were changed'
        when head.purged_position > anchored.from_position
          and anchored.first_action_at > find_anchored_chain_problems.cutoff
          then 'actions are missing although retention keeps them'
      end as problem
    from monitoring.audit_anchor_heads as anchored
    left join monitoring.audit_heads as head on head.chain = anchored.chain
    left join public.agent_actions as entry
      on entry.chain = anchored.chain and entry.chain_position = anchored.chain_position
    where find_anchored_chain_problems.chain is null
      or anchored.chain = find_anchored_chain_problems.chain
  ) as found
  where found.problem is not null;
end
$$;

comment on function monitoring.find_anchored_chain_problems(text, timestamptz) is
'Compares a chain, or all chains for null, with what the anchors say of it.';

create function monitoring.verify_incident_chain(incident_id text)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_cutoff timestamptz := monitoring.find_purge_cutoff();
  v_found record;
  v_problem text;
begin
  select verdict.*
  into v_found
  from monitoring.verify_chain(verify_incident_chain.incident_id, v_cutoff) as verdict;
  v_problem := coalesce(v_found.problem, (
    select anchored.problem
    from monitoring.find_anchored_chain_problems(verify_incident_chain.incident_id, v_cutoff) as anchored
    limit 1
  ));
  return jsonb_build_object(
    'incident_id', verify_incident_chain.incident_id,
    'is_intact', v_problem is null,
    'problem', v_problem,
    'actions', v_found.actions,
    'first_position', v_found.first_position,
    'last_position', v_found.last_position,
    'purged_actions', v_found.purged_actions,
    'purged_until', v_found.purged_until,
    'erased_actions', v_found.erased_actions,
    'broken_action_id', v_found.broken_action_id
  );
end
$$;

comment on function monitoring.verify_incident_chain(text) is
'Verifies the chain of an incident and returns the answer of verify_audit().';

create function public.anchor_audit()
returns jsonb
language sql
volatile
security definer
set search_path = ''
as $$
  select jsonb_build_object('anchored_on', anchor.anchored_on, 'hash', anchor.hash, 'chains', anchor.chains)
  from monitoring.write_audit_anchor((now() at time zone 'UTC')::date) as anchor
$$;

revoke all on function public.anchor_audit() from public, anon, authenticated, service_role;

grant execute on function public.anchor_audit() to service_role;

comment on function public.anchor_audit() is
'Writes the anchor of today over the heads of all audit chains and returns {"anchored_on", "hash", "chains"}.

A second call on the same day (UTC) returns the same anchor. pg_cron calls it each night, and the service logs the
result. Security definer, because nobody may write anchors directly.';

create function public.verify_audit(
  incident_id text default null, anchored_on date default null, anchor_hash text default null
)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_cutoff timestamptz;
  v_answer jsonb;
begin
  if (verify_audit.anchored_on is null) <> (verify_audit.anchor_hash is null) then
    perform monitoring.refuse_request(
      'PT400', 'anchored_on and anchor_hash belong together', 'anchor_hash',
      'Send both, as the service logged them under "audit anchor", or neither.'
    );
  elsif verify_audit.incident_id is not null and verify_audit.anchor_hash is null then
    if not exists (
      select from public.incidents where incidents.id = verify_audit.incident_id
      union all
      select from monitoring.audit_heads where audit_heads.chain = verify_audit.incident_id
    ) then
      perform monitoring.refuse_unknown_incident(verify_audit.incident_id);
    end if;
    return monitoring.verify_incident_chain(verify_audit.incident_id);
  elsif verify_audit.incident_id is not null then
    perform monitoring.refuse_request(
      'PT400', 'an anchor is compared with the whole trail', 'incident_id', 'Leave incident_id out.'
    );
  elsif monitoring.read_role() = 'authenticated' then
    perform monitoring.refuse_request(
      'PT403', 'agents may verify the trail of an incident', 'incident_id',
      'Send incident_id. The owner and service_role may verify the whole trail.'
    );
  end if;

  v_cutoff := monitoring.find_purge_cutoff();
  with chains as (
    select audit_heads.chain from monitoring.audit_heads
    union
    select agent_actions.chain from public.agent_actions
    union
    -- Every incident has an action: incident_created.
    select incidents.id from public.incidents
  ),

  verified as (
    select chains.chain, verdict.*
    from chains
    cross join lateral monitoring.verify_chain(chains.chain, v_cutoff) as verdict
  ),

  problems as (
    select verified.chain, verified.problem, verified.broken_action_id from verified where verified.problem is not null
    union all
    select anchored.broken_chain, anchored.problem, null
    from monitoring.find_anchored_chain_problems(null, v_cutoff) as anchored
    union all
    select null, anchor_problem, null
    from monitoring.find_anchor_problems(verify_audit.anchored_on, verify_audit.anchor_hash) as anchor_problem
  )

  select jsonb_build_object(
    'is_intact', not exists (select from problems),
    'chains', (select count(*) from verified),
    'actions', (select sum(verified.actions) from verified),
    'erased_actions', (select sum(verified.erased_actions) from verified),
    'purged_actions', (select sum(verified.purged_actions) from verified),
    'purged_until', (select max(verified.purged_until) from verified),
    'last_purged_at', (
      select max(agent_actions.created_at)
      from public.agent_actions
      where agent_actions.action = 'audit_purged'
    ),
    'last_anchored_on', (select max(audit_anchors.anchored_on) from monitoring.audit_anchors),
    'problems', (
      select coalesce(jsonb_agg(to_jsonb(listed) order by listed.chain nulls first, listed.problem), '[]')
      from (select problems.* from problems order by problems.chain nulls first, problems.problem limit 50) as listed
    )
  )
  into v_answer;
  return v_answer;
end
$$;

revoke all on function public.verify_audit(text, date, text) from public, anon, authenticated, service_role;

grant execute on function public.verify_audit(text, date, text) to authenticated, service_role;

comment on function public.verify_audit(text, date, text) is
'Verifies the audit trail of an incident or, without incident_id, the whole trail.

For an incident: {"incident_id", "is_intact", "problem", "actions", "first_position", "last_position", "purged_actions",
"purged_until", "erased_actions", "broken_action_id"}. broken_action_id is the first action that was changed, or before which
one is missing. purged_actions is how many actions retention deleted, which is no problem, and purged_until the time of the
youngest of them; 0 and null if it deleted none. erased_actions counts the actions from which erase_personal_data() erased texts; their rows contain [erased].
For the whole trail, which the owner and service_role may verify: {"is_intact", "chains", "actions", "erased_actions",
"purged_actions", "purged_until", "last_purged_at", "last_anchored_on", "problems": [{"chain", "problem",
"broken_action_id"}]}, at most 50 problems; chain is null where the anchors themselves were changed. Chains of incidents that
retention deleted are not counted. anchored_on and anchor_hash are those of an anchor that the service logged: without
them, a change by an owner who also recomputed every hash is not detected. 404 when the incident does not exist. Security
definer, because agents have no access to the hashes in the schema monitoring, but may read every action.';
