"""The keys of the local stack: derived from secrets.json, in the form of Supabase's."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jwt

from app.keys import role_of
from local.stack.credentials import SigningKeys, derive_keys, load_or_create

# As `make dev` stored them before the project had keys that are no tokens.
STORED = {
    "jwt_secret": "0" * 64,
    "user_id": "00000000-0000-4000-8000-000000000000",
    "superuser_password": "a",
    "postgres_password": "b",
    "authenticator_password": "c",
    "ingest_token": "d",
    "sentry_client_secret": "e",
    "keys_issued_at": 1_800_000_000,
}


def test_an_older_file_has_all_keys_and_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    text = json.dumps(STORED)
    path.write_text(text)
    keys = derive_keys(load_or_create(path, now=0))
    assert path.read_text() == text
    assert re.fullmatch("sb_publishable_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}", keys.publishable)
    assert re.fullmatch("sb_secret_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}", keys.secret)
    roles = [role_of(key) for key in (keys.publishable, keys.secret, keys.anon, keys.service_role, keys.authenticated)]
    assert roles == ["anon", "service_role", "anon", "service_role", "authenticated"]


def test_the_keys_are_the_same_at_every_start_and_others_in_another_project(tmp_path: Path) -> None:
    secrets = load_or_create(tmp_path / "secrets.json", now=0)
    first, again = derive_keys(secrets), derive_keys(load_or_create(tmp_path / "secrets.json", now=1))
    assert replace(first, authenticated="") == replace(again, authenticated="")
    other = derive_keys(replace(secrets, jwt_secret="another secret, as long as it must be"))  # noqa: S106 - of this test
    assert not {first.publishable, first.secret, first.anon} & {other.publishable, other.secret, other.anon}


def test_the_key_set_verifies_tokens_of_both_algorithms_and_has_no_private_key() -> None:
    keys = SigningKeys(str(STORED["jwt_secret"]))
    key_set = jwt.PyJWKSet.from_dict(keys.key_set)
    assert {key.key_id: key.algorithm_name for key in key_set.keys} == {keys.key_id: "ES256", keys.secret_id: "HS256"}
    assert jwt.decode(keys.sign({"sub": "ann"}), key_set[keys.key_id], algorithms=["ES256"]) == {"sub": "ann"}
    legacy = jwt.encode({"sub": "ann"}, str(STORED["jwt_secret"]))
    assert jwt.decode(legacy, key_set[keys.secret_id], algorithms=["HS256"]) == {"sub": "ann"}
    assert '"d"' not in json.dumps(keys.key_set)
