-- Purpose: the built-in rules that only give the category of an error, by database, request and single words.
-- Objects: functions monitoring.list_database_topics, monitoring.list_request_topics, monitoring.list_other_topics.
-- Risks: they share the priorities of classify_topics: databases and timeouts (9030) come before security words (9058).

create function monitoring.list_database_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_database_code', priority => 9030, category => 'database',
    codes => 'IntegrityError|OperationalError|ProgrammingError|InterfaceError|DataError|P2002|P2003|P2025|P2034|42P01'
      '|42703|42501|40001|40P01|22P02|22001|22003|23505|23503|23502|23514|23000|42601|42P07|P0001|E11000|PGRST*|ORA'
      '|SQLSTATE|ER_D*|ER_L*|ER_NO_*|ER_B*|ER_ACCESS*|ER_PARSE*|ER_TRUNC*|ER_DATA*|ER_ROW*|ER_WRONG*|UniqueViolation'
      '|ForeignKeyViolation|NotNullViolation|CheckViolation|RecordNotUnique|RecordInvalid|SAWarning|SqlException'
      '|QueryFailedError|PostgresException|MySQLError|MongoServerError|MongoError|PSQLException'
      '|DataIntegrityViolationException|ConstraintViolationException|DetachedInstanceError|LockException'
      '|MigrationError|InvalidTextRepresentation|UndefinedTable|UndefinedColumn|cluster_block_exception'
      '|search_phase_execution_exception|index_not_found_exception|mapper_parsing_exception'
      '|version_conflict_engine_exception|WRONGTYPE|CLUSTERDOWN|MISCONF|CROSSSLOT|EXECABORT|NOSCRIPT|BUSYGROUP'
      '|ReplyError|ResponseError WRONGTYPE|PostgresError|DatabaseError|PG::*',
    example => 'PG::UniqueViolation: ERROR 23505', counterexample => 'error: something else'
  );
  return next monitoring.define_rule(
    name => 'topic_database_exception', priority => 9030, category => 'database',
    codes => 'EntityNotFound*|JpaSystemException|JpaObjectRetrievalFailureException'
      '|IncorrectResultSizeDataAccessException|EmptyResultDataAccessException|InvalidDataAccess*|DataAccess*'
      '|BadSqlGrammarException|UncategorizedSQLException|NonUniqueResultException|NoResultException|OptimisticLock*'
      '|ObjectOptimisticLockingFailureException|StaleObjectStateException|StaleObjectError|PersistenceException'
      '|TransactionSystemException|RollbackException|TransactionRequiredException|DbUpdate*|MigrationException'
      '|NoResultsError|StaleEntryError|MultipleResultsFound|NoResultFound|PendingRollbackError|FlushError'
      '|InvalidRequestError sqlalchemy|DoesNotExist matching query|UniqueConstraintViolationException|QueryException'
      '|TableNotFoundException|DeadlockException|SequelizeDatabaseError|BulkWriteError|CastError mongoose'
      '|DocumentNotFoundError',
    example => 'EntityNotFoundException: Unable to find Order with id 5'
  );
  return next monitoring.define_rule(
    name => 'topic_database', priority => 9031, category => 'database',
    matches => 'database | databases | db | sql* | postgre* | pg | pdo | mysql* | mariadb* | mongo* | redis* | oracle'
      '| innodb | prisma* | sequelize* | typeorm* | hibernate* | activerecord* | jdbc* | datasource'
      '| driverdatasource | data source | cockroach* | psycopg* | asyncpg* | dbconnection* | influxdb* | cosmos*'
      '| connection pool | couchdb* | dynamodb* | timescale* | rds | ddl | knex* | gorm | ecto | pdoexception'
      '| doctrine | hikari* | libpq | ioredis | aurora | neo4j | cassandra | clickhouse | vtgate | vitess | supavisor'
      '| pgbouncer | pgpool | pgerror | dbapi | pq | sqlite* | supabase postgrest | orientdb | bigquery | snowflake'
      '| redshift | duckdb | planetscale | flyway | liquibase | alembic* | cached plan | elasticsearch* | opensearch*'
      '| mongoose* | read only replica | shard was | keyspace | port 5432 | port 6432 | port 6543 | port 3306'
      '| port 27017 | port 1433 | port 1521 | port 6379 | port 9042',
    unless => 'indexeddb* | named | dns | nsd | unbound | zone | cache miss | import skipped',
    example => 'database lag is 3 s'
  );
  return next monitoring.define_rule(
    name => 'topic_database_phrase', priority => 9040, category => 'database',
    matches => 'input value for enum | marked as crashed | recovery conflict | pool is draining | stack depth limit'
      '| out of shared memory | tuple concurrently | canceled autovacuum | packet bigger than | no such table'
      '| no such column | invalid object name | would be truncated | command not allowed when used memory'
      '| could not extend file | error function ~ not exist | error type ~ not exist | (schema | extension'
      '| role) ~ not exist | error division by zero | read only transaction | violates ~ constraint | violates row'
      '| duplicate key | row level security | syntax error at or near | deadlock | permission denied for'
      '| statement timeout | foreign key | invalid input syntax | null value in | duplicate entry | insert into'
      '| schema cache | could not serialize | value too long for type | operator does not exist | unique violation'
      '| lock wait | relation ~ exist | pg.xlog* | hint & details & code | parameter ~ changed to'
      '| parameter ~ be changed | (table | column) ~ not exist | table ~ doesn t exist',
    unless => 'zone | attempted merging | goroutines',
    example => 'new row violates row-level security policy'
  );
  return next monitoring.define_rule(
    name => 'topic_database_words', priority => 9064, category => 'database',
    matches => 'transaction | transactions | relation | column | columns | constraint | constraints | deadlocks'
      '| statement | autovacuum | vacuum | checkpoint | checkpoints | wal | postmaster | replication | tablespace'
      '| rollback | subquery | query | queries | migration | migrations | cursor | recordnotfound | sharelock'
      '| exclusivelock | writeconflict | rls | upsert | orm | select & from | update & set | delete from'
      '| primary key | character varying | numeric field overflow | must be owner of | temporary file path'
      '| server process | unique constraint | shutdown request | holding the lock | rows returned | returned ~ rows'
      '| rows affected | page verification | invalid page in block | log segment | startup packet | recovery state'
      '| redo starts at | redo done at | archive command | byte sequence for encoding | integer out of range'
      '| group by clause | unrecognized configuration parameter | connection received host',
    unless => 'named | dns | nsd | unbound | zone | bank | card | payment | payments | indexeddb | replication factor'
      '| graphql* | jsondecodeerror | json | expecting value',
    example => 'column "is_admin" of the replication set'
  );
end
$$;

comment on function monitoring.list_database_topics() is
'Returns the built-in rules for the category database.';

create function monitoring.list_request_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_browsers constant text[] := array[
    'browser', 'frontend', 'front-end', 'client', 'web', 'mobile', 'react', 'javascript'
  ];
begin
  return next monitoring.define_rule(
    name => 'topic_api_timeout', priority => 9033, category => 'backend',
    matches => '(timed out | timeout* | deadline exceeded | time out) & (api | endpoint | webhook | request to)',
    unless => 'gateway timeout | statement timeout',
    example => 'The request to the billing API timed out'
  );
  return next monitoring.define_rule(
    name => 'topic_timeout', priority => 9034, category => 'infrastructure',
    matches => 'timed out | timedout | deadline exceeded | deadlineexceeded | i o timeout | request timeout'
      '| gateway timeout | read timeout | connect timeout | connection timeout | timeout exceeded | timeout of'
      '| timeout expired | timeout elapsed | timeout error | timeout after | timeout while | timeout waiting'
      '| timeout value | jwkstimeout | execution expired | exit time out | seconds elapsing | not responding'
      '| did not respond | took too long | specified has expired | due to timeout',
    unless => 'timeout set | timeout config* | statement timeout | connect timeout set',
    example => 'context deadline exceeded'
  );
  return next monitoring.define_rule(
    name => 'topic_limit_machine', priority => 9052, category => 'infrastructure',
    matches => '(rate limit* | ratelimit* | throttl* | too many requests | connection rate) & (dns | smtp* | sm | mta'
      '| mail | relay | nginx | caddy | envoy | traefik | cloudflare | kernel | cpu* | iops | syslog* | rsyslogd'
      '| journald | systemd | haproxy | nsd | named | unbound | coredns | zone | tcp | udp | icmp | packets | docker*'
      '| kubelet | reject)',
    unless => 'tcp ~ api',
    example => 'SMTP rate limit reached: hourly quota used up'
  );
  return next monitoring.define_rule(
    name => 'topic_limit', priority => 9053, category => 'backend',
    matches => 'too many requests | rate limit* | ratelimit* | throttl* | rate.limit* | quota ~ exceeded'
      '| requests per (second | minute | hour | day) | exceeded ~ quota',
    unless => 'failed to load resource | disk quota | storage',
    example => 'Too many requests, please slow down'
  );
  return next monitoring.define_rule(
    name => 'topic_limit_status', priority => 9054, category => 'backend',
    statuses => '{[429,430)}',
    unless => 'failed to load resource',
    example => 'Request failed with status code 429'
  );
  return next monitoring.define_rule(
    name => 'topic_failed_request', priority => 9055, category => 'backend',
    statuses => '{[400,600)}',
    sources => c_browsers,
    matches => 'axios* | request failed with status',
    unless => 'failed to load resource',
    example => 'AxiosError: Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'topic_browser', priority => 9056, category => 'frontend',
    sources => c_browsers,
    example => 'anything'
  );
  return next monitoring.define_rule(
    name => 'topic_proxy_failure', priority => 9060, category => 'infrastructure',
    statuses => '{[502,505)}',
    matches => 'proxy | balancer | balancers | loadbalancer | elb | awselb* | alb | nginx* | haproxy | envoy'
      '| cloudflare | cloudfront | varnish* | traefik | ingress | istio | caddy | squid* | httpd | apache*'
      '| openresty | zuul | kong | cdn | kubelet | kubernetes | k8s | pod | pods | container | containers | docker'
      '| oom | oomkilled | disk | dns | tls | ssl | certificate | handshake | socket | probe | readiness | liveness'
      '| heroku* | vercel* | no server is available | no server available | upstream connect | connecting to upstream'
      '| healthy upstream | live upstream* | header from upstream | upstream prematurely | before headers | timed out'
      '| timeout | service unavailable ~ unable to handle',
    example => 'nginx: 502 Bad Gateway', counterexample => 'Payment gateway returned 503'
  );
  return next monitoring.define_rule(
    name => 'topic_edge_failure', priority => 9060, category => 'infrastructure',
    statuses => '{[520,531)}',
    matches => 'cloudflare* | unknown error | unexpected server response | ray id | origin | cdn | host | timed out'
      '| timeout | handshake | ssl',
    example => 'Unexpected server response: 524'
  );
  return next monitoring.define_rule(
    name => 'topic_server_failure', priority => 9062, category => 'backend',
    statuses => '{[500,600)}',
    unless => 'kubernetes | k8s | kubelet | prometheus | otlphttp/prometheus | cluster ~ offline'
      '| pods.metrics.k8s.io',
    example => '500 Internal Server Error: upstream said no'
  );
end
$$;

comment on function monitoring.list_request_topics() is
'Returns the built-in rules for requests that failed, were limited or took too long.';

create function monitoring.list_other_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_servers constant text[] := array['server', 'backend', 'api', 'worker', 'database', 'cron'];
begin
  return next monitoring.define_rule(
    name => 'topic_deprecated', priority => 9068, category => 'backend',
    matches => 'deprecat* | obsolete | will be removed in | has been renamed',
    unless => 'kubernetes | k8s | kube* | kubectl | docker* | containerd | container | containers | pod* | helm'
      '| ingress | crd | nginx | haproxy | envoy | istio | traefik | kernel | systemd | tls | ssl | hadoop'
      '| mapreduce | hdfs | yarn | terraform | ansible | iptables',
    example => 'The gateway option is deprecated', counterexample => 'docker-shim is deprecated in kubelet'
  );
  return next monitoring.define_rule(
    name => 'topic_panic', priority => 9069, category => 'backend',
    matches => 'panic runtime error | memory cache | garbage collect* | listening on http',
    example => 'panic: runtime error: slice bounds'
  );
  return next monitoring.define_rule(
    name => 'topic_infrastructure', priority => 9080, category => 'infrastructure',
    matches => 'kernel | cpu | cpus | oom | oomkill | outofmemoryerror | memoryerror | enospc | emfile | enfile'
      '| eaddrinuse | disk | disks | filesystem | filesystems | clusterfilesystem | serverfilesystem | mount'
      '| mounted | mounting | unmount | docker | dockerd | containerd | container | containers | pod | pods'
      '| poddisruptionbudget | kubelet | kubectl | kubernetes | k8s | kube | helm | longhorn* | pvc* | nodes | nginx'
      '| haproxy | envoy | istio | httpd | apache2 | caddy | traefik | varnish | squid | proxy | upstream | upstreams'
      '| elb | alb | dns | dns.config* | dnsconfig | nameserver | soa | resolver | nxdomain | servfail | imap | imapd'
      '| pop3 | dovecot | mailer | mailbox | greylist* | spf | dkim | dnsbl | rbl | dhcp* | ntp | ntpd | chronyd'
      '| stratum | gpu | gpus | packetresponder | tls | sock | connection | connections | connectionfailed'
      '| transport | certificate | certificates | certification | pkix | sslhandshake* | x509 | cert | certs | tcp'
      '| udp | icmp | socket | sockets | network | networking | interface | host | hosts | eth0 | wlan0 | wifi'
      '| systemd | crond | anacron | raid | megaraid | fan | temperature | hardware | thermal | swap | inode | heap'
      '| segfault | sigkill | sigterm | sigsegv | signal killed | oops | panic | hdfs | dfs | dfsclient | datanode'
      '| namenode | blk | ossec* | firewall | nsurl* | cfnetwork | logical block'
      '| main process exited',
    example => 'pod evicted'
  );
  return next monitoring.define_rule(
    name => 'topic_infrastructure_network', priority => 9080, category => 'infrastructure',
    matches => 'yarn | mapreduce | hadoop | rmcommunicator | topology | syscall | auditd | scrape | prometheus'
      '| alertmanager | zookeeper* | quorumpeer* | quorum* | kafka | broker | rabbitmq* | amqp* | connectionforced'
      '| connection.forced | heartbeat | heartbeats | etcd* | consul | resource temporarily unavailable'
      '| parse error expected http | cipher | openstack | nova* | neutron | hypervisor | libvirt | vm | vms | cluster'
      '| replica | replicas | replicaset | s3 | ec2 | ebs | bucket | terraform | ansible | volume | volumes'
      '| configmap | storage | persistentvolumeclaim | port | bandwidth | packet | packets | gateway | firmware'
      '| driver | device | devices | usb | pci | acpi | bios | irq | scsi | sda | liveness | readiness | backoff'
      '| scheduler | ftpd | snmpd | syslogd | rsyslogd | klogd | xinetd | logrotate | telnetd | rpc | grpc | ufw'
      '| iptables | netfilter | dpt | vpn | openvpn | bluetooth | ras | ciod | ido | mmcs | linkcard | torus'
      '| machinecheck | ganglia | cdn | cloudfront | cloudflare* | loadbalancer | ingress | namespace | overload'
      '| overloaded | unreachable | lustre | nfs | quotas | out of memory | unable to allocate | memory & limit'
      '| memory usage | allowed memory | insufficient memory | shared memory | memory leak | initrd | no space left'
      '| i o error | file system | read only file | load balancer | machine check | too many open files'
      '| address already in use | back off | server listening | could not resolve | unable to resolve'
      '| low on resource | ssl | end of stream | link down | link is | disk quota | client denied | /dev/sd*'
      '| /dev/nvme* | error sending message & client.url',
    example => 'broker unreachable: address already in use'
  );
  return next monitoring.define_rule(
    name => 'topic_server_other', priority => 9081, category => 'backend',
    sources => c_servers,
    example => 'anything'
  );
  return next monitoring.define_rule(
    name => 'topic_frontend', priority => 9085, category => 'frontend',
    matches => 'dom | css | html | browser | webpack | nextjs | stylesheet | jsx | script | iframe | setstate'
      '| component | viewport | console | unhandledrejection | xmlhttprequest | chunk | window | document | hooks'
      '| expression has changed | cross origin | react | angular | vue | svelte | useeffect',
    example => 'the stylesheet was not loaded'
  );
end
$$;

comment on function monitoring.list_other_topics() is
'Returns the other built-in rules that give a category.';
