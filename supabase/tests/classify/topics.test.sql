-- What an error is about: codes and wordings that leave no doubt come before databases, those before security words,
-- and single words about machines come last. The level decides how severe the errors below are.

begin;

select plan(32);

select
  is(
    answer.category::text,
    sample.wanted,
    format('%s: %s', sample.source, sample.message)
  )
from (
  values
  -- Codes and exception classes.
  ('server', 'security', 'AADSTS50011: the reply address does not match'),
  ('server', 'security', 'ExpiredJwtException: it expired an hour ago'),
  ('browser', 'security', 'Firebase: Error (auth/wrong-password).'),
  ('server', 'database', 'EntityNotFoundException: no Order with id 5'),
  ('server', 'database', 'WRONGTYPE Operation against a key holding the wrong kind of value'),
  ('server', 'infrastructure', 'CannotPullContainerError: manifest of shop:2 unknown'),
  ('server', 'infrastructure', 'pika AMQPConnectionError'),
  ('server', 'backend', 'ImproperlyConfigured: the setting DATABASES is missing'),
  -- A word inside an identifier, a path or the name of a module is nothing.
  ('server', 'backend', 'Cannot find module ''pg'''),
  ('server', 'backend', 'Unknown format in src/database/connection/pool.ts'),
  ('server', 'backend', 'DATABASE_URL is missing'),
  ('server', 'backend', 'auth_token_ttl must be positive'),
  -- Databases of a browser.
  ('browser', 'frontend', 'Connection to Indexed Database server lost'),
  ('browser', 'frontend', 'QuotaExceededError: the storage is full'),
  -- Wordings of databases.
  ('server', 'database', 'schema "app" does not exist'),
  ('browser', 'database', 'duplicate key value violates unique constraint "orders_pkey"'),
  ('server', 'database', 'could not extend file "base/1": No space left on device'),
  ('server', 'infrastructure', 'write /var/log/app.log: no space left on device'),
  -- A page, and the API that it calls.
  ('browser', 'frontend', 'Failed to load resource: the server responded with a status of 500 ()'),
  ('browser', 'backend', 'AxiosError: Request failed with status code 500'),
  ('browser', 'security', 'Request failed with status code 401'),
  -- Type errors by their source, then by the wording of their language.
  ('server', 'backend', 'Cannot read properties of undefined (reading ''token'')'),
  ('test', 'frontend', 'Cannot read properties of undefined (reading ''token'')'),
  ('test', 'backend', '''NoneType'' object is not subscriptable'),
  -- Timeouts and limits.
  ('browser', 'infrastructure', 'TimeoutError: signal timed out'),
  ('server', 'backend', 'the billing API timed out'),
  ('server', 'security', 'too many login attempts'),
  ('server', 'infrastructure', 'nginx: limiting requests by zone "one"'),
  ('server', 'backend', 'API rate limit exceeded'),
  -- Lines of level info have a topic too, but not that of a failure.
  ('server', 'infrastructure', 'INFO kubelet: pod web was scheduled'),
  ('server', 'backend', 'INFO the retry after ETIMEDOUT succeeded'),
  ('server', 'database', 'INFO database migration 42 was applied')
) as sample (source, wanted, message)
cross join lateral public.classify_error(sample.message, null, sample.source) as answer;

select * from finish();

rollback;
