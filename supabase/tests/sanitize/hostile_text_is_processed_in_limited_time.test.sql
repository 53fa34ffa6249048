-- 100 kB written to be slow is sanitized in time that is linear in its size. Measured: 3 to 20 ms each; the limit
-- leaves room for a busy machine and still fails on anything quadratic, which takes seconds.

begin;

select plan(2);

create temporary table walls (body text) on commit drop;

insert into walls (body)
select repeat(brick, 100000 / octet_length(brick))
from unnest(array[
  '@', 'a@', 'a@b.co ', 'password=', 'password=x ', '"password":"x",', 'password="', 'eyJ', 'eyJabcdefghij ', '1', '4111 ',
  '4111111111111112x ', '-----BEGIN', ':', '://a:', '://a:b@c ', '\', '"', 'Authorization: x ', 'Cookie: a=b; ', e'\x1b',
  e'\x1b[', e'\x1b]', 'a.', 'a%40b.co ', 'token: word word ', 'x '
]) as brick;

create function pg_temp.slowest(query text)
returns numeric
language plpgsql
as $$
declare
  v_wall text;
  v_start timestamptz;
  v_slowest numeric := 0;
begin
  for v_wall in select walls.body from walls loop
    v_start := clock_timestamp();
    execute slowest.query using v_wall;
    v_slowest := greatest(v_slowest, extract(epoch from clock_timestamp() - v_start) * 1000);
  end loop;
  return v_slowest;
end;
$$;

select cmp_ok(
  pg_temp.slowest('select monitoring.sanitize_text($1, 32768)'), '<', 400::numeric, 'texts, in milliseconds'
);

select cmp_ok(
  pg_temp.slowest('select monitoring.sanitize_jsonb(jsonb_build_object(''a'', $1), 65536)'), '<', 800::numeric,
  'documents, in milliseconds'
);

select * from finish();

rollback;
