begin;

select plan(9);

create function pg_temp.send(fingerprint text, reports text[], first_position integer default 0)
returns jsonb
language sql
as $$
  -- A report is its status, or its status and its age in minutes.
  select public.ingest_events(jsonb_agg(
    jsonb_build_object(
      'sender', 'server:tap-order', 'received_at', now() - interval '1 minute',
      'position', first_position + place - 1,
      'event', jsonb_strip_nulls(jsonb_build_object(
        'error', '{"message": "down"}'::jsonb, 'fingerprint', fingerprint, 'status', split_part(report, ' ', 1),
        'timestamp', now() - nullif(split_part(report, ' ', 2), '')::integer * interval '1 minute'
      ))
    ) order by place
  ))
  from unnest(reports) with ordinality as items (report, place);
$$;

create function pg_temp.state(fingerprint text)
returns text
language sql
as $$
  select concat(status, ' ', occurrence_count)
  from public.incidents
  where incidents.fingerprint = monitoring.read_fingerprint(
    jsonb_build_object('fingerprint', state.fingerprint), 'server:tap-order'
  );
$$;

select pg_temp.send('a', array['firing', 'resolved', 'firing']);

select is(pg_temp.state('a'), 'open 2', 'firing, resolved and firing in one call end open');

select pg_temp.send('b', array['firing', 'resolved', 'firing', 'resolved']);

select is(pg_temp.state('b'), 'resolved 2', 'firing and resolved twice end resolved');

select pg_temp.send('c', array['firing'], 2);

select pg_temp.send('c', array['firing', 'resolved']);

select is(pg_temp.state('c'), 'open 2', 'the second half of a request can be stored first: a later report stays open');

select pg_temp.send('d', array['resolved'], 1);

select is(
  pg_temp.send('d', array['firing']) #>> '{0,status}', 'resolved',
  'a report that its resolution overtook is resolved at once'
);

select pg_temp.send('d', array['firing'], 2);

select is(pg_temp.state('d'), 'open 2', 'a later one opens it again');

select is(
  pg_temp.send('d', array['resolved 30']) #> '{0,duplicate}', 'true'::jsonb, 'a resolution that is late changes nothing'
);

select pg_temp.send('e', array['resolved 10', 'firing 20', 'firing 15']);

select is(pg_temp.state('e'), 'resolved 2', 'in one call too, times decide and not the order of the reports');

select pg_temp.send('f', array['firing 10', 'resolved 10', 'firing 10']);

select is(pg_temp.state('f'), 'open 2', 'of equal times the order decides');

select pg_temp.send('g', array['resolved -4']);

select is(
  pg_temp.send('g', array['firing -1']) #>> '{0,status}', 'open', 'a resolution of a time to come closes nothing later'
);

select finish();

rollback;
