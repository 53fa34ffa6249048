-- Purpose: the part of pgvector that the migrations use, in SQL, for a server where pgvector cannot be installed.
-- For tests only. A vector is stored as the text of a JSON list. The index method hnsw is a hash index: it can be
-- created and maintained, but finds no neighbours, so searches by distance read the whole table and are exact.

create type vector;

create function vector_in(cstring, oid, integer)
returns vector
language internal
immutable
strict
parallel safe
as 'json_in';

create function vector_out(vector)
returns cstring
language internal
immutable
strict
parallel safe
as 'json_out';

-- The number of dimensions is the type modifier itself.
create function vector_typmod_in(cstring[])
returns integer
language internal
immutable
strict
parallel safe
as 'bittypmodin';

create function vector_typmod_out(integer)
returns cstring
language internal
immutable
strict
parallel safe
as 'bittypmodout';

create type vector (
  input = vector_in,
  output = vector_out,
  typmod_in = vector_typmod_in,
  typmod_out = vector_typmod_out,
  storage = external
);

create function vector_to_float4(vector, integer, boolean)
returns real[]
language sql
immutable
strict
parallel safe
as $$
  select array_agg(items.item::real order by items.place)
  from json_array_elements_text($1::text::json) with ordinality as items (item, place)
$$;

create function array_to_vector(numeric[], integer, boolean)
returns vector
language plpgsql
immutable
strict
parallel safe
as $$
begin
  if $2 <> -1 and $2 <> cardinality($1) then
    raise exception using
      errcode = 'data_exception',
      message = format('expected %s dimensions, not %s', $2, cardinality($1));
  end if;
  return array_to_json($1)::text;
end
$$;

create function array_to_vector(integer[], integer, boolean)
returns vector
language sql
immutable
strict
parallel safe
as 'select @extschema@.array_to_vector($1::numeric[], $2, $3)';

create function array_to_vector(real[], integer, boolean)
returns vector
language sql
immutable
strict
parallel safe
as 'select @extschema@.array_to_vector($1::numeric[], $2, $3)';

create function array_to_vector(double precision[], integer, boolean)
returns vector
language sql
immutable
strict
parallel safe
as 'select @extschema@.array_to_vector($1::numeric[], $2, $3)';

-- Checks the number of dimensions when a value is stored in a column.
create function vector(vector, integer, boolean)
returns vector
language sql
immutable
strict
parallel safe
as 'select @extschema@.array_to_vector(@extschema@.vector_to_float4($1, -1, false), $2, $3)';

create cast (vector as vector) with function vector(vector, integer, boolean) as implicit;

create cast (vector as real[]) with function vector_to_float4(vector, integer, boolean) as implicit;

create cast (numeric[] as vector) with function array_to_vector(numeric[], integer, boolean) as assignment;

create cast (integer[] as vector) with function array_to_vector(integer[], integer, boolean) as assignment;

create cast (real[] as vector) with function array_to_vector(real[], integer, boolean) as assignment;

create cast (double precision[] as vector)
with function array_to_vector(double precision[], integer, boolean) as assignment;

create function vector_dims(vector)
returns integer
language sql
immutable
strict
parallel safe
as 'select json_array_length($1::text::json)';

create function cosine_distance(vector, vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$
  select 1 - sum(pairs.x * pairs.y) / nullif(sqrt(sum(pairs.x ^ 2)) * sqrt(sum(pairs.y ^ 2)), 0)
  from unnest(
    @extschema@.vector_to_float4($1, -1, false)::double precision[],
    @extschema@.vector_to_float4($2, -1, false)::double precision[]
  ) as pairs (x, y)
$$;

create operator <=> (leftarg = vector, rightarg = vector, function = cosine_distance, commutator = <=>);

create function vector_eq(vector, vector)
returns boolean
language sql
immutable
strict
parallel safe
as 'select $1::text = $2::text';

create function vector_hash(vector)
returns integer
language sql
immutable
strict
parallel safe
as 'select hashtext($1::text)';

create operator = (
  leftarg = vector,
  rightarg = vector,
  function = vector_eq,
  commutator = =,
  restrict = eqsel,
  join = eqjoinsel,
  hashes
);

create access method hnsw type index handler hashhandler; -- noqa: PRS

create operator class vector_cosine_ops
for type vector using hnsw as
operator 1 = (vector, vector),
function 1 vector_hash(vector);
