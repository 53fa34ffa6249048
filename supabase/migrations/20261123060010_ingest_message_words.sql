-- Purpose: tells what identifies an error from what differs with each occurrence, by the words in its message.
-- Objects: functions monitoring.is_identifier, monitoring.is_error_number, monitoring.begins_error_tuple,
--   monitoring.is_part_of_a_value, monitoring.mask_word.
-- Risks: a changed word or pattern changes the fingerprint of errors that are stored already: their next occurrence
--   opens a second incident.

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
  c_marks constant text := '"''`([{<,;:=. ';
  v_word text collate "C" := split_part(rtrim(right(is_identifier.before, 40), c_marks), ' ', -1);
begin
  v_word := lower(split_part(translate(v_word, c_marks, '             '), ' ', -1));
  -- A name that is introduced by what it is the name of.
  if v_word in ('user', 'username', 'login', 'usuario', 'usuário', 'utilisateur', 'benutzer', 'entry', 'value', 'near') then
    return is_identifier.value like any(array['...%', '${%']); -- code, cut by the browser; a reference
  elsif v_word = 'name' then
    return is_identifier.before like '% '; -- "name": is the name of anything
  elsif v_word in ('into', 'from', 'update', 'join') and (
    lower(is_identifier.before) like any(array['%insert into %', '%delete from %', '%select % from %', '% join %'])
    or is_identifier.after like any(array[' set %', ' SET %'])
  ) then
    return true; -- the table of a statement
  elsif v_word in (
    -- databases
    'table', 'column', 'relation', 'constraint', 'index', 'view', 'schema', 'database', 'role', 'policy', 'trigger',
    'sequence', 'type', 'function', 'procedure', 'operator', 'extension', 'enum', 'reference', 'parameter',
    'collection', 'tablename', 'table_name', 'column_name', 'constraint_name', 'privilege', 'permission',
    -- programs
    'property', 'reading', 'setting', 'evaluating', 'attribute', 'module', 'key', 'prop', 'method', 'class', 'field',
    'argument', 'variable', 'constant', 'package', 'library', 'assembly', 'component', 'directive', 'pipe', 'provider',
    'template', 'import', 'export', 'named', 'resolve', 'execute', 'construct', 'invoke', 'call', 'of', 'on', 'hook',
    'event', 'interface', 'trait', 'struct', 'member', 'option', 'header', 'feature', 'flag', 'config', 'command',
    'script', 'plugin', 'bind', 'injector', 'route', 'action', 'operation', 'mutation', 'identifier', 'symbol', 'getter', 'params',
    'access', 'selector', 'filter', 'helper', 'imported', 'defined', 'object', 'stringvalue', 'logger', 'model',
    'entity', 'placeholder', 'bean', 'env',
    -- services
    'task', 'job', 'queue', 'topic', 'exchange', 'bucket', 'service', 'host', 'hostname', 'server', 'upstream', 'zone',
    'domain', 'container', 'image', 'deployment', 'vhost', 'secret', 'configmap', 'workflow', 'step', 'stage', 'cluster',
    'group', 'path', 'scope', 'request', 'port', 'secrets', 'configmaps', 'services', 'apps', 'jobs', 'namespaces',
    -- what tells one error from another
    'error', 'err', 'message', 'msg', 'reason', 'detail', 'details', 'code', 'errorcode', 'status', 'statuscode', 'level',
    'exception', 'issue', 'kind', 'desc', 'description', 'cause', 'errno', 'syscall', 'signal', 'fault',
    -- German, French, Spanish, Portuguese, Italian
    'spalte', 'tabelle', 'sicht', 'schlüssel', 'funktion', 'datenbank', 'rolle', 'typ', 'eigenschaft', 'attribut',
    'modul', 'feld', 'colonne', 'contrainte', 'unique', 'étrangère', 'clé', 'clef', 'vue', 'fonction', 'rôle',
    'propriété', 'champ', 'schéma', 'politique', 'columna', 'tabla', 'relación', 'restricción', 'unicidad', 'llave',
    'foránea', 'clave', 'función', 'vista', 'propiedad', 'atributo', 'módulo', 'campo', 'esquema', 'política', 'rol',
    'coluna', 'tabela', 'relação', 'restrição', 'unicidade', 'chave', 'estrangeira', 'função', 'propriedade', 'visão',
    'banco', 'datos', 'données', 'dados', 'tabella', 'colonna', 'relazione', 'vincolo', 'chiave', 'funzione', 'proprietà'
  ) then
    return true;
  elsif v_word like '%error' or v_word like '%exception' then
    return true; -- KeyError('total')
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
    ' argument%', ' table%', ' violates %', ' was accessed%', ' context%', ' handler%', '違反%', 'は存在しません%'
  ])
  -- The message of another error.
  or (
    is_identifier.before like '%: ' and is_identifier.before not like '%": '
    and is_identifier.value like '_% _% _%' and left(is_identifier.value, 1) between 'A' and 'Z'
  )
  -- A package of PL/SQL.
  or (is_identifier.before like '% at ' and is_identifier.after like ', line %')
  -- Addresses, and files of the program: not those of a user, and no temporary ones.
  or is_identifier.value like 'http%://%' or is_identifier.before like '%panicked at '
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
  c_marks constant text := '"''`([{<,;:=.#- ';
  v_word text collate "C";
  v_number text collate "C" := ltrim(is_error_number.value, '-');
  v_length integer := length(v_number);
  v_host text collate "C";
begin
  if v_length > 5 or translate(v_number, '0123456789', '') <> '' then
    return false;
  end if;
  v_word := split_part(rtrim(right(is_error_number.before, 40), c_marks), ' ', -1);
  v_word := lower(split_part(translate(v_word, c_marks, '               '), ' ', -1));
  if v_word = '' then
    return false;
  elsif v_word in (
    'code', 'errorcode', 'statuscode', 'errcode', 'status', 'http', 'errno', 'winerror', 'sqlstate', 'signal', 'exit',
    'exited', 'alert', 'curl', 'smtp', 'código', 'codice', 'fehlercode', 'コード'
  ) or (strpos(v_word, '_') > 0 and split_part(v_word, '_', -1) in ('code', 'status', 'errno'))
    or lower(is_error_number.before) like any(array['%error number:', '%error number: ', '%error, data ']) then
    return true;
  elsif v_word = 'port' or (right(is_error_number.before, 1) = ':' and v_length >= 2) then
    -- A port of a service. Those from 32768 on are ephemeral. After the name of a source file it is a line.
    v_host := split_part(is_error_number.before, ' ', -1);
    return v_number::integer < 32768 and (
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
    return lower(is_error_number.before) like any(array['%os error ', '%ot error ', '%curl error ']);
  end if;
  -- "error 1205" and "returned 404" are codes; "returned 404 rows" is a count.
  return (
    v_word in ('error', 'err', 'fehler', 'erreur', 'erro', 'errore', 'msg', 'meldung')
    or (
      v_length = 3 and v_number between '400' and '599' and is_error_number.before like '%: '
      and lower(is_error_number.before) like any(array['%smtp%', '%mail%', '%ftp%'])
    )
    -- SQLSTATE[23000]: Integrity constraint violation: 1452
    or (v_length = 4 and is_error_number.before like ']: %: ')
    or (
      v_length = 3 and v_number between '100' and '599' and (
        (strpos(v_word, '/') > 0 and is_error_number.before like '% ')
        or v_word in (
          'returned', 'with', 'in', 'answered', 'replied', 'got', 'of', 'received', 'response', 'responded', 'upstream'
        )
      )
    )
  )
  and is_error_number.after not like ' --- [%' -- the process, in a line of Spring
  and split_part(translate(is_error_number.after, '.,;:)', '     '), ' ', 2) not in (
    'rows', 'items', 'records', 'results', 'entries', 'bytes', 'times', 'requests', 'messages', 'ms', 'jobs', 'events',
    'files', 'users', 'orders', 'seconds', 'documents', 'errors', 'more'
  );
end
$$;

comment on function monitoring.is_error_number(text, text, text) is
'Returns whether a number identifies the error, by the words around it: an HTTP status, an errno, an SQLSTATE, an exit
code, the number of an error, or the port of the service that failed.';

create function monitoring.begins_error_tuple(before text, value text, after text, following text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  -- lookup failed: (5, 'New York') has a key of data.
  return (
    begins_error_tuple.before like any(array['%Error: (', '%Exception: (', '%Error(', '%Exception('])
    or length(begins_error_tuple.value) > 2
    and (begins_error_tuple.before = '(' or begins_error_tuple.before like any(array['%: (', '%) (']))
  )
  and begins_error_tuple.before not like '%KeyError%'
  and (
    begins_error_tuple.after like any(array[', b''%', ', b"%'])
    or begins_error_tuple.after = ', '
    and begins_error_tuple.following like any(array['"% %', '''% %', '''%\_%'])
  )
  and (
    length(begins_error_tuple.value) <= 5 and translate(begins_error_tuple.value, '0123456789', '') = ''
    or begins_error_tuple.value like '''_____''' -- an SQLSTATE
  );
end
$$;

comment on function monitoring.begins_error_tuple(text, text, text, text) is
'Returns whether a number or an SQLSTATE, with this text before and after it and this following value, is the first of
two arguments of an exception of Python, which are the number and the message of an error: OperationalError: (2006,
''MySQL server has gone away'').';

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
    'января', 'февраля', 'марта', 'апреля', 'мая', 'июня', 'июля', 'августа', 'сентября', 'октября', 'ноября',
    'декабря',
    'gennaio', 'febbraio', 'aprile', 'maggio', 'giugno', 'luglio', 'settembre', 'ottobre', 'dicembre'
  );
end
$$;

comment on function monitoring.is_part_of_a_value(text) is
'Returns whether a word next to a number belongs to it: a unit, a month, a weekday, a time zone.';

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
    v_letters := translate(v_piece, '0123456789.,/''+=', '');
    v_digits := length(v_piece) - length(v_letters);
    if v_template like '%<*>' and (v_digits > 0 or translate(lower(v_piece), 'aeiou', '') = lower(v_piece)) then
      continue; -- more of the same id: the last part of the name of a pod is 5 letters or digits without vowels
    elsif v_digits = 0 then
      if length(v_piece) >= 8 and lower(v_piece) <> v_piece and upper(v_piece) <> v_piece
        and initcap(v_piece) <> v_piece and v_piece !~ c_name then
        v_piece := '<*>';
      end if;
    elsif starts_with(v_piece, v_letters) and upper(v_piece) = v_piece and v_letters <> '' and v_digits <= 6
      and translate(v_piece, '.,/', '') = v_piece then
      null; -- the code of a vendor: NG0100, H12, TS2345, E11000
    elsif v_piece < ':' or v_digits >= 3 and length(v_piece) < 10 and not starts_with(v_piece, v_letters) then
      v_piece := '<*>'; -- a number with its unit, or letters between digits
    elsif length(v_piece) >= 5 and translate(lower(v_letters), 'abcdef', '') = '' then
      v_piece := '<*>'; -- hexadecimal
    elsif length(v_letters) <= 3 and starts_with(v_piece, v_letters) then
      v_piece := v_letters || '<*>'; -- v1.2.3
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
