begin;

select plan(8);

-- Returns why the field cannot have the value, or null.
create function pg_temp.find_problem(field text, value text) returns text
language plpgsql
as $$
begin
  update public.system_config
  set value = jsonb_build_object(find_problem.field, find_problem.value)
  where key = 'health_check_policy';
  return null;
exception
  when check_violation then
    return sqlerrm;
end
$$;

create function pg_temp.make_logo(kind text, image bytea) returns text
language sql
as $$
  select format('data:image/%s;base64,%s', make_logo.kind, translate(encode(make_logo.image, 'base64'), e'\n', ''))
$$;

create function pg_temp.make_svg(content text) returns text
language sql
as $$
  select pg_temp.make_logo(
    'svg+xml', convert_to('<svg xmlns="http://www.w3.org/2000/svg">' || make_svg.content || '</svg>', 'UTF8')
  )
$$;

select is(
  (
    select array[config.entry ->> 'page_title', config.entry ->> 'page_logo']
    from monitoring.config('health_check_policy') as config (entry)
  ),
  array['Status', null],
  'without a title, pages have the title Status and no logo'
);

select is_empty(
  $$ select titles.title
     from unnest(array['S', 'Müller & Söhne <GmbH>', '状態', repeat('x', 60)]) as titles (title)
     where pg_temp.find_problem('page_title', titles.title) is not null $$,
  'a title has 1 to 60 characters'
);

select is_empty(
  $$ select titles.title
     from unnest(array['', repeat('x', 61), ' Status', 'Status ', e'Sta\ntus', e'Sta\x07tus', e'Sta\u202etus', e'\u200b']) as titles (title)
     where pg_temp.find_problem('page_title', titles.title) not like 'health_check_policy.page_title must %' $$,
  'a title is one line of visible text'
);

select is_empty(
  $$ select images.logo
     from (
       values
       (pg_temp.make_logo('png', '\x89504e470d0a1a0a0000')), (pg_temp.make_logo('jpeg', '\xffd8ffe000')),
       (pg_temp.make_logo('gif', '\x47494638396100')), (pg_temp.make_logo('webp', '\x52494646000000005745425000')),
       (pg_temp.make_svg('<path d="M0 0h9" fill="url( #a )"/><use href="#b"/><text>once = 1</text>')),
       (pg_temp.make_svg('<image xlink:href="data:image/png;base64,AAAA"/>')),
       (pg_temp.make_logo('svg+xml', convert_to(e'<?xml version="1.0"?>\n<!-- a --><svg/>', 'UTF8')))
     ) as images (logo)
     where pg_temp.find_problem('page_logo', images.logo) is not null $$,
  'a logo is an image of a type that browsers show'
);

select is_empty(
  $$ select images.logo
     from unnest(array[
       'https://example.com/logo.png', '//example.com/logo.png', 'logo.png', 'javascript:alert(1)', 'blob:https://a/1',
       'data:text/html;base64,PHNjcmlwdD4=', 'data:image/png,abcd', 'data:image/png;base64,', 'data:image/png;base64,AA A',
       'data:image/png;base64,iVBORw0KGgo', 'data:image/bmp;base64,Qk0=', 'DATA:image/png;base64,iVBORw0KGgoAAA==',
       'data:image/png;charset=utf-8;base64,iVBORw0KGgoAAA==', ' data:image/png;base64,iVBORw0KGgoAAA==',
       e'data:image/png;base64,iVBORw0KGgoAAA==\n', 'data:image/png;base64,iVBORw0KGgoAAA=="onload=x'
     ]) as images (logo)
     where pg_temp.find_problem('page_logo', images.logo) is distinct from
       'health_check_policy.page_logo must be a data: URI of a PNG, JPEG, GIF, WebP or SVG image in base64, such as data:image/png;base64,…' $$,
  'any other scheme, type or encoding is refused'
);

select is_empty(
  $$ select images.kind
     from (
       values
       ('png', '\xffd8ffe000'::bytea), ('jpeg', '\x89504e470d0a1a0a0000'), ('gif', '\x3c7376672f3e'),
       ('webp', '\x524946460000000041564920'), ('svg+xml', '\x89504e470d0a1a0a0000'), ('svg+xml', '\x3c68746d6c3e'),
       ('png', '\x3c7376672f3e')
     ) as images (kind, image)
     where pg_temp.find_problem('page_logo', pg_temp.make_logo(images.kind, images.image)) is distinct from
       'health_check_policy.page_logo is no image of the type that it names: encode the file again' $$,
  'the content is of the type that the URI names'
);

select is_empty(
  $$ select svg.content
     from unnest(array[
       '<script>alert(1)</script>', '<SCRIPT/>', '<a onclick="a()"/>', '<g ONLOAD = "a()"/>', '<foreignObject/>',
       '<image href="https://a.example/b.png"/>', '<use xlink:href="//a.example/b"/>', '<style>@import "https://a.example"</style>',
       '<a href=" JavaScript:alert(1)"/>', '<rect style="fill:url(https://a.example)"/>', '<!DOCTYPE svg>', '<!ENTITY a "b">',
       '<s:script xmlns:s="http://www.w3.org/2000/svg"/>', '<h:iframe src="a"/>', '<a href = "data:text/html,a"/>',
       '<image href="b.png"/>', '<a href="&#106;avascript:alert(1)"/>', '<set to="&#x6a;avascript:alert(1)"/>',
       e'<rect\nonclick="a()"/>', e'<rect style="fill:url( \'a.png\' )"/>',
       '<ж:script xmlns:ж="http://www.w3.org/2000/svg"/>', e'<scr\x1b(Bipt/>', e'<set attributeName="href" to="java\tscript:a()"/>',
       e'<animate attributeName = \'xlink:href\' values="java\nscript:a()"/>'
     ]) as svg (content)
     where pg_temp.find_problem('page_logo', pg_temp.make_svg(svg.content)) is distinct from
       'health_check_policy.page_logo must be an SVG image without scripts, links and other files: save it as a plain SVG, or use a PNG' $$,
  'an SVG image has neither scripts nor links'
);

select results_eq(
  $$ select pg_temp.find_problem('page_logo', rpad('data:image/png;base64,iVBORw0KGgo', sizes.size, 'A'))
     from unnest(array[65534, 65538]) as sizes (size) $$,
  $$ values (null), (
       'health_check_policy.page_logo must be between 1 and 65536 characters long '
       '(logo of the status page, as a data: URI of an image)'
     ) $$,
  'a logo has at most 64 kB'
);

select * from finish();

rollback;
