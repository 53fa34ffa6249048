begin;

select plan(5);

insert into public.error_knowledge (pattern, signature, category, severity, success_count, failure_count)
values
('p', 'tried', 'backend', 'LOW', 3, 1),
('p', 'untried', 'backend', 'LOW', 0, 0);

select is(
  (
    select success_rate from public.error_knowledge
    where signature = 'tried'
  ),
  0.75::double precision,
  'three of four successes give 0.75'
);

select is(
  (
    select success_rate from public.error_knowledge
    where signature = 'untried'
  ),
  null::double precision,
  'without attempts the rate is null'
);

select throws_ok(
  $$ insert into public.error_knowledge (pattern, signature, category, severity)
     values ('p', 'tried', 'backend', 'LOW') $$,
  '23505', null,
  'a second entry of a signature is rejected'
);

select throws_ok(
  $$ update public.error_knowledge set success_rate = 1 $$,
  '428C9', null,
  'the rate cannot be written'
);

select throws_ok(
  $$ update public.error_knowledge set embedding = '[1,2,3]' $$,
  '22000', 'expected 1536 dimensions, not 3',
  'an embedding of other dimensions is rejected'
);

select * from finish();

rollback;
