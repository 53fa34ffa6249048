-- Purpose: the built-in rules that make an error CRITICAL, and those for texts that report no failure.
-- Objects: functions monitoring.list_no_failure_rules, monitoring.list_database_failure_rules,
--   monitoring.list_critical_rules.
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
    matches => 'reconnected | reestablished | re established | recovered (from | after | in)'
      '| (connection | service | database | connectivity | network | server | node | link | system) & (restored | recovered)'
      '| ready to accept | back online | back up | back to normal | all systems operational | errors corrected'
      '| has been resolved | have been resolved | has been fixed | have been fixed | has been restored | has been lifted'
      '| is healthy | is now healthy | is operational | is now operational | available again | reachable again'
      '| healthy again | up again | responding again | working again'
      '| no longer (fail* | tim* | down | unreachable | throttled | rate | blocked | unavailable | slow)',
    unless => 'not be | not recover* | not restored | failed to re* | unable to re* | cannot be | not reconnect* | until'
      '| was not restored',
    example => 'Database connection restored after 12 failed attempts',
    counterexample => 'The connection was not restored: read ECONNRESET'
  );
  return next monitoring.define_rule(
    name => 'no_failure', priority => 1010, severity => 'LOW',
    matches => 'no errors | no error | 0 errors | 0 failed | 0 failures | zero errors | without errors | without error'
      '| no failures | no issues | no problems | errors 0 | failed 0 | failures 0 | error.count 0 | no vulnerabilities'
      '| 0 vulnerabilities | no threats | no malware | no breach | no intrusion | successfully | succeeded | all tests pass'
      '| hit ratio | hit rate | avoided | prevented',
    unless => 'fail | fails | failure | refused | unable | cannot | could not | couldn t | lost | denied | but | exception'
      '| declined | timed out | unreachable | not success* | unsuccess* | success false | without success | no success'
      '| no error message | error 5* | 500 | 502 | 503 | 504',
    example => 'error_count=0 warning_count=0 status=ok: no errors',
    counterexample => 'Query result: success=false, no errors listed'
  );
end
$$;

comment on function monitoring.list_no_failure_rules() is
'Returns the built-in rules for texts that report a success, a recovery or a counter at zero.';

create function monitoring.list_database_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'database_connection_code', priority => 2000, severity => 'CRITICAL', category => 'database',
    codes => '57P01|57P02|57P03|53300|08000|08001|08003|08004|08006|08S01|HY000 2002|HY000 2003|HY000 2006|HY000 2013'
      '|2002 HY000|2003 HY000|2006 HY000|2013 HY000|HY000 1040|1040 08004|1040|2006|2013|P1001|P1002|P1017|P2024|P2037'
      '|PGRST000|PGRST001|PGRST002|PGRST003|ORA-00018|ORA-00020|ORA-01033|ORA-01034|ORA-01089|ORA-01090|ORA-03113'
      '|ORA-03114|ORA-03135|ORA-12154|ORA-12170|ORA-12505|ORA-12514|ORA-12516|ORA-12518|ORA-12519|ORA-12520|ORA-12528'
      '|ORA-12537|ORA-12541|ORA-12543|ORA-12545|ORA-12547|ORA-12560|ORA-12571|PROTOCOL_CONNECTION_LOST'
      '|ER_CON_COUNT_ERROR|MongoNetworkError|MongoServerSelectionError|MongoNetworkTimeoutError|PG::ConnectionBad'
      '|PG::UnableToSend|ConnectionNotEstablished|ActiveRecord::ConnectionTimeoutError|SequelizeConnection*|SequelizeHost*'
      '|KnexTimeoutError|ConnectionDoesNotExistError|TooManyConnectionsError|CannotConnectNowError'
      '|PoolableConnectionFactory|ServerSelectionTimeoutError|PoolClearedError|PoolClearedOnNetworkError',
    example => 'SQLSTATE[HY000] [2002] Connection timed out', counterexample => 'Imported 2002 rows in 57 ms'
  );
  return next monitoring.define_rule(
    name => 'database_connection_failed', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'too many connections | too many clients | too many database connections | remaining connection slots '
      '| max clients reached | max client connections | max number of clients reached | connection limit '
      'exceeded | no more connections | connection pool ~ exhausted | pool exhausted | exhausted & '
      'connection pool | connection terminated unexpectedly | initial connections of pool | pool is '
      'exhausted | queuepool & limit | timed out fetching a & connection | connection is not available '
      'request timed out | pool is probably full | timeout exceeded when trying to connect | server closed '
      'the connection unexpectedly | server has gone away | lost connection to & (server | database) | '
      'database system is shutting down | database system is starting up | database system is in recovery '
      'mode | database system was interrupted | database system is not & accepting | not currently '
      'accepting connections | terminating connection | communications link failure | communication link '
      'failure | could not connect to server | could not translate host name | connection to server at | '
      'connection to server on | connection to server was lost | no connection to the server | tcp provider',
    unless => 'smtp | smtpd | imap | imapd | pop3 | ftp | ftpd | sshd | postfix | mta',
    example => 'too many clients already',
    counterexample => 'smtpd: too many connections from 10.0.0.1'
  );
  return next monitoring.define_rule(
    name => 'database_connection_lost', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'named pipes provider | network related or instance specific | physical connection is not usable | '
      'transport level error | ssl syscall error | ssl connection has been closed unexpectedly | server '
      'selection & tim* | topology was destroyed | topology is closed | buffering timed out | reach '
      'database | server has closed the connection | driver bad connection | database is closed | no '
      'reachable servers | consuming input failed | query_wait_timeout | client_idle_limit | is dead or '
      'not enabled | login timeout expired | packets out of order | no healthy tablet | no primary '
      'available | no healthy endpoints | connection terminated due to connection timeout | primary is not '
      'serving | no replica available | being resharded | knex timeout acquiring | obtain jdbc connection '
      '| open jdbc connection | get jdbc connection | acquire jdbc connection | error while sending query '
      '| error while sending stmt | no running members available | resourcerequest timed out | no '
      'available connection | connection not available and request was dropped',
    unless => 'smtp | smtpd | imap | imapd | pop3 | ftp | ftpd | sshd | postfix | mta',
    example => 'server has closed the connection',
    counterexample => 'smtpd: too many connections from 10.0.0.1'
  );
  return next monitoring.define_rule(
    name => 'database_unreachable', priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => '(database | db | sql* | postgres* | mysql* | mariadb* | mongo* | redis* | oracle | prisma* | sequelize*'
      '| jdbc* | datasource | pgbouncer | ioredis | pg | psycopg* | asyncpg* | cassandra | clickhouse | dynamodb | influxdb'
      '| port 5432 | port 6432 | port 6543 | port 3306 | port 27017 | port 1433 | port 1521 | port 6379 | port 9042)'
      '& (econnrefused | econnreset | enotfound | etimedout | ehostunreach | enetunreach | epipe | eai_again | connection refused'
      '| connection reset | connection timed out | connection lost | lost connection | connection closed'
      '| connection terminated | connection failed | connection failure | failed connection | connection error'
      '| connection dropped | connection broken | connection aborted | connection exhausted'
      '| connection unavailable | could not connect | couldn t connect | can t connect | cannot connect | unable to connect'
      '| failed to connect | error connecting | can t reach | cannot reach | could not reach | unable to reach'
      '| getaddrinfo | broken pipe | went away | is shutting down | disconnected by the server | no longer usable'
      '| startup message | only administrator can connect | connection is broken | connection is closed'
      '| connection limit reached | connection slots | ssl operation failed | ssl error | bad record mac'
      '| is loading the dataset | is down | is unavailable | is unreachable | is offline | not available | not reachable'
      '| not responding | not running | not accepting | host is unreachable | no route to host | no such host'
      '| name or service not known | network is unreachable | socket closed | unexpected eof | closed by remote)',
    unless => 'violates | duplicate key | duplicate entry | deadlock | syntax error | statement timeout | unknown column'
      '| permission denied for | doesn t exist | does not exist | violation',
    example => 'connect ECONNREFUSED 10.0.0.7:5432',
    counterexample => 'connect ECONNREFUSED 10.0.0.7:8080'
  );
end
$$;

comment on function monitoring.list_database_failure_rules() is
'Returns the built-in rules for databases that cannot be reached. A single statement that fails does not count.';

create function monitoring.list_critical_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'authentication_service_down', priority => 2200, severity => 'CRITICAL', category => 'security',
    matches => 'authretryablefetch*'
      '| (auth | authentication | authn | authz | login | identity | sso | oauth | oauth2 | oidc | saml | ldap | ldaps | radius'
      '| kerberos | kdc | active directory | keycloak | gotrue | okta | auth0 | cognito | idp)'
      '& (service | server | provider | system | backend | api | endpoint | host | cluster | gateway | ldap | keycloak | gotrue'
      '| okta | auth0 | cognito | kdc | radius | active directory)'
      '& (down | unavailable | unreachable | not available | not responding | not reachable | not running | offline | outage'
      '| connection refused | econnrefused | enotfound | timed out | unresponsive | crashed | can t contact | cannot contact'
      '| could not contact | unable to contact | can t connect | unable to connect | failed to connect | could not connect'
      '| can t reach | cannot reach | unable to reach | could not reach | failed to reach | bad gateway | 502 | 503)',
    unless => 'password | credential | credentials',
    example => 'Keycloak: identity provider is down', counterexample => 'login failed: wrong password, retry when the service is down'
  );
  return next monitoring.define_rule(
    name => 'security_breach', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => '(data | security | privacy | perimeter | network | account | system | server | firewall | '
      'credential| credentials | database | customer | password) ~ breach* | breach ~ detected | breach ~ '
      'confirmed | breach ~ discovered | breach ~ reported | breach ~ identified | intrusion ~ detected | '
      'intrusion ~ confirmed | intrusion alert | intrusion ~ successful | detected ~ intrusion | intruder* '
      '| (attacker | attackers) & (gained | obtained | accessed | stole | exfiltrated) | (been | was | '
      'were | account | accounts | credentials | host | server | key | keys | token | tokens | package| '
      'node) ~ compromised | compromised ~ account* | compromised ~ credential* | compromised ~ host',
    unless => 'breach attempt | intrusion attempt | attempted intrusion | attempted breach | attempt to | sla | slo'
      '| threshold | contract | possible | memory leak',
    example => 'Data breach detected', counterexample => 'SLA breach detected for ticket 7'
  );
  return next monitoring.define_rule(
    name => 'security_compromised', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => 'compromised ~ server | compromised ~ key* | compromised ~ token* | compromised ~ password* | '
      'compromised ~ package | exfiltrat* | ransomware | rootkit | malware ~ detected | malware ~ found | '
      'trojan ~ detected | backdoor ~ found | backdoor ~ detected | webshell | web shell | detected ~ '
      'malware | found ~ malware',
    unless => 'breach attempt | intrusion attempt | attempted intrusion | attempted breach | attempt to | sla | slo'
      '| threshold | contract | possible | memory leak',
    example => 'A compromised server was isolated', counterexample => 'SLA breach detected for ticket 7'
  );
  return next monitoring.define_rule(
    name => 'security_theft', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => 'been hacked | was hacked | (credential | credentials | passwords | keys | tokens | secrets | '
      'database | records) ~ leaked | data leaked | data stolen | leaked ~ credential* | stolen ~ '
      'credential* | credentials stolen | stolen ~ token* | leaked ~ key* | privilege escalation detected '
      '| privilege escalation succe* | unauthorized access ~ detected | unauthorized access ~ gained | '
      'detected unauthorized access',
    unless => 'breach attempt | intrusion attempt | attempted intrusion | attempted breach | attempt to | sla | slo'
      '| threshold | contract | possible | memory leak',
    example => 'credentials leaked', counterexample => 'SLA breach detected for ticket 7'
  );
  return next monitoring.define_rule(
    name => 'cors_blocked', priority => 2220, severity => 'CRITICAL', category => 'frontend',
    matches => 'blocked by cors | cross origin request blocked | access control allow origin | access control check*'
      '| access control allow headers | access control allow methods | access control allow credentials'
      '| cors error | cors request | cors header | cors policy | cors preflight ~ fail* | cors failed | cors failure'
      '| cors check & fail* | allowed by cors | disallowed cors | cors blocked | cors missing'
      '| cross origin requests are only supported | preflight response | preflight & fail* | cors ~ rejected'
      '| cors ~ denied | cors ~ not allowed',
    unless => 'will disallow reading | cors enabled nor | header set | content security policy | cors enabled',
    example => 'Access to fetch at ''https://a.example'' from origin ''https://b.example'' has been blocked by CORS policy',
    counterexample => 'Refused to connect because it violates the Content Security Policy'
  );
  return next monitoring.define_rule(
    name => 'bad_gateway', priority => 2300, severity => 'CRITICAL', statuses => '{[502,503)}',
    example => 'Request failed with status code 502'
  );
  return next monitoring.define_rule(
    name => 'service_unavailable', priority => 2301, severity => 'CRITICAL', statuses => '{[503,504)}',
    example => 'Request failed with status code 503'
  );
  return next monitoring.define_rule(
    name => 'bad_gateway_words', priority => 2302, severity => 'CRITICAL',
    matches => 'bad gateway | bad_gateway | badgateway | no live upstreams',
    example => 'upstream answered: Bad Gateway'
  );
  return next monitoring.define_rule(
    name => 'service_unavailable_words', priority => 2303, severity => 'CRITICAL',
    matches => 'service unavailable | service_unavailable | serviceunavailable | service temporarily unavailable'
      '| service is temporarily unavailable | service is unavailable | service is currently unavailable'
      '| no healthy upstream | no server is available to handle | no server available | upstream connect error'
      '| temporarily unable to service your request | temporarily overloaded | serviceunavailableexception',
    unless => 'smtp | smtpd | postfix | mail | 4 3 2 | 421',
    example => 'no healthy upstream'
  );
end
$$;

comment on function monitoring.list_critical_rules() is
'Returns the other built-in rules of severity CRITICAL.';
