begin;

select plan(6);

update public.system_config
set value = value || '{"notifications_per_minute": 5}'
where key = 'rate_limits';

insert into monitoring.notification_channels (name, place, kind, min_severity, events)
values ('storm-a', 900, 'webhook', 'LOW', '{opened}');

select is(monitoring.count_free_messages('storm-a'), 5, 'without messages the limit is free');

insert into monitoring.notifications (channel, event, status, attempts, sent_at, finished_at)
values
('storm-a', 'test', 'delivered', 1, now(), now()), ('storm-a', 'test', 'delivered', 1, now() - interval '2 minutes', now()),
('storm-b', 'test', 'delivered', 1, now(), now());

select is(monitoring.count_free_messages('storm-a'), 4, 'the messages of the last minute to the channel count');

update monitoring.notifications
set attempts = 2, sent_at = clock_timestamp()
where channel = 'storm-a';

select is(monitoring.count_free_messages('storm-a'), 2, 'each attempt of the last minute counts');

update monitoring.notifications
set attempts = 3
where channel = 'storm-a';

select is(monitoring.count_free_messages('storm-a'), 2, 'an attempt that could not be enqueued does not');

update monitoring.notifications
set attempts = attempts + 5, sent_at = clock_timestamp(), earlier_sent_at = array[now(), now(), now(), now()]
where channel = 'storm-a';

select is(monitoring.count_free_messages('storm-a'), 0, 'it is never negative');

alter table public.system_config disable trigger user;

update public.system_config
set value = value || '{"notifications_per_minute": "many"}'
where key = 'rate_limits';

select is(monitoring.count_free_messages('storm-c'), 20, 'without a readable limit, it is 20');

select * from finish();

rollback;
