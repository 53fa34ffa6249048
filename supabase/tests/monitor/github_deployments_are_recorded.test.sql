begin;

select plan(8);

create temporary table effects (number integer generated always as identity, effect text) on commit drop;

create function pg_temp.post(id integer, state text, at text, fields jsonb default '{}')
returns void
language sql
as $$
  insert into effects (effect)
  select answers.answer ->> 'effect'
  from jsonb_array_elements(
    public.ingest_deliveries(
      jsonb_build_array(jsonb_build_object(
        'kind', 'github', 'resource', 'deployment_status', 'body_hash', gen_random_uuid(),
        'body', jsonb_build_object(
          'action', 'created',
          'deployment', jsonb_build_object(
            'id', id, 'sha', 'f95f852bd8fca8fcc58a9a2d6c842781e32a215e', 'ref', 'v2.0',
            'created_at', '2026-11-20T10:00:00Z', 'creator', '{"login": "octocat"}'::jsonb
          ) || fields,
          'deployment_status', jsonb_build_object('state', state, 'environment', 'production', 'created_at', at),
          'repository', '{"name": "tap-github", "full_name": "acme/tap-github", "default_branch": "main"}'::jsonb
        )
      ))
    )
  ) as answers (answer)
$$;

select pg_temp.post(-11, 'queued', '2026-11-20T10:00:01Z');
select pg_temp.post(-11, 'in_progress', '2026-11-20T10:01:00Z');
select pg_temp.post(-11, 'success', '2026-11-20T10:06:00Z');
select pg_temp.post(-11, 'in_progress', '2026-11-20T10:01:30Z');
select pg_temp.post(-11, 'inactive', '2026-11-20T11:00:00Z');

select results_eq(
  'select effect from effects order by number',
  $$ values ('recorded'), ('deployed'), ('deployed'), ('late'), ('recorded') $$,
  'a state changes forward only'
);

select results_eq(
  $$ select version, commit_hash, environment, status::text, deployed_by, caller, duration, external_id
     from public.deployment_history where service = 'tap-github' $$,
  $$ values ('v2.0', 'f95f852bd8fca8fcc58a9a2d6c842781e32a215e', 'production', 'succeeded', 'octocat', 'github',
     interval '5 minutes', 'github:deployment:-11') $$,
  'a deployment is one row, from its begin to its end'
);

truncate effects;

select pg_temp.post(-12, 'success', '2026-11-20T10:06:00Z');
select pg_temp.post(-12, 'failure', '2026-11-20T10:05:00Z');
select pg_temp.post(-12, 'failure', '2026-11-20T10:07:00Z');
select pg_temp.post(-12, 'failure', '2026-11-20T10:08:00Z');

select results_eq(
  'select effect from effects order by number',
  $$ values ('deployed'), ('late'), ('deployed'), ('recorded') $$,
  'of two ends the later one counts'
);

select results_eq(
  $$ select status::text, started_at, finished_at from public.deployment_history where external_id = 'github:deployment:-12' $$,
  $$ values ('failed', '2026-11-20 10:00:00+00'::timestamptz, '2026-11-20 10:07:00+00'::timestamptz) $$,
  'an end without a begin starts when the deployment was created'
);

select public.record_deployment_rolled_back(deployment_history.id, 'it burns', '1.0')
from public.deployment_history
where deployment_history.external_id = 'github:deployment:-12';

truncate effects;

select pg_temp.post(-12, 'success', '2026-11-20T12:00:00Z');

select results_eq('select effect from effects', $$ values ('late') $$, 'what was rolled back stays so');

select results_eq(
  $$ select (monitoring.apply_deployment_event(jsonb_populate_record(null::monitoring.delivery_intent, jsonb_build_object(
       'verb', 'deploy', 'fingerprint', 'github:run:-13-1', 'details',
       '{"service": "tap-github", "version": "3", "status": "failed", "started_at": "2026-11-20T12:00:00Z",
         "finished_at": "2026-11-20T11:00:00Z"}'::jsonb)))).effect $$,
  $$ values ('deployed') $$,
  'an end before the begin is moved to it'
);

select throws_ok(
  $$ insert into public.deployment_history (service, version, deployed_by, external_id)
     values ('tap-github', '1', 'x', 'github:run:-13-1') $$,
  '23505', null, 'an id is recorded once'
);

alter table public.deployment_history add constraint no_tap_version check (version <> '3.0');

truncate effects;

select pg_temp.post(-14, 'success', '2026-11-20T12:00:00Z', '{"ref": "3.0"}');

alter table public.deployment_history drop constraint no_tap_version;

select public.replay_delivery(deliveries.id)
from monitoring.deliveries
where deliveries.fingerprint = 'github:deployment:-14';

select results_eq(
  $$ select effects.effect, deliveries.effect, deployment_history.version, deployment_history.commit_hash
     from effects, monitoring.deliveries, public.deployment_history
     where deliveries.fingerprint = 'github:deployment:-14' and deployment_history.external_id = deliveries.fingerprint $$,
  $$ values ('failed', 'deployed', '3.0', 'f95f852bd8fca8fcc58a9a2d6c842781e32a215e') $$,
  'a delivery that failed is replayed from what is stored of it'
);

select * from finish();

rollback;
