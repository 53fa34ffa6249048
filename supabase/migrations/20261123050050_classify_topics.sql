-- Purpose: the built-in rules that only give the category of an error, by what it is about; the level decides the severity.
-- Objects: functions monitoring.list_security_topics, monitoring.list_database_topics, monitoring.list_other_topics.
-- Risks: words are ambiguous (a page has tables too, a mail server has users), so their order is significant.

create function monitoring.list_security_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_security_status',
    priority => 9000,
    category => 'security',
    statuses => '{[401,402),[403,404),[407,408),[419,420)}',
    example => 'Request failed with status code 401'
  );
  return next monitoring.define_rule(
    name => 'topic_credentials',
    priority => 9010,
    category => 'security',
    matches => 'jwt | jws | jsonwebtokenerror | tokenexpirederror | csrf | xsrf | sshd | password | passwords'
      '| pgrst301 | pgrst302 | pgrst303 | authentication failed for user | access denied for user'
      '| login failed for user | pg_hba* | sql injection | 28p01 | 28000',
    example => 'JsonWebTokenError: jwt malformed'
  );
  return next monitoring.define_rule(
    name => 'topic_mail',
    priority => 9020,
    category => 'infrastructure',
    matches => 'smtp | smtpd | postfix | sendmail | exim | courieresmtpd | rcpt | mta',
    unless => 'auth | authentication | authenticate | authenticated | authenticator | login | password | passwords'
      '| sasl | 535 | sql*',
    example => 'postfix/smtpd: reject: RCPT from unknown'
  );
  return next monitoring.define_rule(
    name => 'topic_security_page',
    priority => 9050,
    category => 'security',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    matches => 'unauthorized | unauthorised | forbidden | credentials | brute | authentication | authenticated'
      '| authapierror | autherror | unauthenticated | authsessionmissingerror | invalid login | token expired'
      '| invalid token | refresh token | invalid api key | session expired',
    unless => 'content security policy',
    example => 'AuthApiError: Invalid Refresh Token'
  );
  return next monitoring.define_rule(
    name => 'topic_security',
    priority => 9070,
    category => 'security',
    matches => 'auth | oauth | oauth2 | sso | saml | authn | authz | authentication | authenticate | authenticated'
      '| authenticating | authenticator | authorization | authorisation | authorize | authorized'
      '| authorizing | unauthorized | unauthorised | unauthenticated | forbidden | denied | login | logins'
      '| logon | signin | password | passwords | passwd | passphrase | credential | credentials | jwt | jws'
      '| csrf | xsrf | injection | sqli | xss | sshd | sudo | su | pam | attack | attacks | attacker'
      '| exploit | exploits | vulnerability | vulnerabilities | malicious | malware | suspicious | fail2ban'
      '| banned | ban | blacklist | blacklisted | blocklist | modsecurity | spoofed | spoofing | mfa | otp'
      '| totp | 2fa | captcha | apikey | security | privilege | privileges | intrusion | intruder | breach'
      '| breaches | compromised | firewall | antivirus | ids | hacker | hackers | hacking | hack | hacked'
      '| bruteforce | brute | permission | permissions | nmap | phishing | honeypot | waf | traversal'
      '| authapierror | autherror | authsessionmissingerror | ransomware | trojan | rootkit | selinux'
      '| apparmor | kerberos | signature | permission denied | access is denied | not allowed to access'
      '| logged in | sign in | token expired | expired token | invalid token | token is | access token'
      '| refresh token | bearer | api key | invalid user | user unknown | break in | session expired'
      '| insufficient scope | insufficient permission | not permitted | no such user | unknown user'
      '| invalid_grant | port scan | htpasswd | impersonat* | log in | authenticat* | unauthori*'
      '| network scan | vulnerability scan',
    unless => 'eacces | content security policy | operation not permitted | sla | slo | strict transport security'
      '| security update | unexpected token | invalid or unexpected token',
    example => 'Permission denied (publickey)'
  );
end
$$;

comment on function monitoring.list_security_topics() is 'Returns the built-in rules for the category security.';

create function monitoring.list_database_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_database_code',
    priority => 9030,
    category => 'database',
    codes => 'IntegrityError|OperationalError|ProgrammingError|InterfaceError|DataError|P2002|P2003|P2025|P2034'
      '|42P01|42703|42501|40001|40P01|22P02|22001|22003|23505|23503|23502|23514|23000|42601|42P07|E11000'
      '|PGRST*|ORA-*|SQLSTATE|UniqueViolation|ForeignKeyViolation|NotNullViolation|CheckViolation'
      '|RecordNotUnique|RecordInvalid|SAWarning|SqlException|SQLException|QueryFailedError|PostgresException'
      '|MySQLError|MongoServerError|MongoError|PSQLException|DataIntegrityViolationException'
      '|ConstraintViolationException',
    example => 'PG::UniqueViolation: ERROR 23505'
  );
  return next monitoring.define_rule(
    name => 'topic_database',
    priority => 9031,
    category => 'database',
    matches => 'database | databases | db | sql* | postgre* | pg | pdo | mysql* | mariadb* | mongo* | redis* | oracle'
      '| ora | innodb | prisma* | sequelize* | typeorm* | hibernate* | activerecord* | jdbc* | datasource'
      '| data source | cockroach* | psycopg* | asyncpg* | dbconnection* | influxdb* | cosmos*'
      '| connection pool | couchdb* | dynamodb* | timescale* | rds | ddl | knex* | gorm | ecto | pdoexception'
      '| doctrine | hikari* | libpq | ioredis | aurora | neo4j | cassandra | clickhouse | vtgate | vitess'
      '| supavisor | pgbouncer | pgpool | pgerror | dbapi | pq | mysqli | sqlite* | supabase postgrest'
      '| port 5432 | port 6432 | port 6543 | port 3306 | port 27017 | port 1433 | port 1521 | port 6379'
      '| port 9042',
    unless => 'indexeddb | named | dns | nsd | unbound | zone',
    example => 'database lag is 3 s'
  );
  return next monitoring.define_rule(
    name => 'topic_database_page',
    priority => 9040,
    category => 'database',
    matches => 'violates ~ constraint | violates row | duplicate key | row level security | syntax error at or near'
      '| deadlock | permission denied for | statement timeout | foreign key | invalid input syntax'
      '| null value in | duplicate entry | insert into | schema cache | could not serialize'
      '| value too long for type | operator does not exist | unique violation | lock wait | pgrst*',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    example => 'new row violates row-level security policy'
  );
  return next monitoring.define_rule(
    name => 'topic_database_words',
    priority => 9065,
    category => 'database',
    matches => 'transaction | transactions | relation | column | columns | constraint | constraints | deadlock'
      '| deadlocks | statement | autovacuum | vacuum | checkpoint | checkpoints | wal | postmaster'
      '| replication | tablespace | rollback | subquery | query | queries | migration | migrations | cursor'
      '| recordnotfound | sharelock | exclusivelock | writeconflict | rls | upsert | orm | select & from'
      '| insert into | update & set | delete from | duplicate key | duplicate entry | foreign key'
      '| primary key | row level security | null value in | syntax error at or near | schema cache'
      '| lock wait | character varying | value too long for type | invalid input syntax'
      '| numeric field overflow | could not serialize access | operator does not exist'
      '| permission denied for | must be owner of | temporary file path | server process | unique constraint'
      '| unique violation | shutdown request | holding the lock | rows returned | rows affected'
      '| page verification | invalid page in block | log segment | startup packet | recovery state'
      '| redo starts at | redo done at | archive command | byte sequence for encoding | integer out of range'
      '| group by clause | unrecognized configuration parameter | connection received host',
    unless => 'named | dns | nsd | unbound | zone | bank | card | payment | payments | indexeddb',
    example => 'column "is_admin" does not exist'
  );
end
$$;

comment on function monitoring.list_database_topics() is 'Returns the built-in rules for the category database.';

create function monitoring.list_other_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_failed_request',
    priority => 9055,
    category => 'backend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    statuses => '{[400,600)}',
    matches => 'axios* | request failed with status',
    unless => 'failed to load resource',
    example => 'AxiosError: Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'topic_rate_limited_request',
    priority => 9056,
    category => 'backend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    statuses => '{[429,430)}',
    example => 'Request failed with status code 429'
  );
  return next monitoring.define_rule(
    name => 'topic_browser',
    priority => 9060,
    category => 'frontend',
    sources => '{browser,frontend,front-end,client,web,mobile,react,javascript}',
    example => 'anything'
  );
  return next monitoring.define_rule(
    name => 'topic_frontend_words',
    priority => 9075,
    category => 'frontend',
    matches => 'hydration | hydrate | react | angular | vue | svelte | in promise',
    example => 'Hydration failed'
  );
  return next monitoring.define_rule(
    name => 'topic_server',
    priority => 9080,
    category => 'infrastructure',
    matches => 'kernel | cpu | cpus | oom | oomkilled | oomkill | outofmemoryerror | enospc | emfile | enfile'
      '| eaddrinuse | disk | disks | filesystem | filesystems | mount | mounted | mounting | unmount | docker'
      '| dockerd | containerd | container | containers | pod | pods | kubelet | kubectl | kubernetes | k8s'
      '| kube | helm | nodes | nginx | haproxy | envoy | istio | httpd | apache2 | caddy | traefik | varnish'
      '| squid | proxy | upstream | upstreams | elb | alb | dns | nameserver | soa | resolver | nxdomain'
      '| servfail | smtp | smtpd | imap | imapd | pop3 | postfix | sendmail | mta | dovecot | exim | mailer'
      '| mailbox | greylist* | spf | dkim | dnsbl | rbl | dhcp* | ntp | ntpd | chronyd | stratum | gpu | gpus'
      '| packetresponder | tls | sock | connection | connections | transport | certificate | certificates'
      '| x509 | cert | certs | tcp | udp | icmp | socket | sockets | network | networking | interface | host'
      '| hosts | eth0 | wlan0 | wifi | systemd | cron | crond | raid | megaraid | fan | temperature'
      '| hardware | thermal | swap | inode | heap | segfault | sigkill | sigterm | sigsegv | oops | panic'
      '| hdfs | dfs | datanode | namenode | blk',
    example => 'pod evicted'
  );
  return next monitoring.define_rule(
    name => 'topic_server_network',
    priority => 9080,
    category => 'infrastructure',
    matches => 'yarn | mapreduce | hadoop | topology | syscall | auditd | scrape | prometheus | alertmanager'
      '| zookeeper | quorumpeer | quorum | kafka | broker | rabbitmq | openstack | nova | neutron'
      '| hypervisor | libvirt | vm | vms | cluster | replica | replicas | replicaset | s3 | ec2 | ebs'
      '| bucket | terraform | ansible | volume | volumes | configmap | mountvolume | storage'
      '| persistentvolumeclaim | pvc | port | bandwidth | packet | packets | gateway | firmware | driver'
      '| device | devices | usb | pci | acpi | bios | irq | scsi | sda | liveness | readiness'
      '| imagepullbackoff | crashloopbackoff | backoff | scheduler | ftpd | snmpd | syslogd | klogd | xinetd'
      '| logrotate | telnetd | rpc | grpc | ufw | iptables | netfilter | dpt | vpn | openvpn | bluetooth'
      '| ras | ciod | ido | mmcs | linkcard | torus | machinecheck | ganglia | cdn | cloudfront | cloudflare'
      '| loadbalancer | ingress | namespace | overload | overloaded | unreachable | lustre | nfs | quotas'
      '| out of memory | memory & limit | memory usage | allowed memory | insufficient memory | shared memory'
      '| memory leak | initrd | no space left | i o error | file system | read only file | load balancer'
      '| machine check | too many open files | exit code 137 | address already in use | failed to pull'
      '| pull image | back off | server listening | could not resolve | unable to resolve | low on resource'
      '| ssl | end of stream | link down | link is',
    example => 'broker unreachable: address already in use'
  );
  return next monitoring.define_rule(
    name => 'topic_server_other',
    priority => 9081,
    category => 'backend',
    sources => '{server,backend,api,worker,database,cron}',
    example => 'anything'
  );
  return next monitoring.define_rule(
    name => 'topic_frontend',
    priority => 9085,
    category => 'frontend',
    matches => 'dom | css | html | browser | localstorage | sessionstorage | webpack | nextjs | resizeobserver'
      '| stylesheet | jsx | script | iframe | setstate | component | viewport | console | unhandledrejection'
      '| xmlhttprequest | chunk | expressionchangedafterithasbeencheckederror | window | document | hooks'
      '| expression has changed | domnesting | mixed content | content security policy | cross origin'
      '| hydration | hydrate | react | angular | vue | svelte | in promise | indexeddb | chunkloaderror'
      '| loading chunk | dynamically imported module',
    example => 'the stylesheet was not loaded'
  );
end
$$;

comment on function monitoring.list_other_topics() is 'Returns the other built-in rules that give a category.';
