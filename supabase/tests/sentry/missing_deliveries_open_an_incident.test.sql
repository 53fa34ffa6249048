begin;

select plan(7);

delete from monitoring.deliveries;

update public.incidents
set fingerprint = id
where fingerprint = 'sentry:feed';

update public.system_config
set value = '{"feed_silence_hours": 2}'
where key = 'incident_policy';

select is(monitoring.check_sentry_feed(), 'quiet', 'without any delivery nothing is missing');

insert into monitoring.deliveries (resource, body_hash, sent_at, received_at, effect)
values ('issue', 'h', now(), now() - interval '3 hours', 'recorded');

select is(monitoring.check_sentry_feed(), 'opened', 'missing deliveries open an incident');

select is(monitoring.check_sentry_feed(), 'silent', 'one incident opens');

select results_eq(
  $$ select severity::text, category::text, occurrence_count from public.incidents where fingerprint = 'sentry:feed' $$,
  $$ values ('MEDIUM', 'infrastructure', 1::bigint) $$,
  'its severity is MEDIUM'
);

select is(public.service_health() #> '{sentry,is_silent}', 'true', 'service_health reports it');

insert into monitoring.deliveries (resource, body_hash, sent_at, effect) values ('issue', 'i', now(), 'recorded');

select is(monitoring.check_sentry_feed(), 'resolved', 'the next delivery resolves it');

update public.system_config
set value = '{}'
where key = 'incident_policy';

delete from monitoring.deliveries
where body_hash = 'i';

select is(monitoring.check_sentry_feed(), 'quiet', 'by default deliveries are not expected');

select * from finish();

rollback;
