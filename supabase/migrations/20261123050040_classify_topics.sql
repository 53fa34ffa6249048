-- Purpose: decides whether the text of an error is about a database, about security or about infrastructure.
-- Objects: functions monitoring.concerns_database, monitoring.mentions_security, monitoring.mentions_infrastructure.
-- Risks: words are ambiguous (a page has tables too, a mail server has users): the caller decides the order of these
--   checks.

create function monitoring.concerns_database(message text, words text[], is_browser boolean, is_database boolean)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  if is_database then
    return true;
  end if;

  -- DNS queries and bank transactions are not about a database.
  if monitoring.word_set('named dns nsd unbound zone bank card payment payments') ?| words and message not like '%sql%'
    or message like any(array['%query (cache)%', '%/in'' denied%']) then
    return false;
  end if;

  -- Pages have tables, rows and columns too.
  if is_browser then
    return message like any(array[
      '%violates %constraint%', '%violates row%', '%duplicate key%', '%pgrst%', '%row-level security%',
      '%relation "%', '%syntax error at or near%', '%deadlock%', '%permission denied for%', '%statement timeout%',
      '%foreign key%', '%invalid input syntax%', '%null value in%', '%duplicate entry%', '%insert into %',
      '%schema cache%', '%could not serialize%', '%value too long for type%', '%operator does not exist%',
      '%unique violation%', '%lock wait%', '%"hint":%"code":%', '%"code":%"hint":%'
    ]);
  end if;

  return monitoring.word_set(
    'transaction transactions'
    ' sql relation column columns constraint constraints deadlock deadlocks statement autovacuum vacuum'
    ' checkpoint checkpoints wal postmaster replication tablespace rollback subquery query queries migration'
    ' migrations cursor'
    ' integrityerror operationalerror programmingerror interfaceerror dataerror recordnotfound'
    ' sharelock exclusivelock p2002 p2003 p2025 p2034 42p01 42703 42501 40001 40p01 22p02 23505 23503 23502'
    ' 23514 e11000'
    ' writeconflict identity rls upsert orm sawarning'
  ) ?| words
  or message like any(array[
    '%select %from %', '%insert into %', '%update % set %', '%delete from %', '%duplicate key%', '%duplicate entry%',
    '%foreign key%', '%primary key%', '%pgrst%', '% table "%', '%table ''%', '%role "%', '%rrd_%', '%pg\_%',
    '%"hint":%"code":%', '%"code":%"hint":%'
  ])
  or monitoring.word_set(
    'level null error cache lock varying long input overflow serialize operator permission owner temporary process'
    ' connection unique shutdown rows verification page parameter segment packet mode recovery redo archive encoding'
    ' integer clause unrecognized'
  ) ?| words and message like any(array[
    '%row-level security%', '%null value in%', '%syntax error at or near%', '%schema cache%', '%lock wait%',
    '%character varying%', '%value too long for type%', '%invalid input syntax%', '%numeric field overflow%',
    '%could not serialize access%', '%operator does not exist%', '%permission denied for %', '%must be owner of%',
    '%temporary file: path%', '%server process (pid%', '%client connection%', '%connection received: host%',
    '%unique constraint%', '%unique violation%', '%shutdown request%', '%holding the lock%', '%returned % rows%',
    '%rows returned%', '%rows affected%', '%page verification%', '%invalid page in block%',
    '%parameter "%" changed to %', '%parameter "%" cannot be changed%',
    '%log segment%', '%startup packet%', '%standby%mode%', '%recovery state%', '%redo starts at%',
    '%redo done at%', '%archive command%',
    '%byte sequence for encoding%', '%integer out of range%', '%group by clause%',
    '%unrecognized configuration parameter%'
  ]);
end
$$;

comment on function monitoring.concerns_database(text, text[], boolean, boolean) is
'Returns whether a lower-case text is about a database: it names one, or mentions SQL, tables, constraints,
transactions or their error codes. For text from a browser only unambiguous wording counts.';

create function monitoring.mentions_security(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    monitoring.word_set(
      'auth oauth oauth2 sso saml authn authz authentication authenticate authenticated authenticating'
      ' authenticator authorization'
      ' authorisation authorize authorized authorizing unauthorized unauthorised unauthenticated forbidden'
      ' denied login logins'
      ' logon signin password passwords passwd passphrase credential credentials jwt jws csrf xsrf injection'
      ' sqli xss sshd sudo su'
      ' pam_unix pam unix_chkpwd attack attacks attacker exploit exploits vulnerability vulnerabilities'
      ' malicious malware suspicious'
      ' fail2ban banned ban blacklist blacklisted blocklist modsecurity spoofed spoofing mfa otp totp 2fa'
      ' captcha apikey security'
      ' privilege privileges intrusion intruder intruders breach breaches compromised firewall antivirus ids'
      ' hacker hackers hacking hack hacked bruteforce brute'
      ' auth_basic auth_digest authz_core authz_host authz_owner access_compat permission permissions token'
      ' nmap phishing honeypot waf traversal'
      ' authapierror autherror authsessionmissingerror userauth_request ransomware trojan rootkit selinux'
      ' apparmor kerberos signature'
    ) ?| words
    or monitoring.word_set(
      'token tokens bearer key invalid_grant logged signed log sign user session scope permission permissions'
      ' permitted port'
      ' break unauthenticated account grant secret'
    ) ?| words and message like any(array[
      '%permission denied%', '%access is denied%', '%not allowed to access%', '%logged in%', '%sign in%',
      '%token expired%',
      '%expired token%', '%invalid token%', '%token is %', '%access token%', '%refresh token%', '%bearer%',
      '%api key%',
      '%invalid user%', '%user unknown%', '%break-in%', '%session expired%', '%insufficient scope%',
      '%insufficient permission%',
      '%not permitted%', '%no such user%', '%unknown user%', '%account %locked%',
      '%invalid_grant%', '%port scan%', '%htpasswd%', '%impersonat%', '% log in %', '%to log in%',
      '%authenticat%', '%unauthori%'
    ])
    or message like any(array['%network scan%', '%vulnerability scan%', '%[classification: %'])
  )
  and not message like any(array[
    '%eacces%', '%docker.sock%', '%content security policy%', '%operation not permitted%', '%sla %', '%slo %',
    '%strict-transport-security%', '%security update%', '%unexpected token%', '%invalid or unexpected token%'
  ]);
end
$$;

comment on function monitoring.mentions_security(text, text[]) is
'Returns whether a lower-case text mentions identity, permissions, secrets or an attack.';

create function monitoring.mentions_infrastructure(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'kernel cpu cpus oom oomkilled oomkill outofmemoryerror enospc emfile enfile eaddrinuse disk disks'
    ' filesystem filesystems'
    ' mount mounted mounting unmount docker dockerd containerd container containers pod pods kubelet kubectl'
    ' kubernetes k8s kube helm nodes'
    ' nginx haproxy envoy istio httpd apache2 caddy traefik varnish squid proxy upstream upstreams elb alb dns'
    ' nameserver soa resolver'
    ' nxdomain servfail smtp smtpd imap imapd pop3 postfix sendmail mta dovecot exim mailer mailbox'
    ' greylisted greylisting'
    ' spf dkim dnsbl rbl dhcp dhcpd dhcpdiscover dhcprequest'
    ' dhcpack dhcpoffer ntp'
    ' ntpd chronyd stratum gpu gpus packetresponder'
    ' tls sock connection connections transport certificate certificates x509 cert certs tcp udp icmp'
    ' socket sockets network networking interface host hosts'
    ' eth0 eth1 wlan0 en0 awdl0 airport wifi systemd cron crond raid megaraid fan temperature hardware thermal'
    ' swap inode heap'
    ' segfault sigkill sigterm sigsegv oops panic hdfs dfs datanode namenode blk yarn mapreduce hadoop'
    ' topology syscall auditd scrape prometheus alertmanager zookeeper quorumpeer quorum kafka'
    ' broker rabbitmq openstack nova neutron hypervisor libvirt vm vms cluster replica replicas replicaset s3'
    ' ec2 ebs bucket terraform'
    ' ansible volume volumes configmap mountvolume storage persistentvolumeclaim pvc port bandwidth packet'
    ' packets gateway firmware driver device devices usb pci acpi bios irq irqs ioapic scsi sda'
    ' liveness readiness imagepullbackoff crashloopbackoff backoff scheduler ftpd snmpd syslogd klogd xinetd'
    ' logrotate telnetd'
    ' rpc grpc econnrefused econnreset enotfound etimedout ehostunreach enetunreach ufw iptables netfilter dpt'
    ' vpn openvpn'
    ' bluetooth ras ciod ido mmcs linkcard torus machinecheck gmetad ganglia cdn cloudfront cloudflare loadbalancer'
    ' ingress namespace overload overloaded unreachable lustre nfs mptscsih dpi quotas bluetoothd usbcore'
  ) ?| words
  or message like any(array[
    '%out of memory%', '%memory%limit%', '%memory usage%', '%allowed memory%', '%insufficient memory%',
    '%shared memory%',
    '%memory leak%', '%initrd%', '%no space left%', '%i/o error%', '%file system%', '%read-only file%',
    '%load balancer%',
    '%machine check%', '%too many open files%', '%exit code 137%', '%address already in use%', '%failed to pull%',
    '%pull image%',
    '%back-off%', '%server listening%', '%could not resolve%', '%unable to resolve%', '%node%not ready%', '%awselb%',
    '%hadoop%', '%dns%', '%filesystem%', '%low on resource%', '%ssl%', '%end of stream%', '%quorum%',
    '%zookeeper%', '%link down%', '%link is %', '%blk\_%', '%/dev/sd%', '%/dev/nvme%', '_____ __:__:__.______ %.go:%]%'
  ]);
end
$$;

comment on function monitoring.mentions_infrastructure(text, text[]) is
'Returns whether a lower-case text mentions hosts, kernels, containers, networks, mail servers or disks.';
