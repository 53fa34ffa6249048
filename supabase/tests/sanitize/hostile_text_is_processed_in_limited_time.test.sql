-- 400 kB written to be slow are sanitized in time that is linear in their size: some milliseconds each, where quadratic
-- work takes many seconds.

begin;

select plan(4);

create temporary table walls (body text) on commit drop;

insert into walls (body)
select repeat(brick, 400000 / octet_length(brick))
from unnest(array[
  '@', 'a@', 'a@b.co ', 'password=', 'password=x ', '"password":"x",', 'password="', 'eyJ', 'eyJabcdefghij ', '1', '4111 ',
  '4111111111111112x ', '-----BEGIN', ':', '://a:', '://a:b@c ', '\', '"', 'Authorization: x ', 'Cookie: a=b; ', e'\x1b',
  e'\x1b[', e'\x1b]', 'a.', 'a%40b.co ', 'token: word word ', 'x ', 'DE17', 'DE17 6613 7993 5642 2711 23 ', 'GB82-', 'code=', 'code=a1',
  '&state=a1b2c3d4e5f6g7h8', '/callback?a=b&', 'login', 'login?', 'code="A1a2', 'ldapsearch a ', 'zip a ', '7z a ', 'snmp a ',
  'net use a /user:', 'pgpass a:1:b:', 'password for a is ', '"password": "Aa is ', 'rtmp://a/', '/reset/a1', 'password is ', 'password was "', 'otp 123456 ', 'glsa_', 'glsa_a1B2a1B2a1B2a1B2 ', 'key-',
  'a-key: a1', 'MTA.abcdef.', 'MTAaaaaaaaaaaaaaaaaaaaaaa.abcdef.', 's.', '0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d-', '12345678:AA', 'value: ',
  'name="token" value=', e'token\n', 'Private-Lines: 1', '<password a="b"', 'パスワード', 'パスワード：'
]) as brick;

-- Far above what linear work takes on a busy machine. A cancelled statement ends this file with an error.
set local statement_timeout = '60s';

select is(
  (select count(monitoring.sanitize_text(walls.body, 32768)) from walls), (select count(*) from walls),
  'texts are sanitized within the statement timeout'
);

select is(
  (select count(monitoring.sanitize_jsonb(jsonb_build_object('a', walls.body), 65536)) from walls), (select count(*) from walls),
  'documents are sanitized within the statement timeout'
);

create temporary table of_all_formats (body text) on commit drop;

insert into of_all_formats (body)
select string_agg(secret_formats.example, ' ' order by secret_formats.name)
from monitoring.secret_formats;

select is(
  (
    select count(monitoring.redact_formats(of_all_formats.body || number))
    from of_all_formats
    cross join generate_series(1, 200) as number
  ), 200::bigint, 'texts with tokens of all formats are sanitized within the statement timeout'
);

select is(
  (
    select count(*) from monitoring.secret_formats
    cross join of_all_formats
    where strpos(monitoring.sanitize_text(of_all_formats.body, 100000), secret_formats.example) > 0
  ), 0::bigint, 'and none of the tokens stays'
);

select * from finish();

rollback;
