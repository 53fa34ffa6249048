begin;

select plan(4);

create function monitoring.test_verdict(
  kind text, status integer, headers jsonb, answer text, error text, has_doubt boolean default false
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_n monitoring.notifications;
  v_outcome monitoring.notification_outcome;
begin
  v_n.answered_at := '2026-11-26T10:00:00Z';
  v_n.answer_status := test_verdict.status;
  v_n.answer_headers := test_verdict.headers;
  v_n.answer := test_verdict.answer;
  v_n.error := test_verdict.error;
  v_n.may_have_arrived := test_verdict.has_doubt;
  v_outcome := monitoring.judge_notification_answer(test_verdict.kind, v_n);
  return concat_ws(
    ' | ', v_outcome.verdict, v_outcome.problem, case when v_outcome.may_have_arrived then 'may have arrived' end,
    v_outcome.wait
  );
end
$$;

select results_eq(
  $$ select monitoring.test_verdict(kind, status, headers::jsonb, answer, null, has_doubt)
     from (
       values
       (1, 'webhook', 200, null, '', false), (2, 'webhook', 202, '{}', 'accepted', false),
       (3, 'slack', 200, null, 'ok', false), (4, 'slack', 200, null, '<html>', false),
       (5, 'webhook', 200, '{"location": "https://example.com/login"}', 'ok', false),
       (6, 'webhook', 201, '{"location": "/made/1"}', '', false), (7, 'teams', 302, '{}', '', false),
       (12, 'teams', 202, '{"location": "https://example.com/runs/1"}', '', false),
       (8, 'webhook', 404, null, 'no such hook', false), (9, 'webhook', 400, null, '', false),
       (10, 'email', 409, null, 'invalid_idempotent_request', true), (11, 'email', 409, null, 'in use', false)
     ) as answers (place, kind, status, headers, answer, has_doubt)
     order by place $$,
  $$ values
     ('delivered'), ('delivered'), ('delivered'), ('dead | answered 200: <html>'),
     ('dead | the URL redirects: https://example.com/login'), ('delivered'), ('dead | the URL redirects'),
     ('dead | answered 404: no such hook'), ('dead | answered 400'), ('delivered'), ('dead | answered 409: in use'),
     ('delivered') $$,
  '2xx is delivered; a redirect, another body of Slack and most of 4xx are final'
);

select results_eq(
  $$ select monitoring.test_verdict('webhook', status, headers::jsonb, '', null)
     from (
       values
       (1, 408, null), (2, 425, null), (3, 429, '{"retry-after": "30"}'), (4, 500, '{}'),
       (5, 503, '{"retry-after": "Thu, 26 Nov 2026 10:00:20 GMT"}'), (6, 503, '{"retry-after": "86400"}'),
       (7, 503, '{"retry-after": "soon"}')
     ) as answers (place, status, headers)
     order by place $$,
  $$ values
     ('retry | answered 408'), ('retry | answered 425'), ('retry | answered 429 | 00:00:30'), ('retry | answered 500'),
     ('retry | answered 503 | 00:00:20'), ('retry | answered 503 | 01:00:00'), ('retry | answered 503') $$,
  'overload and failures of the server are tried again, not before the time that it asks for'
);

select results_eq(
  $$ select monitoring.test_verdict('webhook', null, null, null, error)
     from (
       values
       (1, 'timed out'), (2, 'Couldn''t connect to server'), (3, 'Could not resolve hostname'),
       (4, 'Server returned nothing (no headers, no data)'), (5, null), (6, 'Number of redirects hit maximum amount')
     ) as answers (place, error)
     order by place $$,
  $$ values
     ('retry | timed out | may have arrived'), ('retry | Couldn''t connect to server'),
     ('retry | Could not resolve hostname'),
     ('retry | Server returned nothing (no headers, no data) | may have arrived'),
     ('retry | no answer from pg_net | may have arrived'), ('dead | the URL redirects in a circle') $$,
  'without an answer the message may have arrived, unless there was no connection or it was redirected'
);

select results_eq(
  $$ select monitoring.read_retry_after(value, '2026-11-26T10:00:00Z')
     from (
       values
       (1, '0'), (2, ' 7 '), (3, '99999999999'), (4, 'Thu, 26 Nov 2026 09:00:00 GMT'), (5, 'Mon, 99 Nov 2026 09:00:00 GMT'),
       (6, '-3'), (7, '1.5'), (8, '')
     ) as headers (place, value)
     order by place $$,
  $$ values (interval '0'), ('7 s'), ('1 h'), ('0'), (null), (null), (null), (null) $$,
  'Retry-After is a number of seconds or an HTTP date, at most an hour'
);

select * from finish();

rollback;
