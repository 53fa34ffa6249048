begin;

select plan(6);

create function pg_temp.quiet(quiet_from text, quiet_to text, severity text, variadic moments text[])
returns text
language sql
as $$
  select string_agg(
    case
      when monitoring.is_quiet(
        jsonb_populate_record(
          null::monitoring.notification_channels,
          jsonb_build_object(
            'quiet_from', quiet.quiet_from, 'quiet_to', quiet.quiet_to, 'quiet_timezone', 'Europe/Berlin',
            'critical_passes_quiet_hours', true
          )
        ),
        quiet.severity::public.incident_severity,
        moments.moment::timestamptz
      ) then 'quiet'
      else 'loud'
    end,
    ' ' order by moments.place
  )
  from unnest(quiet.moments) with ordinality as moments (moment, place)
$$;

-- Berlin is UTC+1 in winter.
select is(
  pg_temp.quiet('22:00', '07:00', 'HIGH', '2026-01-10 20:59Z', '2026-01-10 21:00Z', '2026-01-11 05:59Z', '2026-01-11 06:00Z'),
  'loud quiet quiet loud', 'quiet hours pass midnight, in the timezone of the channel; the end is outside'
);

select is(
  pg_temp.quiet('12:00', '13:00', null, '2026-01-10 10:59Z', '2026-01-10 11:00Z', '2026-01-10 11:59Z', '2026-01-10 12:00Z'),
  'loud quiet quiet loud', 'they can lie within a day'
);

select is(
  pg_temp.quiet('22:00', '07:00', 'CRITICAL', '2026-01-10 23:00Z')
  || ' ' || pg_temp.quiet('22:00', '22:00', 'HIGH', '2026-01-10 23:00Z', '2026-01-11 21:00Z', '2026-01-11 12:00Z')
  || ' ' || pg_temp.quiet(null, null, 'HIGH', '2026-01-10 23:00Z'),
  'loud quiet quiet quiet loud', 'CRITICAL passes; equal times are the whole day; without times it is never quiet'
);

select is(
  monitoring.is_quiet(
    jsonb_populate_record(
      null::monitoring.notification_channels,
      '{"quiet_from": "22:00", "quiet_to": "07:00", "quiet_timezone": "UTC", "critical_passes_quiet_hours": false}'
    ),
    'CRITICAL', '2026-01-10 23:00Z'
  ),
  true, 'CRITICAL does not pass where it may not'
);

-- 2026-03-29: 02:00 (01:00Z) is followed by 03:00. 02:30 is 03:30 there, 01:30Z.
select is(
  pg_temp.quiet(
    '22:00', '02:30', 'HIGH', '2026-03-28 20:59Z', '2026-03-28 21:00Z', '2026-03-29 00:59Z', '2026-03-29 01:29Z',
    '2026-03-29 01:30Z', '2026-03-29 20:00Z'
  ),
  'loud quiet quiet quiet loud quiet', 'when the clocks go forward, the quiet hours are one period'
);

-- 2026-10-25: 03:00 (01:00Z) is followed by 02:00. 02:30 comes twice, at 00:30Z and 01:30Z.
select is(
  pg_temp.quiet(
    '22:00', '02:30', 'HIGH', '2026-10-24 19:59Z', '2026-10-24 20:00Z', '2026-10-25 00:45Z', '2026-10-25 01:15Z',
    '2026-10-25 01:30Z', '2026-10-25 21:00Z'
  ),
  'loud quiet quiet quiet loud quiet', 'when they go back, an hour that comes twice does not interrupt them'
);

select * from finish();

rollback;
