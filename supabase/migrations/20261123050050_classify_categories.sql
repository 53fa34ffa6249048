-- Purpose: decides which part of the product an error belongs to.
-- Objects: functions monitoring.guess_category, monitoring.category_of_server_failure,
--   monitoring.category_of_rate_limit, monitoring.category_of_type_error, monitoring.category_of_rule.
-- Risks: a text can match several topics: the more specific one is checked first.

create function monitoring.guess_category(
  message text,
  words text[],
  is_browser boolean,
  is_server boolean,
  status integer,
  is_database boolean
)
returns public.incident_category
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- A rejected login to a database is about security.
  if status in (401, 403, 407, 419)
    or monitoring.word_set(
      'jwt jws jsonwebtokenerror tokenexpirederror csrf xsrf sshd password passwords pgrst301 pgrst302 pgrst303'
    ) ?| words
    or message like any(array[
      '%authentication failed for user%', '%access denied for user%', '%login failed for user%', '%pg_hba%',
      '%sql injection%'
    ]) then
    return 'security'::public.incident_category;
  end if;

  -- Users and permissions in the text of a mail server are about messages.
  if not is_database and monitoring.word_set(
    'smtp smtpd postfix sendmail exim courieresmtpd rcpt mta'
  ) ?| words and not monitoring.word_set(
    'auth authentication authenticate authenticated authenticator login password passwords sasl 535'
  ) ?| words then
    return 'infrastructure'::public.incident_category;
  end if;

  if monitoring.concerns_database(message, words, is_browser, is_database) then
    return 'database'::public.incident_category;
  end if;

  if is_browser then
    return case
      when monitoring.word_set(
        'unauthorized unauthorised forbidden credentials brute authentication authenticated authapierror autherror'
        ' unauthenticated authsessionmissingerror'
      ) ?| words and message not like '%content security policy%'
        or message like any(array[
          '%invalid login%', '%token expired%', '%invalid token%', '%refresh token%', '%invalid api key%',
          '%session expired%'
        ]) then 'security'::public.incident_category
      else 'frontend'
    end;
  end if;

  if monitoring.mentions_security(message, words) then
    return 'security'::public.incident_category;
  end if;

  if monitoring.word_set('hydration hydrate react angular vue svelte') ?| words
    or message like '%in promise)%'
    or not is_server and (
      monitoring.word_set(
        'dom css html browser localstorage sessionstorage webpack nextjs resizeobserver stylesheet jsx script'
        ' iframe setstate'
        ' component viewport console unhandledrejection xmlhttprequest chunk'
        ' expressionchangedafterithasbeencheckederror'
        ' window document hooks'
      ) ?| words
      or message like any(array[
        '%expression has changed%', '%domnesting%', '%<div%',
        '%mixed content%', '%content security policy%', '%cross-origin%'
      ])
    ) then
    return 'frontend'::public.incident_category;
  end if;

  -- A system log line without any other signal is about infrastructure.
  return case
    when monitoring.mentions_infrastructure(message, words) then 'infrastructure'::public.incident_category
    when message like '___ __ __:__:__ % %:%' then 'infrastructure'
    else 'backend'
  end;
end
$$;

comment on function monitoring.guess_category(text, text[], boolean, boolean, integer, boolean) is
'Returns the category of a lower-case text by its words, its source and its status code; backend when nothing
matches.';

create function monitoring.category_of_server_failure(
  rule text,
  message text,
  words text[],
  url text,
  is_database boolean,
  is_network boolean,
  is_page boolean
)
returns public.incident_category
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when monitoring.word_set(
      'auth authentication authenticate authorization authn authz oauth oauth2 oidc saml login logon logout signin'
      ' signup jwt sso authretryablefetcherror authapierror autherror'
    ) ?| words or url like any(array['%/auth/%', '%/oauth%', '%/login%', '%/signin%', '%/sign-in%', '%/token%'])
      or message like '%auth%' and message not like '%author%' or message like '%jwt%'
      then 'security'::public.incident_category
    when monitoring.concerns_database(message, words, true, is_database) then 'database'
    when monitoring.mentions_security(message, words) then 'security'
    -- A gateway service is not a network, but the wording of proxies that could not connect is about infrastructure.
    when rule <> 'server_error' and (is_network or monitoring.word_set(
      'proxy balancer balancers loadbalancer elb awselb alb nginx haproxy envoy cloudflare cloudfront varnish'
      ' traefik ingress istio caddy squid httpd apache openresty zuul kong cdn'
      ' kubelet kubernetes k8s pod pods container containers docker oom oomkilled memory disk'
      ' dns tls ssl certificate handshake socket probe readiness liveness'
    ) ?| words or message like any(array[
      '%no server is available%', '%no server available%', '%upstream connect%', '%connecting to upstream%',
      '%healthy upstream%', '%live upstream%', '%header from upstream%', '%upstream prematurely%',
      '%before headers%', '%load balancer%', '%timed out%', '%timeout%'
    ])) then 'infrastructure'
    when is_page then 'frontend'
    else 'backend'
  end;
end
$$;

comment on function monitoring.category_of_server_failure(text, text, text[], text, boolean, boolean, boolean) is
'Returns the category of a bad_gateway, service_unavailable or server_error: security, database or infrastructure
when the text or the URL names it, frontend for a page (is_page), else backend.';

create function monitoring.category_of_rate_limit(
  message text,
  words text[],
  status integer,
  is_database boolean,
  is_page boolean
)
returns public.incident_category
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when monitoring.word_set(
      'login logins auth authentication authapierror autherror password passwords sshd otp brute signin signup'
    ) ?| words
      then 'security'::public.incident_category
    when is_database or monitoring.word_set('shard shards tablet keyspace') ?| words then 'database'
    when monitoring.word_set(
      'dns smtp smtpd mta postfix sendmail exim dovecot mail relay nginx caddy envoy traefik kernel kubelet'
      ' cpu iops'
      ' syslog journald systemd haproxy nsd named unbound coredns zone tcp udp syn icmp packets docker dockerd'
    ) ?| words or message like any(array[
      '%connection rate%', '%pull rate%', '%ratelimit block%', '%throttling request took%',
      '%client-side throttling%',
      '% 4__ 4._._%',
      '___ __ __:__:__ %', '____ ___ __ __:__:__ %'
    ])
      then 'infrastructure'
    when is_page and status <> 429 then 'frontend'
    else 'backend'
  end;
end
$$;

comment on function monitoring.category_of_rate_limit(text, text[], integer, boolean, boolean) is
'Returns the category of a rate_limited error: security for sign-ins, database, infrastructure for DNS, mail, proxies
and kernels, frontend for a limit that a page (is_page) reports itself, else backend.';

create function monitoring.category_of_type_error(message text, words text[], is_browser boolean, is_server boolean)
returns public.incident_category
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
begin
  return case
    when is_browser then 'frontend'::public.incident_category
    when is_server
      or monitoring.word_set('nonetype subscriptable concatenate callable operand traceback php str') ?| words
      or message like any(array[
        '%positional argument%', '%keyword argument%', '%passed to%must be%', '%implicit conversion%'
      ])
      then 'backend'
    else 'frontend'
  end;
end
$$;

comment on function monitoring.category_of_type_error(text, text[], boolean, boolean) is
'Returns the category of a type_error or reference_error: by its source, else backend for the wording of Python and
PHP, else frontend.';

create function monitoring.category_of_rule(
  rule text,
  message text,
  words text[],
  source text,
  url text,
  status integer,
  is_database boolean,
  is_network boolean
)
returns public.incident_category
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_is_browser constant boolean := coalesce(
    source in ('browser', 'frontend', 'front-end', 'client', 'web', 'mobile', 'react', 'javascript'), false
  );
  v_is_server constant boolean := coalesce(
    source in ('server', 'backend', 'api', 'worker', 'database', 'cron'), false
  );
  -- A page that calls an API reports the answer of the API; a page that loads its own resources reports on itself.
  v_is_page boolean := v_is_browser
    and (
      message like '%failed to load resource%'
      or not message like any(array['%request failed with status%', '%axios%'])
    );
begin
  case
    when rule in ('database_connection_failed', 'statement_timeout') then
      return 'database'::public.incident_category;
    when rule in ('authentication_service_down', 'security_breach') then
      return 'security'::public.incident_category;
    when rule = 'cors_blocked' then
      return 'frontend'::public.incident_category;
    when rule = 'payment_failed' then
      return 'backend'::public.incident_category;
    when rule = 'network_error' then
      return 'infrastructure'::public.incident_category;
    when rule in ('bad_gateway', 'service_unavailable', 'server_error') then
      return monitoring.category_of_server_failure(
        rule, message, words, url, is_database, is_network, v_is_page
      );
    when rule = 'api_timeout' then
      return case
        when is_database then 'database'::public.incident_category
        when status <> 504 and (
          monitoring.word_set('api endpoint axios axioserror webhook') ?| words
          or url like '%/api/%'
          or message like '%request to %'
        ) then 'backend'
        else 'infrastructure'
      end;
    when rule in ('type_error', 'reference_error') then
      return monitoring.category_of_type_error(message, words, v_is_browser, v_is_server);
    when rule in ('not_found', 'missing_image') then
      return case
        when monitoring.word_set('authapierror autherror') ?| words then 'security'::public.incident_category
        when v_is_page or (rule = 'missing_image' and not v_is_server) then 'frontend'
        when is_database and status = 0 then 'database'
        else 'backend'
      end;
    when rule = 'slow_query' then
      return case
        when is_database
          or monitoring.word_set('query queries sql statement statements transaction select insert update') ?| words
          or message like any(array['%duration:%', '%query_time%', '%slow op%', '%slow command%', '%query%'])
          then 'database'::public.incident_category
        when v_is_page then 'frontend'
        else 'backend'
      end;
    -- Hosts and ports occur in the names of deprecated application settings, which are not about infrastructure.
    when rule = 'deprecated' and not v_is_browser and not is_database and not monitoring.word_set(
      'kubernetes k8s kube kubelet kubectl docker dockerd containerd container containers pod pods helm nginx haproxy'
      ' envoy istio traefik kernel systemd tls ssl hadoop mapreduce hdfs yarn terraform ansible iptables'
    ) ?| words and monitoring.guess_category(
      message, words, v_is_browser, v_is_server, status, is_database
    ) = 'infrastructure' then
      return 'backend'::public.incident_category;
    when rule = 'cache_miss' then
      return case
        when v_is_page then 'frontend'::public.incident_category
        when monitoring.word_set('varnish squid cdn cloudfront tcp_miss dns kernel cpu') ?| words then 'infrastructure'
        else 'backend'
      end;
    when rule = 'rate_limited' then
      return monitoring.category_of_rate_limit(message, words, status, is_database, v_is_page);
    else
      return monitoring.guess_category(message, words, v_is_browser, v_is_server, status, is_database);
  end case;
end
$$;

comment on function monitoring.category_of_rule(text, text, text[], text, text, integer, boolean, boolean) is
'Returns the category of an error by the rule that matched and by what else the text names: a 500 with an SQL error
is in database, a 503 of a proxy in infrastructure.';
