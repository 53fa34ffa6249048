begin;

select plan(8);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
values ('INC-1', 'storm-one', 't', 'm', 'HIGH', 'backend', 'r');

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm-a', 900, 'webhook', 'LOW', '{opened,escalated,reopened,acknowledged,resolved}');

-- Each word is a row: its event, then = delivered, > sending, ? may have arrived, or nothing for unsent.
create function pg_temp.left_of(rows text, severity text default 'HIGH')
returns text
language plpgsql
as $$
begin
  delete from monitoring.notifications
  where channel = 'storm-a';
  insert into monitoring.notifications (
    channel, incident_id, event, severity, status, may_have_arrived, finished_at, lease_expires_at
  )
  select
    'storm-a', 'INC-1', rtrim(words.word, '=>?')::monitoring.notification_event,
    case when words.word ~ '[=>?]$' then 'HIGH' else left_of.severity end::public.incident_severity,
    case when words.word like '%=' then 'delivered' when words.word like '%>' then 'sending' else 'queued' end
    ::monitoring.notification_status,
    words.word like '%?',
    case when words.word like '%=' then now() end,
    case when words.word like '%>' then now() end
  from unnest(string_to_array(left_of.rows, ' ')) with ordinality as words (word, place)
  order by words.place;
  perform monitoring.collapse_notifications('storm-a');
  return (
    select coalesce(string_agg(event::text, ' ' order by id), '')
    from monitoring.notifications
    where channel = 'storm-a'
      and status in ('queued', 'sending')
  );
end
$$;

select is(
  pg_temp.left_of('opened resolved') || '|' || pg_temp.left_of('opened escalated acknowledged reminder resolved'), '|',
  'an opening that was not sent and its resolution collapse, with what is between'
);

select is(pg_temp.left_of('opened resolved reopened escalated'), 'reopened escalated', 'of an odd number the last stays, and what follows it');

select is(
  pg_temp.left_of('opened= resolved reopened') || '|' || pg_temp.left_of('opened= acknowledged resolved') || '|'
  || pg_temp.left_of('opened= resolved= reopened resolved'),
  '|resolved|', 'what the channel knows already is not told again'
);

select is(
  pg_temp.left_of('opened> resolved') || '|' || pg_temp.left_of('opened? resolved'), 'opened resolved|opened resolved',
  'what is in flight or may have arrived is followed by its resolution'
);

select is(
  pg_temp.left_of('opened= resolved reopened', 'CRITICAL') || '|' || pg_temp.left_of('escalated resolved'), 'reopened|',
  'a higher severity is told; an escalation that was the first message collapses like an opening'
);

select is(
  pg_temp.left_of('opened= reopened') || '|' || pg_temp.left_of('opened reopened') || '|' || pg_temp.left_of('escalated'),
  'reopened|reopened|escalated', 'without a resolution the newest opening stays'
);

update public.incidents
set status = 'resolved', resolved_at = now()
where id = 'INC-1';

select is(
  pg_temp.left_of('opened') || '|' || pg_temp.left_of('opened= reopened escalated'), '|',
  'a channel without resolutions is not told of an opening that is over'
);

select results_eq(
  $$ select status::text, finished_at is not null from monitoring.notifications where channel = 'storm-a' order by id $$,
  $$ values ('delivered', true), ('collapsed', true), ('collapsed', true) $$,
  'what collapsed says so'
);

select * from finish();

rollback;
