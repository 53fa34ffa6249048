-- Purpose: removes secrets, personal data and control characters from a text.
-- Objects: functions monitoring.strip_controls, monitoring.redact_private_keys, monitoring.may_contain_secrets,
--   monitoring.mark_keyed_values, monitoring.redact_keyed_values, monitoring.redact_secrets_once,
--   monitoring.redact_secrets.
-- Risks: a backend caches 32 compiled regular expressions, and this file uses 11 of them (strip_controls 1,
--   may_contain_secrets 1, mark_keyed_values 3, redact_keyed_values 2, redact_secrets_once 4); text without secrets
--   runs only the small ones that search for words. A pattern whose states times characters exceed some 2,500 costs
--   five times more per call, because its tables outgrow what malloc keeps: keep alternations small. Matching is in
--   collation "C", where only ASCII letters are letters. In a pattern with (x), blanks are ignored and # begins a
--   comment.

create function monitoring.strip_controls(value text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := strip_controls.value;
begin
  if strpos(v_text, e'\r') > 0 then
    v_text := replace(replace(v_text, e'\r\n', e'\n'), e'\r', e'\n');
  end if;
  return regexp_replace(v_text, $pattern$(?x)
    (?:
      (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]                       # colors, cursor
      | \x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?  # titles, hyperlinks, device strings
      | \x1b[ -/]*[0-~]                                      # character sets, modes
      | [\x01-\x08\x0b-\x1f\x7f-\x9f]
    )+
  $pattern$, '', 'g');
end
$$;

comment on function monitoring.strip_controls(text) is
'Removes terminal escape sequences and control characters except tab and newline, and converts line ends to newlines.
Characters that set the direction of text stay.';

create function monitoring.redact_private_keys(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- One piece per BEGIN line, so that the cost is linear in the length of the text. A key without an end also removes
  -- the text after it that could still be part of the key.
  select string_agg(
    case
      when piece.nth = 1 and strpos(piece.body, '-----END') > 0 and left(ending.body, 60) like '%PRIVATE KEY-----%' then
        rtrim(left(piece.body, strpos(piece.body, '-----END') - 1), e'\n\\+/=' || c_alphanumeric.set)
        || '[redacted]' || substr(ending.body, strpos(ending.body, 'PRIVATE KEY-----') + 16)
      when piece.nth = 1 then piece.body
      when left(piece.body, 60) not like '%PRIVATE KEY%' then '-----BEGIN' || piece.body
      when ending.body like '%-----%' then '[redacted]' || substr(ending.body, strpos(ending.body, '-----') + 5)
      else '[redacted]' || ltrim(
        case when ending.body = '' then substr(piece.body, strpos(piece.body, 'PRIVATE KEY')) else ending.body end,
        e' \n\t\\-+/=:,' || c_alphanumeric.set
      )
    end, '' order by piece.nth
  )
  from unnest(string_to_array(redact_private_keys.value, '-----BEGIN')) with ordinality as piece (body, nth)
  cross join (
    values ('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')
  ) as c_alphanumeric (set)
  cross join lateral (
    select
      case when strpos(piece.body, '-----END') > 0 then substr(piece.body, strpos(piece.body, '-----END') + 8) else '' end
  ) as ending (body)
$$;

comment on function monitoring.redact_private_keys(text) is
'Replaces PEM blocks of private keys by [redacted], complete or truncated, with real or escaped line ends.
Certificates stay.';

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
  c_foreign constant text := 'ароль|パスワード|暗証|密[码碼]|口令|비밀번호|şifre|hasło|ösenord|jelsz|mật khẩu'; -- password, PIN
  v_text text collate "C" := lower(may_contain_secrets.value collate "C");
begin
  return v_text ~ ('p(?:ass|wd?|in[^gn])|secret|token|key|auth(?:ori|enti|["''\\=:])|cookie|bearer|c(?:ard|v[vc])|ssn|otp|jwt|srf')
    or v_text ~ 'sess(?:ion)?_?[i="]|t[.]sid|sig=|gnature|ntified|credent|-(?:u |-u)|mysql|s-cli|iban|hmac|-team|thin:'
    or v_text ~ ('ticket=|(?:code|state)(?:=|%3d|": ?")|[enymarsf2]a?[ _-]code|kennw|passe|contrase|senha|wacht|parola'
      || '|heslo|salas|assertion=|samlr|verifier')
    or (octet_length(v_text) <> length(v_text) and v_text ~ c_foreign);
end
$$;

comment on function monitoring.may_contain_secrets(text) is
'Returns whether a text contains a word that redact_keyed_values() could act on. Three
patterns, because one search per word takes longer, and so does one large pattern; its words are shortened for the same reason.';

create function monitoring.mark_spoken_values(value text)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
  -- No sentence can follow, so a second mark prevents the removal of the first one.
  select regexp_replace(value collate "C", $pattern$(?xi)
    # password was 'x', with password "x"
    (?:passw(?:or)?d|pass[ ]?phrase|passcode|\mpin|\motp)[ ]+(?:[a-z]+[ ]+)?(?:was|is|as|given|entered|used)?[ ]*:?[ ]*
      ["'`] (?=[^\s"'`]*[0-9!@\#$%^&*+~][^\s"'`]*["'`])
    | (?:(?:with|using)[ ]+(?:passw(?:or)?d|pass[ ]?phrase|passcode) | (?:passw(?:or)?d|pass[ ]?phrase|passcode)[ ]+(?:was|is))
      [ ]+["'`] (?=[^\s"'`]{4,}["'`])
    # password is x1y2: letters and digits or signs alternate
    | (?:passw(?:or)?d|pass[ ]?phrase|passcode)[ ]+(?:[a-z]+[ ]+)?(?:(?:was|is|as|given|entered|used|to)[ ]*:?[ ]+|:[ ]+)?\[?
      (?!(?:[a-z]+|utf-?8\w*|sha-?[0-9]+|base64|bcrypt|pbkdf2|oauth2?)(?:[^\w!@\#$%^&*]|$))
      (?=[a-z]{0,20}[0-9!@\#$%^&*]+[a-z]+[^\s"'`=:(),;<>]*[0-9!@\#$%^&*a-z]|[a-z]{0,20}[0-9]+[!@\#$%^&*]) (?=[^\s"'`=:(),;<>\]]{6})
    | (?:kennwort|passwort|mot[ ]de[ ]passe|contrase[^\s:=]{1,3}a|senha|wachtwoord|parola|heslo|salasana|ароль|パスワード|暗証番号|密[码碼]
        |口令|비밀번호|şifre|hasło|ösenord|jelszó|mật[ ]khẩu)["']?[ ]*(?:[:=：]|war|ist|es|は)[ ]*["'`「]?
      (?=[a-z]*[0-9!@\#$%^&*][^\s"'`]{2})
    | \mpass[ ]*:[ ]+ (?=[a-z]*[0-9]+[a-z][^\s"'`,;)]{2})
    | (?:secret|access|api)[ ]key[ ]+(?:was[ ]+|is[ ]+)? (?=[\w+/=]*[0-9][\w+/=]{12}) 
    # numbers that are typed in
    | (?:\m|_)(?:pin|t?otp)(?:[ _-]?(?:code|number))?["']?[ ]*(?:was|is|[:=])?[ ]*["']? (?=[0-9]{4,8}(?![\w-]|[.][0-9]))
    | (?:verification|one[ -]?time|security|login|confirmation|sms|[2m]fa|auth(?:entication)?|your|access|reset)[ _-]?
      (?:code|password|pin)["']?[ ]*(?:was|is|[:=])?[ ]*["']? (?=[0-9]{4,8}(?![\w-]|[.][0-9]))
  $pattern$, e'\\&\x04\x02', 'g')
$$;

comment on function monitoring.mark_spoken_values(text) is
'Inserts the control character 2 before passwords, personal identification numbers and one-time codes in sentences, such
as "password was x1y2". Words, such as in "password is required", are no passwords.';

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
          (?:\[[ ]*(?=\\*["'])|\{[ ]*\\*["']value\\*["'][ ]*:[ ]*)?
        | [ \t]* (?: :?=(?![=>~]) | :(?!:|//|[ ]*[|]\s) | =>(?=[ \t]*["']) ) [ \t]*
        | :[ ]* (?:[|][ ]*)? \x0b\s* (?=\S*[^\s:][ \t]*(?:\n|$))
        | \\*["'] [ \t]+ value= (?=\\*["'])                  # an attribute
        | (?:[ ]+[\w:.-]+="[^"<>\n]*")*> (?=[^\s<>]+</)      # an element
      )
      (?=[^\s\[{(<>=:,;)}\]]|\[(?!redacted\](?:\W|$))[^\s"'{\]]|\{[^\s"'{}:]+\})
  $pattern$, e'\\&\x02', 'g');
  v_lower := lower(v_text);
  if v_lower like any(array[
    '%bearer%', '%identified by %', '%d password %', '%h password %', '%--%', '%sig=%', '%signature%', '%key=%', '%cvv%',
    '%cvc%', '%ssn%', '%otp%', '%card%', '%sessid%', '%sessionid%', '%session\_id%', '%\_session%', '%session=%', '%session\_state%', '%t.sid%',
    '%auth=%', '%auth"%', '%auth''%', '%auth\\"%', '%jwt%', '%csrf%', '%xsrf%', '%pw%', '%iban%', '%hmac=%', '%ticket=%',
    '%assertion=%', '%samlre%', '%cookies%', '%.cookie%', '%thin:%', '%verifier%'
  ]) then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      \mbearer (?:[ \t]+|%20) (?![\w-]+=\w) (?=[a-z]*(?:[0-9_~+/]|[.-][a-z0-9])[\w.~+/=-]{5}|[a-z]{16})
      | (?:(?:encrypted|with) [ ]+ password | identified [ ]+ by) [ ]+ (?=')
      | --[a-z-]* (?:password|pass|secret|token|key) [ ]+ (?=[^\s-])
      | [?&;-]sig(?:nature)?= (?=\w)
      | [?&]key= (?=[\w-]*[0-9]|[\w-]{16})
      | (?:[?&](?:auth|hmac|ticket|session) | \m(?:client_)?assertion | \msaml(?:response|request) | \m(?:oauth|code)_verifier
          | \msession_state)(?:=|["'][ ]*:[ ]*["']) (?=[\w.~%+/-]{12})
      | (?: [a-z]-signature(?:-[0-9]+)? | ["'](?:signature|auth) | _auth(?==)
          | (?:\m|_) (?:cvv2?|cvc2?|ssn|otp(?:_code)?|totp(?=\W{1,4}[0-9])|card[_-]?num(?:ber)?|[a-z]*sess(?:ion)?_?id|[a-z]+_session(?=\W{1,4}[\w%.-]{0,24}[0-9])|connect\.sid
            |jwt|[cx]srf|(?:bind)?pw|iban) )
        \\*["']? [ \t]* [:=] [ \t]* (?=[\w"'\\])
      | cookies? [ \t]* [:=] [ \t]* (?:\{[ ]*["'][\w.-]+["'][ ]*:[ ]*(?=["'])|["'][\w.-]+=)
      | thin:[^\s/@:"']+/ (?=[^\s@"']+@)
    $pattern$, e'\\&\x02', 'g');
  end if;
  if v_lower ~ '(?:ense|rver|vice|base|rage|ared|ploy|dmin|tion|ions|app|-)[ _.-]?key|-team|x-auth|value' then
    v_text := regexp_replace(v_text, $pattern$(?xi)
      # Headers of any vendor, and keys of licenses, servers, services, storages and the like: what looks random.
      (?<![\w-])(?:x-[a-z-]*(?:auth|team)|[a-z]+(?:-[a-z]+)*-key) \\*["']? [ \t]* [:=] [ \t]* \\*["']?
        (?=[\w.+/=~-]{16}) (?=[a-z+/=_-]{0,40}[0-9])
      | (?:license|server|service|supabase|storage|shared|deploy|admin|application|subscription|functions|app) [ _.-]? key
        (?:[^\w\n:=>]{0,5}[:=>][^\w\n]{0,5}|["'][ ]value=["']) (?=[\w.+/=~-]{0,30}[0-9]) (?=[\w.+/=~-]{8})
      # {"name": "PASSWORD", "value": "x"}, also in YAML
      | (?:passw(?:or)?d|secret|token|key|pass|pwd) (?:_base)? (?:\\*["'])?,?\s*(?:-[ ])?(?:\\*["'])?\mvalue(?:\\*["'])?[ ]*:[ ]*
        (?=[^\s{\[])
    $pattern$, e'\\&\x02', 'g');
  end if;
  if v_lower ~ '(?:code|state)(?:=|["''])' then
    -- What an identity provider hands over: a value that looks random, or both in one query. Codes of errors and
    -- discounts, and the names of states, stay.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9-])(?:code|state|auth(?:orization)?_code|device_code) (?:=|["'][ ]*[:=][ ]*["'])
      (?= [A-Za-z]{0,30}(?:[0-9]+[A-Za-z_-]+){3}[\w.~%+/-]{6} | [0-9a-f]{20} | [014](?:/|%2F|[.])[\w.-]{16}
        | [a-z0-9]{0,20}[A-Z]+[a-z]+[0-9A-Z]+[A-Z]*[a-z]+[A-Z0-9][\w.~%+/-]{12} )
      | (?:callback|oauth|signin|/cb|/auth|login)[^\s?"'<>]{0,60}[?](?:[\w.-]+=[^\s&"'<>]{0,200}&){0,4}
        (?:code|state)= (?=[\w.~%+/-]{10}) (?=[A-Za-z_.~%+/-]{0,30}[0-9])
    $pattern$, e'\\&\x02', 'g');
  end if;
  if v_lower ~ ('(?:ord|ase|code|pin|otp|ass|key)["'']?[ :=]+(?:[a-z]+[ :]+){0,2}[[(]?(?:[a-z]*[0-9!@#$%^&*]|["''`])'
      || '|kennw|passwort|passe|contrase|senha|wacht|parola|heslo|salas')
    or octet_length(v_lower) <> length(v_lower) then
    v_text := monitoring.mark_spoken_values(v_text);
  end if;
  -- Commands: no sentence can follow, so a second mark prevents the removal of the first one below.
  if v_text like any(array[
    '%-u %', '%--user%', '%mysql%', '%sshpass%', '%redis-cli%', '%IDENTIFIED%', '%identified%', '%assword ''%', '%PASSWORD ''%'
  ]) then
    v_text := regexp_replace(v_text, $pattern$(?x)
      [ ](?:-u|--user)[ =]+["']?(?![0-9]+:[0-9]+(?:\s|$))[^\s:"'=/]+:(?=[^\s:/])
      | \msshpass[ ]+-p[ ]*(?=[^\s])
      | \mmysql[a-z]*[ ]+(?:(?!mysql)[^\s]+[ ]+)*?-p(?=[^\s])
      | \mredis-cli[ ]+(?:(?!redis-cli)[^\s]+[ ]+)*?-a[ ]+(?=[^\s])
      | (?:(?:USER|user)[ ]+[^\s]+[ ]+)(?:IDENTIFIED[ ]+BY|identified[ ]+by)[ ]+(?=[^\s])
      | (?:PASSWORD|[Pp]assword)[ ]+(?=')
    $pattern$, e'\\&\x04\x02', 'g');
  end if;
  return v_text;
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
        |must|should|was|string|number|boolean|object|identifier|option|flag|argument|header|redacted|hidden|masked)
      (?:[\s.,;:!?)}\]"'&]|$)
      # already redacted by the sender
      | (?:[ \t]*[:=][ \t]*)?(?:(?:bearer|basic|token)[ ])?\\*["']?
        (?:\[(?:redacted|filtered|hidden|masked|removed|scrubbed|secret|sensitive)\]|<(?:redacted|hidden|masked|filtered|secret)>|\*{3,}|\#{3,}|\u2022{3,})
        (?:\\*["'])?(?:[\s.,;:!?)}\]&]|$)
      | (?:""|'') (?![\w"'])
      | ["'](?:include|omit|same-origin)["']
      | [a-z]+[ ]+at[ ]+(?:line|position|offset|index)[ ]
      | [0-9]{1,3}[ ]+[a-z]
      | \w+[ ]*\}[ ]*=
    )
    | (?<=[: \t]) \x02 (?= [a-z][a-z'-]*[.!?:]? [ \t]+ (?:[a-z'-]+(?:[ \t.,;!?)]|$)|[`(<{"']) )
  $pattern$, '', 'g');
  v_text := regexp_replace(v_text, $pattern$(?x)
    # A header: its scheme, its value, and what follows as parameters or further cookies.
    \x02 ([ \t]*[:=][ \t]*) (?:[\w-]+[ \t\x0b]+)? [^\s"',;\\]+ (?:"[^"\n]*")?
      (?:(?:,?[ \t]+[^\s"'=;,]+){0,5}[;,][ \t]*[\w.-]+=(?:[^\s"',;\\]|"[^"\n]*")*)*
    # A value in quotes, to their end or the line's; quotes may be escaped, as in JSON inside JSON.
    | \x02 (?:
        (") (?:[^"\\\n]|\\[^\n])*
        | (') (?:[^'\\\n]|\\[^\n]|'')*
        | (\\["']) (?:[^"'\\\n]|\\[^"'\\\n]|\\\\\\[^\n]|\\\\[^"'\\\n])*
        | (\\\\+["']) (?:[^"'\\\n]|\\+[^"'\\\n])*
        | (`) [^`\n]*
    # A bare value: to a blank, or to a separator with something after it that is no longer the value.
        | (?:
            \[redacted\] | \{[^\s"'{}:]+\} | [^\s"'<>`,;&)}\]\\] | \\[^\s"'\\nrt] | ["'<>]\w
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

create function monitoring.redact_tokens(value text)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := redact_tokens.value;
  v_prefixes text;
  v_pattern text;
begin
  -- Each of these tests is small, because the time to compare a short text grows with the size of the pattern.
  if v_text ~ '[.][\w-]{6}[.]|-us[0-9]|-[0-9a-f]{8}(?:-|\M)|NRAL|_mmk|:AA|Q~|[|]|tlasv1|\ms[.][A-Za-z0-9]{12}' then
    -- Tokens without a prefix: Discord, Mailgun, Terraform, Mailchimp, New Relic, MaxMind, Telegram, Facebook, Microsoft
    -- Entra, Vault.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9])(?:
        [MNO][\w-]{22,27}\.(?=[\w-]{0,7}\.?[\w-]{0,24}[0-9])[\w-]{6}\.[\w-]{25,}
        | [A-Za-z0-9]{14}\.atlasv1\.[\w=-]{20,}
        | [0-9a-f]{32}(?:-us[0-9]{1,2}|-[0-9a-f]{8}-[0-9a-f]{8}|[0-9a-f]{4}NRAL)(?![\w-])
        | [A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?!\w)
        | [0-9]{8,10}:AA[\w-]{30,}
        | [0-9]{15,16}(?:\||%7C)[\w-]{27,}
        | [\w~.]{3}[0-9]Q~[\w~.-]{31,}
        | s\.(?=[A-Za-z]{0,23}[0-9])[A-Za-z0-9]{24}(?![\w.(-])
      )
    $pattern$, '[redacted]', 'g');
  end if;
  if v_text ~ (
    '(?<![A-Za-z0-9])(?:A[KS]IA|[srp]k_(?:live|test)_|whsec|gh[oprsu]_|gith|glpa|xox|xapp|hooks[.]|discord|sb_s|sbp_|AIza|ya29'
    || '|GOCS|sk-|SG[.]|npm_|SK[0-9a-f]|eyJ|sntry|hf_|dop_|shp[a-z]{2}_|pypi|hvs[.]|[Bb]asic[ ]|bot[0-9]|c[ks]_[0-9a-f]|dckr)'
  ) then
    -- These stay known whatever rows secret_formats has.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9])(?:
        (?:AKIA|ASIA)[A-Z0-9]{8,}
        | (?:[srp]k_(?:live|test)|whsec|gh[oprsu]|github_pat|sb_secret|sbp|sntry[a-z]|dop_v1|shp[a-z]{2}|dckr_pat)
          _[A-Za-z0-9_=/+-]{6,}
        | (?:glpat|xox[a-z]|xapp|GOCSPX|pypi)-[\w-]{6,}(?:\.[\w-]+)*
        | (?:npm|hf)_[A-Za-z0-9]{12,}
        | c[ks]_[0-9a-f]{16,}
        | bot[0-9]+:[\w-]{16,}
        | sk-(?![a-z]+-[0-9]+(?![\w-]))(?=[A-Za-z_-]*[0-9])[\w-]{8,}
        | (?:SG|ya29|hvs)\.[\w-]{10,}(?:\.[\w-]+)?
        | AIza[\w-]{10,}
        | SK[0-9a-f]{16,}
        | [Bb]asic[ ]+(?!(?:[A-Z][a-z]+)+(?![A-Za-z0-9+/=]))(?=[A-Za-z0-9+/]*(?:[a-z][A-Z]|[0-9=]))[A-Za-z0-9+/]{6,}=*
        | eyJ[\w-]{8,}(?:\.[\w-]*){0,4}
        | hooks\.slack\.com/[^\s"'<>)]+
        | discord(?:app)?\.com/api/webhooks/[^\s"'<>)]+
      )
    $pattern$, '[redacted]', 'g');
  end if;
  -- Letters and digits of a random word alternate, or capital and small letters do.
  if v_text ~ '[\w-]{4}(?:[A-Za-z][0-9]|[0-9][A-Za-z]|[A-Z][a-z][A-Z]|[a-z][A-Z][A-Z])' then
    select compiled.prefixes, compiled.pattern
    into v_prefixes, v_pattern
    from monitoring.compiled_secret_formats as compiled;
    if v_text ~ v_prefixes then
      v_text := regexp_replace(v_text, v_pattern, '[redacted]', 'g');
    end if;
  end if;
  return v_text;
end
$$;

comment on function monitoring.redact_tokens(text) is
'Replaces tokens by [redacted] that their form gives away: those of the common vendors, and the rows of secret_formats.';

create function monitoring.redact_secrets_once(value text)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := monitoring.strip_controls(redact_secrets_once.value);
begin
  if strpos(v_text, 'Private-Lines: ') > 0 then
    v_text := regexp_replace(v_text, '(Private-Lines: [0-9]+\n)(?:[A-Za-z0-9+/=]+(?:\n|$))+', e'\\1[redacted]\n', 'g');
  end if;
  if strpos(v_text, 'PRIVATE KEY') > 0 then
    v_text := monitoring.redact_private_keys(v_text);
  end if;
  if strpos(v_text, '@') > 0 and v_text like any(array['%://%', '%:\\/%', '%:%@tcp(%', '%:%@unix(%', '%:%@/%', '%/%@//%']) then
    -- The user name stays, the password is redacted. The user name is redacted too when it is the key of a Sentry DSN
    -- or a token. A password may contain a slash, but "host:3000/@scope" is a port and a path.
    v_text := regexp_replace(v_text, $pattern$(?x)
      (:(?:\\?/){2}) [0-9a-f]{32,} (?: : [^\s/@"'<>\\]* )? @
      | (:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]*:)
        (?![0-9]{1,5}[/?\#]|/)
        (?:
          (?:[^\s/"'<>\\]|["'<>]\w|"(?=@)|\\[^\s"'\\nrt])+ (?:@[^\s"'<>\\@:?.]*/[^\s"'<>\\@:?]*)?
          | (?:[^\s@"'<>\\]|["'<>]\w)+
        ) @
      # A directory's user in front, a number and a slash in the password of a database, data source names without a scheme.
      | (:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]+@[^\s/?\#:@"'<>\\\[]+:) (?![0-9]{1,5}[/?\#]) [^\s/@"'<>\\]+ @
      | ((?:sql|gres|godb|redis|amqp)s?:(?:\\?/){2}[^\s/?\#:@"'<>\\\[]*:) [0-9]+/[^\s/@"'<>\\]* @ (?=[\w.-]+[:/])
      | ((?<![\w.:/-])[\w.-]+:) [^\s/:@"'<>\\]+ @ (?=(?:tcp|unix)\(|/\w)
      | ((?<![\w.:/-])\w+/) [^\s/:@"'<>\\]+ @ (?=//\w)
    $pattern$, '\1\2\3\4\5\6[redacted]@', 'g');
  end if;
  v_text := monitoring.redact_account_numbers(v_text);
  if monitoring.may_contain_secrets(v_text) then
    v_text := monitoring.redact_keyed_values(v_text);
  end if;
  v_text := monitoring.redact_tokens(v_text);
  if strpos(v_text, '@') > 0 or strpos(v_text, '%40') > 0 then
    -- User names in URLs stay, and so do user@host:path/file (scp, git) and file names such as logo@2x.png or
    -- getty@tty1.service.
    v_text := replace(v_text, '://', e'://\x02');
    v_text := regexp_replace(v_text, $pattern$(?x)
      (?<![A-Za-z0-9_.+%\x02-])
      (?:[^\s\x01-\x2a,/:-@\[-^`{-\x7f]|\w'(?=\w))+ (?:@|%40)
      (?![\w.-]*\.(?:png|jpe?g|gif|svg|webp|avif|js|mjs|cjs|ts|tsx|css|map|service)(?![\w-]))
      [^\s\x01-\x2c/:-@\[-`{-\x7f]+ \. (?:[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)
      (?!\.?[\w-]|:[/~]|:[\w.-]+/)
    $pattern$, '[redacted]', 'g');
    v_text := replace(v_text, e'\x02', '');
  end if;
  return monitoring.redact_card_numbers(v_text);
end
$$;

comment on function monitoring.redact_secrets_once(text) is 'Runs one pass of redact_secrets().';

create function monitoring.redact_secrets(value text)
returns text
language plpgsql
stable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_passes constant integer := 8;
  v_before text := redact_secrets.value;
  v_after text := monitoring.redact_secrets_once(v_before);
  v_decoded text;
begin
  -- A secret can be adjacent to another one, or be percent-encoded in a nested URL, so passes repeat until nothing
  -- changes. Text without secrets needs one pass.
  for v_pass in 2..c_most_passes loop
    if v_after = v_before then
      exit when strpos(v_after, '%') = 0 and strpos(v_after, '\u00') = 0 and strpos(v_after, '&') = 0;
      v_before := monitoring.decode_escapes(v_after);
      exit when v_before = v_after;
      v_decoded := monitoring.redact_secrets_once(v_before);
      exit when v_decoded = v_before;
      v_after := v_decoded;
    end if;
    v_before := v_after;
    v_after := monitoring.redact_secrets_once(v_before);
  end loop;
  return v_after;
end
$$;

comment on function monitoring.redact_secrets(text) is
'Replaces secrets and personal data in a text by [redacted] and removes control characters. Other text stays, except
that escapes around a secret are decoded. Idempotent.';
