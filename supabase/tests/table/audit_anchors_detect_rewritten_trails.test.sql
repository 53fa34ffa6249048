begin;

select plan(14);

-- Anchors of other tests must not count here.
delete from monitoring.audit_anchors;

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'anchored', 't', 'm', 'LOW', 'backend', 'r');

insert into public.agent_actions (agent, action, incident_id)
select
  'a' as agent,
  'action ' || number as action,
  'INC-1' as incident_id
from generate_series(1, 4) as numbers (number);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "anchored"}', true);

insert into public.agent_actions (agent, action)
values ('a', 'looked');

select set_config('request.jwt.claims', '', true);

create temporary table logged (anchored_on date, hash text) on commit drop;

insert into logged
select
  anchored_on,
  hash
from monitoring.write_audit_anchor('2026-01-01');

insert into public.agent_actions (agent, action, incident_id)
values ('a', 'action 5', 'INC-1');

insert into logged
select
  anchored_on,
  hash
from monitoring.write_audit_anchor('2026-01-02');

create function monitoring.test_verify()
returns text
language sql
set search_path = ''
as $$
  select coalesce(string_agg(distinct coalesce(problems.item ->> 'chain' || ': ', '') || (problems.item ->> 'problem'), ', '), 'intact')
  from pg_temp.logged
  cross join lateral (select public.verify_audit(null, logged.anchored_on, logged.hash) as report) as verified
  cross join lateral jsonb_array_elements(verified.report -> 'problems') as problems (item);
$$;

-- Recomputes the hashes of a chain from a position, with its head, as an owner can.
create function monitoring.test_rehash(wanted text, from_position integer)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_entry public.agent_actions;
  v_previous text;
begin
  for v_entry in
    select agent_actions.*
    from public.agent_actions
    where agent_actions.chain = wanted
    order by agent_actions.chain_position
  loop
    if v_entry.chain_position >= from_position then
      v_entry.previous_hash := case when v_entry.chain_position > 1 then v_previous end;
      v_entry.content_hash := monitoring.hash_action_content(v_entry);
      v_entry.hash := monitoring.hash_agent_action(v_entry);
      update public.agent_actions
      set previous_hash = v_entry.previous_hash, content_hash = v_entry.content_hash, hash = v_entry.hash
      where agent_actions.id = v_entry.id;
    end if;
    v_previous := v_entry.hash;
  end loop;
  update monitoring.audit_heads
  set hash = v_previous, chain_position = v_entry.chain_position
  where audit_heads.chain = wanted;
end
$$;

select is(
  (
    select string_agg(chain_position || '<' || from_position, ' ' order by anchored_on) from monitoring.audit_anchor_heads
    where chain = 'INC-1'
  ),
  '5<0 6<5', 'an anchor covers what was written since the one before it'
);

select is(monitoring.test_verify(), 'intact', 'both logged anchors are confirmed');

select is(
  (monitoring.write_audit_anchor('2026-01-02')).hash, (
    select hash from logged
    where anchored_on = '2026-01-02'
  ), 'a day has one anchor'
);

-- As the owner of the tables, who can disable their triggers.
alter table public.agent_actions disable trigger user;

-- What verify_audit() says of the logged anchors after statements, which are then rolled back.
create function monitoring.test_verify_after(statements text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_problems text;
begin
  begin
    execute statements;
    v_problems := monitoring.test_verify();
    raise exception using errcode = 'ZZ999', message = 'roll back';
  exception
    when sqlstate 'ZZ999' then
      return v_problems;
  end;
end
$$;

select is(
  monitoring.test_verify_after(
    $$ delete from public.agent_actions where chain = 'INC-1' and chain_position < 3;
       update monitoring.audit_heads
       set purged_position = 2, purged_until = now() - interval '500 days', purged_hash = (
         select previous_hash from public.agent_actions where chain = 'INC-1' and chain_position = 3
       )
       where chain = 'INC-1'; $$
  ),
  'INC-1: actions are missing although retention keeps them (anchor of 2026-01-01)',
  'first actions that were deleted as if by retention are missing'
);

select is(
  monitoring.test_verify_after(
    $$ delete from public.agent_actions where chain = 'INC-1' and chain_position < 3;
       -- In two steps: within one, a row may get a place that another one still has.
       update public.agent_actions set chain_position = chain_position + 1000 where chain = 'INC-1';
       update public.agent_actions
       set chain_position = chain_position - 1002, previous_hash = case when chain_position > 1003 then 'p' end
       where chain = 'INC-1';
       select monitoring.test_rehash('INC-1', 1); $$
  ) like 'INC-1: %', true, 'so are first actions that were deleted and the rest rehashed'
);

select is(
  monitoring.test_verify_after(
    $$ delete from public.agent_actions where chain = 'INC-1' and chain_position = 6;
       select monitoring.test_rehash('INC-1', 6); $$
  ),
  'INC-1: the last actions are missing (anchor of 2026-01-02)',
  'last actions that were deleted with their head are missing'
);

select is(
  monitoring.test_verify_after(
    $$ delete from public.agent_actions where chain = 'user:anchored';
       delete from monitoring.audit_heads where chain = 'user:anchored'; $$
  ),
  'user:anchored: the chain is missing (anchor of 2026-01-01)', 'a chain that was deleted with its head is missing'
);

select is(
  monitoring.test_verify_after('delete from monitoring.audit_anchors'),
  'the anchor of 2026-01-01 is not the one to compare with, the anchor of 2026-01-02 is not the one to compare with',
  'anchors that were deleted are missing'
);

update public.agent_actions
set details = '{"edited": true}'
where chain = 'INC-1' and chain_position = 3;

select monitoring.test_rehash('INC-1', 3);

select is(public.verify_audit('INC-1') -> 'is_intact', 'false', 'an action that was edited and rehashed differs from the anchors');

update monitoring.audit_anchor_heads
set
  hash = (
    select agent_actions.hash from public.agent_actions
    where agent_actions.chain = 'INC-1' and agent_actions.chain_position = audit_anchor_heads.chain_position
  )
where chain = 'INC-1';

select is(
  public.verify_audit() #>> '{problems,0,problem}', 'the anchor of 2026-01-01 was changed, or the one before it is missing',
  'heads that were edited in an anchor differ from its hash'
);

update monitoring.audit_anchors
set hash = monitoring.hash_audit_anchor(anchored_on)
where anchored_on = '2026-01-01';

update monitoring.audit_anchors
set
  previous_hash = (
    select earlier.hash from monitoring.audit_anchors as earlier
    where earlier.anchored_on = '2026-01-01'
  )
where anchored_on = '2026-01-02';

update monitoring.audit_anchors
set hash = monitoring.hash_audit_anchor(anchored_on)
where anchored_on = '2026-01-02';

select is(public.verify_audit() -> 'is_intact', 'true', 'when everything is rewritten, the database itself notices nothing');

select is(
  monitoring.test_verify(),
  'the anchor of 2026-01-01 is not the one to compare with, the anchor of 2026-01-02 is not the one to compare with',
  'an anchor that was logged outside does'
);

select throws_ok(
  $$ select public.verify_audit(null, '2026-01-01') $$, 'PT400', 'anchored_on and anchor_hash belong together',
  'a day without a hash is no anchor'
);

select throws_ok(
  $$ select public.verify_audit('INC-1', '2026-01-01', 'h') $$, 'PT400', 'an anchor is compared with the whole trail',
  'an anchor covers the whole trail, not one incident'
);

select * from finish();

rollback;
