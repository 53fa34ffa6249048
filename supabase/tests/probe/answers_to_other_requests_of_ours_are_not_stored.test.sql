begin;

select plan(4);

-- Other tests leave jobs too.
create temporary table remembered as
select
  public.remember_fix('restart it', pattern => 'tap embedding of an answer') as id,
  -- Before a crash of PostgreSQL, after which pg_net counts request ids from 1 again.
  public.remember_fix('restart it', pattern => 'tap embedding of a lost answer') as lost_id;

update monitoring.embedding_jobs
set
  status = 'sent',
  request_id = -5,
  sent_at = now()
where embedding_jobs.knowledge_id = (select remembered.id from remembered);

update monitoring.embedding_jobs
set
  status = 'sent',
  request_id = -5,
  sent_at = now() - interval '1 minute'
where embedding_jobs.knowledge_id = (select remembered.lost_id from remembered);

insert into monitoring.notifications (id, channel, event, status, details, request_id, sent_at, lease_expires_at)
overriding system value
values (-6, 'tap', 'test', 'sending', '{}', -6, now(), now() + interval '1 minute');

insert into monitoring.awaited_answers (request_id, notification_id)
values (-6, -6);

insert into net._http_response (id, status_code, content, timed_out)
values (-5, 200, '{}', false), (-6, 500, 'no', false);

select results_eq(
  $$ select status, answer from monitoring.embedding_jobs where request_id = -5 order by sent_at desc $$,
  $$ values ('answered', '{}'), ('sent', null) $$,
  'an embedding is recorded for the newest request of that id'
);

select results_eq(
  $$ select answer_status, answer from monitoring.notifications where id = -6 $$, $$ values (500, 'no') $$,
  'so is the answer to a notification'
);

select is_empty($$ select from net._http_response where id = any('{-5,-6}') $$, 'neither is stored a second time');

insert into net._http_response (id, status_code, timed_out)
values (-6, 500, false);

select isnt_empty($$ select from net._http_response where id = -6 $$, 'an answer that nobody awaits is stored as ever');

select * from finish();

rollback;
