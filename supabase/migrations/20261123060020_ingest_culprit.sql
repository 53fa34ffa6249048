-- Purpose: finds the file and the function of the program that an error comes from, in the stacks of all languages.
-- Objects: functions monitoring.extract_root_trace, monitoring.read_stack_frame, monitoring.is_library_frame,
--   monitoring.simplify_file_name, monitoring.simplify_function_name, monitoring.find_culprit,
--   monitoring.list_program_frames.
-- Risks: reads untrusted text of up to 32 kB: at most 200 of its lines. A changed rule changes the fingerprint of
--   errors that are stored already.

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
  if strpos(v_text, 'aused by:') = 0 and strpos(v_text, 'e above exception') = 0 and strpos(v_text, e'\n\nNext ') = 0
    and strpos(v_text, '[cause]: ') = 0 and strpos(v_text, ' ---> ') = 0 and strpos(v_text, '--- End of inner ') = 0 then
    return v_text; -- most stacks
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
  elsif v_line like 'at %:%' then -- JavaScript in V8 without a name; Rust, whose name is in the line before
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
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_function text collate "C" := coalesce(is_library_frame.function, '');
  v_file text collate "C" := translate(coalesce(is_library_frame.file, ''), e'\\', '/');
  v_root text collate "C" := split_part(v_function, '.', 1);
begin
  -- Names first, because stacks of Java have many frames.
  return v_root in (
    'java', 'javax', 'jakarta', 'jdk', 'sun', 'kotlin', 'kotlinx', 'scala', 'groovy', 'android', 'androidx', 'dalvik',
    'reactor', 'okhttp3', 'retrofit2', 'feign', 'oracle', 'System', 'Microsoft', 'Npgsql', 'MySql', 'MySqlConnector',
    'Newtonsoft', 'StackExchange', 'Polly', 'Promise', 'async Promise'
  )
  or v_root || '.' || split_part(v_function, '.', 2) in (
    'com.sun', 'com.android', 'com.mysql', 'com.mongodb', 'com.zaxxer', 'com.fasterxml', 'com.google', 'org.springframework',
    'org.apache', 'org.hibernate', 'org.eclipse', 'org.jboss', 'org.postgresql', 'org.h2', 'org.junit', 'org.mongodb',
    'io.netty', 'io.grpc', 'io.lettuce', 'io.micrometer', 'io.undertow', 'redis.clients'
  )
  or v_function like any(array[
    'java%/java%', 'core::%', '<core::%', 'std::%', '<std::%', 'alloc::%', '<alloc::%', 'tokio::%', 'rust_begin_unwind%',
    '__rust%', 'Illuminate\\%', 'Symfony\\%', 'Doctrine\\%', '{main}%', 'lambda_method%', '%$_Lambda%', '%$Proxy%',
    '%GeneratedMethodAccessor%', '%$_FastClass%', '%CGLIB$_%'
  ])
  or v_file like any(array[
    '%node_modules/%', 'node:%', 'internal/%', '%site-packages/%', '%dist-packages/%', '%/vendor/%', 'vendor/%', '%/gems/%',
    '%/rubygems/%', '%/lib/python%', '%/lib/ruby/%', '%<%>%', 'native%', '%[native code]%', '%[internal%',
    '%/go/pkg/mod/%', '%/usr/local/go/%', '%/src/runtime/%.go%', '%/usr/lib/%', '%/rustc/%', '%/.cargo/%', 'dart:%', 'package:flutter/%',
    '%-extension:%', '%webpack/runtime%', '%webpack/bootstrap%', '%(webpack)%', '%/next/dist/%', '%polyfill%',
    'eval at %', '%/deps/%', 'deps/%', 'timers.js%', 'events.js%', '_stream%', 'module.js%', '%react-dom%', '%zone.js%',
    '%Native Method%', '%Unknown Source%', 'java.base/%', '%/lib/elixir/%', '%/Swift.framework/%',
    '%/Python3%/Lib/%', '/var/runtime/%', '/var/lang/%'
  ]);
end
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
  if v_name like '\_app\_views\_%' then -- compiled templates of Rails
    v_name := split_part(v_name, '__', 1);
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

create function monitoring.list_program_frames(stack text, most_frames integer)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $$
declare
  c_most_lines constant integer := 200;
  v_trace text collate "C" := monitoring.extract_root_trace(list_program_frames.stack);
  v_lines text[] := string_to_array(v_trace, e'\n');
  v_count integer := cardinality(v_lines);
  v_is_newest_last boolean := strpos(v_trace, '  File "') > 0;
  v_frame record;
  v_line text;
  v_place integer;
  v_frames text[] := '{}'::text[];
begin
  for v_step in 1..least(v_count, c_most_lines) loop
    exit when cardinality(v_frames) >= list_program_frames.most_frames;
    v_place := case when v_is_newest_last then v_count + 1 - v_step else v_step end;
    v_line := btrim(v_lines[v_place], e' \t\r');
    continue when length(v_line) not between 6 and 1000;
    v_frame := monitoring.read_stack_frame(v_lines[v_place], v_lines[v_place - 1]);
    continue when coalesce(v_frame.file, v_frame.function, '') = ''
      or monitoring.is_library_frame(v_frame.file, v_frame.function);
    v_frames := v_frames || left(
      case
        -- Python prints the code below a frame, Go and Rust print the function above it.
        when v_is_newest_last and v_lines[v_place + 1] like '    _%'
          then v_line || ': ' || btrim(v_lines[v_place + 1], e' \t\r')
        when v_frame.function <> '' and strpos(v_line, v_frame.function) = 0
          then btrim(v_lines[v_place - 1], e' \t\r') || ' ' || v_line
        else v_line
      end,
      300
    );
  end loop;
  return v_frames;
end
$$;

comment on function monitoring.list_program_frames(text, integer) is
'Returns the newest frames of a stack that belong to the program itself, newest first, each as one line of at most 300
characters. Of a chain of exceptions, the stack of the root cause counts. Empty without such a frame.';
