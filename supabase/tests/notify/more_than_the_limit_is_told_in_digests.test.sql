begin;

select plan(10);

insert into public.incidents (id, fingerprint, title, message, severity, category, rule)
select
  'INC-storm-' || numbers.n as id,
  'storm-' || numbers.n as fingerprint,
  'Title ' || numbers.n as title,
  'm' as message,
  case when numbers.n <= 30 then 'CRITICAL' else 'HIGH' end::public.incident_severity as severity,
  'backend' as category,
  'r' as rule
from generate_series(1, 1000) as numbers (n);

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm-a', 900, 'webhook', 'LOW', '{opened,resolved}'), ('storm-b', 901, 'pagerduty', 'LOW', '{opened,resolved}');

insert into monitoring.notifications (channel, incident_id, event, severity, details)
select
  'storm-a' as channel,
  incidents.id as incident_id,
  'opened' as event,
  incidents.severity,
  jsonb_build_object('title', incidents.title) as details
from public.incidents
where incidents.id like 'INC-storm-%'
order by substr(incidents.id, 11)::integer;

insert into monitoring.notifications (channel, incident_id, event, severity, details)
values ('storm-a', 'INC-storm-500', 'escalated', 'HIGH', '{"title": "Title 500"}');

select is(
  monitoring.queue_digests('storm-a', 1000) || ' ' || monitoring.queue_digests('storm-a', 0), '0 0',
  'no digest while there is a message for each incident, nor without any message'
);

select is(monitoring.queue_digests('storm-a', 20), 5, '1,000 incidents need 5 of 20 messages for digests');

select results_eq(
  $$
    select count(*), sum((n.event = 'digest')::integer), bool_and(n.severity = 'CRITICAL' or n.event = 'digest')
    from monitoring.list_due_notifications('storm-a')
    join monitoring.notifications as n using (id)
  $$,
  $$ values (20::bigint, 5::bigint, true) $$,
  'the worst incidents keep messages of their own, and all is within the limit'
);

select results_eq(
  $$
    select max(digests.size), sum(digests.size), count(distinct names.item ->> 'incident_id'), count(*)
    from (
      select id, (details ->> 'count')::integer as size, details -> 'notifications' as list
      from monitoring.notifications
      where channel = 'storm-a' and event = 'digest'
    ) as digests
    cross join lateral jsonb_array_elements(digests.list) with ordinality as names (item, place)
    where digests.size = jsonb_array_length(digests.list)
  $$,
  $$ values (200, (4 * 200 * 200 + 185 * 185)::bigint, 985::bigint, 985::bigint) $$,
  'each of the others is named once, at most 200 in a digest'
);

select results_eq(
  $$
    select details -> 'worst', severity::text
    from monitoring.notifications
    where channel = 'storm-a' and event = 'digest'
    order by id
    limit 1
  $$,
  $$ values ('{"id": "INC-storm-16", "severity": "CRITICAL", "title": "Title 16"}'::jsonb, 'CRITICAL') $$,
  'a digest says which is the worst'
);

update monitoring.notifications
set status = 'dead', error = 'gone', finished_at = now()
where event = 'digest' and channel = 'storm-a' and id in (
  select digest_id
  from monitoring.notifications
  where incident_id = 'INC-storm-500'
);

select matches(
  monitoring.finish_digests('storm-a') || ' ' || monitoring.finish_digests('storm-a'), '^(186|201) 0$',
  'the members of a digest end with it, once'
);

select results_eq(
  $$
    select string_agg(event::text || ' ' || status || ' ' || error, ', ' order by id)
    from monitoring.notifications
    where channel = 'storm-a' and incident_id = 'INC-storm-500'
  $$,
  $$ values ('opened dead gone, escalated dead gone') $$,
  'all rows of an incident are in the same digest'
);

select is(
  monitoring.describe_digest(array(
    select id
    from monitoring.notifications
    where channel = 'storm-a' and incident_id = 'INC-storm-500'
  )),
  '{"count": 1, "worst": {"id": "INC-storm-500", "severity": "HIGH", "title": "Title 500"}, "notifications":
    [{"incident_id": "INC-storm-500", "event": "opened", "severity": "HIGH", "title": "Title 500"}]}',
  'a digest names an incident once: that it opened is more than that it was escalated'
);

insert into monitoring.notifications (channel, incident_id, event, severity, status, may_have_arrived, finished_at)
values
('storm-b', 'INC-storm-1', 'opened', 'HIGH', 'delivered', false, now()),
('storm-b', 'INC-storm-1', 'resolved', 'HIGH', 'queued', false, null),
('storm-b', 'INC-storm-2', 'opened', 'HIGH', 'queued', true, null),
('storm-b', 'INC-storm-3', 'opened', 'HIGH', 'queued', false, null),
('storm-b', 'INC-storm-4', 'opened', 'HIGH', 'queued', false, null);

select is(
  monitoring.queue_digests('storm-b', 2) || ' ' || monitoring.queue_digests('storm-b', 3), '0 1',
  'a message that may have arrived, and what PagerDuty must be told alone, go before digests'
);

select results_eq(
  $$ select incident_id from monitoring.notifications where channel = 'storm-b' and digest_id is not null order by id $$,
  $$ values ('INC-storm-3'), ('INC-storm-4') $$,
  'they are in no digest'
);

select * from finish();

rollback;
