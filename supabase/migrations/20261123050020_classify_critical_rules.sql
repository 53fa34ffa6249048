-- Purpose: defines the rules that make an error CRITICAL.
-- Objects: functions monitoring.is_statement_timeout, monitoring.has_connection_failure_wording,
--   monitoring.is_database_connection_failure, monitoring.is_unavailable, monitoring.is_authentication_service_down,
--   monitoring.is_security_breach, monitoring.is_cors_block, monitoring.match_critical_rule.
-- Risks: the first rule that matches wins, so their order is significant. Uses 3 regular expressions, see
--   classify_signals.

create function monitoring.is_statement_timeout(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'timeout timed time max_execution_time interrupted 01013 57014 querycanceled querycancelederror'
    ' query_canceled canceling cancelling'
  ) ?| words and message like any(array[
    '%statement timeout%', '%statement timed out%', '%lock wait timeout%', '%lock timeout%',
    '%lock request time out%',
    '%max_execution_time%', '%maximum statement execution time%', '%query timed out%', '%query timeout%',
    '%query execution was interrupted%', '%execution timeout expired%', '%ora-01013%', '%57014%', '%querycanceled%',
    '%query_canceled%', '%canceling statement due to%', '%cancelling statement due to%', '%query read timeout%',
    '%query exceeded%time%'
  ]);
end
$$;

comment on function monitoring.is_statement_timeout(text, text[]) is
'Returns whether a lower-case text says that a database cancelled one statement because of its duration or its locks.';

create function monitoring.has_connection_failure_wording(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    message like any(array['%conne%', '%pgrst00%', '%mongo%', '%poolc%', '%sequelizehost%', '%unabletosend%'])
    or monitoring.word_set(
      'client clients client_idle_limit pool queuepool database server tns link healthy primary provider'
      ' packets topology buffering'
      ' ssl dead enabled sending query_wait_timeout timeout consuming transport running translate'
      ' knextimeouterror selection'
      ' slots aborted recovery closed tablet reachable resourcerequest replica keyspace'
    ) ?| words
  ) and message like any(array[
    '%too many connections%', '%too many clients%', '%too many database connections%', '%remaining connection slots%',
    '%max clients reached%', '%max client connections%', '%max number of clients reached%',
    '%connection limit exceeded%',
    '%no more connections allowed%', '%connection pool%exhausted%', '%pool exhausted%', '%no more connections%',
    '%connection terminated unexpectedly%',
    '%is not queryable%', '%initial connections of pool%', '%exhausted%connection pool%', '%pool is exhausted%',
    '%queuepool%limit%', '%timed out fetching a%connection%', '%connection is not available, request timed out%',
    '%pool is probably full%', '%timeout exceeded when trying to connect%',
    '%server closed the connection unexpectedly%',
    '%server has gone away%', '%lost connection to%server%', '%lost connection to%database%',
    '%database system is shutting down%', '%database system is starting up%', '%database system is in recovery mode%',
    '%database system was interrupted%', '%database system is not%accepting%',
    '%not currently accepting connections%',
    '%terminating connection%', '%communications link failure%', '%communication link failure%',
    '%could not connect to server%', '%could not translate host name%', '%connection to server at %',
    '%connection to server on %', '%connection to server was lost%', '%no connection to the server%', '%tns:%',
    '%tcp provider:%', '%named pipes provider%',
    '%adaptive server%connection%', '%network-related or instance-specific%', '%physical connection is not usable%',
    '%transport-level error%', '%ssl syscall error%', '%ssl connection has been closed unexpectedly%',
    '%mongonetwork%',
    '%serverselection%', '%server selection%tim%', '%topology was destroyed%', '%topology is closed%',
    '%poolcleared%',
    '%buffering timed out%', '%reach database%', '%server has closed the connection%', '%protocol_connection_lost%',
    '%connectiondoesnotexisterror%', '%toomanyconnections%', '%cannotconnectnow%', '%pg::connectionbad%',
    '%pg::unabletosend%', '%connectionnotestablished%', '%activerecord::connectiontimeout%',
    '%driver: bad connection%',
    '%database is closed%', '%no reachable servers%', '%consuming input failed%', '%query_wait_timeout%',
    '%client_idle_limit%', '%is dead or not enabled%', '%login timeout expired%', '%packets out of order%',
    '%no healthy tablet%', '%no primary available%', '%no healthy endpoints%',
    '%connection terminated due to connection timeout%',
    '%primary is not serving%', '%no replica available%', '%being resharded%',
    '%knex: timeout acquiring%',
    '%knextimeouterror%', '%sequelizeconnection%', '%sequelizehost%', '%poolableconnectionfactory%',
    '%obtain jdbc connection%',
    '%open jdbc connection%', '%get jdbc connection%', '%acquire jdbc connection%', '%pgrst000%', '%pgrst001%',
    '%pgrst002%',
    '%pgrst003%', '%error while sending query%', '%error while sending stmt%', '%no running members available%',
    '%resourcerequest timed out%', '%no available connection%', '%connection not available and request was dropped%'
  ]) and not monitoring.word_set('smtp smtpd imap imapd pop3 ftp ftpd sshd postfix mta') ?| words;
end
$$;

comment on function monitoring.has_connection_failure_wording(text, text[]) is
'Returns whether a lower-case text contains what a database, a driver or a connection pool writes when a connection
cannot be made or kept. Similar lines of mail, FTP and SSH servers are excluded.';

create function monitoring.is_database_connection_failure(
  message text, words text[], is_database boolean, is_network boolean
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  if monitoring.has_connection_failure_wording(message, words) then
    return true;
  end if;

  if not is_database or monitoring.is_statement_timeout(message, words) then
    return false;
  end if;

  -- A failed statement shows that the database can be reached, whatever the text says about connections.
  if message like any(array[
    '%violates%', '%duplicate%', '%constraint%', '%deadlock%', '%syntax error%', '%statement timeout%',
    '%unknown column%',
    '%permission denied for%', '%doesn''t exist%'
  ]) then
    return false;
  end if;

  -- A TLS error between a driver and its server is a connection failure.
  if is_network or message like any(array[
    '%ssl: %timed out%', '%ssl operation failed%', '%ssl error%', '%ssl alert%', '%bad record mac%', '%went away%',
    '%error while sending%', '%is shutting down%', '%disconnected by the server%', '%no longer usable%',
    '%startup message%', '%only administrator can connect%', '%connection is broken%', '%connection is closed%',
    '%connection limit reached%', '%connection slots%'
  ]) then
    return true;
  end if;

  return (
    message like any(array['%ora-%', '%sqlstate%', '%errno%']) or monitoring.word_set(
      'connect connection connections connecting connected reconnect reconnecting connector reach contact ping'
      ' pool down unavailable'
      ' unreachable offline away dead stopped running available reachable responding accepting outage disconnected'
      ' 57p01 57p02 57p03 53300 08001 08003 08004 08006 08s01 2002 2003 2005 2006 2013 1040 p1001 p1002 p1017'
      ' p2024 p2037 loading'
    ) ?| words
  ) and (
    message like any(array['%p1001%', '%p1002%', '%p1017%', '%p2024%', '%p2037%', '%is loading the dataset%'])
    or message ~ (
      '\m(57p0[1-3]|53300|0800[1346]|08s01)\M|sqlstate ?\[?(08...|57p0|53300)|\[(2002|2003|2005|2006|2013|1040)\]'
      || '|(error|errno|code)[ :=(]*(2002|2003|2005|2006|2013|1040)\M|\(''?(2002|2003|2005|2006|2013|1040)\M'
      || '|ora-(00018|00020|01033|01034|01089|01090|03113|03114|03135|12[0-9]{3})'
      || '|\m(re)?connect(ion|ions|ing|ed|or)?\M[^;:(]*\m(refused|failed|failure|fails|lost|closed|terminated'
      || '|reset|unreachable|exhausted'
      || '|unavailable|dropped|broken|aborted|timed[ -]?out|time-?out|down|not (available|established'
      || '|be established|be made|usable))\M'
      || '|\m(could not|couldn''t|cannot|can''t|can not|unable to|fail(ed|s|ure|ing)? to|failed|failure'
      || '|not able to|lost|losing|dead|dropped'
      || '|broken|exhausted|timed out|time-?out|unexpectedly|error)\M[^;:(]*\m(re)?(connect(ion|ions|ing|ed)?'
      || '|reach|contact|ping)\M'
      || '|\mconnect\w* pool\w*\M[^;(]*(time|exhaust|full|limit)|pool[^;:(]*(exhausted|timed out)'
      || '|\m(database|db|sql|postgres(ql)?|mysql|mariadb|mongo(db)?|redis|cluster|oracle'
      || '|server)( [a-z0-9_."-]+){0,2} (is|was|are|has been|went|has gone|gone|seems|appears)'
      || ' (currently |temporarily |now )?(to be )?(down|unavailable|unreachable|offline|away|dead|stopped'
      || '|not (running|available|reachable|responding|accepting))\M'
      || '|\m(database|db|postgres(ql)?|mysql|mongo(db)?|redis)( [a-z]+)? (unavailable|unreachable|down|offline'
      || '|outage|disconnected)\M'
    )
  );
end
$$;

comment on function monitoring.is_database_connection_failure(text, text[], boolean, boolean) is
'Returns whether a lower-case text says that a database cannot be reached: refused, exhausted, shut down or lost. A
single statement that failed or timed out does not count.';

create function monitoring.is_unavailable(message text, words text[], status integer)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return status in (502, 503) or monitoring.word_set(
    'gateway bad_gateway badgateway unavailable service_unavailable serviceunavailable serviceunavailableexception'
    ' badgatewayexception upstream upstreams available overloaded temporarily'
  ) ?| words and message like any(array[
    '%bad gateway%', '%bad_gateway%', '%badgateway%', '%service unavailable%', '%service_unavailable%',
    '%serviceunavailable%',
    '%service temporarily unavailable%', '%service is temporarily unavailable%', '%service is unavailable%',
    '%service is currently unavailable%', '%no healthy upstream%', '%no live upstreams%',
    '%no server is available to handle%', '%no server available%', '%upstream connect error%',
    '%temporarily unable to service your request%', '%temporarily overloaded%'
  ])
  -- A mail server with this wording rejects a message.
  and not message like any(array['% 4__ 4._._%', '% 5__ 5._._%']);
end
$$;

comment on function monitoring.is_unavailable(text, text[], integer) is
'Returns whether an error is a 502 or 503, by its status code or by the wording of proxies and services.';

create function monitoring.is_authentication_service_down(message text, words text[], is_unavailable boolean)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return (
    message like '%auth%' or monitoring.word_set(
      'login logins ldap ldaps sso identity idp keycloak gotrue okta cognito oidc saml kdc kerberos radius directory'
    ) ?| words
  ) and (
    message like '%authretryablefetch%'
    or (
      is_unavailable and monitoring.word_set(
        'auth authentication authn authz auth0 login sso oauth oauth2 ldap keycloak gotrue cognito okta'
      ) ?| words
    )
    or message ~ (
      '\m(auth(entication|orization|n|z)?|login|identity|sso|oauth2?|oidc|saml|token|ldaps?|radius|kerberos'
      || '|active directory|keycloak|gotrue|okta|auth0|cognito|idp)'
      || '[ _-]?(service|server|provider|system|backend|api|endpoint|host|cluster|gateway)?s?\M[^;]*'
      || '\m(down|unavailable|unreachable|not (available|responding|reachable|running|respond)|offline|outage'
      || '|connection refused|econnrefused|enotfound|timed? ?out|timeout|unresponsive|crashed)\M'
      || '(?!.*(password|credential))'
      || '|(can''t|cannot|can not|could not|unable to|failed to|failure to|error) (contact|contacting|connect'
      || '|connecting|reach|reaching|communicate|bind)[^;]*\m(auth|ldap|kdc|kerberos|identity|login|sso|oauth'
      || '|keycloak|gotrue|okta|radius|active directory)'
    )
  );
end
$$;

comment on function monitoring.is_authentication_service_down(text, text[], boolean) is
'Returns whether a lower-case text says that an authentication service cannot be reached. A rejected password does
not count.';

create function monitoring.is_security_breach(message text, words text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return monitoring.word_set(
    'breach breached breaches intrusion intrusions intruder intruders compromised compromise exfiltration'
    ' exfiltrated exfiltrating'
    ' ransomware rootkit malware trojan backdoor hacked stolen leaked leak webshell shell escalation'
    ' unauthorized unauthorised attacker attackers'
  ) ?| words and not message like any(array[
    '%breach attempt%', '%intrusion attempt%', '%attempted intrusion%', '%attempted breach%', '%attempt to %',
    '%sla %', '%slo %',
    '%threshold%', '%contract%', '%possible %', '%memory leak%', '%intrusive%'
  ]) and message ~ (
    '\m(data|security|privacy|perimeter|network|account|system|server|firewall|credentials?|database|customer'
    || '|password)( [a-z]+)? breach(ed|es)?\M'
    || '|\mbreach(es)? (was |has been |is )?(detected|confirmed|discovered|reported|identified|alert|found'
    || '|in progress|occurred|of )'
    || '|\mintrusion[^.;]*(detected|confirmed|alert|alarm|successful|in progress|discovered|reported)'
    || '|(detected|confirmed|successful|reported)[^.;]* intrusion|intruder'
    || '|attackers? (has |have )?(gained|obtained|accessed|stole|exfiltrated|got in)'
    || '|\m(been|was|were|is|are|got|be|accounts?|credentials?|host|server|system|keys?|tokens?|package'
    || '|node)\M[^.;]* compromised'
    || '|\mcompromised (account|credential|host|server|system|key|token|user|machine|password|node|package)'
    || '|exfiltrat(ion|ed|ing)|ransomware|rootkit|(malware|trojan|backdoor|web ?shell)[^.;]*(detected|found'
    || '|infect|installed|discovered|uploaded|active)'
    || '|(detected|found|infected)[^.;]*(malware|trojan|backdoor|web ?shell)|\m(been|was|were|got) hacked'
    || '|\m(credentials?|passwords?|keys?|tokens?|secrets?|data|database|records|emails?)( [a-z]+)? (leaked'
    || '|stolen|leak detected)|\m(leaked|stolen) (credential|password|key|token|data|secret|database|record'
    || '|cookie|session)'
    || '|privilege escalation (detected|succe)|unauthori[sz]ed access (was |has been )?(detected|gained'
    || '|confirmed|obtained)|(detected|gained|confirmed) unauthori[sz]ed access'
  );
end
$$;

comment on function monitoring.is_security_breach(text, text[]) is
'Returns whether a lower-case text reports an intrusion or a data leak. Attempts and exceeded thresholds do not
count.';

create function monitoring.is_cors_block(message text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return message like any(array[
      '%cors%', '%cross-origin%', '%access-control-%', '%access control check%', '%cross origin%', '%preflight%'
    ])
    and message like any(array[
      '%blocked by cors%', '%cross-origin request blocked%', '%access-control-allow-origin%',
      '%access control check%',
      '%access-control-allow-headers%', '%access-control-allow-methods%', '%access-control-allow-credentials%',
      '%cors error%', '%cors request%', '%cors header%', '%cors policy:%', '%cors preflight%fail%', '%cors failed%',
      '%cors failure%', '%cors check%fail%', '%allowed by cors%', '%disallowed cors%', '%cors blocked%',
      '%blocked%cors%',
      '%cors%blocked%', '%cors missing%', '%cross origin requests are only supported%', '%cross-origin%cors%',
      '%preflight response%', '%preflight%fail%', '%cors%rejected%', '%cors%denied%', '%cors%not allowed%',
      '%violat%cors%'
    ])
    and not message like any(array[
      '%will disallow reading%', '%cors-enabled nor%', '%header set %', '%content security policy%', '%cors enabled%',
      '%access-control-allow-origin: *%200%'
    ]);
end
$$;

comment on function monitoring.is_cors_block(text) is
'Returns whether a browser, in its own wording, or a server rejected a request because of its origin. Content
security policy and mixed content do not count.';

create function monitoring.match_critical_rule(
  message text,
  words text[],
  status integer,
  is_database boolean,
  is_network boolean
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_unavailable constant boolean := monitoring.is_unavailable(message, words, status);
begin
  return case
    when monitoring.is_database_connection_failure(message, words, is_database, is_network)
      then 'database_connection_failed'
    when monitoring.is_authentication_service_down(message, words, v_unavailable) then 'authentication_service_down'
    when monitoring.is_security_breach(message, words) then 'security_breach'
    when monitoring.is_cors_block(message) then 'cors_blocked'
    when not v_unavailable then null
    when status = 502 or message like any(array[
      '%bad gateway%', '%bad_gateway%', '%badgateway%', '%no live upstreams%'
    ]) then 'bad_gateway'
    else 'service_unavailable'
  end;
end
$$;

comment on function monitoring.match_critical_rule(text, text[], integer, boolean, boolean) is
'Returns the first CRITICAL rule that an error matches, else null.';
