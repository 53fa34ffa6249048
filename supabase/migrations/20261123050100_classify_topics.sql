-- Purpose: the built-in rules that only give the category of an error, by codes and wordings that leave little doubt.
-- Objects: functions monitoring.list_failure_topics, monitoring.list_type_error_topics, monitoring.list_library_topics,
--   monitoring.list_page_topics, monitoring.list_security_topics.
-- Risks: words are ambiguous (a page has tables too, a mail server has users), so their order is significant: codes and
--   wordings that leave no doubt come first (9000), then databases (9030), security and pages (9050), machines (9080).

create function monitoring.list_failure_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_container', priority => 9000, category => 'infrastructure',
    codes => 'ImagePullBackOff|ErrImagePull|CrashLoopBackOff|CannotPullContainerError|ResourceInitializationError'
      '|OOMKilled|FailedMount|FailedAttachVolume|FailedScheduling|MountVolume*|NodeNotReady|toomanyrequests'
      '|RunContainerError|CreateContainerConfigError|InvalidImageName|ERR_CERT_*|EADDRNOTAVAIL|ERR_OUT_OF_MEMORY'
      '|NoBrokersAvailable|KafkaJS*|AMQPConnectionError|SMTPConnectError|SMTPServerDisconnected|R10|R14|R15',
    example => 'Back-off restarting failed container: CrashLoopBackOff'
  );
  return next monitoring.define_rule(
    name => 'topic_machine', priority => 9001, category => 'infrastructure',
    matches => 'error response from daemon | pull rate limit | pull access denied | failed to pull | pulling image'
      '| pull image | rate limiting & imuxsock | client side throttling | throttling request took'
      '| query cache & denied | probe failed | worker timeout | unable to handle the request & (pods | nodes)'
      '| no server available | no live upstreams | server ~ is up reason | server ~ is down reason'
      '| port is already allocated | kworker* | bytes sent & bytes received | buffer i o error'
      '| buffered to a temporary file | too large body | 0 unknown error | blocked for more than'
      '| runtime exited with error | task timed out after | broker transport failure | conflicting server name'
      '| maxrequestworkers | pm.max.children | max children | oci runtime | can t fork | memory quota | while dialing'
      '| failed health check | health checks failed | exceeded resource limits | exceeded cpu | no responders'
      '| status 137 | code 137 | signal 9 | sigkill | replication factor | named & rate limit | ratelimit block'
      '| limiting requests | limiting connections',
    example => 'Error response from daemon: port is already allocated'
  );
  return next monitoring.define_rule(
    name => 'topic_security_status', priority => 9002, category => 'security',
    statuses => '{[401,402),[403,404),[407,408),[419,420)}',
    unless => 'quota | ratelimitexceeded | rate limit* | limiting requests',
    example => 'Request failed with status code 401', counterexample => 'Error 403: Quota exceeded for the calendar'
  );
  return next monitoring.define_rule(
    name => 'topic_data_api_failure', priority => 9003, category => 'database',
    statuses => '{[500,600)}',
    codes => 'PGRST*|SQLSTATE*',
    example => 'PGRST301: 503 Service Unavailable'
  );
  return next monitoring.define_rule(
    name => 'topic_security_failure', priority => 9004, category => 'security',
    statuses => '{[500,600)}',
    matches => 'auth* | oidc | saml | login | logon | logout | signin | signup | sign in | log in | sso | jwt*'
      '| oauth* | token | tokens | refreshtoken* | session token | kerberos | keycloak | confirmation email'
      '| /api/auth* | /oauth* | /login* | /signin* | /token*',
    unless => 'author | authors | certificate authority | unexpected token',
    example => '500 Internal Server Error: Authentication failure',
    counterexample => '500 Internal Server Error: no author'
  );
  return next monitoring.define_rule(
    name => 'topic_security_limit', priority => 9005, category => 'security',
    matches => '(too many requests | rate limit* | throttl* | too many ~ attempts | too many failed'
      '| too many authentication failures | only request this after | authapierror) & (login | logins | sshd | otp'
      '| password* | brute | signin | sign in | signup | authapierror | authentication failures | security purposes)',
    unless => 'database | email rate limit',
    example => 'Too many login attempts', counterexample => 'too many failed attempts to connect to the database'
  );
  return next monitoring.define_rule(
    name => 'topic_library_limit', priority => 9006, category => 'backend',
    matches => '(email | api | secondary | tokens | authenticated requests) & rate limit*',
    unless => 'dns | smtp* | login | logins | sshd',
    example => 'Error code: 429: rate limit reached, tokens per min (TPM)'
  );
end
$$;

comment on function monitoring.list_failure_topics() is
'Returns the built-in rules that give the category by codes and wordings that leave no doubt.';

create function monitoring.list_type_error_topics()
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
    name => 'topic_type_error_language', priority => 9007, category => 'backend',
    matches => 'nonetype | subscriptable | can only concatenate | operand type | positional argument*'
      '| keyword argument* | must be of type | must be of the type | implicit conversion | undefinedfunctionerror'
      '| functionclauseerror | nil pointer dereference | goroutine | all goroutines | runtime error index'
      '| runtime error slice | php fatal error uncaught typeerror',
    example => 'unsupported operand type(s) for +: ''int'' and ''NoneType''',
    counterexample => 'TypeError: Cannot read properties of null (reading ''x'')'
  );
  return next monitoring.define_rule(
    name => 'topic_type_error_server', priority => 9008, category => 'backend',
    sources => c_servers,
    matches => 'typeerror | referenceerror | cannot read propert* | cannot set propert* | is not a function'
      '| is not a constructor | undefined is not | null is not an object | is not iterable | is not defined'
      '| is not an object | before initialization | can t find variable | can t access property | has no properties'
      '| circular structure | right hand side of | reduce of empty array | convert undefined or null'
      '| cannot destructure',
    unless => 'failed to fetch | load failed | sql* | postgres* | timed out',
    example => 'TypeError: user.toJSON is not a function'
  );
  return next monitoring.define_rule(
    name => 'topic_type_error_page', priority => 9009, category => 'frontend',
    matches => 'typeerror | referenceerror | cannot read propert* | cannot set propert* | is not a function'
      '| is not a constructor | undefined is not | null is not an object | is not iterable | is not defined'
      '| is not an object | before initialization | can t find variable | can t access property | has no properties'
      '| circular structure | right hand side of | reduce of empty array | convert undefined or null'
      '| cannot destructure',
    unless => 'failed to fetch | load failed | sql* | postgres* | timed out',
    example => 'Cannot read properties of undefined (reading ''database'')',
    counterexample => 'TypeError: Failed to fetch'
  );
end
$$;

comment on function monitoring.list_type_error_topics() is
'Returns the built-in rules that give the category of a TypeError or ReferenceError by its source.';

create function monitoring.list_library_topics()
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
  c_servers constant text[] := array['server', 'backend', 'api', 'worker', 'database', 'cron'];
begin
  return next monitoring.define_rule(
    name => 'topic_missing_request', priority => 9010, category => 'backend',
    statuses => '{[404,405),[410,411)}',
    sources => c_browsers,
    matches => 'axios* | request failed with status | http failure response',
    unless => 'failed to load resource',
    example => 'AxiosError: Request failed with status code 404'
  );
  return next monitoring.define_rule(
    name => 'topic_missing_page', priority => 9011, category => 'frontend',
    statuses => '{[404,405),[410,411)}',
    sources => c_browsers,
    example => 'GET https://shop.example.com/hero.css 404 (Not Found)'
  );
  return next monitoring.define_rule(
    name => 'topic_missing', priority => 9012, category => 'backend',
    statuses => '{[404,405),[410,411)}',
    unless => 'docker | kubelet | manifest | registry & image | img | image not found',
    example => 'HTTP 404 from /v1/orders'
  );
  return next monitoring.define_rule(
    name => 'topic_node_deprecation', priority => 9013, category => 'backend',
    codes => 'DEP0*|MaxListenersExceededWarning|ExperimentalWarning|RemovedInDjango*',
    example => '[DEP0123] DeprecationWarning: Setting the TLS ServerName to an IP address'
  );
  return next monitoring.define_rule(
    name => 'topic_build', priority => 9014, category => 'backend',
    sources => c_servers,
    matches => 'module not found | cannot find module | npm error | npm err | npm warn | missing script'
      '| modulenotfounderror | err.module.not.found | cannot find package | cannot find type | importerror'
      '| no module named | could not find a version | dependency tree | eresolve',
    example => 'Cannot find module ''pg'''
  );
  return next monitoring.define_rule(
    name => 'topic_library', priority => 9015, category => 'backend',
    sources => c_servers,
    codes => 'LazyInitializationException|ImproperlyConfigured|StorageApiError|StorageUnknownError'
      '|SMTPRecipientsRefused|SMTPDataError|SMTPSenderRefused|StripeConnectionError|StripeAPIError|BraintreeError'
      '|PayPal*|Adyen*|Razorpay*|Klarna*|cvv_failure|credit_card*|ObjectDisposedException|JsonMappingException'
      '|HttpMessageNotReadableException|BeanCreationException|UnsatisfiedDependencyException'
      '|NoSuchBeanDefinitionException|ConstraintViolation',
    example => 'LazyInitializationException: could not initialize proxy - no Session'
  );
  return next monitoring.define_rule(
    name => 'topic_library_words', priority => 9016, category => 'backend',
    matches => 'connection pool is full discarding | dependency injection | tomcat started | rpc error code notfound'
      '| rpc error code invalidargument | rpc error code alreadyexists | model overloaded | overloaded & model'
      '| model.overloaded | unknown enum value | cors.defaultcorsprocessor | o.s.web.cors.defaultcorsprocessor'
      '| run again with the allow',
    example => 'connectionpool: Connection pool is full, discarding connection'
  );
end
$$;

comment on function monitoring.list_library_topics() is
'Returns the built-in rules for missing addresses, builds and what libraries throw.';

create function monitoring.list_page_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'topic_browser_storage', priority => 9020, category => 'frontend',
    matches => 'indexeddb* | indexed database | idb* | localstorage | sessionstorage | quotaexceedederror'
      '| databaseclosederror | dexie* | allow mutations | setitem on storage',
    example => 'UnknownError: Internal error opening backing store for indexedDB.open.'
  );
  return next monitoring.define_rule(
    name => 'topic_framework', priority => 9021, category => 'frontend',
    matches => 'hydration | hydrate | svelte error | vue warn | minified react'
      '| expressionchangedafterithasbeencheckederror | nullinjectorerror | r3injectorerror | in promise | domnesting'
      '| validatedomnesting* | crossorigin attribute | chunkloaderror | loading chunk | dynamically imported module'
      '| content security policy | mixed content | intersectionobserver | resizeobserver | react error*'
      '| unable to resolve module | script error',
    unless => 'credentials flag',
    example => 'Hydration failed because the initial UI does not match'
  );
end
$$;

comment on function monitoring.list_page_topics() is
'Returns the built-in rules for what occurs in browsers only.';

create function monitoring.list_security_topics()
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
    name => 'topic_credentials', priority => 9025, category => 'security',
    codes => 'AADSTS*|28P01|28000|PGRST301|PGRST302|PGRST303|ExpiredToken|ExpiredTokenException|InvalidClientTokenId'
      '|SignatureDoesNotMatch|AccessDenied|AccessDeniedException|UnrecognizedClientException|NotAuthorizedException'
      '|UserNotConfirmedException|UserNotFoundException|OAuthCallbackError|OAuthAccountNotLinked|JWTSessionError'
      '|JWEDecryptionFailed|JWSSignatureVerificationFailed|InvalidAudienceError|InvalidSignatureError'
      '|AuthSessionMissingError|BadCredentialsException|AuthenticationException|invalid_grant|invalid_client'
      '|redirect_uri_mismatch|AH01617|AH01618|AH01630|AH01797|AH01276|insufficient_scope|auth/wrong*|auth/user*'
      '|auth/invalid*|auth/popup*|auth/too*|auth/id-token*|auth/email*|auth/weak*|auth/expired*|auth/requires*'
      '|auth/account*|auth/unauthorized*',
    example => 'AADSTS7000215: Invalid client secret provided.'
  );
  return next monitoring.define_rule(
    name => 'topic_identity_exception', priority => 9025, category => 'security',
    codes => 'AuthPKCE*|AuthInvalid*|AuthWeak*|AuthImplicit*|AuthUnknown*|TokenMismatchException|NotAuthorizedError'
      '|UnauthorizedException|UnauthorizedError|ForbiddenException|ForbiddenError|AuthorizationFailed'
      '|InvalidTokenError|InvalidTokenException|TokenError|SignatureException|ExpiredJwtException'
      '|MalformedJwtException|ExpiredSignatureError|InsufficientAuthenticationException|UsernameNotFoundException'
      '|LockedException|DisabledException|CredentialsExpiredException|InvalidAuthenticityToken|AuthenticationError'
      '|AuthenticationFailed|PermissionDeniedError|invalid_token|invalid_client*|unauthorized_client|access_denied'
      '|login_required|consent_required|interaction_required|ORA-01017|ORA-28000|ORA-28001|1045|18456|clerkjs'
      '|clerkapi*|auth0*|keycloak*|okta*|cognito*|next-auth|nextauth',
    example => 'UnauthorizedException: User does not have the right roles.',
    counterexample => 'The clerk sold 1045 tickets'
  );
  return next monitoring.define_rule(
    name => 'topic_password', priority => 9026, category => 'security',
    matches => 'jwt* | jws | jsonwebtokenerror | tokenexpirederror | csrf | xsrf | sshd | password | passwords'
      '| authentication failed for user | access denied for user | login failed for user | refused for user | pg.hba*'
      '| sql injection | token has expired | client secret | link is invalid | leaked token | secret scanning'
      '| has been revoked | session has expired | please log in | login required | mongo* & authentication failed'
      '| code verifier | bad decrypt | ldap* | openid* | state mismatch | account is locked | account locked'
      '| two factor | 2fa | insufficient permission | insufficient permissions',
    unless => 'jwkstimeout | typeerror',
    example => 'password authentication failed for user'
  );
  return next monitoring.define_rule(
    name => 'topic_mail', priority => 9028, category => 'infrastructure',
    matches => 'smtp | smtpd | postfix | sendmail | exim | courieresmtpd | rcpt | mta',
    unless => 'auth | authentication | authenticate | authenticated | authenticator | login | password | passwords'
      '| sasl | 535 | sql*',
    example => 'postfix/smtpd: reject: RCPT from unknown'
  );
  return next monitoring.define_rule(
    name => 'topic_security_page', priority => 9050, category => 'security',
    sources => c_browsers,
    matches => 'unauthorized | unauthorised | forbidden | credentials | brute | authentication | authenticated'
      '| authapierror | autherror | unauthenticated | authsessionmissingerror | invalid login | login failed'
      '| token expired | invalid token | refresh token | access token | session token | invalid api key'
      '| session expired | state cookie | not confirmed | permissiondenied',
    unless => 'content security policy | template expression | preload',
    example => 'AuthApiError: Invalid Refresh Token'
  );
  return next monitoring.define_rule(
    name => 'topic_security_words', priority => 9058, category => 'security',
    matches => 'auth | oauth | oauth2 | sso | saml | authn | authz | authorization | authorisation | authorize'
      '| authorized | authorizing | forbidden | denied | login | logins | logon | signin | passwd | passphrase'
      '| credential | credentials | authstate | injection | sqli | xss | publickey | sudo | su | pam | attack'
      '| attacks | attacker | exploit | exploits | vulnerability | vulnerabilities | malicious | malware | suspicious'
      '| fail2ban | banned | ban | blacklist | blacklisted | blocklist | modsecurity | spoofed | spoofing | mfa | otp'
      '| totp | 2fa | captcha | apikey | security | privilege | privileges | intrusion | intruder | breach | breaches'
      '| compromised | firewall | antivirus | ids | hacker | hackers | hacking | hack | hacked | bruteforce | brute'
      '| permission | permissions | permissiondenied | nmap | phishing | honeypot | waf | traversal | authapierror'
      '| autherror | ransomware | trojan | rootkit | selinux | apparmor | kerberos | signature | decryption'
      '| access is denied | not allowed to access | logged in | sign in | token expired | expired token'
      '| invalid token | token is | access token | refresh token | token refresh | access.token | tenant.access.token'
      '| bearer | api key | invalid user | user unknown | break in | session expired | insufficient scope'
      '| insufficient permission | not permitted | no such user | unknown user | port scan | htpasswd | impersonat*'
      '| log in | authenticat* | unauthori* | unauthenticated | auth.basic* | network scan | vulnerability scan'
      '| audience doesn t match | webfail | accessdenied*',
    unless => 'eacces | permissionerror | content security policy | operation not permitted | sla | slo'
      '| strict transport security | security update | unexpected token | invalid or unexpected token'
      '| dependency injection | docker.sock | rate limit* | security and usability | deprecationwarning',
    example => 'Permission denied (publickey)'
  );
end
$$;

comment on function monitoring.list_security_topics() is
'Returns the built-in rules for the category security.';
