begin;

select plan(3);

delete from monitoring.target_looks
where target_looks.id is not null;

insert into monitoring.target_looks (target, purpose, requested_at, due_at)
values
('tap old', 'certificate', now() - interval '8 days', now() - interval '8 days'),
('tap new', 'certificate', now() - interval '6 days', now() - interval '6 days');

select is(monitoring.purge_looks(10), 1::bigint, 'looks older than 7 days are deleted');

select is(monitoring.purge_looks(10), 0::bigint, 'once');

select is((select string_agg(target, ', ') from monitoring.target_looks), 'tap new', 'the others stay');

select * from finish();

rollback;
