begin;

select plan(9);

create temporary table mails (name text primary key, id bigint) on commit drop;

with made as (
  insert into public.email_tracking (recipient, subject)
  select
    names.name || '@example.com' as recipient,
    's' as subject
  from unnest(array['sent', 'early', 'lost', 'dead', 'late', 'twin', 'blank']) as names (name)
  returning
    email_tracking.id,
    split_part(email_tracking.recipient, '@', 1) as name
)

insert into mails (name, id)
select
  made.name,
  made.id
from made;

select monitoring.record_email_sent(id, 'tap-sent', now() - interval '1 minute')
from mails
where name = 'sent';

select monitoring.record_email_sent(id, 'tap-sent', now())
from mails
where name = 'sent';

select results_eq(
  $$ select status::text, provider_id, sent_at = now() - interval '1 minute', error
     from public.email_tracking join mails using (id) where name = 'sent' $$,
  $$ values ('sent', 'tap-sent', true, null::text) $$,
  'an accepted e-mail is sent, with the id of the provider; a repetition changes nothing'
);

select public.record_email_event('tap-early', 'delivered', now() - interval '5 minutes', id)
from mails
where name = 'early';

select monitoring.record_email_sent(id, 'tap-early', now())
from mails
where name = 'early';

select results_eq(
  $$ select status::text, provider_id, sent_at = now() - interval '5 minutes'
     from public.email_tracking join mails using (id) where name = 'early' $$,
  $$ values ('delivered', 'tap-early', true) $$,
  'an event may arrive before the answer of the provider is recorded'
);

select monitoring.record_email_failed(id, 'given up after 24 hours')
from mails
where name in ('dead', 'lost');

select results_eq(
  $$ select status::text, error from public.email_tracking join mails using (id) where name = 'dead' $$,
  $$ values ('failed', 'given up after 24 hours') $$,
  'an e-mail that was given up says why'
);

select public.record_email_event('tap-lost', 'delivered', now(), id)
from mails
where name = 'lost';

select results_eq(
  $$ select status::text, provider_id, error from public.email_tracking join mails using (id) where name = 'lost' $$,
  $$ values ('delivered', 'tap-lost', null::text) $$,
  'an e-mail that was given up after a lost answer is delivered when its provider says so'
);

select is(
  (
    select monitoring.record_email_failed(id, 'given up') from mails
    where name = 'early'
  ), false,
  'an e-mail that its provider knows is not given up'
);

select public.record_email_event('tap-late', 'bounced', now() - interval '2 minutes', id, 'no such user')
from mails
where name = 'late';

select monitoring.record_email_sent(id, 'tap-late', now())
from mails
where name = 'late';

select results_eq(
  $$ select status::text, error, bounced_at = now() - interval '2 minutes'
     from public.email_tracking join mails using (id) where name = 'late' $$,
  $$ values ('bounced', 'no such user', true) $$,
  'a bounced e-mail stays bounced'
);

select monitoring.record_email_sent(id, 'tap-sent', now())
from mails
where name = 'twin';

select monitoring.record_email_sent(id, ' ', now())
from mails
where name = 'blank';

select results_eq(
  $$ select status::text, provider_id from public.email_tracking join mails using (id) where name in ('twin', 'blank') $$,
  $$ values ('sent', null::text), ('sent', null) $$,
  'an id that is blank or belongs to another e-mail is not stored'
);

select is(monitoring.record_email_sent(-1, 'x', now()), false, 'an e-mail that does not exist is not sent');

select is(
  (
    select monitoring.record_email_failed(id, null) from mails
    where name = 'dead'
  ), true, 'giving up can be repeated'
);

select * from finish();

rollback;
