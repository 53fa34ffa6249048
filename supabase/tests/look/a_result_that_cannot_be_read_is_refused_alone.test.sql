begin;

select plan(8);

update public.system_config
set value = '[{"name": "tap shop", "type": "backend", "url": "https://a.example/"}]'
where key = 'health_check_targets';

delete from monitoring.target_looks
where target_looks.id is not null;

insert into monitoring.target_looks (target, purpose, due_at, endpoint)
select
  'tap shop' as target,
  'certificate' as purpose,
  clock_timestamp() + interval '1 minute' as due_at,
  'a.example:443' as endpoint
from generate_series(1, 60);

-- The answer to a bad result between two good ones.
create function pg_temp.refusal(result jsonb)
returns text
language plpgsql
as $$
declare
  v_ids bigint[] := array(
    select target_looks.id from monitoring.target_looks where target_looks.recorded_at is null order by 1 limit 3
  );
  v_answers jsonb := public.record_looks(
    jsonb_build_array(
      jsonb_build_object('id', v_ids[1], 'http_status', 200),
      case when jsonb_typeof(result) = 'object' then jsonb_build_object('id', v_ids[2]) || result else result end,
      jsonb_build_object('id', v_ids[3], 'http_status', 200)
    )
  );
begin
  return concat_ws(
    ' ', v_answers #>> '{0,result}', v_answers #>> '{1,result}', v_answers #>> '{2,result}',
    v_answers #>> '{1,field}', '/', v_answers #>> '{1,problem}'
  );
end
$$;

select is(
  array[
    pg_temp.refusal('"x"'), pg_temp.refusal('{"id": "x", "http_status": 200}'),
    pg_temp.refusal('{"id": 1.5, "http_status": 200}')
  ],
  array[
    'recorded refused recorded looks / looks must be objects',
    'recorded refused recorded id / id must be the id of a look',
    'recorded refused recorded id / id must be the id of a look'
  ],
  'a result has the id of a look'
);

select is(
  array[
    pg_temp.refusal('{"http_status": "200"}'), pg_temp.refusal('{"http_status": 99}'),
    pg_temp.refusal('{"http_status": 200, "response_time_ms": 1e400}')
  ],
  array[
    'recorded refused recorded http_status / http_status must be a number from 100 to 999',
    'recorded refused recorded http_status / http_status must be a number from 100 to 999',
    'recorded refused recorded response_time_ms / response_time_ms must be a number from 0 to 3600000'
  ],
  'numbers are in bounds'
);

select is(
  array[pg_temp.refusal('{"error_kind": "other"}'), pg_temp.refusal('{}')],
  array[
    'recorded refused recorded error_kind / error_kind must be one of dns, connect, tls, timeout, private_address, protocol',
    'recorded refused recorded http_status / http_status is missing'
  ],
  'there is a response or a known kind of error'
);

select is(
  array[
    pg_temp.refusal('{"http_status": 200, "addresses": ["192.0.2.1", "nowhere"]}'),
    pg_temp.refusal('{"http_status": 200, "addresses": "192.0.2.1"}')
  ],
  array[
    'recorded refused recorded addresses / addresses must be IP addresses',
    'recorded refused recorded addresses / addresses must be a list of strings'
  ],
  'addresses are IP addresses'
);

select is(
  array[
    pg_temp.refusal('{"http_status": 200, "headers": ["server"]}'),
    pg_temp.refusal('{"http_status": 200, "headers": {"age": 1}}'),
    pg_temp.refusal(jsonb_build_object('http_status', 200, 'headers', jsonb_build_object('x', repeat('x', 131072))))
  ],
  array[
    'recorded refused recorded headers / headers must be an object of strings',
    'recorded refused recorded headers / headers must be an object of strings',
    'recorded refused recorded headers / headers is larger than 128 kB'
  ],
  'headers are strings'
);

select is(
  array[
    pg_temp.refusal('{"http_status": 200, "body": 1}'),
    pg_temp.refusal(jsonb_build_object('http_status', 200, 'body', repeat('ü', 524289)))
  ],
  array[
    'recorded refused recorded body / body must be a string',
    'recorded refused recorded body / body is larger than 1 MiB'
  ],
  'a body is a string of at most 1 MiB'
);

select is(
  array[
    pg_temp.refusal('{"http_status": 200, "certificate": "c"}'),
    pg_temp.refusal('{"http_status": 200, "certificate": {"not_after": "2026-02-30T00:00:00Z"}}'),
    pg_temp.refusal('{"http_status": 200, "certificate": {"not_after": "2026-02-03T00:00:00Z", "not_before": {}}}'),
    pg_temp.refusal('{"http_status": 200, "certificate": {"not_after": "2026-02-03T00:00:00Z", "names": [1]}}'),
    pg_temp.refusal('{"http_status": 200, "certificate": {"issuer": []}}')
  ],
  array[
    'recorded refused recorded certificate / certificate must be an object',
    'recorded refused recorded certificate.not_after / certificate.not_after is no time',
    'recorded refused recorded certificate.not_before / certificate.not_before is no time',
    'recorded refused recorded certificate.names / certificate.names must be a list of strings',
    'recorded refused recorded certificate.issuer / certificate.issuer must be a string'
  ],
  'a certificate can be read'
);

select is(
  (
    select count(*) from monitoring.target_looks
    where recorded_at is not null
  ), 40::bigint,
  'what was refused waits for another result'
);

select * from finish();

rollback;
