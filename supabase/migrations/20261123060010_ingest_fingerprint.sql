-- Purpose: computes one fingerprint for all occurrences of the same error, so that repeats fold into one incident.
-- Objects: functions monitoring.extract_message_head, monitoring.unquote_message, monitoring.is_identifier,
--   monitoring.is_error_number, monitoring.mask_word, monitoring.mask_number, monitoring.mask_named_value,
--   monitoring.is_part_of_a_value, monitoring.mask_values, monitoring.normalize_error_message,
--   monitoring.extract_root_trace, monitoring.read_stack_frame, monitoring.is_library_frame,
--   monitoring.simplify_file_name, monitoring.simplify_function_name, monitoring.find_culprit,
--   monitoring.fingerprint_error.
-- Risks: a changed pattern or word changes the fingerprint of errors that are stored already: their next occurrence
--   opens a second incident. Uses 3 of the 32 regular expressions that a backend caches.

create function monitoring.extract_message_head(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_first_characters constant integer := 1024;
  c_first_lines constant integer := 3;
  v_text text collate "C" := extract_message_head.message;
begin
  if strpos(v_text, e'Traceback (most recent call last):\n') > 0 then
    v_text := btrim(v_text, e' \t\r\n');
    v_text := split_part(v_text, e'\n', 1) || ' ' || split_part(v_text, e'\n', -1);
  end if;
  v_text := btrim(left(v_text, c_first_characters), e' \t\r\n');
  if strpos(v_text, e'\n') > 0 then
    v_text := array_to_string((string_to_array(v_text, e'\n'))[1:c_first_lines], ' ');
  end if;
  v_text := replace(replace(replace(v_text, e'\r', ' '), e'\t', ' '), e'\x02', '');
  if octet_length(v_text) > length(v_text) then
    v_text := translate(
      v_text, e'“”„«»‹›「」『』＂‘’‚\u00a0\u202f\u2009\u3000', e'""""""""""""\'\'\'    '
    );
  end if;
  return v_text;
end
$$;

comment on function monitoring.extract_message_head(text) is
'Returns the part of a message that identifies the error, on one line: its first 3 lines, at most 1,024 characters.
For a Python traceback its first and last line, because the frames between change with every release. The quotation
marks of all languages become straight ones.';

create function monitoring.unquote_message(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := btrim(unquote_message.message);
  v_lead text collate "C" := '';
  v_quote text;
begin
  v_quote := right(v_text, 1);
  if v_quote <> all(array['"', '''', '`']) then
    return v_text;
  end if;
  if strpos(v_text, ': ') > 0 and strpos(split_part(v_text, ': ', 1), ' ') = 0 then
    v_lead := split_part(v_text, ': ', 1) || ': ';
    v_text := ltrim(substr(v_text, length(v_lead) + 1));
  end if;
  -- A quote inside means that the last quote does not belong to the first.
  if length(v_text) > 2
    and left(v_text, 1) = v_quote
    and strpos(replace(substr(v_text, 2, length(v_text) - 2), e'\\' || v_quote, ''), v_quote) = 0 then
    v_text := substr(v_text, 2, length(v_text) - 2);
  end if;
  return v_lead || v_text;
end
$$;

comment on function monitoring.unquote_message(text) is
'Removes quotes that enclose the whole message, or all that follows its first word and a colon. JSON.stringify and
str(KeyError) produce such messages, which would otherwise all get the same fingerprint.';

create function monitoring.is_identifier(before text, value text, after text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_word text collate "C" := lower(
    split_part(rtrim(translate(right(is_identifier.before, 40), '"''`([{<,;:=.', '            ')), ' ', -1)
  );
begin
  -- A name that is introduced by what it is the name of.
  if v_word in ('user', 'username', 'login', 'usuario', 'usuário', 'utilisateur', 'benutzer', 'entry', 'value', 'near') then
    return false;
  elsif v_word = 'name' then
    return is_identifier.before like '% '; -- "name": is the name of anything
  elsif v_word in (
    -- databases
    'table', 'column', 'relation', 'constraint', 'index', 'view', 'schema', 'database', 'role', 'policy', 'trigger',
    'sequence', 'type', 'function', 'procedure', 'operator', 'extension', 'enum', 'reference', 'parameter',
    'collection', 'tablename', 'table_name', 'column_name', 'constraint_name', 'query', 'privilege', 'permission',
    -- programs
    'property', 'reading', 'setting', 'evaluating', 'attribute', 'module', 'key', 'prop', 'method', 'class', 'field',
    'argument', 'variable', 'constant', 'package', 'library', 'assembly', 'component', 'directive', 'pipe', 'provider',
    'template', 'import', 'export', 'named', 'resolve', 'execute', 'construct', 'invoke', 'call', 'of', 'on', 'hook',
    'event', 'interface', 'trait', 'struct', 'member', 'option', 'header', 'feature', 'flag', 'config', 'command',
    'script', 'plugin', 'bind', 'injector', 'route', 'action', 'operation', 'mutation', 'input', 'identifier', 'symbol',
    'access', 'selector', 'filter', 'helper', 'expected', 'imported', 'defined', 'object', 'stringvalue', 'logger',
    -- services
    'task', 'job', 'queue', 'topic', 'exchange', 'bucket', 'service', 'host', 'hostname', 'server', 'upstream', 'zone',
    'domain', 'container', 'image', 'deployment', 'secret', 'configmap', 'workflow', 'step', 'stage', 'cluster',
    'group', 'path', 'scope', 'request', 'port', 'secrets', 'configmaps', 'services', 'apps', 'jobs', 'namespaces',
    -- what tells one error from another
    'error', 'err', 'message', 'msg', 'reason', 'detail', 'details', 'code', 'errorcode', 'status', 'level',
    'exception', 'issue', 'kind', 'desc', 'description', 'title', 'cause', 'errno', 'syscall', 'signal', 'fault',
    -- German, French, Spanish, Portuguese, Italian
    'spalte', 'tabelle', 'sicht', 'schlüssel', 'funktion', 'datenbank', 'rolle', 'typ', 'eigenschaft', 'attribut',
    'modul', 'feld', 'colonne', 'contrainte', 'unique', 'étrangère', 'clé', 'clef', 'vue', 'fonction', 'base', 'rôle',
    'propriété', 'champ', 'schéma', 'politique', 'columna', 'tabla', 'relación', 'restricción', 'unicidad', 'llave',
    'foránea', 'clave', 'función', 'vista', 'propiedad', 'atributo', 'módulo', 'campo', 'esquema', 'política', 'rol',
    'coluna', 'tabela', 'relação', 'restrição', 'unicidade', 'chave', 'estrangeira', 'função', 'propriedade', 'visão',
    'banco', 'tabella', 'colonna', 'relazione', 'vincolo', 'chiave', 'funzione', 'proprietà'
  ) then
    return true;
  elsif strpos(v_word, '_') > 0 and split_part(v_word, '_', -1) in ('code', 'type', 'status', 'reason', 'error') then
    return true;
  elsif octet_length(v_word) > length(v_word) or v_word like '%constraint' then
    -- Languages that write without spaces, and compound words.
    return v_word like any(array[
      '%constraint', '%制約', '%列', '%リレーション', '%テーブル', '%キー', '%関数', '%属性', '%ビュー', '%プロパティ',
      '%モジュール', '%约束', '%关系', '%字段', '%表', '%函数', '%模块', '%约束条件', '%键', '%数据库', '%类型', '%方法',
      '%模式', '%属性', '%테이블', '%열'
    ]);
  end if;
  return is_identifier.after like any(array[
    ' is not defined%', ' is not a %', ' is not an %', ' is not allowed%', ' object %', ' must %', ' is required%',
    ' is missing%', ' is undefined%', ' is null%', ' is ambiguous%', ' is an invalid keyword%', ' since it isn%',
    ' attribute%', ' property%', ' column%', ' field%', ' constraint%', ' module%', ' prop%', ' parameter%',
    ' argument%', ' table%', ' violates %', ' was accessed%', ' context%', '違反%', 'は存在しません%'
  ])
  -- Addresses, and files of the program: not those of a user, and no temporary ones.
  or is_identifier.value like 'http%://%'
  or (
    is_identifier.value like any(array[
      '/%', '%.js', '%.mjs', '%.ts', '%.py', '%.php', '%.html', '%.json', '%.yml', '%.yaml', '%.css', '%.so', '%.dll', '%.jar'
    ])
    and not is_identifier.value like any(array[
      '% %', '%/tmp%', '%/home/%', '%/Users/%', '%upload%', '%.jpg', '%.jpeg', '%.png', '%.pdf', '%.csv', '%.tmp', '%.zip'
    ])
  )
  -- Constants, exceptions, and punctuation.
  or (
    strpos(is_identifier.value, '_') > 0
    and translate(is_identifier.value, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_', '') = ''
  )
  or is_identifier.value like '%Exception' or is_identifier.value like '%Error' or is_identifier.value like '% HTTP/_%'
  or (
    octet_length(is_identifier.value) <= 3 and upper(is_identifier.value) = lower(is_identifier.value)
    and translate(is_identifier.value, '0123456789', '') = is_identifier.value
  );
end
$$;

comment on function monitoring.is_identifier(text, text, text) is
'Returns whether a quoted value names a part of the program or the database: a column, a property, a host, the code
of an error. The word before it decides (table "x"), else what follows ("x" is not defined), else its own form
(CARD_DECLINED). Such a name tells one error from another; other quoted values are data.';

create function monitoring.is_error_number(before text, value text, after text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_word text collate "C" := lower(
    split_part(rtrim(translate(right(is_error_number.before, 40), '"''`([{<,;:=.#-', '              ')), ' ', -1)
  );
  v_length integer := length(is_error_number.value);
  v_host text collate "C";
begin
  if v_word = '' or v_length > 5 or translate(is_error_number.value, '0123456789', '') <> '' then
    return false;
  elsif v_word in (
    'code', 'errorcode', 'statuscode', 'errcode', 'status', 'http', 'errno', 'winerror', 'sqlstate', 'signal', 'exit',
    'alert', 'curl', 'smtp', 'código', 'codice', 'fehlercode', 'コード'
  ) or (strpos(v_word, '_') > 0 and split_part(v_word, '_', -1) in ('code', 'status', 'errno')) then
    return true;
  elsif v_word = 'port' or (right(is_error_number.before, 1) = ':' and v_length >= 2) then
    -- A port of a service. Those from 32768 on are ephemeral. After the name of a source file it is a line.
    v_host := split_part(is_error_number.before, ' ', -1);
    return is_error_number.value::integer < 32768 and (
      v_word = 'port' or v_host like any(array['%localhost:', '%]:', '%//%'])
      or (
        v_host like '%_.__%' and v_host not like '%/%'
        and split_part(rtrim(v_host, ':'), '.', -1) not in (
          'js', 'ts', 'tsx', 'jsx', 'mjs', 'cjs', 'py', 'rb', 'php', 'go', 'java', 'kt', 'cs', 'rs', 'ex', 'exs', 'dart',
          'swift', 'cpp', 'c', 'sql', 'html', 'vue', 'scala', 'yml', 'yaml', 'json'
        )
      )
    );
  elsif v_length < 3 then
    return is_error_number.before like '%os error ';
  end if;
  -- "error 1205" and "returned 404" are codes; "returned 404 rows" is a count.
  return (
    v_word in ('error', 'err', 'fehler', 'erreur', 'erro', 'errore')
    or (
      v_length = 3 and is_error_number.value between '100' and '599' and (
        strpos(v_word, '/') > 0
        or v_word in (
          'returned', 'with', 'in', 'answered', 'replied', 'got', 'of', 'received', 'response', 'responded', 'upstream'
        )
      )
    )
  )
  and split_part(translate(is_error_number.after, '.,;:)', '     '), ' ', 2) not in (
    'rows', 'items', 'records', 'results', 'entries', 'bytes', 'times', 'requests', 'messages', 'ms', 'jobs', 'events',
    'files', 'users', 'orders', 'seconds', 'documents', 'errors', 'more'
  );
end
$$;

comment on function monitoring.is_error_number(text, text, text) is
'Returns whether a number identifies the error, by the words around it: an HTTP status, an errno, an SQLSTATE, an exit
code, the number of an error, or the port of the service that failed.';

create function monitoring.mask_word(word text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  -- Names in common notation: s3UploadPart, Base64Decoder2000Impl, IPv6Address, SHA256WITHRSA.
  c_name constant text := $pattern$(?x)^ (?:
    (?: [A-Z]*[a-z]+[0-9]*[a-z]*[0-9]* | [0-9]*(?:[A-Z]+[0-9]+)?[A-Z]+(?:[a-z]{2,}|v)[0-9]* )
    (?: (?:[A-Z]+[0-9]+)? [A-Z]+(?:[a-z]{2,}|v)[0-9]* )* (?:[A-Z]+[0-9]*)?
    | [A-Z]+[0-9]*[A-Z]*[0-9]*
  ) $ $pattern$;
  v_template text collate "C" := '';
  v_piece text collate "C";
  v_letters text collate "C";
  v_digits integer;
begin
  if split_part(mask_word.word, '-', 1) in ('ORA', 'TNS', 'PLS', 'DPY', 'DPI', 'RMAN', 'CVE', 'MY', 'SQL', 'KB') then
    return mask_word.word;
  elsif length(mask_word.word) = 36 and mask_word.word like '________-____-____-____-____________' then
    return '<*>';
  end if;
  foreach v_piece in array string_to_array(translate(mask_word.word, '_', '-'), '-') loop
    continue when v_piece = '';
    v_letters := translate(v_piece, '0123456789', '');
    v_digits := length(v_piece) - length(v_letters);
    if v_template like '%<*>' and (v_digits > 0 or translate(lower(v_piece), 'aeiou', '') = lower(v_piece)) then
      continue; -- more of the same id: the last part of the name of a pod is 5 letters or digits without vowels
    elsif v_digits = 0 then
      if length(v_piece) >= 8 and lower(v_piece) <> v_piece and upper(v_piece) <> v_piece
        and initcap(v_piece) <> v_piece and v_piece !~ c_name then
        v_piece := '<*>';
      end if;
    elsif starts_with(v_piece, v_letters) and upper(v_piece) = v_piece and v_letters <> '' and v_digits <= 6 then
      null; -- the code of a vendor: NG0100, H12, TS2345, E11000
    elsif v_piece < ':' or v_digits >= 3 and length(v_piece) < 10 and not starts_with(v_piece, v_letters) then
      v_piece := '<*>'; -- a number with its unit, or letters between digits
    elsif length(v_piece) >= 5 and translate(lower(v_letters), 'abcdef', '') = '' then
      v_piece := '<*>'; -- hexadecimal
    elsif length(v_piece) >= 5 and v_piece !~ c_name then
      v_piece := '<*>'; -- random, and so is a capitalized part before it
      v_letters := split_part(v_template, '-', -1);
      if initcap(v_letters) = v_letters and lower(v_letters) <> v_letters and upper(v_letters) <> v_letters then
        v_template := left(v_template, -1 - length(v_letters));
      end if;
    elsif starts_with(v_piece, v_letters) then
      v_piece := v_letters || '<*>'; -- a name with a number
    end if;
    v_template := v_template || '-' || v_piece;
  end loop;
  return substr(v_template, 2);
end
$$;

comment on function monitoring.mask_word(text) is
'Replaces the numbers and random ids in a word of letters, digits, - and _ by <*>, part by part: cus-<*> for
cus_NffrFeUfNV2Hib. Names in common notation and codes of vendors stay.';

create function monitoring.mask_number(before text, value text, after text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_value text collate "C" := mask_number.value;
  v_port text collate "C";
begin
  if translate(v_value, '0123456789.,:/''+-=', '') = '' then
    if v_value like '::1:____' then
      return '<*>' || right(v_value, 5);
    elsif v_value like '%.%.%.%:%' then
      v_port := split_part(split_part(v_value, ':', 2), '/', 1);
      return case
        when length(v_port) between 2 and 4 or (length(v_port) = 5 and v_port < '32768') then '<*>:' || v_port
        else '<*>'
      end;
    end if;
    return case
      when monitoring.is_error_number(mask_number.before, v_value, mask_number.after) then v_value
      else '<*>'
    end;
  elsif v_value like '%-________' and left(mask_number.after, 3) in ('.js', '.mj', '.cs')
    and translate(right(v_value, 7), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789', '') <> right(v_value, 7) then
    -- The hash in the name of a bundle.
    return monitoring.mask_values(left(v_value, -9)) || '-<*>';
  elsif v_value < ':' then
    return case
      when v_value like any(array['0x80______', '0xC0______', '0xc0______']) then v_value -- HRESULT, NTSTATUS
      when length(v_value) = 5 and mask_number.before like '%SQLSTATE%' then v_value
      else '<*>'
    end;
  elsif strpos(v_value, ':') > 0 then
    return case
      when v_value like '%:%:%' then '<*>' -- IPv6
      else monitoring.mask_word(split_part(v_value, ':', 1)) || ':<*>'
    end;
  end if;
  return monitoring.mask_word(v_value);
end
$$;

comment on function monitoring.mask_number(text, text, text) is
'Replaces by <*> a number, date, time, size, duration, hash or address, or the part of a word that is one. Numbers and
codes that identify the error stay.';

create function monitoring.mask_named_value(before text, value text, after text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_mark text := left(mask_named_value.value, 1);
  v_content text collate "C";
  v_query integer;
begin
  if v_mark = '`' then
    return mask_named_value.value; -- code
  elsif v_mark = '/' then
    return monitoring.mask_values(split_part(split_part(mask_named_value.value, '?', 1), '#', 1));
  elsif v_mark = '=' then
    if mask_named_value.before like '%)' then
      return '=<*>';
    end if;
    v_content := substr(mask_named_value.value, 2);
  else
    v_content := btrim(substr(mask_named_value.value, 2, length(mask_named_value.value) - 2));
    if mask_named_value.after like ':%' and right(rtrim(mask_named_value.before), 1) in ('{', ',') then
      return mask_named_value.value; -- a key of an object
    elsif mask_named_value.before like '% = ' then
      return '<*>'; -- a literal in SQL
    end if;
  end if;
  if not monitoring.is_identifier(mask_named_value.before, v_content, mask_named_value.after) then
    return case v_mark when '=' then '=<*>' else '<*>' end;
  elsif translate(v_content, '0123456789 /=@?', '') = v_content
    or monitoring.is_error_number(mask_named_value.before, v_content, '')
    or (
      length(v_content) - length(translate(v_content, '0123456789', '')) <= 3
      and translate(v_content, ' /=@?', '') = v_content
    ) then
    return mask_named_value.value;
  end if;
  v_query := strpos(v_content, '?');
  if v_query > 0 then
    v_content := left(v_content, v_query - 1) || ' ' || split_part(substr(v_content, v_query), ' ', 2);
  end if;
  return v_mark || monitoring.mask_values(v_content) || case v_mark when '=' then '' else v_mark end;
end
$$;

comment on function monitoring.mask_named_value(text, text, text) is
'Replaces by <*> a quoted value or the value of key=value, unless it is an identifier: see is_identifier(). What is
in backquotes is code and stays. A path loses its query string and fragment.';

create function monitoring.is_part_of_a_value(word text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return lower(is_part_of_a_value.word) in (
    -- units
    'ns', 'us', 'µs', 'ms', 's', 'sec', 'secs', 'second', 'seconds', 'min', 'mins', 'minute', 'minutes', 'h', 'hour',
    'hours', 'day', 'days', 'b', 'kb', 'mb', 'gb', 'tb', 'kib', 'mib', 'gib', 'byte', 'bytes',
    -- times of day and time zones
    'am', 'pm', '上午', '下午', '午前', '午後', '오전', '오후', 'uhr', 'utc', 'gmt', 'at', 'um', 'à', 'às', 'de',
    -- months and weekdays
    'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'sept', 'oct', 'nov', 'dec',
    'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun',
    'january', 'february', 'march', 'april', 'june', 'july', 'august', 'september', 'october', 'november', 'december',
    'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday',
    'januar', 'februar', 'märz', 'mai', 'juni', 'juli', 'oktober', 'dezember', 'mär', 'okt', 'dez',
    'montag', 'dienstag', 'mittwoch', 'donnerstag', 'freitag', 'samstag', 'sonntag',
    'janvier', 'février', 'mars', 'avril', 'juin', 'juillet', 'août', 'septembre', 'octobre', 'novembre', 'décembre',
    'lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi', 'dimanche',
    'enero', 'febrero', 'marzo', 'abril', 'mayo', 'junio', 'julio', 'agosto', 'septiembre', 'octubre', 'noviembre',
    'diciembre', 'lunes', 'martes', 'miércoles', 'jueves', 'viernes', 'sábado', 'domingo',
    'janeiro', 'fevereiro', 'março', 'maio', 'junho', 'julho', 'setembro', 'outubro', 'novembro', 'dezembro',
    'gennaio', 'febbraio', 'aprile', 'maggio', 'giugno', 'luglio', 'settembre', 'ottobre', 'dicembre'
  );
end
$$;

comment on function monitoring.is_part_of_a_value(text) is
'Returns whether a word next to a number belongs to it: a unit, a month, a weekday, a time zone.';

create function monitoring.mask_values(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_values constant text := $pattern$(?x)
    # quoted text: an escaped or doubled quote, and an apostrophe in a word, do not end it
    "(?:[^"\\]|\\.)*" | `[^`]*` | (?<![A-Za-z0-9_])'(?:[^'\\]|\\.|''|'(?=\w))*'(?![A-Za-z0-9_])
    # path with a query string or a fragment
    | /[^\s?#"'`<>]*[?#][^\s"'`<>)\]]*
    # key=value, (key)=(value)
    | (?<=\w)=[^\s"'`=<>,;&(){}\[\]0-9][^\s"'`=<>,;&(){}\[\]]* | (?<=\))=\([^()]*\)
    # e-mail address, from its @
    | @[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}
    # name of a user
    | [Uu]ser(?:name)?:?[ ][A-Za-z_][\w.@\\-]*
    # IPv6 or MAC address
    | (?<![0-9A-Za-z])[0-9A-Fa-f]*(?::[0-9A-Fa-f]*)+:[0-9A-Fa-f]+(?![0-9A-Za-z])
    # word with a digit: number, date, time, duration, size, hash, id, IPv4 address and port
    | (?:(?<![0-9A-Za-z_.:])[+])?
      [0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*(?:[.,:/'+]+[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*)*(?:==?(?![^\s"'),;]))?
    # hash without a digit in the name of a bundle
    | -[A-Za-z_]{8}(?=\.(?:js|mjs|css)\M)
  $pattern$;
  -- Text and values in turn.
  v_parts text[] := string_to_array(
    regexp_replace(mask_values.message collate "C", c_values, e'\x02\\&\x02', 'g'), e'\x02'
  );
  v_before text collate "C";
  v_value text collate "C";
  v_after text collate "C";
  v_first text collate "C";
  v_word text collate "C";
begin
  for v_place in 1..cardinality(v_parts) / 2 loop
    v_before := v_parts[2 * v_place - 1];
    v_value := v_parts[2 * v_place];
    v_after := v_parts[2 * v_place + 1];
    v_first := left(v_value, 1);
    if v_before in (':', ': ', '=', ' : ') and v_place > 1 then
      v_before := v_parts[2 * v_place - 2] || v_before; -- "key": "value"
    end if;
    if v_first in ('"', '''', '`', '=', '/') then
      v_parts[2 * v_place] := monitoring.mask_named_value(v_before, v_value, v_after);
    elsif v_first = '@' then
      v_parts[2 * v_place - 1] := rtrim(
        v_before, '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-'
      );
      v_parts[2 * v_place] := '<*>';
    elsif v_first in ('u', 'U') and v_value like '_ser% _%' then
      v_word := split_part(v_value, ' ', 2);
      v_parts[2 * v_place] := split_part(v_value, ' ', 1) || ' ' || case
        when v_value like '%: %' or v_before like any(array['%for ', '%by ', '%from ', '%invalid ', '%unknown ']) then '<*>'
        when translate(v_word, '0123456789', '') <> v_word then monitoring.mask_values(v_word)
        else v_word
      end;
    else
      if v_before = ' ' and (v_parts[2 * v_place - 3] like '%/' or v_parts[2 * v_place - 2] like '%HTTP/_%') then
        v_before := '/ '; -- GET /posts/7 404, "GET /posts HTTP/1.1" 404
      end if;
      v_value := monitoring.mask_number(v_before, v_value, v_after);
      v_parts[2 * v_place] := v_value;
      continue when right(v_value, 3) <> '<*>';
      v_first := left(v_after, 1);
      if v_first = ' ' then
        v_word := rtrim(split_part(v_after, ' ', 2), '.,;:)');
        if length(v_word) between 1 and 10 and monitoring.is_part_of_a_value(v_word) then
          v_parts[2 * v_place + 1] := substr(v_after, 2 + length(v_word));
        end if;
      elsif v_first in ('年', '月', '日', '時', '分', '秒', '时', '년', '월', '일') then
        v_parts[2 * v_place + 1] := substr(v_after, 2);
      end if;
      while right(v_before, 1) in (' ', '/', '-', '午', '전', '후') loop
        v_word := ltrim(split_part(rtrim(v_before, ' ,/-'), ' ', -1), '([-/');
        exit when length(v_word) not between 2 and 10 or not monitoring.is_part_of_a_value(v_word);
        v_before := left(v_before, length(rtrim(v_before, ' ,/-')) - length(v_word));
        v_parts[2 * v_place - 1] := v_before;
      end loop;
    end if;
  end loop;
  return array_to_string(v_parts, '');
end
$$;

comment on function monitoring.mask_values(text) is
'Replaces the values in a message by <*>. One regular expression finds what can be a value; the words around it decide
whether it is one or identifies the error.';

create function monitoring.normalize_error_message(message text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text collate "C" := monitoring.unquote_message(
    monitoring.extract_message_head(normalize_error_message.message)
  );
  v_template text collate "C";
  v_rest text collate "C";
begin
  v_text := replace(replace(v_text, '+[redacted]', '<*>'), '[redacted]', '<*>');
  while strpos(v_text, '  ') > 0 loop
    v_text := replace(v_text, '  ', ' ');
  end loop;
  if v_text !~ '["''`=?#@0-9]|ser |ser:|\.js|\.css' then
    return btrim(v_text);
  end if;
  v_template := monitoring.mask_values(v_text);
  v_rest := replace(v_template, '<*>', '');
  if lower(v_rest) = upper(v_rest) and octet_length(v_rest) = length(v_rest) then
    -- Without a word left, all such messages would be equal: mask only what is not quoted.
    v_template := monitoring.mask_values(translate(v_text, case when strpos(v_text, '"') > 0 then '"' else '''' end, ''));
  end if;
  loop
    v_rest := v_template;
    v_template := replace(replace(replace(v_template, '<*> <*>', '<*>'), '<*>, <*>', '<*>'), '<*><*>', '<*>');
    exit when v_template = v_rest;
  end loop;
  return btrim(v_template);
end
$$;

comment on function monitoring.normalize_error_message(text) is
'Returns the template of an error message: values become <*>, several in a row one. Values are numbers, ids, hashes,
IP and e-mail addresses, dates, durations, sizes, quoted data, key=value, names of users, literals of SQL; query strings
are removed. Identifiers stay: quoted names of columns, properties, hosts and the like, HTTP statuses, error codes,
ports of services. Uses the first 3 lines of the first 1,024 characters.';

create function monitoring.extract_root_trace(trace text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_longest constant integer := 65536;
  v_text text collate "C" := extract_root_trace.trace;
  v_mark text;
  v_place integer;
begin
  if octet_length(v_text) > c_longest then
    v_text := left(v_text, c_longest / 2) || e'\n' || right(v_text, c_longest / 2);
  end if;
  -- The cause comes first.
  foreach v_mark in array array[
    e'\n\nThe above exception was the direct cause of', e'\n\nDuring handling of the above exception', e'\n\nNext '
  ] loop
    v_place := strpos(v_text, v_mark);
    if v_place > 0 then
      v_text := left(v_text, v_place - 1);
    end if;
  end loop;
  -- The cause comes last.
  foreach v_mark in array array['Caused by: ', '[cause]: ', ' ---> ', e'Caused by:\n'] loop
    v_place := strpos(v_text, v_mark);
    if v_place > 0 then
      v_text := split_part(v_text, v_mark, -1);
    end if;
  end loop;
  v_place := strpos(v_text, '--- End of inner exception stack trace ---');
  if v_place > 0 then
    v_text := left(v_text, v_place - 1);
  end if;
  return v_text;
end
$$;

comment on function monitoring.extract_root_trace(text) is
'Returns the part of a printed chain of exceptions that belongs to the root cause: the first traceback of Python or
PHP, what follows the last "Caused by:" of Java, Ruby or Rust, "[cause]:" of Node or "--->" of .NET. Other text is
returned unchanged.';

create function monitoring.read_stack_frame(line text, line_before text, out file text, out function text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_line text collate "C" := btrim(read_stack_frame.line, e' \t\r|');
begin
  if v_line like 'File "%", line %' then -- Python
    file := split_part(v_line, '"', 2);
    function := split_part(v_line, ', in ', 2);
  elsif v_line like 'at % in %:line %' then -- .NET
    file := split_part(split_part(v_line, ' in ', -1), ':line ', 1);
    function := split_part(substr(v_line, 4), '(', 1);
  elsif v_line like 'at %(%' then -- JavaScript in V8, Java, .NET without symbols, Sentry
    v_line := substr(v_line, 4);
    function := rtrim(split_part(v_line, '(', 1));
    file := rtrim(substr(v_line, strpos(v_line, '(') + 1), ')');
    file := case when strpos(file, ':') > 0 or file like any(array['%.java', '%.kt', '<%']) then file end;
  elsif v_line like 'at %' then -- JavaScript in V8 without a name; Rust, whose name is in the line before
    file := case when v_line like 'at async %' then substr(v_line, 10) else substr(v_line, 4) end;
    function := case when read_stack_frame.line_before like '%: %::%' then split_part(line_before, ': ', 2) else '' end;
  elsif v_line like '#%(%): %' then -- PHP
    file := substr(split_part(v_line, '(', 1), strpos(v_line, ' ') + 1);
    function := split_part(split_part(v_line, '): ', 2), '(', 1);
  elsif v_line like '#% %(%:%)' then -- Dart
    file := rtrim(split_part(v_line, '(', -1), ')');
    function := btrim(split_part(substr(v_line, strpos(v_line, ' ')), '(', 1));
  elsif v_line like '%:%:in %' then -- Ruby
    file := split_part(case when v_line like 'from %' then substr(v_line, 6) else v_line end, ':', 1);
    function := split_part(btrim(split_part(v_line, ':in ', 2), '`'''), ' in ', -1);
  elsif v_line like any(array[
    '(elixir %', '(stdlib %', '(kernel %', '(ecto%', '(phoenix%', '(plug%', '(db_connection %', '(postgrex %'
  ]) then
    null; -- libraries of Elixir
  elsif v_line like '(%) %.ex%:%: %' then -- Elixir
    file := split_part(split_part(v_line, ') ', 2), ':', 1);
    function := split_part(split_part(v_line, ': ', 2), '/', 1);
  elsif v_line like '%.go:%' then -- Go, whose name is in the line before
    file := split_part(v_line, ' ', 1);
    function := left(line_before, length(line_before) - length(split_part(line_before, '(', -1)) - 1);
    function := split_part(function, '.', -1);
  elsif v_line like '%@%:%' and strpos(split_part(v_line, '@', 1), ' ') = 0 then -- JavaScript in Firefox and Safari
    function := split_part(v_line, '@', 1);
    file := substr(v_line, strpos(v_line, '@') + 1);
  elsif v_line like '% at %.swift:%' then -- Swift
    file := split_part(v_line, ' at ', -1);
    function := split_part(split_part(split_part(v_line, ' in ', -1), ' at ', 1), '(', 1);
  end if;
end
$$;

comment on function monitoring.read_stack_frame(text, text) is
'Returns the file (with its line) and the function of one line of a stack, in the notation of JavaScript, Python, Java,
.NET, PHP, Ruby, Go, Rust, Dart, Elixir, Swift or Sentry. Both are null for other lines.';

create function monitoring.is_library_frame(file text, function text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $$
  select coalesce(translate(is_library_frame.file, e'\\', '/') like any(array[
    '%node_modules/%', 'node:%', 'internal/%', '%site-packages/%', '%dist-packages/%', '%/vendor/%', 'vendor/%', '%/gems/%',
    '%/rubygems/%', '%/lib/python%', '%/lib/ruby/%', '%<%>%', 'native%', '%[native code]%', '%[internal%',
    '%/go/pkg/mod/%', '%/usr/local/go/%', '%/usr/lib/%', '%/rustc/%', '%/.cargo/%', 'dart:%', 'package:flutter/%',
    '%-extension:%', '%webpack/runtime%', '%webpack/bootstrap%', '%(webpack)%', '%/next/dist/%', '%polyfill%',
    'eval at %', '%/deps/%', 'deps/%', 'timers.js%', 'events.js%', '_stream%', 'module.js%', '%react-dom%', '%zone.js%',
    '%Native Method%', '%Unknown Source%', 'java.base/%', '%/lib/elixir/%', '%/Swift.framework/%'
  ]), false)
  or coalesce(is_library_frame.function like any(array[
    'java.%', 'java%/java.%', 'java.%/%', 'jdk.%', 'javax.%', 'jakarta.%', 'sun.%', 'com.sun.%', 'kotlin.%', 'kotlinx.%', 'scala.%',
    'groovy.%', 'android.%', 'androidx.%', 'dalvik.%', 'com.android.%', 'org.springframework.%', 'org.apache.%',
    'org.hibernate.%', 'org.eclipse.%', 'org.jboss.%', 'org.postgresql.%', 'org.h2.%', 'org.junit.%', 'org.mongodb.%',
    'com.mysql.%', 'com.mongodb.%', 'com.zaxxer.%', 'com.fasterxml.%', 'com.google.%', 'io.netty.%', 'io.grpc.%',
    'io.lettuce.%', 'io.micrometer.%', 'io.undertow.%', 'reactor.%', 'okhttp3.%', 'retrofit2.%', 'feign.%', 'redis.clients.%',
    'oracle.%', 'System.%', 'Microsoft.%', 'Npgsql.%', 'MySql%.%', 'Newtonsoft.%', 'StackExchange.%', 'Polly.%',
    'runtime.%', 'http.(%', 'sql.(%', 'net.(%', 'core::%', '<core::%', 'std::%', '<std::%', 'alloc::%', '<alloc::%', 'tokio::%',
    'rust_begin_unwind%', '__rust%', 'Illuminate\\%', 'Symfony\\%', 'Doctrine\\%', '{main}%'
  ]), false)
$$;

comment on function monitoring.is_library_frame(text, text) is
'Returns whether a stack frame belongs to a library, a framework, the language or its runtime.';

create function monitoring.simplify_file_name(file text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_file text collate "C" := translate(split_part(simplify_file_name.file, '?', 1), e'\\', '/');
  v_name text collate "C";
  v_folder text collate "C";
begin
  v_file := split_part(rtrim(v_file, ':0123456789 '), ' +0x', 1);
  if strpos(v_file, '://') > 0 then
    v_file := split_part(v_file, '://', -1);
    v_file := substr(v_file, strpos(v_file || '/', '/'));
  end if;
  v_name := monitoring.mask_values(split_part(v_file, '/', -1));
  v_folder := split_part(v_file, '/', -2);
  -- Folders whose name depends on the deploy or the build tool.
  if strpos(v_file, '/') = 0 or translate(v_folder, '0123456789', '') <> v_folder or v_folder in (
    '', '.', '..', 'app', 'src', 'dist', 'build', 'lib', 'out', 'current', 'release', 'releases', 'html', 'www', 'code',
    'task', 'workspace', 'public', 'assets', 'static', 'js', 'chunks', 'main', 'srv', 'opt', 'home', 'tmp'
  ) then
    return v_name;
  end if;
  return v_folder || '/' || v_name;
end
$$;

comment on function monitoring.simplify_file_name(text) is
'Returns the last folder and the name of a source file, without line, host, folders of the deploy, hash and version:
what stays the same from one release to the next.';

create function monitoring.simplify_function_name(function text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_name text collate "C" := split_part(simplify_function_name.function, ' [as ', 1);
begin
  if v_name like '%::h________________' then -- Rust
    v_name := left(v_name, -19);
  end if;
  if v_name like '%<_%>%' and v_name not like '<%' then -- Foo.<BarAsync>d__12.MoveNext
    v_name := split_part(split_part(v_name, '>', 1 + length(v_name) - length(replace(v_name, '>', '')) - 1), '<', -1);
  end if;
  v_name := split_part(split_part(split_part(v_name, '/<', 1), repeat('$', 2), 1), '(', 1);
  v_name := replace(replace(replace(v_name, '::{{closure}}', ''), 'lambda$', ''), '.<anonymous closure>', '');
  v_name := split_part(translate(v_name, ' :#>\', '.....'), '.', -1);
  v_name := rtrim(split_part(v_name, '$', 1), '0123456789');
  return case when v_name like '<%' or v_name in ('?', 'module', 'anonymous') then '' else v_name end;
end
$$;

comment on function monitoring.simplify_function_name(text) is
'Returns the last name of a qualified function, without arguments, number and what compilers add. Empty for an
anonymous function.';

create function monitoring.find_culprit(stack text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_lines constant integer := 200;
  v_trace text collate "C" := monitoring.extract_root_trace(find_culprit.stack);
  v_lines text[] := string_to_array(v_trace, e'\n');
  v_count integer := cardinality(v_lines);
  v_is_newest_last boolean := strpos(v_trace, '  File "') > 0;
  v_frame record;
  v_place integer;
  v_file text collate "C";
  v_name text collate "C";
begin
  for v_step in 1..least(v_count, c_most_lines) loop
    v_place := case when v_is_newest_last then v_count + 1 - v_step else v_step end;
    continue when length(v_lines[v_place]) < 6 or length(v_lines[v_place]) > 1000;
    v_frame := monitoring.read_stack_frame(v_lines[v_place], v_lines[v_place - 1]);
    continue when coalesce(v_frame.file, v_frame.function, '') = ''
      or monitoring.is_library_frame(v_frame.file, v_frame.function);
    v_name := monitoring.simplify_function_name(coalesce(v_frame.function, ''));
    -- What calls a function again or later says nothing about the error.
    continue when lower(v_name) in (
      'retry', 'withretry', 'with_retry', 'retrying', 'attempt', 'wrapper', 'wrapped', 'inner', 'decorated', 'trycatch',
      'asynchandler', 'catchasync', 'asyncgeneratorstep', '__awaiter', 'step', 'fulfilled', 'rejected', '_next', '_throw',
      'movenext', 'promise', 'then'
    );
    v_file := monitoring.simplify_file_name(coalesce(v_frame.file, ''));
    if length(v_name) between 1 and 2 or (v_name = '' and (v_file = '' or strpos(v_file, '<*>') > 0)) then
      return null; -- minified
    end if;
    if v_file = '' then
      v_file := split_part(split_part(v_frame.function, '(', 1), '.', -2); -- the class, in .NET without symbols
    end if;
    return concat_ws(' in ', nullif(v_file, ''), nullif(v_name, ''));
  end loop;
  return null;
end
$$;

comment on function monitoring.find_culprit(text) is
'Returns the file and the function of the newest frame of a stack that belongs to the program itself, as in
"orders/service.ts in checkout". Of a chain of exceptions, the stack of the root cause counts. Null without such a
frame, and for minified names. Lines and columns do not matter, nor do frames of libraries and wrappers for retries.';

create function monitoring.fingerprint_error(
  message text,
  error_type text,
  source text,
  environment text default null,
  error_code text default null,
  stack text default null
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_code text := btrim(fingerprint_error.error_code);
  v_culprit text;
begin
  if fingerprint_error.stack is not null then
    v_culprit := monitoring.find_culprit(fingerprint_error.stack);
  end if;
  -- Each part is preceded by its length, so that different parts give different texts.
  return left(
    encode(
      sha256(
        convert_to(
          concat(
            octet_length(coalesce(btrim(fingerprint_error.error_type), '')), ':', btrim(fingerprint_error.error_type),
            octet_length(coalesce(btrim(fingerprint_error.source), '')), ':', btrim(fingerprint_error.source),
            octet_length(coalesce(btrim(fingerprint_error.environment), '')), ':', btrim(fingerprint_error.environment),
            octet_length(coalesce(v_code, '')), ':', v_code,
            octet_length(coalesce(v_culprit, '')), ':', v_culprit,
            monitoring.normalize_error_message(coalesce(fingerprint_error.message, ''))
          ), 'UTF8'
        )
      ), 'hex'
    ), 32
  );
end
$$;

comment on function monitoring.fingerprint_error(text, text, text, text, text, text) is
'Returns 32 hex digits that are the same for each occurrence of an error: a hash of its type, source, environment and
code, its culprit (see find_culprit()) and the template of its message (see normalize_error_message()). The message must
be sanitized; null counts as empty, so reports without an environment share one of their own.';
