begin;

select plan(6);

create function monitoring.test_chain(exceptions jsonb)
returns jsonb
language sql
set search_path = ''
as $$
  select monitoring.describe_sentry_event(jsonb_build_object('exception', jsonb_build_object('values', exceptions)))
$$;

select is(
  monitoring.test_chain('[{"type": "A", "value": "root"}, {"type": "B", "value": "between"}, {"type": "C", "value": "top"}]')
  #- '{context,sentry}',
  '{"error": {"type": "A", "message": "root"}, "source": "sentry", "context": {"reported_error":
    {"type": "C", "message": "top", "cause": {"type": "B", "message": "between"}}}}'::jsonb,
  'causes come first; those between are kept'
);

select is(
  monitoring.list_causes(
    monitoring.test_chain('[{"type": "A", "value": "root"}, {"type": "B", "value": "between"}, {"type": "C", "value": "top"}]')
    -> 'context', null
  ),
  '[{"type": "C", "message": "top"}, {"type": "B", "message": "between"}]'::jsonb,
  'agents read the chain'
);

select is(
  monitoring.test_chain('[
    {"type": "TypeError", "value": "b", "mechanism": {"exception_id": 2, "parent_id": 0, "source": "exceptions[1]"}},
    {"type": "ValueError", "value": "a", "mechanism": {"exception_id": 1, "parent_id": 0, "source": "exceptions[0]"}},
    {"type": "ExceptionGroup", "value": "several", "mechanism": {"exception_id": 0, "is_exception_group": true}}
  ]') #- '{context,sentry}',
  '{"error": {"type": "ValueError", "message": "a"}, "source": "sentry", "context": {
    "reported_error": {"type": "ExceptionGroup", "message": "several"},
    "exceptions": ["ExceptionGroup: several", "ValueError: a", "TypeError: b"]}}'::jsonb,
  'of a group, the first member is the cause, and all are kept'
);

select is(
  monitoring.test_chain('[
    {"type": "Cause", "mechanism": {"exception_id": 3, "parent_id": 0, "source": "__cause__"}},
    {"type": "Member", "mechanism": {"exception_id": 1, "parent_id": 0, "source": "errors[0]"}},
    {"type": "AggregateError", "mechanism": {"exception_id": 0}}
  ]') #>> '{error,type}',
  'Cause', 'a cause counts before the members'
);

select is(
  monitoring.order_sentry_chain('[
    {"type": "A", "mechanism": {"exception_id": 1, "parent_id": 2}}, {"type": "B", "mechanism": {"exception_id": 2, "parent_id": 1}}
  ]') #>> '{0,type}',
  'A', 'a circle ends'
);

select is(
  monitoring.order_sentry_chain('[{"type": "A", "mechanism": 5}, {"type": "B", "mechanism": {"parent_id": "0"}}, {"type": "C"}]'),
  '[{"type": "A", "mechanism": 5}, {"type": "B", "mechanism": {"parent_id": "0"}}, {"type": "C"}]'::jsonb,
  'without ids the order of the list counts'
);

select * from finish();

rollback;
