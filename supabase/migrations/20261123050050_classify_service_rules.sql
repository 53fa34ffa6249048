-- Purpose: the built-in rules that make an error CRITICAL because a service is down, broken into or blocks the page.
-- Objects: functions monitoring.list_security_failure_rules, monitoring.list_unavailable_rules.
-- Risks: see classify_success_rules for the priorities.

create function monitoring.list_security_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  c_unless constant text := 'breach attempt | intrusion attempt | attempted intrusion'
    || ' | attempted breach | attempt to | sla | slo | threshold | contract | possible | memory leak | ruled out'
    || ' | quarantined | cleaned | known data breach | known breach | breach database | unsubscribed | template'
    || ' | migration | be stolen | connection leaked | connections leaked | leaked connection';
begin
  return next monitoring.define_rule(
    name => 'authentication_service_code', priority => 2010, severity => 'CRITICAL', category => 'security',
    codes => 'AuthRetryableFetchError|AUTH_PROVIDER_UNAVAILABLE|auth_service_unavailable'
      || '|IDP_UNAVAILABLE|LDAPSocketOpenError|LDAPServerDownError|LDAP_SERVER_DOWN|KRB5_KDC_UNREACH|KDC_UNREACHABLE'
      || '|AADSTS90033|AADSTS90006|IDPCommunicationError',
    example => 'AuthRetryableFetchError: the service did not answer',
    counterexample => 'AuthApiError: Invalid login credentials'
  );
  return next monitoring.define_rule(
    name => 'authentication_service_down', priority => 2200, severity => 'CRITICAL', category => 'security',
    matches => '(auth | authentication | authn | authz | login | identity | sso | oauth'
      || ' | oauth2 | oidc | saml | ldap | ldaps | radius | kerberos | kdc | active directory | keycloak | gotrue'
      || ' | okta | auth0 | cognito | idp) & (service | server | provider | system | backend | api | endpoint | host'
      || ' | cluster | gateway | ldap | keycloak | gotrue | okta | auth0 | cognito | kdc | radius'
      || ' | active directory) & (down | unavailable | unavailbale | unreachable | not available | not responding'
      || ' | not reachable | not running | offline | outage | connection refused | econnrefused | enotfound'
      || ' | etimedout | timed out | unresponsive | crashed | can t contact | cannot contact | could not contact'
      || ' | unable to contact | can t connect | unable to connect | failed to connect | could not connect'
      || ' | can t reach | cannot reach | unable to reach | could not reach | failed to reach | did not respond'
      || ' | bad gateway | 502 | 503)',
    unless => 'password | credential | credentials | registry | docker | kubelet | smtp',
    example => 'Keycloak: identity provider is down',
    counterexample => 'login failed: wrong password, retry when the service is down'
  );
  return next monitoring.define_rule(
    name => 'security_breach', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => 'data breach* | security breach* | privacy breach* | perimeter breach*'
      || ' | network breach* | account breach* | system breach* | server breach* | firewall breach*'
      || ' | credential breach* | credentials breach* | database breach* | customer breach* | password breach*'
      || ' | data records breach* | security records breach* | account records breach* | customer records breach*'
      || ' | breach* ~ (detected | confirmed | discovered | reported | identified) | intrusion ~ (detected'
      || ' | confirmed | successful) | intrusion alert | account takeover (confirmed | detected)'
      || ' | detected intrusion | confirmed intrusion | intruder* | (attacker | attackers) & (gained | obtained'
      || ' | accessed | stole | exfiltrated)',
    unless => c_unless,
    example => 'Data breach detected',
    counterexample => 'SLA breach detected for ticket 7'
  );
  return next monitoring.define_rule(
    name => 'security_compromised', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => 'been compromised | was compromised | were compromised'
      || ' | compromised & (account* | credential* | host | hosts | server* | key | keys | token* | password*'
      || ' | package* | node) | exfiltrat* | ransomware | rootkit | (malware | trojan | backdoor) ~ (detected'
      || ' | found) | webshell | web shell | detected malware | found malware',
    unless => c_unless,
    example => 'A compromised server was isolated',
    counterexample => 'Possible malware detected in an upload'
  );
  return next monitoring.define_rule(
    name => 'security_theft', priority => 2210, severity => 'CRITICAL', category => 'security',
    matches => 'been hacked | was hacked | leaked & (credential* | password* | key | keys'
      || ' | token* | secrets | data | database | records | customer*) | stolen & (credential* | password* | key'
      || ' | keys | token* | data | session*) | privilege escalation detected | privilege escalation succe*'
      || ' | unauthorized access ~ (detected | gained | confirmed | obtained) | detected unauthorized access',
    unless => c_unless,
    example => 'User credentials were leaked',
    counterexample => 'Memory leak: 12 keys leaked'
  );
  return next monitoring.define_rule(
    name => 'cors_blocked', priority => 2220, severity => 'CRITICAL', category => 'frontend',
    matches => 'blocked by cors | cross origin request blocked'
      || ' | access control allow origin | access control check* | access control allow headers'
      || ' | access control allow methods | access control allow credentials | cors error | cors request'
      || ' | cors header | cors policy | cors preflight ~ fail* | cors failed | cors failure | cors check & fail*'
      || ' | allowed by cors | disallowed cors | cors blocked | cors missing | cors is not enabled | violates cors'
      || ' | cors violation | cross origin requests are only supported | preflight response | preflight & fail*'
      || ' | cors ~ (rejected | denied | not allowed) | cors origin not allowed | corserror | corsexception',
    unless => 'will disallow reading | cors enabled nor | header set'
      || ' | content security policy | cors enabled | preflight check passed',
    example => 'Access to fetch at ''https://a.example'' from origin ''https://b.example'' has been blocked by CORS policy',
    counterexample => 'Refused to connect because it violates the Content Security Policy'
  );
end
$$;

comment on function monitoring.list_security_failure_rules() is
'Returns the built-in rules for authentication services that are down, intrusions, data leaks and CORS.';

create function monitoring.list_unavailable_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'proxy_unavailable', priority => 2290, severity => 'CRITICAL', category => 'infrastructure',
    statuses => '{[502,504)}',
    matches => 'nginx* | openresty* | haproxy* | envoy | istio | varnish* | squid'
      || ' | traefik | caddy | cloudflare* | cloudfront | elb | alb | awselb/2.0 | akamai | fastly'
      || ' | upstream connect error | no healthy upstream | no live upstreams | no server is available'
      || ' | no server available | upstream prematurely closed | proxy server | proxy error | upstream disconnected'
      || ' | upstream server temporarily | connection refused | no route to host | probe failed | guru meditation'
      || ' | app crashed | process failure | heroku | dyno | memory limit | ran out of memory | metrics.k8s.io'
      || ' | failed to connect to all addresses | dial tcp',
    unless => 'axioserror | requests.exceptions',
    example => 'nginx: 502 Bad Gateway',
    counterexample => 'Request failed with status code 502'
  );
  return next monitoring.define_rule(
    name => 'database_unavailable', priority => 2291, severity => 'CRITICAL', category => 'database',
    statuses => '{[502,504)}',
    matches => 'database | db | sql* | postgres* | mysql* | mongo* | redis* | pgrst*',
    example => 'PGRST301: 503 Service Unavailable',
    counterexample => 'Request failed with status code 503'
  );
  return next monitoring.define_rule(
    name => 'api_unavailable', priority => 2299, severity => 'CRITICAL', category => 'backend',
    statuses => '{[502,504)}',
    sources => '{server,backend,api,worker,cron,test,sentry}',
    matches => 'api | upstream | gateway | requests | from | returned | responded'
      || ' | answered | received | for url | resulted in | status code | httperror | service | get | post | request'
      || ' | failed | status',
    unless => 'auth* | oauth* | token | jwt | sso | login | failed to load resource',
    example => 'HTTP 503 received from upstream',
    counterexample => 'Received HTTP 503 for the oauth token'
  );
  return next monitoring.define_rule(
    name => 'bad_gateway', priority => 2300, severity => 'CRITICAL',
    statuses => '{[502,503)}',
    example => 'Request failed with status code 502',
    counterexample => 'Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'service_unavailable', priority => 2301, severity => 'CRITICAL',
    statuses => '{[503,504)}',
    example => 'Request failed with status code 503',
    counterexample => 'Request failed with status code 500'
  );
  return next monitoring.define_rule(
    name => 'proxy_unavailable_words', priority => 2303, severity => 'CRITICAL', category => 'infrastructure',
    matches => 'no live upstreams | no healthy upstream'
      || ' | no server is available to handle | no server available | upstream connect error | http error 502.5'
      || ' | back-end server is at capacity | currently unable to handle the request | application failed to respond'
      || ' | boot_error',
    unless => 'rpc error',
    example => 'envoy: no healthy upstream',
    counterexample => 'rpc error: upstream connect error'
  );
  return next monitoring.define_rule(
    name => 'api_unavailable_code', priority => 2303, severity => 'CRITICAL', category => 'backend',
    codes => 'FeignException ServiceUnavailable|FeignException BadGateway'
      || '|HttpServerErrorException ServiceUnavailable|HttpServerErrorException BadGateway'
      || '|WebClientResponseException ServiceUnavailable|WebClientResponseException BadGateway',
    example => 'feign.FeignException$ServiceUnavailable: [upstream]',
    counterexample => 'feign.FeignException$NotFound: [upstream]'
  );
  return next monitoring.define_rule(
    name => 'worker_killed', priority => 2305, severity => 'CRITICAL', category => 'infrastructure',
    matches => 'worker timeout pid',
    example => '[CRITICAL] WORKER TIMEOUT (pid:17)',
    counterexample => 'The worker timeout is 30 s'
  );
  return next monitoring.define_rule(
    name => 'api_unavailable_words', priority => 2303, severity => 'CRITICAL', category => 'backend',
    sources => '{server,backend,api,worker,cron,test,sentry}',
    matches => '(bad gateway | service unavailable'
      || ' | service temporarily unavailable) & (api | from | middleware | returned | responded)',
    unless => 'auth* | oauth* | token | jwt | sso | login | smtp | noqueue | rcpt',
    example => 'Service Unavailable from the price service',
    counterexample => 'Service Unavailable'
  );
  return next monitoring.define_rule(
    name => 'unavailable_words', priority => 2304, severity => 'CRITICAL',
    matches => 'bad gateway | bad_gateway | badgateway | badgatewayexception'
      || ' | service unavailable | service_unavailable | serviceunavailable | service temporarily unavailable'
      || ' | service is temporarily unavailable | service is unavailable | service is currently unavailable'
      || ' | upstream server is currently unavailable | temporarily unable to service your request'
      || ' | temporarily overloaded | serviceunavailableexception | error 502 | error 503',
    unless => 'duplicate key | smtp | smtpd | postfix | postfix/smtpd'
      || ' | postfix/postscreen | noqueue | rcpt | mail | 4 3 2 | 421',
    example => 'The server answered: Service Unavailable',
    counterexample => 'smtpd: 4.3.2 Service Unavailable'
  );
end
$$;

comment on function monitoring.list_unavailable_rules() is
'Returns the built-in rules for 502 and 503, by status and by words.';
