begin;

select plan(8);

update public.system_config
set value = '{"deployment_services": {"acme/api-repo": "api"}}'
where key = 'incident_policy';

create function pg_temp.run(fields jsonb, workflow text)
returns monitoring.delivery_intent
language sql
as $$
  select monitoring.read_github_event(
    'workflow_run',
    jsonb_build_object(
      'workflow', jsonb_build_object('name', workflow),
      'repository', '{"name": "shop", "full_name": "acme/shop", "default_branch": "main"}'::jsonb,
      'workflow_run', '{"id": 9, "run_attempt": 2, "status": "completed", "conclusion": "success", "event": "push",
        "head_branch": "main", "head_sha": "3484a3fb816e0859fd6e1cea078d76385ff50625", "actor": {"login": "octocat"},
        "run_started_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T10:05:00Z",
        "html_url": "https://github.com/acme/shop/actions/runs/9"}'::jsonb || fields
    )
  )
$$;

select is(
  (pg_temp.run('{}', 'Deploy to production')).details - 'started_at' - 'finished_at',
  '{"service": "shop", "version": "3484a3fb816e", "commit": "3484a3fb816e0859fd6e1cea078d76385ff50625", "environment": null,
    "status": "succeeded", "by": "octocat", "url": "https://github.com/acme/shop/actions/runs/9"}',
  'the run of a workflow that deploys is a deployment'
);

select results_eq(
  $$ select (pg_temp.run(fields, workflow)).verb
     from (values
       (1, '{}'::jsonb, 'CI'), (2, '{"event": "pull_request"}', 'Deploy'), (3, '{"status": "queued"}', 'Deploy'),
       (4, '{"conclusion": "skipped"}', 'Deploy'), (5, '{"conclusion": "cancelled"}', 'Release'),
       (6, '{"status": "in_progress", "conclusion": null}', 'Release')
     ) as runs (number, fields, workflow) order by number $$,
  $$ values (null::text), (null), (null), (null), ('deploy'), ('deploy') $$,
  'other workflows, pull requests, and runs that did not begin are no deployments'
);

select results_eq(
  $$ select (pg_temp.run(jsonb_build_object('head_branch', branch), 'Deploy')).details ->> 'environment',
       (pg_temp.run(jsonb_build_object('head_branch', branch), 'Deploy')).details ->> 'version'
     from (values ('staging'), ('v1.4.2'), ('main')) as branches (branch) $$,
  $$ values ('staging', 'staging'), (null, 'v1.4.2'), (null, '3484a3fb816e') $$,
  'a branch that is neither the default one nor a version names the environment'
);

select is((pg_temp.run('{}', 'Deploy')).fingerprint, 'github:run:9-2', 'each attempt of a run is a deployment of its own');

select results_eq(
  $$ select state, (monitoring.read_github_event('deployment_status', jsonb_build_object(
       'deployment', '{"id": 5, "sha": "3484a3f", "ref": "main", "created_at": "2026-11-20T10:00:00Z"}'::jsonb,
       'deployment_status', jsonb_build_object('state', state, 'environment', 'staging', 'created_at', '2026-11-20T10:01:00Z'),
       'repository', '{"name": "api-repo", "full_name": "acme/api-repo"}'::jsonb
     ))).details ->> 'status'
     from (values ('error'), ('failure'), ('in_progress'), ('inactive'), ('queued'), ('success'), ('waiting')) as states (state) $$,
  $$ values ('error', 'failed'), ('failure', 'failed'), ('in_progress', 'in_progress'), ('inactive', null),
     ('queued', null), ('success', 'succeeded'), ('waiting', null) $$,
  'states of deployments'
);

select results_eq(
  $$ values (monitoring.read_github_service('{"name": "api-repo", "full_name": "acme/api-repo"}')),
     (monitoring.read_github_service('{"name": "shop"}')), (monitoring.read_github_service('[]')),
     (monitoring.read_github_commit('3484A3F')), (monitoring.read_github_commit('main-branch')),
     (monitoring.read_github_version('refs/tags/1.0', null, 'main')), (monitoring.read_github_version('main', 'abcdef0', 'main')),
     (monitoring.is_github_deployment_run('{"workflow_run": {"name": "Release it"}}')::text) $$,
  $$ values ('api'), ('shop'), (null), ('3484a3f'), (null), ('1.0'), ('abcdef0'), ('true') $$,
  'services, commits and versions'
);

select results_eq(
  $$ select (monitoring.read_github_event(resource, body)).verb, (monitoring.read_github_event(resource, body)).details
     from (values ('ping', '{"zen": "Design for failure.", "hook_id": 1}'::jsonb), ('push', '{}'),
       ('deployment_status', '{"deployment": {"id": 1}, "deployment_status": {"state": "success"}, "repository": null}')
     ) as events (resource, body) $$,
  $$ values (null::text, null::jsonb), (null, null),
     (null, '{"problem": "it names no repository, or neither a ref nor a commit"}') $$,
  'other events, and deployments of deleted repositories, request nothing'
);

select lives_ok(
  $$ select monitoring.read_github_event(resource, jsonb_build_object(
       'deployment', a, 'deployment_status', b, 'workflow_run', a, 'workflow', b, 'repository', a, 'sender', b))
     from (values ('deployment_status'), ('workflow_run')) as resources (resource)
     cross join (values ('null'::jsonb), ('[]'), ('"x"'), ('7'), ('{"id": [], "name": {}, "sha": 5}'),
       ('{"id": 5, "status": "completed", "conclusion": {}, "name": "deploy", "state": 7, "head_branch": [], "full_name": ""}')) as left_values (a)
     cross join (values ('null'::jsonb), ('true'), ('{"state": "success", "created_at": [], "environment": {}, "login": 5}'),
       ('{"state": [], "name": "Deploy"}')) as right_values (b) $$,
  'values of wrong types do not raise'
);

select * from finish();

rollback;
