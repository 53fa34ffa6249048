-- Sanitizing stored text again (a reopened incident, a copied context) changes nothing.

begin;

select plan(2);

create temporary table pieces (nth integer generated always as identity, body text) on commit drop;

insert into pieces (body)
values
('password='), ('"token": "'), ('secret: '), ('[redacted]'), ('['), (']'), ('abc '), ('"'), (''''), ('\'), ('\"'), (', '),
('a@b.com'), ('://u:p@h'), ('4111 1111 1111 1111'), ('Authorization: '), ('Cookie: '), ('a=b; '), (e'\n'), (e'\x1b[1m'),
('eyJhbGciOi'), ('must be '), ('Bearer '), ('x1y2z3a4'), ('… [truncated, 9 bytes]'), ('1234'), ('{'), ('}'), (':'), ('@');

select is_empty(
  $$
    select sample.body
    from (
      select concat(a.body, b.body, c.body) as body
      from pieces as a, pieces as b, pieces as c
      where (a.nth * 7 + b.nth * 3 + c.nth) % 11 = 0
    ) as sample
    cross join lateral monitoring.sanitize_text(sample.body, 64) as once (body)
    where monitoring.sanitize_text(once.body, 64) <> once.body or octet_length(once.body) > 64
  $$,
  'texts'
);

select is_empty(
  $$
    select sample.body
    from (
      select jsonb_build_object(a.body, b.body || c.body, c.body || b.body, jsonb_build_array(a.body, c.nth)) as body
      from pieces as a, pieces as b, pieces as c
      where (a.nth * 7 + b.nth * 3 + c.nth) % 29 = 0
    ) as sample
    cross join lateral monitoring.sanitize_jsonb(sample.body, 120) as once (body)
    where monitoring.sanitize_jsonb(once.body, 120) <> once.body or octet_length(once.body::text) > 120
  $$,
  'documents'
);

select * from finish();

rollback;
