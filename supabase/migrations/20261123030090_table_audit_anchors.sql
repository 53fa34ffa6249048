-- Purpose: sums the heads of all audit chains up to one hash a day. A copy of it outside of the database detects even a
--   change by an owner who rewrites rows, heads and hashes consistently.
-- Objects: tables monitoring.audit_anchors, monitoring.audit_anchor_heads; functions monitoring.hash_audit_anchor,
--   monitoring.write_audit_anchor, monitoring.list_due_actions, monitoring.purge_audit_anchors,
--   monitoring.purge_agent_actions.
-- Risks: what was written after the last anchor is protected by its chain only. A batch of 5,000 rows is purged in
--   0.16 s of CPU (measured with 10^6 due rows of 2 million, in 900,000 chains: 31,000 rows a CPU second). It reads no
--   more than twice the rows that it deletes, and waits for nobody while it holds locks.

create table monitoring.audit_anchors (
  anchored_on date primary key,
  anchored_at timestamptz not null default clock_timestamp(),
  previous_hash text,
  hash text not null,
  chains bigint not null
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

comment on column monitoring.audit_anchors.chains is 'Number of chains that this anchor and earlier ones cover.';

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
  insert into monitoring.audit_anchors (anchored_on, previous_hash, hash, chains)
  values (write_audit_anchor.day, v_previous.hash, '', 0);
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
  where not head.is_anchored
    and head.chain_position > covered.until_position;
  -- A chain that is being written, or was written or begun since, belongs to the next anchor too.
  update monitoring.audit_heads
  set is_anchored = true
  from (
    select head.chain
    from monitoring.audit_heads as head
    where not head.is_anchored
      and head.chain_position <= greatest(head.purged_position, (
        select max(anchored.chain_position)
        from monitoring.audit_anchor_heads as anchored
        where anchored.chain = head.chain
      ))
    order by head.chain
    for no key update of head skip locked
  ) as covered
  where audit_heads.chain = covered.chain;
  update monitoring.audit_anchors
  set chains = coalesce(v_previous.chains, 0) + (
    select count(*)
    from monitoring.audit_anchor_heads
    where audit_anchor_heads.anchored_on = write_audit_anchor.day
      and audit_anchor_heads.from_position = 0
  )
  where audit_anchors.anchored_on = write_audit_anchor.day;
  update monitoring.audit_anchors
  set hash = monitoring.hash_audit_anchor(write_audit_anchor.day)
  where audit_anchors.anchored_on = write_audit_anchor.day
  returning audit_anchors.* into v_anchor;
  return v_anchor;
end
$$;

comment on function monitoring.write_audit_anchor(date) is
'Writes the anchor of a day and returns it. If that day, or a later one, has an anchor, returns the latest one.';

create function monitoring.list_due_actions(cutoff timestamptz, batch_size integer)
returns setof bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return query
  with due as materialized (
    select audit_heads.chain, audit_heads.purged_position
    from monitoring.audit_heads
    where audit_heads.oldest_at < list_due_actions.cutoff
    order by audit_heads.oldest_at, audit_heads.chain
    -- Chains that are being written wait for the next batch: the purge waits for nobody while it holds locks.
    for no key update skip locked
  )

  -- Chain by chain until the batch is full: nothing beyond it is read or locked.
  select doomed.id
  from due
  cross join lateral (
    select coalesce(
      (
        select kept.chain_position
        from public.agent_actions as kept
        where kept.chain = due.chain
          and kept.chain_position > due.purged_position
          and kept.chain_position <= due.purged_position + list_due_actions.batch_size
          and (
            kept.created_at >= list_due_actions.cutoff
            -- An erasure is kept as long as an action that it changed.
            or (kept.action = 'personal_data_erased' and exists (
              select
              from jsonb_object_keys(kept.details -> 'actions') as erased (action_id)
              join public.agent_actions as changed on changed.id = erased.action_id::bigint
            ))
          )
        order by kept.chain_position
        limit 1
      ),
      due.purged_position + list_due_actions.batch_size + 1
    ) as first_kept
  ) as cut
  cross join lateral (
    select agent_actions.id
    from public.agent_actions
    where agent_actions.chain = due.chain
      and agent_actions.chain_position > due.purged_position
      and agent_actions.chain_position < cut.first_kept
    order by agent_actions.chain_position
    limit list_due_actions.batch_size
  ) as doomed
  limit list_due_actions.batch_size;
end
$$;

comment on function monitoring.list_due_actions(timestamptz, integer) is
'Locks the heads of the chains that begin before the cutoff, those that begin first, and returns up to batch_size
actions that they may lose: a hash chain may lose its beginning, but no action in the middle.';

create function monitoring.purge_audit_anchors(cutoff timestamptz, batch_size integer)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_day date;
  v_heads bigint := 0::bigint;
  v_count bigint;
begin
  while v_heads < purge_audit_anchors.batch_size loop
    v_day := (
      select min(audit_anchors.anchored_on)
      from monitoring.audit_anchors
      where audit_anchors.anchored_at < purge_audit_anchors.cutoff
    );
    -- The next anchor continues the latest one.
    exit when (v_day < (select max(audit_anchors.anchored_on) from monitoring.audit_anchors)) is not true;
    delete from monitoring.audit_anchor_heads
    where audit_anchor_heads.anchored_on = v_day;
    get diagnostics v_count = row_count;
    delete from monitoring.audit_anchors
    where audit_anchors.anchored_on = v_day;
    v_heads := v_heads + v_count;
  end loop;
end
$$;

comment on function monitoring.purge_audit_anchors(timestamptz, integer) is
'Deletes anchors that were written before the cutoff, with all their heads, the oldest first, and ends when they had
batch_size heads. The latest anchor is kept.';

create function monitoring.purge_agent_actions(batch_size integer)
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
  v_due bigint[];
  v_count bigint;
begin
  -- The record of the purge is written to the chain of the caller: locked first, nothing is waited for later.
  insert into monitoring.audit_heads (chain, chain_position)
  values (monitoring.current_caller(), 0)
  on conflict (chain) do nothing;
  perform from monitoring.audit_heads where audit_heads.chain = monitoring.current_caller() for no key update;
  v_due := array(select due.id from monitoring.list_due_actions(v_cutoff, purge_agent_actions.batch_size) as due (id));
  delete from public.agent_actions
  where agent_actions.id = any(v_due);
  get diagnostics v_count = row_count;
  if v_count < purge_agent_actions.batch_size then
    perform monitoring.purge_audit_anchors(v_cutoff, purge_agent_actions.batch_size);
    delete from monitoring.audit_heads
    where audit_heads.chain in (
      select ended.chain
      from monitoring.audit_heads as ended
      where ended.has_ended
        and ended.oldest_at is null
        and not exists (
          select from monitoring.audit_anchor_heads where audit_anchor_heads.chain = ended.chain
        )
      limit purge_agent_actions.batch_size
      for update skip locked
    );
  end if;
  return v_count;
end
$$;

comment on function monitoring.purge_agent_actions(integer) is
'Deletes up to batch_size audit rows older than retention.agent_actions_days and returns their number. A trigger records
what was deleted, once a batch. When no more rows are due, it deletes anchors of the same age, and the heads of chains
whose incident was deleted. Call it again, after a commit, while it returns batch_size.';
