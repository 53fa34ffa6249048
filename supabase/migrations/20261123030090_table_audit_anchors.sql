-- Purpose: sums the heads of all audit chains up to one hash a day. A copy of it outside of the database detects even a
--   change by an owner who rewrites rows, heads and hashes consistently.
-- Objects: tables monitoring.audit_anchors, monitoring.audit_anchor_heads; functions monitoring.hash_audit_anchor,
--   monitoring.write_audit_anchor, monitoring.purge_agent_actions.
-- Risks: what was written after the last anchor is protected by its chain only.

create table monitoring.audit_anchors (
  anchored_on date primary key,
  anchored_at timestamptz not null default clock_timestamp(),
  previous_hash text,
  hash text not null,
  chains bigint not null,
  horizon xid8 not null
);

alter table monitoring.audit_anchors enable row level security;

create policy audit_anchors_is_read_by_nobody on monitoring.audit_anchors
for select to authenticated
using (false);

revoke all on table monitoring.audit_anchors from public, anon, authenticated, service_role;

comment on table monitoring.audit_anchors is
'One hash a day over the heads of all audit chains. Each covers the previous one and the chains that changed since, so
the latest one covers all.';

comment on column monitoring.audit_anchors.anchored_on is 'Day, in UTC.';

comment on column monitoring.audit_anchors.anchored_at is 'Time at which the anchor was written.';

comment on column monitoring.audit_anchors.previous_hash is 'Hash of the previous anchor. Null for the first.';

comment on column monitoring.audit_anchors.hash is 'The sha256, in hex, see monitoring.hash_audit_anchor().';

comment on column monitoring.audit_anchors.chains is 'Number of chains.';

comment on column monitoring.audit_anchors.horizon is
'Oldest transaction that was running: what it or a later one writes belongs to the next anchor.';

create table monitoring.audit_anchor_heads (
  anchored_on date not null references monitoring.audit_anchors (anchored_on) on delete cascade,
  chain text not null,
  from_position integer not null,
  chain_position integer not null,
  hash text not null,
  first_action_at timestamptz,
  primary key (anchored_on, chain)
);

create index audit_anchor_heads_chain_idx on monitoring.audit_anchor_heads (chain, anchored_on desc);

alter table monitoring.audit_anchor_heads enable row level security;

create policy audit_anchor_heads_is_read_by_nobody on monitoring.audit_anchor_heads
for select to authenticated
using (false);

revoke all on table monitoring.audit_anchor_heads from public, anon, authenticated, service_role;

comment on table monitoring.audit_anchor_heads is 'Heads of the chains that changed since the previous anchor.';

comment on column monitoring.audit_anchor_heads.anchored_on is 'Anchor that covers the head.';

comment on column monitoring.audit_anchor_heads.chain is 'Name of the chain, as in agent_actions.chain.';

comment on column monitoring.audit_anchor_heads.from_position is
'Position of the last action that an earlier anchor covers, or that retention had deleted.';

comment on column monitoring.audit_anchor_heads.chain_position is 'Position of the last action.';

comment on column monitoring.audit_anchor_heads.hash is 'Hash of the last action.';

comment on column monitoring.audit_anchor_heads.first_action_at is
'Earliest time of the actions after from_position: until it is past retention, none of them may be missing.';

create function monitoring.hash_audit_anchor(anchored_on date)
returns text
language sql
stable
strict
security invoker
set search_path = ''
set timezone = 'UTC'
as $$
  select encode(
    sha256(convert_to(
      jsonb_build_array(anchor.anchored_on, anchor.anchored_at, anchor.previous_hash, anchor.chains)::text
      || coalesce((
        select string_agg(
          e'\n' || jsonb_build_array(
            head.chain, head.from_position, head.chain_position, head.hash, head.first_action_at
          )::text,
          '' order by head.chain collate "C"
        )
        from monitoring.audit_anchor_heads as head
        where head.anchored_on = anchor.anchored_on
      ), ''),
      'UTF8'
    )),
    'hex'
  )
  from monitoring.audit_anchors as anchor
  where anchor.anchored_on = hash_audit_anchor.anchored_on
$$;

comment on function monitoring.hash_audit_anchor(date) is
'Returns the sha256, in hex, of an anchor: its times, the hash of the previous anchor, and one line per changed chain.';

create function monitoring.write_audit_anchor(day date)
returns monitoring.audit_anchors
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_previous monitoring.audit_anchors;
  v_anchor monitoring.audit_anchors;
  -- Read before the heads: a transaction that ends in between is covered by this anchor or by the next one.
  v_horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
begin
  perform pg_advisory_xact_lock(20261126, 2);
  select audit_anchors.*
  into v_previous
  from monitoring.audit_anchors
  order by audit_anchors.anchored_on desc
  limit 1;
  if v_previous.anchored_on >= write_audit_anchor.day then
    return v_previous;
  end if;
  insert into monitoring.audit_anchors (anchored_on, previous_hash, hash, chains, horizon)
  values (
    write_audit_anchor.day, v_previous.hash, '', (select count(*) from monitoring.audit_heads), v_horizon
  );
  insert into monitoring.audit_anchor_heads (
    anchored_on, chain, from_position, chain_position, hash, first_action_at
  )
  select
    write_audit_anchor.day, head.chain, covered.until_position, head.chain_position, head.hash, (
      select min(agent_actions.created_at)
      from public.agent_actions
      where agent_actions.chain = head.chain
        and agent_actions.chain_position > covered.until_position
    )
  from monitoring.audit_heads as head
  cross join lateral (
    select greatest(head.purged_position, (
      select max(earlier.chain_position)
      from monitoring.audit_anchor_heads as earlier
      where earlier.chain = head.chain
    )) as until_position
  ) as covered
  where head.chain_position > covered.until_position
    and (
      v_previous.horizon is null
      or head.changed_by_transaction >= v_previous.horizon
      -- The database was restored into a new server, which counts transactions from the beginning.
      or v_previous.horizon > pg_current_xact_id()
    );
  update monitoring.audit_anchors
  set hash = monitoring.hash_audit_anchor(write_audit_anchor.day)
  where audit_anchors.anchored_on = write_audit_anchor.day
  returning audit_anchors.* into v_anchor;
  return v_anchor;
end
$$;

comment on function monitoring.write_audit_anchor(date) is
'Writes the anchor of a day and returns it. If that day, or a later one, has an anchor, returns the latest one.';

create function monitoring.purge_agent_actions()
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_cutoff timestamptz := now() - make_interval(
    days => (monitoring.config('retention') ->> 'agent_actions_days')::integer
  );
  v_count bigint;
begin
  with due as materialized (
    select audit_heads.chain
    from monitoring.audit_heads
    where audit_heads.chain in (
      select agent_actions.chain from public.agent_actions where agent_actions.created_at < v_cutoff
    )
    order by audit_heads.chain
    -- Chains that are being written wait for the next night, so that ingest and the purge cannot deadlock.
    for update skip locked
  ),

  cuts as materialized (
    select
      due.chain,
      (
        -- In the order of the chain's index: it reads each action of a chain once.
        select kept.chain_position
        from public.agent_actions as kept
        where kept.chain = due.chain
          and (
            kept.created_at >= v_cutoff
            -- An erasure is kept as long as an action that it changed.
            or (kept.action = 'personal_data_erased' and exists (
              select
              from jsonb_object_keys(kept.details -> 'actions') as erased (action_id)
              join public.agent_actions as changed on changed.id = erased.action_id::bigint
            ))
          )
        order by kept.chain_position
        limit 1
      ) as first_kept
    from due
  )

  -- A hash chain may lose its beginning, but no action in the middle.
  delete from public.agent_actions
  using cuts
  where agent_actions.chain = cuts.chain
    and agent_actions.created_at < v_cutoff
    and (cuts.first_kept is null or agent_actions.chain_position < cuts.first_kept);
  get diagnostics v_count = row_count;
  delete from monitoring.audit_anchors
  where audit_anchors.anchored_at < v_cutoff
    -- The next anchor continues the latest one.
    and audit_anchors.anchored_on < (select max(newest.anchored_on) from monitoring.audit_anchors as newest);
  return v_count;
end
$$;

comment on function monitoring.purge_agent_actions() is
'Deletes audit rows and anchors older than retention.agent_actions_days and returns the number of rows. A trigger
records what was deleted.';
