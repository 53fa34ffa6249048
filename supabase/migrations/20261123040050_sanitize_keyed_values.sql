-- Purpose: redacts values in a text whose key names a secret, and passwords in sentences.
-- Objects: functions monitoring.may_contain_random_words, monitoring.may_contain_secrets,
--   monitoring.mark_spoken_values, monitoring.mark_random_values, monitoring.mark_commands,
--   monitoring.mark_keyed_values, monitoring.redact_keyed_values.
-- Risks: a backend caches 32 compiled regular expressions, and this file uses 16 of them, 4 of which every text meets.
--   A pattern whose states times characters exceed some 2,500 costs five times more per call, because its tables
--   outgrow what malloc keeps: keep alternations small. A repetition such as {0,200} is compiled as so many states,
--   which takes milliseconds whenever the cache has lost it: * is as good. Matching is in collation "C", where only
--   ASCII letters are letters. In a pattern with (x), blanks are ignored and # begins a comment.

create function monitoring.may_contain_random_words(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return may_contain_random_words.value collate "C"
    ~ '[\w-]{4}(?:[A-Za-z][0-9]|[0-9][A-Za-z]|[A-Z][a-z][A-Z]|[a-z][A-Z][A-Z])';
end
$$;

comment on function monitoring.may_contain_random_words(text) is
'Returns whether a text has a word in which letters and digits, or capital and small letters, alternate after the fourth
character, as they do in random words. A fast test that most messages do not pass.';

create function monitoring.may_contain_secrets(value text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_foreign constant text := 'contrase|ароль|パスワード|暗証|密[码碼]|口令|비밀번호|şifre|hasło|ösenord|jelsz|mật khẩu'
    || '|[验驗][证證][码碼]|[認确確][証认認]コード|인증번호|одтвержд'; -- password, PIN, one-time code
  v_text text collate "C" := lower(may_contain_secrets.value collate "C");
begin
  return v_text ~ ('p(?:ass|wd?|in[^gn])|secret|token|key|auth(?:ori|enti|["''\\=:]| plain | login | xo)|cookie|bearer|c(?:ard|v[vc])|ssn|otp|jwt|srf')
    or v_text ~ ('sess(?:ion)?[_. :-]*id|_session|[?&;]session=|ession_st|t[.]sid|sig=|gnature|ntified|credent|-(?:u |-u)|mysql|s-cli|iban'
      || '|[enymarsf2]a?[ _-]code|kennw|senha')
    or (
      (
        strpos(v_text, '=') > 0 or strpos(v_text, '":') > 0 or strpos(v_text, '%3d') > 0 or strpos(v_text, 'samlr') > 0
        or strpos(v_text, 'verifier') > 0 or strpos(v_text, '-team') > 0
      )
      and monitoring.may_contain_random_words(may_contain_secrets.value)
      and v_text ~ '(?:code|state|ticket|rtion|hmac)(?:=|%3d|": ?")|samlr|verifier|-team'
    )
    or (octet_length(v_text) <> length(v_text) and v_text ~ c_foreign)
    -- A search for each of these takes a fraction of what they would add to a pattern.
    or strpos(v_text, 'ldap') > 0 or strpos(v_text, 'mongo') > 0 or strpos(v_text, 'snmp') > 0 or strpos(v_text, 'rtmp') > 0
    or strpos(v_text, 'psk') > 0 or strpos(v_text, '/reset') > 0 or strpos(v_text, '/verify') > 0
    or strpos(v_text, '/magic') > 0 or strpos(v_text, 'zip -') > 0
    -- Times end with 7Z, too.
    or (strpos(v_text, '7z') > 0 and strpos(v_text, '-p') > 0)
    or strpos(v_text, 'net use ') > 0 or strpos(v_text, 'securestring') > 0 or strpos(v_text, 'wachtw') > 0
    or strpos(v_text, 'code de ') > 0 or strpos(v_text, 'digo de ') > 0 or strpos(v_text, 'codice ') > 0
    or strpos(v_text, 'kod ') > 0 or strpos(v_text, 'scode') > 0 or strpos(v_text, 'tiecode') > 0;
end
$$;

comment on function monitoring.may_contain_secrets(text) is
'Returns whether a text contains a word that redact_keyed_values() could act on. Two patterns, because one search per
word takes longer, and so does one large pattern; their words are shortened for the same reason. The third is compared
only where an assignment or a rare word occurs, and other rare words are searched one by one.';

create function monitoring.mark_spoken_values(value text, lowered text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- No sentence can follow, so a second mark prevents the removal of the first one.
  c_marks constant text := e'\\&\x04\x02';
  v_text text collate "C" := mark_spoken_values.value;
begin
  if mark_spoken_values.lowered like any(array['%pass%', '%secret key %', '%access key %', '%api key %']) then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      # password was 'x', with password "x"
      (?:passw(?:or)?d|pass[ ]?phrase|passcode)[ ]+(?:[a-z]+[ ]+)?(?:was|is|as|given|entered|used)?[ ]*:?[ ]*
        ["'`] (?=[^\s"'`]*[0-9!@\#$%^&*+~][^\s"'`]*["'`])
      | (?:(?:with|using)[ ]+(?:passw(?:or)?d|pass[ ]?phrase|passcode) | (?:passw(?:or)?d|pass[ ]?phrase|passcode)[ ]+(?:was|is))
        [ ]+["'`] (?=[^\s"'`]{4,}["'`])
      # password is x1y2: letters and digits or signs alternate
      | (?:passw(?:or)?d|pass[ ]?phrase|passcode)[ ]+
        (?:(?:[a-z]+[ ]+)?(?:(?:was|is|as|given|entered|used|to|è|é|es|est|ist|lautet)[ ]*:?[ ]+|:[ ]+)?|(?:[a-z]+[ ]+){2,5}(?:was|is)[ ]+)\[?
        (?!(?:[a-z]+|utf-?8\w*|sha-?[0-9]+|base64|bcrypt|pbkdf2|oauth2?)(?:[^\w!@\#$%^&*]|$))
        (?=[a-z]*[0-9!@\#$%^&*]+[a-z]+[^\s"'`=:(),;<>]*[0-9!@\#$%^&*a-z]|[a-z]*[0-9]+[!@\#$%^&*]) (?=[^\s"'`=:(),;<>\]]{6})
      | \mpass[ ]*:[ ]+ (?=[a-z]*[0-9]+[a-z][^\s"'`,;)]{2})
      | (?:secret|access|api)[ ]key[ ]+(?:was[ ]+|is[ ]+)? (?=[\w+/=]*[0-9][\w+/=]{12})
    $pattern$, c_marks, 'g');
  end if;
  if mark_spoken_values.lowered like any(array[
      -- Passwords and codes in other languages.
      '%kennwort%', '%passwort%', '%mot de passe%', '%contrase%', '%senha%', '%ароль%', '%パスワード%', '%暗証番号%', '%密_%',
      '%口令%', '%비밀번호%', '%şifre%', '%hasło%', '%ösenord%', '%jelszó%', '%mật khẩu%', '%wachtwoord%', '%tigungscode%',
      '%sicherheitscode%', '%code de %', '%digo de %', '%codice di %', '%kod %', '%verificatiecode%', '%验证%', '%驗證%',
      '%コード%', '%인증번호%', '%подтвержд%'
    ])
  then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      (?:kennwort|passwort|mot[ ]de[ ]passe|contrase[^\s:=]{1,3}a|senha|ароль|パスワード|暗証番号|密[码碼]
        |口令|비밀번호|şifre|hasło|ösenord|jelszó|mật[ ]khẩu|wachtwoord)["']?[ ]*(?:[a-z]+[ ]+)?(?:[:=：]|war|ist|is|es|est|é|è|to|は|는|은)[ ]*["'`「]?
      (?=[a-z]*[0-9!@\#$%^&*][^\s"'`]{2})
      | (?:best(?:ä|ae?)tigungscode|sicherheitscode|code[ ]de[ ](?:v[eé]rification|s[eé]curit[eé]|confirmation)
        |c[oó]digo[ ]de[ ](?:verifica|confirma|segur|ace?sso)[^\s:=]*|codice[ ]di[ ][a-z]+|kod[ ](?:jednoraz|dost|weryf|autor)[^\s:=]*|verificatiecode|[验驗][证證][码碼]|(?:認証|確認)コード|인증번호
        |код[ ]подтверждения)["']?[ ]*(?:lautet|ist|is|est|es|é|è|to|は|是|为|為|는|은)?[ ]*[:=：]?[ ]*["'「]?
        (?=(?:[0-9]{4,8}|[0-9]{3}-[0-9]{3})(?![\w-]))
    $pattern$, c_marks, 'g');
  end if;
  if replace(mark_spoken_values.lowered, 'ping', '') like '%pin%'
    or mark_spoken_values.lowered like any(array['%otp%', '%ssn%'])
    -- Most texts with a code are about one of an error.
    or mark_spoken_values.lowered like any(array['%code%', '%password%'])
    and mark_spoken_values.lowered like any(array[
      '%verification%', '%one_time%', '%onetime%', '%security%', '%login%', '%confirmation%', '%sms%', '%2fa%', '%mfa%',
      '%auth%', '%your%', '%access%', '%reset%'
    ])
  then
    -- Numbers that are typed in.
    v_text := regexp_replace(v_text, $pattern$(?xi)
      (?:\mpin|\motp)[ ]+(?:[a-z]+[ ]+)?(?:was|is|as|given|entered|used)?[ ]*:?[ ]*
        ["'`] (?=[^\s"'`]*[0-9!@\#$%^&*+~][^\s"'`]*["'`])
      | (?:\m|_)(?:pin|t?otp)(?:[ _-]?(?:code|number))?["']?[ ]*(?:was|is|ist|lautet|es|est|[:=])?[ ]*["']? (?=(?:[0-9]{4,8}|[0-9]{3}-[0-9]{3})(?![\w-]|[.][0-9]))
      | (?:verification|one[ -]?time|security|login|confirmation|sms|[2m]fa|auth(?:entication)?|your|access|reset)[ _-]?
        (?:code|password|pin)["']?[ ]*(?:was|is|[:=])?[ ]*["']? (?=(?:[0-9]{4,8}|[0-9]{3}-[0-9]{3})(?![\w-]|[.][0-9]))
      | \mssn[ :\#]*(?:is[ ]|was[ ])?(?=[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-]))
    $pattern$, c_marks, 'g');
  end if;
  return v_text;
end
$$;

comment on function monitoring.mark_spoken_values(text, text) is
'Inserts the control character 2 before passwords, personal identification numbers and one-time codes in sentences, such
as "password was x1y2". Words, such as in "password is required", are no passwords. lowered is the text in small letters.';

create function monitoring.mark_random_values(value text, lowered text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := mark_random_values.value;
begin
  -- The most frequent errors of databases are about other keys.
  if replace(replace(mark_random_values.lowered, 'duplicate key value', ''), 'foreign key', '') like '%key%'
    or mark_random_values.lowered like any(array['%-team%', '%x-auth%', '%value%:%', e'%name="%"\n\n%'])
  then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      # Headers of any vendor, and keys of licenses, servers, services, storages and the like: what looks random.
      (?<![\w-])(?:x-[a-z-]*(?:auth|team)|[a-z]+(?:-[a-z]+)*-key) \\*["']? [ \t]* [:=] [ \t]* \\*["']?
        (?=[\w.+/=~-]{16}) (?=[a-z+/=_-]*[0-9])
      | (?:license|server|service|supabase|storage|shared|deploy|admin|application|subscription|functions|app) [ _.-]? key
        (?:[^\w\n:=>]{0,5}[:=>][^\w\n]{0,5}|["'][ ]value=["']) (?=[\w.+/=~-]*[0-9]) (?=[\w.+/=~-]{8})
      # {"name": "PASSWORD", "value": "x"}, also in YAML
      | (?:passw(?:or)?d|secret|token|key|pass|pwd) (?:_base)? (?:\\*["'])?,?\s*(?:-[ ])?(?:\\*["'])?\m(?:parameter)?value(?:\\*["'])?[ ]*:[ ]*
        (?=[^\s{\[])
      | routing[ _-]?key\\*["']?[ ]*[:=][ ]*\\*["']? (?=[0-9a-f]{32})
      # a field of a form in several parts
      | name="[^"\n]*(?:passw(?:or)?d|secret|token)[^"\n]*"\n\n (?=\S)
    $pattern$, e'\\&\x02', 'g');
  end if;
  if mark_random_values.lowered like any(array['%code=%', '%code"%', '%code''%', '%state=%', '%state"%', '%state''%'])
    and monitoring.may_contain_random_words(v_text)
  then
    -- What an identity provider hands over: a value that looks random, or both in one query. Codes of errors and
    -- discounts, and the names of states, stay: their capital letters and digits begin words.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9-])(?:code|state|auth(?:orization)?_code|device_code) (?:=|["'][ ]*[:=][ ]*["'] (?![0-9a-f-]{36}["']))
      (?: (?= [\w.~%+/-]{12}) (?= (?:[\w.~%+/-]*(?:[A-Z][a-z][A-Z]|[a-z][A-Z]{2}|[0-9][A-Za-z]|[a-z][0-9])){3})
        | (?= [0-9a-f]{20} | [014](?:/|%2F|[.])[\w.-]{16}) )
      | (?:callback|oauth|signin|/cb|/auth|login)[^\s?"'<>]*[?](?:[^\s"'<>]*&)?
        (?:code|state)= (?=[\w.~%+/-]{10}) (?=[A-Za-z_.~%+/-]*[0-9])
    $pattern$, e'\\&\x02', 'g');
  end if;
  return v_text;
end
$$;

comment on function monitoring.mark_random_values(text, text) is
'Inserts the control character 2 before values that look random and whose key can name a secret: headers and keys of any
vendor, codes and states of OAuth. lowered is the text in small letters.';

create function monitoring.mark_commands(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- No sentence can follow, so a second mark prevents the removal of the first one.
  c_marks constant text := e'\\&\x04\x02';
  v_text text collate "C" := mark_commands.value;
begin
  if v_text like any(array[
    '%-u %', '%--user%', '%mysql%', '%sshpass%', '%redis-cli%', '%ldap%-w%', '%mongo%-p%', '%AUTH PLAIN %',
    '%AUTH LOGIN %', '%AUTH XO%', '%IDENTIFIED%', '%identified%', '%assword ''%', '%PASSWORD ''%'
  ]) then
    v_text := regexp_replace(v_text, $pattern$(?x)
      [ ](?:-u|--user)[ =]+["']?(?![0-9]+:[0-9]+(?:\s|$))[^\s:"'=/]+:(?=[^\s:/])
      | \msshpass[ ]+-p[ ]*(?=[^\s])
      | \mmysql[a-z]*[ ]+(?:(?!mysql)[^\s]+[ ]+)*?-p(?=[^\s])
      | \mredis-cli[ ]+(?:(?!redis-cli)[^\s]+[ ]+)*?-a[ ]+(?=[^\s])
      | \mldap[a-z]+[ ]+(?:(?!ldap[a-z]+[ ])[^\s]+[ ]+)*?-w[ ]*(?=[^\s])
      | \mmongo[a-z]*[ ]+(?:(?!mongo)[^\s]+[ ]+)*?-p[ ]+(?=[^\s-])
      | \mAUTH[ ](?:PLAIN|LOGIN|XOAUTH2)[ ](?=[A-Z0-9+/]*[a-z])(?=[A-Za-z0-9+/]{8})
      | (?:(?:USER|user)[ ]+[^\s]+[ ]+)(?:IDENTIFIED[ ]+BY|identified[ ]+by)[ ]+(?=[^\s])
      | (?:PASSWORD|[Pp]assword)[ ]+(?=')
    $pattern$, c_marks, 'g');
  end if;
  if v_text like any(array[
    '%SecureString%', '%net use %', '%pgpass%', '%-pass%pass:%', '%storepass%', '%keypass%', '%zip %-P%', '%7z%-p%', '%snmp%-c%', '%rtmp%',
    '%PSK%', '%psk%', '%assword::%', '%SET PASSWORD%', '%set password%', '%/reset%', '%reset/%', '%/verify%', '%/magic%'
  ]) then
    v_text := regexp_replace(v_text, $pattern$(?x)
      SecureString[ ]+(?:-String[ ]+)?(?=["'])
      | \mnet[ ]use[ ][^\n]*?/user:[^\s]+[ ]+(?=[^\s])
      | pgpass[^\n]*?[\w.*-]+:(?:[0-9]+|[*]):[^:\s]+:[^:\s]+:(?=[^\s])
      | -pass(?:in|out)?[ ]+pass:(?=[^\s])
      | -(?:dest|src)?(?:store|key)pass[ ]+(?=[^\s-])
      | \mzip[ ]+(?:(?!zip)[^\s]+[ ]+)*?-P[ ]*(?=[^\s])
      | \m7z[a-z]?[ ]+(?:(?!7z)[^\s]+[ ]+)*?-p(?=[^\s])
      | \msnmp[a-z]*[ ]+(?:(?!snmp)[^\s]+[ ]+)*?-c[ ]+(?=[^\s])
      | rtmps?://[^\s/]+/[^\s/]+/(?=[\w-]{12})
      | (?:PSK[ ]+|psk=)(?=["'])
      | [Pp]assword::[ ](?=[A-Za-z0-9+/]{8})
      | (?:SET[ ]PASSWORD|set[ ]password)[ ](?:(?:FOR|for)[ ][^\s]+[ ])?=[ ]*(?=')
      | /(?:(?:password[/_-]?)?reset(?:[/_-]?password)?|verify(?:-email)?|magic(?:-link)?)/(?=[\w-]{20})(?=[A-Za-z_-]*[0-9])
    $pattern$, c_marks, 'g');
  end if;
  return v_text;
end
$$;

comment on function monitoring.mark_commands(text) is
'Inserts the control character 2 before the secrets in the arguments of well-known commands, statements of SQL, lines of
protocols and links.';

create function monitoring.mark_keyed_values(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := mark_keyed_values.value;
  v_lower text collate "C";
begin
  -- Several small patterns instead of one with captures: beyond some 100 states a pattern costs five times more per
  -- match. The mark \x02 (control characters were removed before) goes in front of each value, or of the colon of a
  -- header. "Unexpected token: <" is about the token of a parser.
  v_text := replace(v_text, 'nexpected token', e'nexpected tok\x01en');
  -- A folded header or a YAML value is on the next line: a vertical tab, which patterns treat as a space, joins the
  -- lines.
  if strpos(v_text, e'\n') > 0 then
    v_text := replace(replace(v_text, e':\n ', e':\x0b '), e':\n\t', e':\x0b\t');
    v_text := replace(replace(replace(v_text, e'|\n ', e'|\x0b '), e'earer\n ', e'earer\x0b '), e'asic\n ', e'asic\x0b ');
    v_text := replace(replace(replace(v_text, e'|-\n ', e'|-\x0b '), e'>-\n ', e'>-\x0b '), e': >\n ', e': >\x0b ');
  end if;
  v_text := regexp_replace(v_text, $pattern$(?xi)
    authorization (?=[ \t]*[:=][ \t]*[^\s"'\\=>])
    | cookie (?=[ \t]*[:=][ \t]*[\w.-]+=)
    | authentication (?=[ \t]*:[ \t]*(?:(?:bearer|basic|token|apikey)[ ]|[\w.~+/=-]*[0-9][\w.~+/=-]{12}))
    | (?:authorization|authentication|cookie) \\*["'] [ \t]* (?:=>|[:=,]) [ \t]* (?:b?(?=\\*["'])|(?=\w))
    | (?:
        passw(?:or)?ds? | credentials? | passphrase | passcode | secret | token
        | pwd (?![ \t]*[:=][ \t]*[/~])
        | (?<![a-z])pass (?=[\\"'\]]|[ \t]*=(?![0-9]{1,3}(?:\s|$)))
        # access, private, secret, account, encryption, signing, master
        | (?:api|cess|vate|ret|unt|auth|role|anon|ption|ning|ster)[ _.-]?key
      )
      (?:_?hash|[0-9]|[_-](?:old|new|prod|live|test|dev|base|v[0-9]))?
      (?:
        (?:\\*["']\]?|\]|%5D) [ \t]* (?:=>|:|=(?!=)) [ \t]* b?
          (?:\s*string\([0-9]+\)[ ](?=")|\[[ ]*(?=\\*["'])|\{[ ]*\\*["']value\\*["'][ ]*:[ ]*)?
        | [ \t]* (?: :?=(?![=>~]) | :(?!:|//|\?|[ ]*[|>]-?\s) | =>(?=[ \t]*["']) ) [ \t]*
        | :[ ]* (?:[|>]-?[ ]*)? \x0b\s* (?=\S*[^\s:][ \t]*(?:\n|$))
        | \\*["'] [ \t]+ value= (?=\\*["'])                  # an attribute
        | (?:[ ]+[\w:.-]+="[^"<>\n]*")*> (?:<value>)? (?=[^\s<>]+</)      # an element
      )
      (?=[^\s\[{(<>=:,;)}\]]|\[(?!redacted\](?:\W|$))[^\s"'{\]]|\{[^\s"'{}:]+\})
  $pattern$, e'\\&\x02', 'g');
  v_lower := lower(v_text);
  if v_lower like any(array[
    '%bearer%', '%identified by %', '%d password %', '%h password %', '%--%pass%', '%--%secret%', '%--%token%', '%--%key%',
    '%sig=%', '%signature%', '%key=%', '%cvv%', '%cvc%', '%otp%', '%card%num%', '%sessid%', '%sessionid%',
    '%session\_id%', '%\_session%', '%session=%', '%session\_state%', '%t.sid%',
    '%auth=%', '%auth"%', '%auth''%', '%auth\\"%', '%jwt%', '%csrf%', '%xsrf%', '%pw%', '%iban%', '%hmac=%', '%ticket=%',
    '%assertion=%', '%samlre%', '%cookies%', '%.cookie%', '%verifier%'
  ]) or replace(v_lower, 'classn', '') like '%ssn%' then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      \mbearer (?:[ \t]+|%20) (?![\w-]+=\w) (?=[a-z]*(?:[0-9_~+/]|[.-][a-z0-9])[\w.~+/=-]{5}|[a-z]{16})
      | (?:(?:encrypted|with) [ ]+ password | identified [ ]+ by) [ ]+ (?=')
      | --[a-z-]* (?:password|pass|secret|token|key) [ ]+ (?=[^\s-])
      | [?&;-]sig(?:nature)?= (?=\w)
      | [?&]key= (?=[\w-]*[0-9]|[\w-]{16})
      | (?:[?&](?:auth|hmac|ticket|session) | \m(?:client_)?assertion | \msaml(?:response|request) | \m(?:oauth|code)_verifier
          | \msession_state)(?:=|["'][ ]*:[ ]*["']) (?=[\w.~%+/-]{12})
      | (?: [a-z]-signature(?:-[0-9]+)? | ["'](?:signature|auth) | _auth(?==)
          | (?:\m|_) (?:cvv2?|cvc2?|ssn|otp(?:_code)?|totp(?=\W{1,4}[0-9])|card[_-]?num(?:ber)?|[a-z]*sess(?:ion)?_?id|[a-z]+_session(?=\W{1,4}[\w%.-]*[0-9])|connect\.sid
            |jwt|[cx]srf|(?:bind)?pw|iban) )
        \\*["']? [ \t]* [:=] [ \t]* (?=[\w"'\\])
      | cookies? [ \t]* [:=] [ \t]* (?:\{[ ]*["'][\w.-]+["'][ ]*:[ ]*(?=["'])|["'][\w.-]+=)
    $pattern$, e'\\&\x02', 'g');
  end if;
  v_text := monitoring.mark_random_values(v_text, v_lower);
  v_text := monitoring.mark_spoken_values(v_text, v_lower);
  return monitoring.mark_commands(v_text);
end
$$;

comment on function monitoring.mark_keyed_values(text) is
'Inserts the control character 2 before each value whose key names a secret. Also encodes line breaks in folded
values and the words "unexpected token" as control characters; redact_keyed_values() decodes them.';

create function monitoring.redact_keyed_values(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := monitoring.mark_keyed_values(redact_keyed_values.value);
begin
  if strpos(v_text, e'\x02') = 0 then
    return redact_keyed_values.value;
  end if;
  -- Remove the mark where no secret follows: a word that says what is wrong, or the beginning of a sentence.
  v_text := regexp_replace(v_text, $pattern$(?xi)
    \x02 (?=
      (?:[ \t]*[:=][ \t]*)?
      (?:\\*["'])?(?:null|none|nil|undefined|true|false|yes|no|not|is|required|invalid|missing|expired|incorrect|wrong|mismatch|empty
        |blank|failed|failure|error|denied|rejected|revoked|malformed|unknown|unexpected|unauthorized|forbidden
        |must|should|was|code|string|number|boolean|object|identifier|option|flag|argument|header|redacted|hidden|masked)
      (?:[\s.,;:!?)}\]"'&]|$)
      # already redacted by the sender
      | (?:[ \t]*[:=][ \t]*)?(?:(?:bearer|basic|token)[ ])?\\*["']?
        (?:\[(?:redacted|filtered|hidden|masked|removed|scrubbed|secret|sensitive)\]|<(?:redacted|hidden|masked|filtered|secret)>|\*{3,}|\#{3,}|\u2022{3,})
        (?:\\*["'])?(?:[\s.,;:!?)}\]&]|$)
      # a reference to a variable or a secret, and what an example leaves open
      | (?:[ \t]*[:=][ \t]*)?(?:(?:bearer|basic|token)[ ])?["']?(?:\$\{\{?[^{}\n]+\}|\{\{[^{}\n]+\}\}|\$\([\w.]+\)|%\(\w+\)s|<[a-z][a-z _-]*>)
        (?:[\s"',;&)}\]]|$)
      # code: config.get('auth.token'), getToken(), process.env.API_KEY, var.db_password; the name of a file
      | (?:(?:await|new)[ ])?\$?[a-z_]+(?:(?:\.|->|::)[a-z_]+)+[(\[]["'`$a-z_)\]]
      | (?:get|read|load|create|generate|fetch)[a-z]*\(\)
      | (?:process\.env|var|local|each\.value|self|this|settings|config|secrets|env)\.[a-z_.]+(?:[\s,;)}\]]|$)
      | [a-z-]+\.(?:key|crt|pem|json|ya?ml|txt)(?:[\s,;)"']|$)
      | (?:""|'') (?![\w"'])
      # a sentence about the field: "The password must have 8 characters"
      | ["'][A-Z][a-z']*[ ](?:(?:[A-Za-z'(),_-]+|[0-9]{1,3})[ ])*(?:must|should|required|too|cannot|not|least|invalid|incorrect|expired|enter|match)(?=[ .!"'])
      | ["'](?:include|omit|same-origin)["']
      | [a-z]+[ ]+at[ ]+(?:line|position|offset|index)[ ]
      | [0-9]{1,3}[ ]+[a-z]
      | \w+[ ]*\}[ ]*=
    )
    # a type, such as "token:software:totp"
    | (?<=["']token:) \x02 (?= [a-z]+:[a-z]+["'])
    | (?<=[: \t]) \x02 (?= [a-z][a-z'-]*[.!?:]? [ \t]+ (?:[a-z'-]+(?:[ \t.,;!?)]|$)|[`(<{"']) )
  $pattern$, '', 'g');
  v_text := regexp_replace(v_text, $pattern$(?x)
    # A header: its scheme, its value, and what follows as parameters or further cookies.
    \x02 ([ \t]*[:=][ \t]*) (?:[\w-]+[ \t\x0b]+)? [^\s"',;\\]+ (?:"[^"\n]*")?
      (?:(?:,?[ \t]+(?![\w-]+:[ \t])[^\s"'=;,]+){0,5}[;,][ \t]*[\w.-]+=(?:[^\s"',;\\]|"[^"\n]*")*)*
    # A value in quotes, to their end or the line's; quotes may be escaped, as in JSON inside JSON.
    | \x02 (?:
        (") (?:[^"\\\n]|\\[^\n])*
        | (') (?:[^'\\\n]|\\[^\n]|'')*
        | (\\["']) (?:[^"'\\\n]|\\[^"'\\\n]|\\\\\\[^\n]|\\\\[^"'\\\n])*
        | (\\\\+["']) (?:[^"'\\\n]|\\+[^"'\\\n])*
        | (`) [^`\n]*
    # A bare value: to a blank, or to a separator with something after it that is no longer the value.
        | (?:
            \[redacted\] | \{[^\s"'{}:]+\} | [^\s"'<>`,;&)}\]\\」。、，）] | \\[^\s"'\\nrt] | ["'<>]\w
            | [,;&)}\]](?![\s"',;&)}\]]|$|[\w.%\[\]-]*[=:])
          )+
      )
  $pattern$, '\1\2\3\4\5\6[redacted]', 'g');
  return translate(v_text, e'\x0b\x01\x02\x04', e'\n');
end
$$;

comment on function monitoring.redact_keyed_values(text) is
'Replaces values whose key names a secret by [redacted]: headers, key=value, key: value, JSON, query strings, command
options. A sentence after "password: " stays. The caller must remove control characters first.';
