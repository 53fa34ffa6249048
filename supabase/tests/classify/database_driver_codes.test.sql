-- The codes and exceptions with which drivers say that a database is away, in any language.

begin;

select plan(14);

select
  is(
    format('%s %s %s', answer.severity, answer.category, answer.rule),
    sample.wanted,
    sample.message
  )
from (
  values
  ('FATAL: 57P03: la base ne répond pas', 'CRITICAL database database_connection_sqlstate'),
  ('SQLSTATE[HY000] [2006] MySQL n''est plus là', 'CRITICAL database database_connection_mysql_code'),
  ('ERROR 1203 (42000): User app', 'CRITICAL database database_connection_mysql_code'),
  ('ORA-12514: der Listener kennt den Dienst nicht', 'CRITICAL database database_connection_oracle_code'),
  ('Azure SQL: Error 40613', 'CRITICAL database database_connection_sql_server_code'),
  ('MongoTopologyClosedError: closed', 'CRITICAL database database_connection_mongo_code'),
  ('JedisConnectionException: closed', 'CRITICAL database database_connection_store_code'),
  ('com.mysql.cj.jdbc.exceptions.CommunicationsException: x', 'CRITICAL database database_connection_library_code'),
  ('HTTP/1.1 500: {"code":"57014"}', 'HIGH database failed_statement_status'),
  ('RedisCommandTimeoutException: 60 s', 'HIGH database database_command_timeout'),
  ('ORA-00942: table or view does not exist', 'MEDIUM database unmatched'),
  ('Read 2006 rows in 2013 ms', 'MEDIUM backend unmatched'),
  ('[error] 2013-05-01 10:00:00 the report is empty', 'MEDIUM backend unmatched'),
  ('The class DatabaseTimeoutHandler was not loaded', 'MEDIUM backend unmatched')
) as sample (message, wanted)
cross join lateral public.classify_error(sample.message, null, 'server') as answer;

select * from finish();

rollback;
