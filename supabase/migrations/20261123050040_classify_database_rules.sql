-- Purpose: the built-in rules that make an error CRITICAL because a database is away.
-- Objects: functions monitoring.list_database_code_rules, monitoring.list_database_failure_rules,
--   monitoring.list_unreachable_database_rules.
-- Risks: see classify_success_rules for the priorities.

create function monitoring.list_database_code_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'database_connection_sqlstate', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => '57P01|57P02|57P03|53300|08000|08001|08003|08004|08006|08S01|PGRST000'
      || '|PGRST001|PGRST002|PGRST003|P1001|P1002|P1017|P2024|P2037|PG::ConnectionBad|PG::UnableToSend'
      || '|ConnectionDoesNotExistError|TooManyConnectionsError|CannotConnectNowError|ConnectionFailureError'
      || '|PostgresConnectionError|AdminShutdown|CannotConnectNow|DatabaseTimeout|InitializingProjectConnection'
      || '|DatabaseConnectionRateLimitReached|EMAXCONN|EMAXCONNSESSION|MaxClientsInSessionMode|ECHECKOUTTIMEOUT'
      || '|EDBHANDLEREXITED|query_wait_timeout|client_idle_limit|CONNECTION_ENDED|CONNECTION_DESTROYED',
    unless => '57014 | statement timeout',
    example => 'PGRST002: Could not query the database for the schema cache',
    counterexample => 'PGRST116: no rows were returned'
  );
  return next monitoring.define_rule(
    name => 'database_connection_mysql_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => 'HY000 2002|HY000 2003|HY000 2005|HY000 2006|HY000 2013|2002 HY000'
      || '|2003 HY000|2005 HY000|2006 HY000|2013 HY000|HY000 1040|HY000 1203|1040 08004|error 1040|error 1129'
      || '|error 1203|error 1226|errno 1040|code 1040|errno 2002|errno 2003|errno 2006|errno 2013|code 2006'
      || '|code 2013|OperationalError 2002|OperationalError 2003|OperationalError 2005|OperationalError 2006'
      || '|OperationalError 2013|OperationalError 1040|PROTOCOL_CONNECTION_LOST|PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR'
      || '|POOL_CLOSED|ER_CON_COUNT_ERROR|ER_TOO_MANY_USER_CONNECTIONS|ER_USER_LIMIT_REACHED|ER_HOST_IS_BLOCKED'
      || '|ER_SERVER_SHUTDOWN|ER_GET_CONNECTION_TIMEOUT|ER_SOCKET_UNEXPECTED_CLOSE|CR_SERVER_GONE_ERROR'
      || '|CR_SERVER_LOST|CR_CONN_HOST_ERROR|Mysql2::Error::ConnectionError',
    example => 'SQLSTATE[HY000] [2002] Connection timed out',
    counterexample => 'Imported 2002 rows in 57 ms'
  );
  return next monitoring.define_rule(
    name => 'database_connection_oracle_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    matches => 'ora (-00018 | -00020 | -00028 | -01012 | -01033 | -01034 | -01089'
      || ' | -01090 | -01092 | -03113 | -03114 | -03135 | -12154 | -12170 | -12203 | -12500 | -12504 | -12505'
      || ' | -12514 | -12516 | -12518 | -12519 | -12520 | -12521 | -12526 | -12528 | -12535 | -12537 | -12541'
      || ' | -12543 | -12545 | -12547 | -12560 | -12570 | -12571 | -17002 | -17008 | -17410) | tns -12541'
      || ' | dpy (-1001 | -4005 | -4011 | -6000 | -6001 | -6003 | -6005) | dpi (-1010 | -1080) | njs (-040 | -500'
      || ' | -501 | -503 | -510 | -511 | -515 | -518 | -521 | -530) | ucp (-29 | -31)',
    example => 'ORA-12541: TNS:no listener',
    counterexample => 'ORA-00942: table or view does not exist'
  );
  return next monitoring.define_rule(
    name => 'database_connection_sql_server_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => '40613|40197|40501|10928|10929|49918|49919|49920',
    matches => 'sql* | database | error | azure',
    example => 'Error 40613: the server is busy',
    counterexample => '40613 rows copied'
  );
  return next monitoring.define_rule(
    name => 'database_connection_mongo_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => 'MongoNetworkError|MongoNetworkTimeoutError|MongoServerSelectionError'
      || '|MongoNotConnectedError|MongoTopologyClosedError|MongoPoolClosedError|MongoPoolClearedError'
      || '|MongoServerClosedError|MongoConnectionPoolClosedException|MongoConnectionPoolException'
      || '|MongoTimeoutException|MongoConnectionException|MongoSocketException|MongoSocketOpenException'
      || '|MongoSocketReadException|MongoSocketReadTimeoutException|MongoSocketWriteException'
      || '|MongoNotPrimaryException|MongoNodeIsRecoveringException|MongooseServerSelectionError'
      || '|ServerSelectionTimeoutError|NoServerAvailable|AutoReconnect|NotPrimaryError|PrimarySteppedDown'
      || '|PoolClearedError|PoolClearedOnNetworkError|WaitQueueTimeoutError|MongoWaitQueueFullException',
    example => 'MongoTimeoutException: no server was found',
    counterexample => 'MongoServerError: E11000 duplicate key'
  );
  return next monitoring.define_rule(
    name => 'database_connection_store_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => 'MaxRetriesPerRequestError|RedisConnectionException'
      || '|RedisConnectionFailureException|JedisConnectionException|CannotConnectError|ClientClosedError'
      || '|ClientOfflineError|SocketClosedUnexpectedlyError|DisconnectsClientError|CLUSTERDOWN|MASTERDOWN'
      || '|NoHostAvailable|NoHostAvailableError|NoHostAvailableException|AllNodesFailedException'
      || '|NoNodeAvailableException|SessionExpiredException neo4j|PoolTimedOut|PoolClosed',
    example => 'CLUSTERDOWN The cluster is down',
    counterexample => 'WRONGTYPE Operation against a key holding the wrong kind of value'
  );
  return next monitoring.define_rule(
    name => 'database_connection_library_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => 'ConnectionNotEstablished|ActiveRecord::ConnectionTimeoutError'
      || '|ActiveRecord::ConnectionFailed|DatabaseConnectionError|SequelizeConnection*|SequelizeHost*'
      || '|ConnectionAcquireTimeoutError|KnexTimeoutError|PoolableConnectionFactory|CJCommunicationsException'
      || '|CommunicationsException|SQLNonTransientConnectionException|SQLTransientConnectionException'
      || '|SQLRecoverableException|CannotGetJdbcConnectionException|JDBCConnectionException'
      || '|CannotCreateTransactionException|PoolExhaustedException|PoolInitializationException'
      || '|GetConnectionTimeoutException|CannotAcquireLockException connection|DataAccessResourceFailureException'
      || '|DatabaseNotConnectedError|CannotExecuteNotConnectedError|PoolInitializationError',
    example => 'SequelizeConnectionRefusedError: connect failed',
    counterexample => 'SequelizeValidationError: notNull Violation'
  );
end
$$;

comment on function monitoring.list_database_code_rules() is
'Returns the built-in rules for the codes with which drivers say that a database cannot be reached.';

create function monitoring.list_database_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_mail constant text := 'smtp | smtpd | imap | imapd | pop3 | ftp | ftpd | sshd'
    || ' | postfix | mta | postfix/smtpd | postfix/smtp';
begin
  return next monitoring.define_rule(
    name => 'database_connections_exhausted', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'too many connections | too many clients | too many database connections'
      || ' | remaining connection slots | max clients reached | max client connections'
      || ' | max number of clients reached | connection limit exceeded | no more connections'
      || ' | max_user_connections & (connections | resource) | many connection errors | connection pool ~ exhausted'
      || ' | pool exhausted | exhausted & connection pool | initial connections of pool | pool is exhausted'
      || ' | queuepool & limit | timed out fetching a & connection | connection is not available request timed out'
      || ' | pool is probably full | obtaining a connection from the pool | (retrieve a connection'
      || ' | fetch a connection | acquire a connection | obtain a connection) & (pool | pooled)'
      || ' | couldn t get a connection | no connection available from | all pooled connections'
      || ' | check out process from the pool | timed out waiting for an open connection'
      || ' | acquiring connection from connection pool | acquire connection from | get connection from pool'
      || ' | too many open connections | database connections are (busy | in use) | allserversdown'
      || ' | none of the pools | (r2d2 | bb8 | deadpool) & timed out | pool timed out | connection pool timeout'
      || ' | max pool size was reached | no available connection | resourcerequest timed out'
      || ' | connection not available and request was dropped | connection not available because'
      || ' | queued and checked out the connection | too many failed attempts to connect to the database',
    unless => c_mail || ' | httpconnectionpool | httpsconnectionpool | urllib3.connectionpool',
    example => 'FATAL:  sorry, too many clients already',
    counterexample => 'smtpd: too many connections from 10.0.0.1'
  );
  return next monitoring.define_rule(
    name => 'database_not_accepting', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'database system is shutting down | database system is starting up'
      || ' | database system is in recovery mode | database system was interrupted'
      || ' | database system is not & accepting | not currently accepting connections | terminating connection'
      || ' | is dead or not enabled | no healthy tablet | no primary available | no healthy endpoints'
      || ' | primary is not serving | no replica available | being resharded | no running members available'
      || ' | no reachable servers | cluster has no primary | no primary found | no suitable servers found'
      || ' | no routing servers available | no hosts available in the pool | region is unavailable'
      || ' | database is not currently available | database & is not currently available'
      || ' | server is in script upgrade mode | server login has been failing | redis is loading the dataset'
      || ' | loading redis is loading | server conn crashed | only administrator can connect | not primary and'
      || ' | node is recovering | db is not ready | database is not ready | unable to boot database',
    unless => c_mail || ' | idle-in-transaction timeout | idle-session timeout',
    example => 'the database system is shutting down',
    counterexample => 'terminating connection due to idle-in-transaction timeout'
  );
  return next monitoring.define_rule(
    name => 'database_connection_lost', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'connection terminated unexpectedly'
      || ' | connection lost the server closed the connection | server closed the connection unexpectedly'
      || ' | server has gone away | lost connection to & (server | database | backend) | communications link failure'
      || ' | communication link failure | connection to server was lost | no connection to the server'
      || ' | physical connection is not usable | transport-level error | ssl syscall error'
      || ' | ssl connection has been closed unexpectedly | topology was destroyed | topology is closed'
      || ' | server has closed the connection | driver bad connection | database is closed | consuming input failed'
      || ' | packets out of order | error while sending query | error while sending stmt | error while sending'
      || ' | connection is no longer usable | connection already closed | tcp recv closed | tcp recv idle closed'
      || ' | tcp send closed | ssl recv closed | ssl send closed | cursor already closed connection'
      || ' | disconnected by the server because | connection terminated due to connection timeout | not queryable'
      || ' | connection is closed & (pg* | sql* | asyncpg* | jdbc*)',
    unless => c_mail,
    example => 'server closed the connection unexpectedly',
    counterexample => 'imapd: server has closed the connection'
  );
  return next monitoring.define_rule(
    name => 'database_connect_failed', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'timeout exceeded when trying to connect | could not connect to server'
      || ' | could not translate host name | connection to server at | connection to server on | tcp provider'
      || ' | named pipes provider | network-related or instance-specific | server selection & tim*'
      || ' | buffering timed out | reach database | login timeout expired | knex timeout acquiring'
      || ' | obtain jdbc connection | open jdbc connection | get jdbc connection | acquire jdbc connection'
      || ' | establishing a database connection | open database connection | no database connection'
      || ' | no database connections | database (unavailable | down | offline | outage | disconnected | unreachable)'
      || ' | db (unavailable | down | offline | unreachable) | redis (unavailable | down | offline)'
      || ' | postgres (unavailable | down | offline) | mongodb (unavailable | down | offline | disconnected)'
      || ' | unknown mysql server host | connect to (mysql | local mysql | any of the specified mysql)'
      || ' | network adapter could not establish the connection | reach any contact point'
      || ' | adaptive server & (unavailable | connection) | connect to (database | the database | db)'
      || ' | exception during pool initialization | tcp/ip connection to the host'
      || ' | npgsqlexception & (while reading from stream | while writing to stream)'
      || ' | typeormerror driver not connected',
    unless => c_mail || ' | password authentication failed | authentication failed for user'
      || ' | access denied for user | login failed for user | pg_hba.conf | does not exist',
    example => 'Error establishing a database connection',
    counterexample => 'smtpd: could not connect to server'
  );
end
$$;

comment on function monitoring.list_database_failure_rules() is
'Returns the built-in rules for what databases and drivers write when no connection can be made or kept.';

create function monitoring.list_unreachable_database_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_database constant text := '(database | db | sql* | postgres* | mysql* | mariadb*'
    || ' | mongo* | redis* | oracle | prisma* | sequelize* | orientdb | cockroach* | jdbc* | datasource'
    || ' | pgbouncer | ioredis | pg | pdo* | psycopg* | psqlexception | asyncpg* | cassandra | clickhouse'
    || ' | dynamodb | influxdb | neo4j | npgsql* | postgrex | hikari* | port 5432 | port 6432 | port 6543'
    || ' | port 3306 | port 27017 | port 1433 | port 1521 | port 6379 | port 9042)';
  c_unless constant text := 'violates | duplicate key | duplicate entry | deadlock'
    || ' | syntax error | statement timeout | execution timeout | unknown column | permission denied for'
    || ' | doesn t exist | does not exist | violation | indexeddb | idb* | indexed database | aborted connection';
begin
  return next monitoring.define_rule(
    name => 'database_connection_refused', priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => c_database || ' & (econnrefused | failedtoopensocket | connect_timeout | connection_closed'
      || ' | econnreset | enotfound | etimedout | ehostunreach | enetunreach | epipe | eai_again'
      || ' | connection refused | connection reset | connection timed out | connection lost | lost connection'
      || ' | connection closed | connection has been closed | connection terminated | connection failed'
      || ' | connection failure | failed connection | connection error | connection dropped | connection broken'
      || ' | connection aborted | connection exhausted | connection not available | connection unavailable'
      || ' | connection is broken | connection is closed | connection to ~ (failed | lost | closed)'
      || ' | connection timeout | error writing data to the connection | connection limit reached | connection slots'
      || ' | broken pipe | closed by remote | getaddrinfo | no route to host | no such host | i/o timeout'
      || ' | name or service not known | network is unreachable | host is unreachable | socket closed'
      || ' | unexpected eof | ssl operation failed | ssl error | ssl operation timed out | ssl handshake timed out'
      || ' | bad record mac)',
    unless => c_unless,
    example => 'connect ECONNREFUSED 10.0.0.7:5432',
    counterexample => 'connect ECONNREFUSED 10.0.0.7:8080'
  );
  return next monitoring.define_rule(
    name => 'database_unreachable', priority => 2111, severity => 'CRITICAL', category => 'database',
    matches => c_database || ' & (could not connect | couldn t connect | can t connect | cannot connect'
      || ' | unable to connect | failed to connect | error connecting | can t reach | cannot reach | could not reach'
      || ' | unable to reach | failed to reach | went away | is shutting down | disconnected by the server'
      || ' | no longer usable | not ready | startup message | is down | is unavailable | is unreachable | is offline'
      || ' | not available | not reachable | unreachable | pool & timed out | pool timeout | health check timed out'
      || ' | not responding | not running | not accepting)',
    unless => c_unless || ' | cache miss',
    example => 'Redis is not responding',
    counterexample => 'IndexedDB database is not available'
  );
end
$$;

comment on function monitoring.list_unreachable_database_rules() is
'Returns the built-in rules for texts that name a database and say that it does not answer.';
