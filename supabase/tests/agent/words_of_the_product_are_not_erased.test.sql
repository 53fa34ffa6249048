begin;

select plan(2);

create function monitoring.test_refusal(person text)
returns text
language plpgsql
as $$
begin
  perform public.erase_personal_data(person);
  return 'erased';
exception
  when sqlstate 'PT400' then
    return sqlerrm;
end
$$;

select is_empty(
  $$ select person from unnest(array[
       'Erased', 'the recipient was erased', 'error', 'severity', 'CRITICAL', 'resolved', 'frontend', 'stack', 'sentry',
       'health-check', 'https', 'null', 'event', 'http_status'
     ]) as refused (person)
     where monitoring.test_refusal(person)
       is distinct from 'person is a word that the database itself writes: erasing it would damage every row' $$,
  'a word that the rows of everybody contain is refused'
);

select is_empty(
  $$ select person from unnest(array[
       'anna@example.com', 'error@example.com', 'Anna', 'Open Sesame', '10.0.0.1', 'stack_overflow_7', 'usr_1a2b'
     ]) as accepted (person)
     where monitoring.test_refusal(person) <> 'erased' $$,
  'a name or an address is not, even with such a word in it'
);

select * from finish();

rollback;
