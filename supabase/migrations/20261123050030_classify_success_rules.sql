-- Purpose: the built-in rules for texts that report no failure.
-- Objects: function monitoring.list_no_failure_rules.
-- Risks: the first rule by priority that matches decides. 1000: no failure; 2000: codes; 2100: words that make an error
--   CRITICAL; 3000: HIGH; 4000: MEDIUM; 5000: LOW; 6000: the level decides; 9000: topics, which only give the category.

create function monitoring.list_no_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'recovered', priority => 1000, severity => 'LOW',
    matches => 'reconnected | reestablished | re-established | recovered (from | after'
      || ' | in) | (connection | service | database | connectivity | network | server | node | link'
      || ' | system) & (restored | recovered) | ready to accept | back online | back up | back to normal'
      || ' | all systems operational | errors corrected | error corrected | errors cleared | has been resolved'
      || ' | have been resolved | has been fixed | have been fixed | has been restored | has been lifted'
      || ' | is healthy | is now healthy | is operational | is now operational | available again | reachable again'
      || ' | healthy again | up again | responding again | working again | no longer (fail* | tim* | down'
      || ' | unreachable | throttled | rate | blocked | unavailable | slow)',
    unless => 'not be | not recover* | not restored | failed to re* | unable to re*'
      || ' | cannot be | not reconnect* | until | was not restored',
    example => 'Database connection restored after 12 failed attempts',
    counterexample => 'The connection was not restored: read ECONNRESET'
  );
  return next monitoring.define_rule(
    name => 'tests_passed', priority => 1005, severity => 'LOW',
    matches => '(test | tests | spec | specs | suite | scenario | assertion'
      || ' | assertions) & passed | ok ~ (rejects | returns | throws | handles) | should (return | throw | reject'
      || ' | handle | respond | retry) & ms',
    unless => 'failed | fails | failing | fail | not passed | assertionerror | expected'
      || ' | is not a function | not ok | passed to',
    example => '✓ should return 503 when the service is down (8 ms)',
    counterexample => 'Test "handles ECONNRESET" failed, 3 others passed'
  );
  return next monitoring.define_rule(
    name => 'no_failure', priority => 1010, severity => 'LOW',
    matches => 'no errors | no error | 0 errors | 0 failed | 0 failures | zero errors'
      || ' | without errors | without error | no failures | no issues | no problems | errors 0 | failed 0'
      || ' | failures 0 | error_count 0 | timeouts 0 | no timeouts | no vulnerabilities | 0 vulnerabilities'
      || ' | no threats | no malware | no breach | no security breach* | no data breach* | no intrusion*'
      || ' | breach ruled out | successfully | succeeded | all tests pass | hit ratio | hit rate | avoided'
      || ' | prevented',
    unless => 'fail | fails | failure | refused | unable | cannot | could not | couldn t'
      || ' | lost | denied | but | exception | declined | timed out | unreachable | not success* | unsuccess*'
      || ' | success false | without success | no success | not complete* | not finish* | exit code 1 | is down'
      || ' | no error message | error 5* | status 5* | http 5* | code 5* | 500 internal | 502 bad | 503 service'
      || ' | 504 gateway | returned 5* | answered 5* | responded 5*',
    example => 'error_count=0 warning_count=0 status=ok: no errors',
    counterexample => 'Query result: success=false, no errors listed'
  );
end
$$;

comment on function monitoring.list_no_failure_rules() is
'Returns the built-in rules for texts that report a success, a recovery or a counter at zero.';
