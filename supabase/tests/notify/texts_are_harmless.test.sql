begin;

select plan(8);

select is(
  monitoring.shorten_line(e' a\tb\r\nc\x01\x1b[31m\u202Ed\u0085e\u00ad ', 50), 'a b  c[31md e',
  'a line has no control characters, and none that turn or hide text'
);

select is(monitoring.shorten_line('123456', 5), '1234…', 'a long line ends with an ellipsis');

select is(monitoring.shorten_line('12345', 5), '12345', 'a line that fits stays');

select is(
  monitoring.shorten_text(e'a\r\n\n  b\x08\nc', 100), e'a\nb\nc', 'a text of several lines keeps them, without blank ones'
);

select is(monitoring.shorten_text(repeat(e'12\n', 9), 8), e'12\n12\n1…', 'a long text is cut');

update public.system_config
set value = value || '{"incident_url": "https://status.example.com/incidents/{id}?a=1&b=2"}'
where key = 'incident_policy';

select is(
  monitoring.find_incident_link('INC-1'), 'https://status.example.com/incidents/INC-1?a=1&b=2',
  'the link to an incident is that of incident_policy.incident_url'
);

select is(monitoring.find_incident_link('INC-"><'), null, 'an id that could end a link gets none');

update public.system_config
set value = value - 'incident_url'
where key = 'incident_policy';

select is(monitoring.find_incident_link('INC-1'), null, 'without incident_url there is no link');

select * from finish();

rollback;
