"""Reads the Dockerfile: its instructions, and what a container runtime takes from the last stage."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from local.system.paths import PROJECT

DOCKERFILE = PROJECT / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction, such as RUN, and the rest of its lines as one text."""

    name: str
    text: str

    def words(self) -> list[str]:
        """The list of an exec form, else the words."""
        return [str(word) for word in json.loads(self.text)] if self.text.startswith("[") else self.text.split()


@dataclass(frozen=True)
class ImageConfig:
    """What the image tells the runtime."""

    command: list[str]
    healthcheck: list[str]
    environment: dict[str, str]
    user: str
    stop_signal: str


def instructions(path: Path = DOCKERFILE) -> list[Instruction]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages(path: Path = DOCKERFILE) -> list[list[Instruction]]:
    """The instructions of each stage, after its FROM."""
    found: list[list[Instruction]] = []
    for instruction in instructions(path):
        if instruction.name == "FROM":
            found.append([])
        elif found:
            found[-1].append(instruction)
    return found


def image_config(path: Path = DOCKERFILE) -> ImageConfig:
    """What the last stage says."""
    last = {instruction.name: instruction for instruction in stages(path)[-1]}
    _, separator, check = last["HEALTHCHECK"].text.partition(" CMD ")
    assert separator, "the HEALTHCHECK has no CMD"
    variables = [each.text.split("=", 1) for each in stages(path)[-1] if each.name == "ENV"]
    return ImageConfig(
        command=last["CMD"].words(),
        healthcheck=Instruction("CMD", check).words(),
        environment=dict(variables),
        user=last["USER"].text,
        stop_signal=last["STOPSIGNAL"].text,
    )
