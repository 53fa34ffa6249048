begin;

select plan(10);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values
('INC-1', 'outcome 1', 't', 'tap outcome', 'LOW', 'backend', 'r'),
('INC-2', 'outcome 2', 't', 'tap outcome', 'LOW', 'backend', 'r'),
('INC-3', 'outcome 3', 't', 'of another error', 'LOW', 'backend', 'r');

create function monitoring.test_record(sub text, has_worked boolean, incident_id text)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_answer jsonb;
begin
  perform set_config(
    'request.jwt.claims', jsonb_build_object('role', 'authenticated', 'sub', test_record.sub)::text, true
  );
  v_answer := public.record_fix_outcome(
    (select error_knowledge.id from public.error_knowledge where error_knowledge.pattern = 'tap outcome'),
    test_record.has_worked, test_record.incident_id
  );
  return (v_answer ->> 'success_count') || ' ' || (v_answer ->> 'failure_count');
end
$$;

select public.remember_fix('s', pattern => 'tap outcome');

select results_eq(
  $$ select max(monitoring.test_record('ann', true, 'INC-1')) from generate_series(1, 40) $$,
  $$ values ('1 0') $$,
  '40 outcomes of one caller for one incident are one'
);

select is(monitoring.test_record('ann', false, 'INC-1'), '0 1', 'a caller can correct its outcome');

select is(monitoring.test_record('ann', true, 'INC-2'), '1 1', 'the same caller counts for each incident');

select is(monitoring.test_record('ben', true, 'INC-1'), '2 1', 'each caller counts for the same incident');

select throws_ok(
  $$ select monitoring.test_record('ann', true, 'INC-3') $$, 'PT409', null, 'the incident must be one of the error'
);

select public.resolve_incident('INC-3', 'r', id)
from public.error_knowledge
where pattern = 'tap outcome';

select throws_ok(
  $$ select monitoring.test_record('ann', true, 'INC-3') $$, 'PT409', null,
  'an agent cannot make it one by linking it to the fix: all incidents would count'
);

select set_config('request.jwt.claims', '{"role": "service_role"}', true);

select is(
  (
    select public.record_fix_outcome(id, true, 'INC-3') ->> 'success_count'
    from public.error_knowledge
    where pattern = 'tap outcome'
  ),
  '3', 'service_role can, for an incident that is linked to the fix'
);

select throws_ok(
  $$ select monitoring.test_record('ann', true, 'INC-0') $$, 'PT404', 'there is no incident INC-0', 'the incident must exist'
);

select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "eve"}', true);

select public.report_error('{"error": {"message": "tap outcome"}, "fingerprint": "outcome of eve"}');

select throws_ok(
  $$ select monitoring.test_record('eve', true, id) from public.incidents
     where message = 'tap outcome' and id not in ('INC-1', 'INC-2') $$,
  'PT403', null, 'an agent cannot use an incident that it reported itself'
);

select throws_ok(
  $$ select monitoring.test_record(null, true, 'INC-1') $$,
  'PT403', 'the access token names no user', 'an outcome belongs to a caller'
);

select * from finish();

rollback;
