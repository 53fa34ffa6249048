begin;

select plan(1);

update public.system_config
set value = '[{"name": "tap-ahead", "type": "backend", "url": "https://ahead.example/"}]'
where key = 'health_check_targets';

insert into public.incidents (
  id, fingerprint, title, message, severity, category, rule, sender, first_seen, last_seen
)
values (
  'INC-1', 'health-check:target:tap-ahead', 't', 'm', 'LOW', 'backend', 'r', 'health-check', now() + interval '5 days',
  now() + interval '6 days'
);

select is(
  public.target_page('tap-ahead') #> '{outages,0,seconds}', '0',
  'an outage that began before the clock was set back has lasted for no time yet'
);

select * from finish();

rollback;
